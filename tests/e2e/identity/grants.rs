//! A policy of one's own, as an agent with the official client meets it.

use mcp_rig::client::mcp::{CallError, ClientLifecycleMode, McpClient};
use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode};
use serde_json::{Value, json};

use super::bearer::hash;

fn policy() -> Value {
    json!({
        "version": "1",
        "default": "deny",
        "identity": [
            { "bearer": { "tokens": { "ci": hash("secret-ci"), "alice": hash("secret-alice") } } },
            { "header": "x-agent-id" },
        ],
        "tools": { "session_list": {} },
        "grants": {
            "bearer:ci": { "default": "deny", "tools": {
                "session_send": { "limits": [{ "counter": "sent", "window": "day", "max": 2 }] },
            } },
            "header:team-*": { "default": "allow", "tools": {
                "session_kill": { "action": "deny", "reason": "Teams do not kill sessions." },
            } },
        },
    })
}

/// The rule by which a call was denied.
fn rule(outcome: Result<String, CallError>) -> Value {
    match outcome {
        Err(CallError::JsonRpc { data, .. }) => data["rule"].clone(),
        other => panic!("not denied: {other:?}"),
    }
}

#[tokio::test]
async fn each_caller_has_the_policy_of_its_grant() {
    let server = McpServer::start("127.0.0.1:0", Mode::Sessions).await;
    let builder = Gateway::builder().policy(policy().to_string()).upstream(server.addr());
    let gateway = builder.start().await;
    let connect = async |header| {
        let lifecycle = ClientLifecycleMode::Initialize;
        McpClient::try_connect(gateway.addr(), &[header], lifecycle).await
    };
    let list = ("session_list", json!({}));
    let send = ("session_send", json!({ "sessionId": "s1", "message": "hi" }));
    let kill = ("session_kill", json!({ "sessionId": "s1" }));
    let call = async |client: &McpClient, (tool, arguments): &(&str, Value)| {
        client.call_text(tool, arguments.clone()).await
    };

    let ci = connect(("authorization", "Bearer secret-ci")).await.expect("a session");
    assert_eq!(rule(call(&ci, &list).await), "(default deny)", "the grant's, not the top's");
    assert!(call(&ci, &send).await.is_ok());
    assert!(call(&ci, &send).await.is_ok());
    let limit = "/grants/bearer:ci/tools/session_send/limits/sent";
    assert_eq!(rule(call(&ci, &send).await), limit);
    let again = connect(("authorization", "Bearer secret-ci")).await.expect("a session");
    assert_eq!(rule(call(&again, &send).await), limit, "another session of the same caller");

    let team = connect(("x-agent-id", "team-red")).await.expect("a session");
    assert!(call(&team, &list).await.is_ok());
    for _ in 0..3 {
        assert!(call(&team, &send).await.is_ok(), "another body's limits");
    }
    assert_eq!(rule(call(&team, &kill).await), "/grants/header:team-*/tools/session_kill/action");

    // Those without a grant have the top's: also one that calls itself as the
    // token of another would.
    for header in [
        ("authorization", "Bearer secret-alice"),
        ("x-agent-id", "ci"),
        ("x-agent-id", "bearer:ci"),
    ] {
        let other = connect(header).await.expect("a session");
        assert!(call(&other, &list).await.is_ok(), "{header:?}");
        assert_eq!(rule(call(&other, &send).await), "(default deny)", "{header:?}");
    }

    for header in [("authorization", "Bearer secret-unknown"), ("x-other", "1")] {
        let refused = connect(header).await.expect_err("nobody");
        assert!(refused.contains("Auth required"), "{refused}");
    }
    assert_eq!(server.count("session_send"), 2 + 3);
    assert_eq!(server.count("session_kill"), 0);
}
