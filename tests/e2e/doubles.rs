//! Policies that come through a `google.protobuf.Struct`, in which every number
//! is a double.

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::support::{only_safe, passed, reason};

/// The same document as whoever keeps its numbers as doubles may write it.
pub fn in_doubles(json: Value) -> Value {
    match json {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(elements) => elements.into_iter().map(in_doubles).collect(),
        Value::Object(members) => {
            let members = members.into_iter();
            members.map(|(key, value)| (key, in_doubles(value))).collect()
        }
        other => other,
    }
}

#[tokio::test]
async fn a_policy_whose_numbers_come_as_doubles_is_the_same() {
    let upstream = Upstream::start().await;
    let policy = json!({
        "version": "1",
        "default": "deny",
        "settings": { "max_body_bytes": 1_000_000, "counters": { "capacity": 5_000 } },
        "tools": { "a": {
            "deny_if": [{ "conditions": [
                { "path": "args.amount", "op": "gt", "value": 1_000_000 },
            ] }],
            "require": [{ "conditions": [
                { "path": "args.rate", "op": "in", "value": [60, 0.1] },
            ] }],
            "limits": [
                { "counter": "sum", "window": 2_678_400, "max": 1_000_000.5,
                  "increment_from": "args.amount" },
                { "counter": "calls", "window": 2_678_400, "max": 3 },
            ],
        } },
    });
    let policy = in_doubles(policy).to_string();
    assert!(policy.contains("1000000.0") && policy.contains("2678400.0"), "{policy}");
    let gateway = Gateway::builder().policy(policy).upstream(upstream.addr()).start().await;
    let call = async |amount: &str, rate: &str| {
        let arguments = format!(r#"{{"amount":{amount},"rate":{rate}}}"#);
        http1::send(gateway.addr(), &Request::tool_call(1, "a", &arguments)).await
    };
    for (amount, rate, expected) in [
        ("1000001", "60", json!("deny_if")),
        ("1", "61", json!("require")),
        ("1", "0.2", json!("require")),
        ("999999", "60", json!(null)),
        ("2", "60", json!("rate_limited")),
        ("1.5", "0.10", json!(null)),
        ("0.000001", "6e1", json!("rate_limited")),
        ("0", "60.0", json!(null)),
        ("0", "60", json!("rate_limited")),
    ] {
        let response = call(amount, rate).await;
        assert_eq!(reason(&response), expected, "{amount} {rate} {response:?}");
        assert_eq!(passed(&response), expected.is_null(), "{amount} {rate}");
    }
    // The longest window there is, read back from what a caller is told.
    let window = call("0", "60").await.json()["error"]["message"].to_string();
    assert!(window.contains("3 per 2678400 seconds"), "{window}");
    let large = Request::mcp(vec![b' '; 1_000_001]);
    assert_eq!(http1::send(gateway.addr(), &large).await.status, 413);
}

#[tokio::test]
async fn a_struct_that_nobody_turned_into_json_is_refused() {
    // Envoy unwraps a StringValue, and hands over a Struct as its wire format.
    let builder = Gateway::builder().policy(only_safe().to_string());
    let exit = builder.policy_as_struct().start_expecting_failure().await;
    assert!(exit.log.contains("bad policy: "), "{}", exit.log);
}
