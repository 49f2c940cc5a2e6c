//! The official server and the official client, with the filter between them.

use mcp_rig::client::mcp::{CallError, McpClient};
use mcp_rig::server::{McpServer, Mode, TOOLS};
use serde_json::json;

use super::{HIDDEN, hiding};
use crate::support::{Holding, only_safe};

#[tokio::test]
async fn an_official_client_sees_no_hidden_tool_and_goes_on() {
    for &holding in Holding::each() {
        for mode in [Mode::Sessions, Mode::Stateless, Mode::StatelessEvents] {
            let server = McpServer::start("127.0.0.1:0", mode).await;
            let builder = holding.gateway(hiding(), server.addr());
            // Of the two versions towards the server, each is tried once.
            let http2 = Some(&holding) == Holding::each().last();
            let builder = if http2 { builder.upstream_http2() } else { builder };
            let gateway = builder.start().await;

            let client = McpClient::connect(gateway.addr()).await;
            goes_on(&client).await;
            client.close().await;
            if mode != Mode::Sessions {
                let client = McpClient::discover(gateway.addr()).await;
                goes_on(&client).await;
                client.close().await;
            }
            assert_eq!(server.count("session_kill"), 0);
            assert_eq!(gateway.count("unreadable_lists").await, Some(0));
        }
    }
}

/// Lists, calls, is denied, and lists again, in one session if there is one.
async fn goes_on(client: &McpClient) {
    let shown = TOOLS.iter().map(|tool| tool.name);
    let shown: Vec<_> =
        shown.filter(|name| !HIDDEN.iter().any(|hidden| name.starts_with(hidden))).collect();
    assert_eq!(shown.len(), TOOLS.len() - 2);

    assert_eq!(client.list_tools().await.expect("a list"), shown);
    let said = client.call_text("session_list", json!({})).await;
    assert_eq!(said.expect("an answer"), "session_list {}");
    let denied = client.call("session_kill", json!({ "sessionId": "s" })).await;
    assert!(matches!(denied, Err(CallError::JsonRpc { code: 403, .. })), "{denied:?}");
    assert_eq!(client.list_tools().await.expect("a list"), shown);
}

#[tokio::test]
async fn an_official_client_sees_everything_where_nothing_is_hidden() {
    let server = McpServer::start("127.0.0.1:0", Mode::Sessions).await;
    let gateway = Holding::Body.gateway(only_safe(), server.addr()).start().await;
    let client = McpClient::connect(gateway.addr()).await;
    let all: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
    assert_eq!(client.list_tools().await.expect("a list"), all);
    client.close().await;
}
