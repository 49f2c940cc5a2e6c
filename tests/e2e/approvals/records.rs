//! Requests and decisions as operators see them.

use mcp_rig::client::Request;
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::{Value, json};

use super::{LARGE, approve, at, call, decision, policy, request, send, token};
use crate::support::{Holding, RECORDS, passed, reason};

/// Waits for a metric of approvals.
async fn metric(gateway: &Gateway, name: &str, value: u64) {
    let name = format!("approvals_{name}");
    let mut last = None;
    until(&format!("{name} at {value}"), async || {
        last = gateway.count(&name).await;
        last.filter(|count| *count == value)
    })
    .await;
}

/// The audit lines in Envoy's log, in their order.
fn logged(gateway: &Gateway) -> Vec<Value> {
    let log = gateway.log();
    let lines = log.lines().filter_map(|line| line.split_once("mcp-policy-audit "));
    lines.map(|(_, json)| serde_json::from_str(json.trim()).expect("a record")).collect()
}

/// Everything that happens to a request, from its beginning to its end.
async fn story(gateway: &Gateway) -> (String, String) {
    let call = call("agent", "refund", LARGE);
    let id = request(gateway, &call).await;
    assert_eq!(reason(&send(gateway, &call).await), "approval_required");
    let approving = decision(gateway, "pay-ann", &id, "approve").await;
    let stranger = approving
        .clone()
        .without_header("authorization")
        .header("authorization", &format!("Bearer {}", token("ops-cid")));
    assert_eq!(send(gateway, &stranger).await.status, 403);
    let nobody: Request = approving.clone().without_header("authorization");
    assert_eq!(send(gateway, &nobody).await.status, 401);
    assert_eq!(send(gateway, &approving).await.status, 200);
    assert!(passed(&send(gateway, &call).await));
    let again = request(gateway, &call).await;
    let denying = decision(gateway, "pay-bob", &again, "deny?reason=Never").await;
    assert_eq!(send(gateway, &denying).await.status, 200);
    assert_eq!(reason(&send(gateway, &call).await), "approval_denied");
    (id, again)
}

#[tokio::test]
async fn every_step_is_recorded_and_counted_and_no_value_of_an_argument() {
    for setting in ["all", "denied", "off"] {
        let upstream = Upstream::start().await;
        let mut policy = policy();
        policy["settings"]["audit_log"] = setting.into();
        let builder = Holding::Everything.gateway(policy, upstream.addr());
        let gateway = builder.access_log_format(RECORDS).start().await;
        let (id, again) = story(&gateway).await;
        for (name, value) in [
            ("requested", 2),
            ("polled", 1),
            ("granted", 1),
            ("denied", 1),
            ("used", 1),
            ("decisions_refused", 1),
        ] {
            metric(&gateway, name, value).await;
        }
        gateway.log_with("approval_denied").await;
        let lines = logged(&gateway);
        let stages: Vec<String> = lines
            .iter()
            .filter(|line| line["approval"]["state"].is_string())
            .map(|line| format!("{} {}", line["approval"]["state"], line["approval"]["by"]))
            .collect();
        let mut expected = vec![
            r#""requested" []"#,
            r#""used" ["pay-ann"]"#,
            r#""requested" []"#,
            r#""denied" ["pay-bob"]"#,
        ];
        // A request that still waits is like any other denied call.
        if setting != "off" {
            expected.insert(1, r#""pending" []"#);
        }
        assert_eq!(stages, expected, "{setting}: {lines:?}");
        let decisions: Vec<&Value> = lines.iter().filter(|line| line["by"].is_string()).collect();
        let short = |line: &&Value| {
            json!([line["decision"], line["refused"], line["by"], line["approval"]["id"]])
        };
        assert_eq!(
            decisions.iter().map(short).collect::<Vec<_>>(),
            [
                json!(["refused", "stranger", "ops-cid", id]),
                json!(["refused", "no_identity", "", id]),
                json!(["approved", null, "pay-ann", id]),
                json!(["denied", null, "pay-bob", again]),
            ],
            "{setting}: {lines:?}"
        );
        for (key, value) in [("tool", "refund"), ("grant", "agent"), ("reason", "Never")] {
            assert_eq!(decisions[3][key], value);
        }
        let access = gateway.access_log_of(11).await.concat();
        for secret in ["4711", "ch_hush", "the-secret-token"] {
            assert!(!gateway.log().contains(secret), "{setting}: {secret} in {}", gateway.log());
            assert!(!access.contains(secret), "{setting}: {secret} in {access}");
        }
    }
}

#[tokio::test]
async fn access_logs_show_decisions() {
    let upstream = Upstream::start().await;
    let builder = Holding::Everything.gateway(policy(), upstream.addr());
    let gateway = builder
        .access_log_format("%RESPONSE_CODE_DETAILS% %FILTER_STATE(wasm.mcp_audit:PLAIN)%")
        .start()
        .await;
    let call = call("agent", "refund", LARGE);
    let id = request(&gateway, &call).await;
    approve(&gateway, "pay-ann", &id).await;
    assert_eq!(send(&gateway, &at("pay-ann", "GET", "")).await.status, 200);
    let lines = gateway.access_log_of(4).await;
    assert!(lines[0].starts_with("mcp_policy_filter:approval_required {"), "{lines:?}");
    assert_eq!(lines[1], "mcp_policy_filter:approvals -", "{lines:?}");
    assert!(
        lines[2].starts_with(r#"mcp_policy_filter:approvals {"decision":"approved""#),
        "{lines:?}"
    );
    assert_eq!(lines[3], "mcp_policy_filter:approvals -", "{lines:?}");
}
