//! Everything of a session but its tool calls passes to the server, even
//! under a policy that allows no tool.

use mcp_rig::client::{Request, Response, http1};
use mcp_rig::server::{McpServer, Mode, TOOLS};
use serde_json::json;

use crate::support::{Holding, assert_denied};

#[tokio::test]
async fn a_whole_session_passes_but_for_its_calls() {
    for &holding in Holding::each() {
        let server = McpServer::start("127.0.0.1:0", Mode::Sessions).await;
        let deny = json!({ "version": "1", "default": "deny" });
        let gateway = holding.gateway(deny, server.addr()).start().await;
        let addr = gateway.addr();

        let opened = http1::send(addr, &Request::mcp(INITIALIZE)).await;
        assert_eq!(message(&opened)["result"]["serverInfo"]["name"], "mcp-rig");
        let session = opened.header("mcp-session-id").expect("a session").to_owned();
        let within = |request: Request| {
            let request = request.header("mcp-session-id", &session);
            request.header("mcp-protocol-version", "2025-06-18")
        };
        let send = async |request| http1::send(addr, &within(request)).await;

        assert_eq!(send(Request::mcp(INITIALIZED)).await.status, 202);
        let pong = send(Request::mcp(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#)).await;
        assert_eq!(message(&pong)["result"], json!({}));
        let list = send(Request::tools_list(3)).await;
        let tools = message(&list)["result"]["tools"].as_array().map(Vec::len);
        assert_eq!(tools, Some(TOOLS.len()));

        assert_denied(&send(Request::tool_call(4, "session_list", "{}")).await);

        let mut stream = http1::Connection::open(addr).await;
        let listen = format!(
            "GET /mcp HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\
             mcp-session-id: {session}\r\nmcp-protocol-version: 2025-06-18\r\n\r\n"
        );
        stream.send_raw(listen).await.expect("sent");
        let head = stream.head().await.expect("a head");
        assert_eq!(head.status().expect("a status"), 200, "{head:?}");

        assert!((200..300).contains(&send(Request::new("DELETE", "/mcp")).await.status));
        assert_eq!(send(Request::tools_list(5)).await.status, 404, "the session is over");
        assert!(server.calls().is_empty());
    }
}

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"e2e","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// The JSON-RPC message of an answer that is an event stream.
fn message(response: &Response) -> serde_json::Value {
    let text = response.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let mut messages = data.filter_map(|data| serde_json::from_str(data).ok());
    messages.next().unwrap_or_else(|| panic!("no message in {response:?}"))
}
