//! Rehearsing a policy: what it would deny goes on and is told.

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode};
use serde_json::{Value, json};

use crate::support::{RECORDS, Wire, code, reason, records};

async fn gateway(policy: Value, server: &McpServer) -> Gateway {
    let builder = Gateway::builder().policy(policy.to_string()).upstream(server.addr());
    builder.access_log_format(RECORDS).start().await
}

/// The shadow denials by the metrics, of all reasons.
async fn counted(gateway: &Gateway) -> u64 {
    let counts = gateway.counts().await.into_iter();
    counts.filter(|(name, _)| name.starts_with("shadow_denied_")).map(|(_, count)| count).sum()
}

#[tokio::test]
async fn in_shadow_mode_what_would_be_denied_runs_and_is_marked() {
    let server = McpServer::start("127.0.0.1:0", Mode::Stateless).await;
    let policy = json!({
        "version": "1",
        "default": "deny",
        "mode": "shadow",
        "tools": {
            "session_list": { "limits": [{ "counter": "c", "window": "day", "max": 1 }] },
            "session_kill": { "action": "deny" },
        },
    });
    let gateway = gateway(policy, &server).await;
    let kill = Request::tool_call(1, "session_kill", r#"{"sessionId":"s1"}"#);
    let list = Request::tool_call(2, "session_list", "{}");
    let other = Request::tool_call(3, "session_send", r#"{"sessionId":"s1","message":"m"}"#);
    for wire in Wire::BOTH {
        for request in [&kill, &list, &other] {
            let response = wire.send(gateway.addr(), request).await;
            assert!(response.json()["result"].is_object(), "{wire:?} {response:?}");
        }
    }
    // What cannot be read is refused all the same.
    let refused = http1::send(gateway.addr(), &Request::mcp("{")).await;
    assert_eq!(code(&refused), -32700);

    let shadow = |tool: &str, reason: &str, rule: &str| {
        json!({
            "decision": "shadow", "tool": tool, "reason": reason, "rule": rule,
        })
    };
    let killed = shadow("session_kill", "denied", "/tools/session_kill/action");
    let sent = shadow("session_send", "default_deny", "(default deny)");
    assert_eq!(
        records(&gateway, 7).await.iter().map(judgement).collect::<Vec<_>>(),
        [
            killed.clone(),
            json!({ "decision": "allowed", "tool": "session_list", "rule": "/tools/session_list" }),
            sent.clone(),
            killed,
            shadow("session_list", "rate_limited", "/tools/session_list/limits/c"),
            sent,
            json!({ "decision": "denied", "reason": "undecodable", "rule": "(undecodable)" }),
        ]
    );
    assert_eq!(server.calls().len(), 6);
    assert_eq!(counted(&gateway).await, 5);
    let log = gateway.log();
    assert_eq!(log.matches(r#"mcp-policy-audit {"decision":"shadow""#).count(), 5, "{log}");
    assert_eq!(log.matches(r#"mcp-policy-audit {"decision":"denied""#).count(), 1, "{log}");
}

/// The decision of a record, and its reasons.
fn judgement(record: &Value) -> Value {
    let mut record = record.clone();
    let fields = record.as_object_mut().expect("an object");
    fields.retain(|field, _| ["decision", "tool", "reason", "rule"].contains(&&**field));
    record
}

#[tokio::test]
async fn one_callers_policy_can_be_rehearsed_and_another_enforced() {
    let server = McpServer::start("127.0.0.1:0", Mode::Stateless).await;
    let policy = json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-agent-id" }],
        "grants": {
            "rehearsing": { "default": "deny", "mode": "shadow" },
            "enforced": { "default": "deny", "tools": { "session_list": {} } },
        },
    });
    let gateway = gateway(policy, &server).await;
    let list = Request::tool_call(1, "session_list", "{}");
    let kill = Request::tool_call(2, "session_kill", r#"{"sessionId":"s1"}"#);
    let send = async |caller: &str, request: &Request| {
        let request = request.clone().header("x-agent-id", caller);
        http1::send(gateway.addr(), &request).await
    };
    assert!(send("rehearsing", &kill).await.json()["result"].is_object());
    assert!(send("enforced", &list).await.json()["result"].is_object());
    assert_eq!(reason(&send("enforced", &kill).await), "default_deny");
    assert_eq!(reason(&send("anyone", &list).await), "default_deny");
    // Who is calling has to be known in shadow mode too.
    assert_eq!(reason(&http1::send(gateway.addr(), &kill).await), "no_identity");

    let decisions: Vec<_> = records(&gateway, 5)
        .await
        .iter()
        .map(|record| json!([record["decision"], record["grant"], record["reason"]]))
        .collect();
    assert_eq!(
        decisions,
        [
            json!(["shadow", "rehearsing", "default_deny"]),
            json!(["allowed", "enforced", null]),
            json!(["denied", "enforced", "default_deny"]),
            json!(["denied", "anyone", "default_deny"]),
            json!(["denied", null, "no_identity"]),
        ]
    );
    assert_eq!(counted(&gateway).await, 1);
    assert_eq!((server.count("session_kill"), server.count("session_list")), (1, 1));
}
