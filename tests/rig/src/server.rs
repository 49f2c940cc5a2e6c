//! An MCP server to protect, by the official Rust SDK.
//!
//! It offers the tools that the shipped policies are about ([`TOOLS`]), does
//! nothing but say what it was asked to do, and remembers every call that it
//! ran: "denied" means that the call is not in [`McpServer::calls`].
//!
//! It runs what it is sent on every path and under every `Host`, so that a
//! request that slips past the filter is a call that ran, not a 404.

pub mod offers;
mod tools;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    JsonObject, ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
    Tool as Listed,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::task::{JoinHandle, JoinSet};

pub use tools::{Arg, Kind, TOOLS, Tool};

/// The server's form of Streamable HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `initialize` opens a session, answers are event streams, GET listens.
    Sessions,
    /// Every POST stands for itself and is answered with one JSON body: a
    /// `tools/call` without any `initialize` runs.
    Stateless,
    /// As [`Self::Stateless`], and each answer is an event stream.
    StatelessEvents,
}

/// One tool call that the server ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The tool's name.
    pub tool: String,
    /// Its arguments as the server understood them.
    pub arguments: JsonObject,
}

/// Every call that ran, in order.
pub type CallLog = Arc<Mutex<Vec<Call>>>;

/// A running MCP server; stopped when dropped.
#[derive(Debug)]
pub struct McpServer {
    addr: SocketAddr,
    calls: CallLog,
    serving: JoinHandle<()>,
}

impl McpServer {
    /// Starts on `addr`; with port 0 on any free port.
    pub async fn start(addr: impl ToSocketAddrs, mode: Mode) -> Self {
        Self::offering(TOOLS, addr, mode).await
    }

    /// As [`Self::start`], with other tools than [`TOOLS`].
    pub async fn offering(tools: &'static [Tool], addr: impl ToSocketAddrs, mode: Mode) -> Self {
        Self::saying_more(0, tools, addr, mode).await
    }

    /// As [`Self::offering`], with results that say this many bytes more.
    pub async fn saying_more(
        bytes: usize,
        tools: &'static [Tool],
        addr: impl ToSocketAddrs,
        mode: Mode,
    ) -> Self {
        let listener = TcpListener::bind(addr).await.expect("a free port for the MCP server");
        let addr = listener.local_addr().expect("a bound port");
        let calls = CallLog::default();
        let handler = Handler { tools, calls: calls.clone(), more: " ".repeat(bytes).into() };
        let serving = tokio::spawn(serve(listener, handler, mode));
        Self { addr, calls, serving }
    }

    /// Its address.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The calls that ran so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no panic while recording").clone()
    }

    /// The number of times that `tool` ran so far.
    pub fn count(&self, tool: &str) -> usize {
        self.calls().iter().filter(|call| call.tool == tool).count()
    }

    /// The log itself, to share or to clear.
    pub fn log(&self) -> CallLog {
        self.calls.clone()
    }
}

impl Drop for McpServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Accepts until aborted; then every connection goes too.
async fn serve<H: ServerHandler + Clone>(listener: TcpListener, handler: H, mode: Mode) {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(mode == Mode::Sessions)
        .with_json_response(mode == Mode::Stateless)
        .disable_allowed_hosts();
    let sessions = Arc::new(LocalSessionManager::default());
    let mcp = StreamableHttpService::new(move || Ok(handler.clone()), sessions, config);
    let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());

    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let (mcp, http) = (mcp.clone(), http.clone());
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let mcp = mcp.clone();
                async move { Ok::<_, Infallible>(mcp.handle(request).await) }
            });
            // A connection that the peer breaks off does not concern the test.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[derive(Clone)]
struct Handler {
    tools: &'static [Tool],
    calls: CallLog,
    /// The end of every result.
    more: Arc<str>,
}

impl Handler {
    fn named(&self, name: &str) -> Option<&'static Tool> {
        self.tools.iter().find(|tool| tool.name == name)
    }
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("mcp-rig", env!("CARGO_PKG_VERSION")))
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.iter().map(listed).collect()))
    }

    fn get_tool(&self, name: &str) -> Option<Listed> {
        self.named(name).map(listed)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let refused = |message: String| ErrorData::invalid_params(message, None);
        let tool = self
            .named(&request.name)
            .ok_or_else(|| refused(format!("no tool {}", request.name)))?;
        let arguments = request.arguments.unwrap_or_default();
        tool.check(&arguments).map_err(refused)?;

        let arguments_text = serde_json::Value::from(arguments.clone());
        let said = format!("{} {arguments_text}{}", tool.name, self.more);
        let pause = tool.pause(&arguments);
        let call = Call { tool: tool.name.to_owned(), arguments };
        self.calls.lock().expect("no panic while recording").push(call);
        if pause > Duration::ZERO {
            tokio::time::sleep(pause).await;
        }
        Ok(CallToolResult::success(vec![ContentBlock::text(said)]).into())
    }
}

fn listed(tool: &Tool) -> Listed {
    Listed::new(tool.name, tool.description, Arc::new(tool.schema()))
}
