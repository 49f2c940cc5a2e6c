# An MCP server on Rails that reads messages as the gem active_mcp does: out of
# `params`, which is the body overridden by the query.
#
# Each run of a tool is a line on stdout: `ran TOOL "ARGUMENT"`.

require "action_controller/railtie"
require "puma"
require "puma/events"

class Differential < Rails::Application
  config.eager_load = false
  config.logger = Logger.new(IO::NULL)
  config.secret_key_base = "differential"
  config.hosts.clear
  routes.append { match "(*path)", to: "mcp#answer", via: :all, format: false }
end

class McpController < ActionController::API
  TOOLS = %w[safe danger].freeze

  def answer
    result =
      case params[:method]
      when "tools/call" then run_tool(params[:params][:name], params[:params][:arguments])
      when "tools/list" then { tools: TOOLS.map { |name| { name: name, inputSchema: { type: "object" } } } }
      else {}
      end
    render json: { jsonrpc: "2.0", id: params[:id], result: result }
  rescue StandardError => error
    render json: { jsonrpc: "2.0", id: nil, error: { code: -32603, message: error.class.name } }, status: 400
  end

  private

  def run_tool(name, arguments)
    return { isError: true, content: [] } unless TOOLS.include?(name)

    arguments = arguments.permit!.to_h if arguments.respond_to?(:permit!)
    run = arguments["run"] if arguments.is_a?(Hash)
    # One write, so that no other can come between.
    $stdout.write("ran #{name} #{JSON.generate(run)}\n")
    { content: [{ type: "text", text: name }] }
  end
end

$stdout.sync = true
Differential.initialize!
# Silent, under the name that the version of Puma has for it.
silence = Puma::Events.null unless defined?(Puma::LogWriter)
server = Puma::Server.new(Differential, silence)
puts "listening #{server.add_tcp_listener("127.0.0.1", 0).addr[1]}"
server.run.join
