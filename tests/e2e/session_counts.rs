//! Limits for each session, with the sessions that the official client and
//! server open.

use mcp_rig::client::mcp::{CallError, McpClient};
use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode};
use serde_json::{Value, json};

/// Two calls in each session, and five in all.
fn policy() -> Value {
    json!({ "version": "1", "default": "deny", "tools": { "session_list": { "limits": [
        { "counter": "in_session", "window": "day", "max": 2, "scope": "session" },
        { "counter": "in_all", "window": "day", "max": 5 },
    ] } } })
}

/// Calls three times; the counter behind each refusal.
async fn three_calls(client: &McpClient) -> Vec<Option<String>> {
    let mut refusals = Vec::new();
    for _ in 0..3 {
        refusals.push(match client.call_text("session_list", json!({})).await {
            Ok(_) => None,
            Err(CallError::JsonRpc { code: 429, data, .. }) => {
                let rule = data["rule"].as_str().expect("a rule");
                rule.rsplit('/').next().map(str::to_owned)
            }
            Err(other) => panic!("{other:?}"),
        });
    }
    refusals
}

#[tokio::test]
async fn each_session_has_its_count_within_that_of_its_caller() {
    let server = McpServer::start("127.0.0.1:0", Mode::Sessions).await;
    let builder = Gateway::builder().policy(policy().to_string()).upstream(server.addr());
    let gateway = builder.start().await;
    let in_session = Some("in_session".to_owned());
    let in_all = Some("in_all".to_owned());

    let first = McpClient::connect(gateway.addr()).await;
    assert_eq!(three_calls(&first).await, [None, None, in_session.clone()]);
    let second = McpClient::connect(gateway.addr()).await;
    assert_eq!(three_calls(&second).await, [None, None, in_session.clone()]);
    // New sessions do not bring more than the caller has.
    let third = McpClient::connect(gateway.addr()).await;
    assert_eq!(three_calls(&third).await, [None, in_all.clone(), in_all]);
    // Both are full; which one is named is the one that frees last.
    let refusals = three_calls(&first).await;
    assert!(refusals.iter().all(Option::is_some), "{refusals:?}");
    assert_eq!(server.count("session_list"), 5);
    for client in [first, second, third] {
        client.close().await;
    }
}

#[tokio::test]
async fn calls_without_a_session_are_one_session() {
    let server = McpServer::start("127.0.0.1:0", Mode::Stateless).await;
    let builder = Gateway::builder().policy(policy().to_string()).upstream(server.addr());
    let gateway = builder.start().await;
    let in_session = Some("in_session".to_owned());
    let client = McpClient::discover(gateway.addr()).await;
    assert_eq!(three_calls(&client).await, [None, None, in_session.clone()]);
    let client = McpClient::discover(gateway.addr()).await;
    assert_eq!(three_calls(&client).await, vec![in_session; 3]);
    assert_eq!(server.count("session_list"), 2);
}
