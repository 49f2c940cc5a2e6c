//! Policies that come through a `google.protobuf.Struct`, in which every number
//! is a double.

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::support::{file, only_safe, passed, reason};

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
    assert!(window.contains("3 per 31 days"), "{window}");
    let large = Request::mcp(vec![b' '; 1_000_001]);
    assert_eq!(http1::send(gateway.addr(), &large).await.status, 413);
}

/// The digest of the policy in force, as the module logs it.
fn digest(gateway: &Gateway) -> String {
    let log = gateway.log();
    let (_, rest) = log.split_once("mcp-policy-filter: policy ").expect("a policy in force");
    rest.split(' ').next().expect("a digest").to_owned()
}

/// Envoy unwraps a StringValue, and hands a Struct over in its wire format.
#[tokio::test]
async fn a_policy_as_a_struct_is_the_same_policy_as_its_text() {
    let upstream = Upstream::start().await;
    let policy = json!({
        "version": "1",
        "default": "deny",
        "description": "größer \u{1f600}\n",
        "hide": ["secret_*"],
        "tools": {
            "a": {
                "args": ["amount", "rate"],
                "require": [{ "conditions": [
                    { "path": "args.rate", "op": "in", "value": [60, null, {}] },
                ] }],
                "limits": [{ "counter": "sum", "window": 2_678_400, "max": 10,
                             "increment_from": "args.amount" }],
            },
            "b_*": { "action": "deny", "reason": "No." },
            "b_c": {},
        },
        "settings": { "paths": ["/mcp"] },
    });
    let text = serde_json::to_string_pretty(&policy).expect("a text");
    let builder = || Gateway::builder().policy(&*text).upstream(upstream.addr());
    let as_text = builder().start().await;
    let as_struct = builder().policy_as_struct().start().await;
    let as_yaml = builder().policy_as_struct().configuration_as_yaml().start().await;
    let gateways = [as_text, as_struct, as_yaml];
    for gateway in &gateways {
        assert_eq!(digest(gateway), digest(&gateways[0]));
        for (tool, arguments, expected) in [
            ("a", r#"{"amount":9.5,"rate":60}"#, json!(null)),
            ("a", r#"{"amount":0.5,"rate":60}"#, json!(null)),
            ("a", r#"{"amount":0.1,"rate":60}"#, json!("rate_limited")),
            ("a", r#"{"amount":1,"rate":61}"#, json!("require")),
            ("b_d", "{}", json!("denied")),
            ("b_c", "{}", json!(null)),
            ("secret_b", "{}", json!("hidden")),
            ("z", "{}", json!("default_deny")),
        ] {
            let response =
                http1::send(gateway.addr(), &Request::tool_call(1, tool, arguments)).await;
            assert_eq!(reason(&response), expected, "{tool} {arguments} {response:?}");
            assert_eq!(passed(&response), expected.is_null(), "{tool} {arguments}");
        }
    }
}

#[tokio::test]
async fn a_number_that_a_struct_may_have_rounded_is_refused() {
    let mut policy = only_safe();
    policy["tools"]["safe"]["require"] = json!([{ "conditions": [
        { "path": "args.id", "op": "eq", "value": 9_007_199_254_740_993_u64 },
    ] }]);
    let builder = Gateway::builder().policy(policy.to_string());
    let exit = builder.policy_as_struct().start_expecting_failure().await;
    let place = "bad policy: /tools/safe/require/0/conditions/0/value: this may have been another";
    assert!(exit.log.contains(place), "{}", exit.log);
}

/// Envoy's reader of YAML makes numbers and words of what is not in quotes. This
/// holds what the reference says of it.
#[tokio::test]
async fn what_envoys_yaml_makes_of_plain_scalars() {
    let reference = file("docs/policy/errors.md");
    let scalars = [
        ("10", "`10`"),
        ("10.5", "`\"10.5\"`"),
        ("1e3", "`\"1e3\"`"),
        ("0x10", "`16`"),
        ("010", "`8`"),
        ("on", "`true`"),
        ("No", "`false`"),
        ("1_000", "`\"1_000\"`"),
        ("3000000000", "`\"3000000000\"`"),
        ("~", "null"),
    ];
    // Each is where an error shows it.
    let place = |at: usize| format!("(scalar {at})");
    let grants: serde_json::Map<_, _> =
        (0..scalars.len()).map(|at| (format!("g{at}"), json!({ "default": place(at) }))).collect();
    let mut policy = only_safe();
    policy["identity"] = json!([{ "header": "x-id" }]);
    policy["grants"] = grants.into();
    let builder = Gateway::builder().policy(policy.to_string()).policy_as_struct();
    let mut builder = builder.configuration_as_yaml();
    for (at, (written, _)) in scalars.iter().enumerate() {
        builder = builder.in_configuration(&format!("\"{}\"", place(at)), written);
    }
    let log = builder.start_expecting_failure().await.log;
    for (at, (written, found)) in scalars.into_iter().enumerate() {
        let error =
            format!("/grants/g{at}/default: expected `\"allow\"` or `\"deny\"`, found {found}");
        assert!(log.contains(&error), "{written}: {log}");
        let found = if found == "null" { "`null`" } else { found };
        let row = format!("| `{written}` | {found} |");
        assert!(reference.contains(&row), "the reference has no row {row}");
    }
}
