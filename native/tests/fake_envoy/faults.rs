//! Calls of Envoy that fail. Nothing that is denied goes on, nothing hidden is shown,
//! and the filter goes on judging.

use crate::abi::Side;
use crate::corpus::{self, Outcome, Request};
use crate::exchange::{Envoy, Manner, PLAIN, log};
use crate::{call, corpus::Client};
use serde_json::{Value, json};

/// All calls that can fail.
const CALLS: [&str; 9] = [
    "headers",
    "chunks",
    "set_header",
    "set_filter_state",
    "filter_state",
    "attribute",
    "drain",
    "append",
    "increment",
];

const POLICY: &str = r#"{
    "version": "1", "default": "deny", "hide": ["secret"],
    "tools": { "a": { "rate_limit": "1000/day" } },
    "identity": [ { "mtls": "uri_san" } ],
    "settings": { "paths": ["/mcp"], "mark_requests": true }
}"#;

fn known(tool: &str) -> Request {
    let client = Client { san: Some("spiffe://example.com/a".into()), ..Client::default() };
    Request { client, ..call(tool) }
}

#[test]
fn a_call_of_envoy_that_fails_lets_nothing_denied_through() {
    for failing in CALLS {
        for manner in [PLAIN, Manner { piece: 9, slice: 4, ends_empty: true, ..PLAIN }] {
            let name = format!("faults {failing} {manner:?}");
            let envoy = Envoy::configure(&name, POLICY, manner).unwrap();
            let fail = |request: &Request| {
                envoy.exchange(request, |stream| stream.failing.push(failing), |_| {}).outcome
            };
            for tool in ["b", "secret"] {
                let outcome = fail(&known(tool));
                assert!(matches!(outcome, Outcome::Replied { .. }), "{failing} {outcome:?}");
            }
            let outcome = fail(&call("a"));
            assert!(matches!(outcome, Outcome::Replied { .. }), "{failing} {outcome:?}");
            let outcome = fail(&known("a"));
            if ["headers", "chunks", "attribute"].contains(&failing) {
                // An unreadable request does not go on.
                assert!(matches!(outcome, Outcome::Replied { .. }), "{failing} {outcome:?}");
            }
            assert!(!matches!(outcome, Outcome::Hung), "{failing}");
            // It was for that stream alone.
            assert!(matches!(envoy.send(&known("a")), Outcome::Forwarded), "{failing}");
        }
    }
}

#[test]
fn a_call_of_envoy_that_fails_in_a_response_shows_nothing_hidden() {
    let list = json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": [
        { "name": "a", "inputSchema": { "type": "object" } },
        { "name": "secret", "inputSchema": { "type": "object" } },
    ] } });
    let list_tools = |accept: &str| {
        let body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_vec();
        let mut request = Request { body, ..known("") };
        request.headers[0].1 = accept.into();
        request.response = Some(corpus::Response {
            status: 200,
            headers: vec![("content-type".into(), accept.into())],
            body: match accept {
                "text/event-stream" => format!("data: {list}\n\n").into_bytes(),
                _ => list.to_string().into_bytes(),
            },
            trailers: false,
        });
        request
    };
    for failing in [CALLS.as_slice(), &["none"]].concat() {
        for accept in ["application/json", "text/event-stream"] {
            for manner in [PLAIN, Manner { piece: 30, slice: 8, ends_empty: true, ..PLAIN }] {
                let name = format!("hidden {failing} {accept} {manner:?}");
                let envoy = Envoy::configure(&name, POLICY, manner).unwrap();
                let fail = |stream: &mut crate::stream::Stream| stream.failing.push(failing);
                let outcome = envoy.exchange(&list_tools(accept), |_| {}, fail).outcome;
                let (Outcome::Replied { body, .. } | Outcome::Cut { body }) = outcome else {
                    panic!("{name}: {outcome:?}")
                };
                let text = String::from_utf8(body).unwrap();
                assert!(!text.contains("secret"), "{name}: {text}");
                assert!(failing != "none" || text.contains(r#""name":"a""#), "{name}: {text}");
            }
        }
    }
}

#[test]
fn an_envoy_that_takes_no_metrics_or_records_has_its_calls_judged() {
    let side = Side { making: true, refuses_metrics: true, ..Side::default() };
    let envoy = Envoy::configure_by(side, "no metrics", POLICY, PLAIN).unwrap();
    assert!(log().iter().any(|line| line.contains("no metric")), "{:?}", log());
    assert!(matches!(envoy.send(&known("a")), Outcome::Forwarded));
    let denied = corpus::check(&envoy.send(&known("b")), &json!({ "reason": "default_deny" }));
    assert_eq!(denied, Ok(()));
}

/// A refusal is on the record, under the names that both shells have.
#[test]
fn a_decision_is_in_filter_state_and_marks_are_set() {
    let envoy = Envoy::configure("records", POLICY, PLAIN).unwrap();
    let ended = envoy.exchange(&known("a"), |_| {}, |_| {});
    assert!(matches!(ended.outcome, Outcome::Forwarded));
    assert_eq!(ended.stream.state("wasm.mcp_policy"), Some("yes"));
    for (request, decision) in [(known("a"), "allowed"), (known("b"), "denied")] {
        let ended = envoy.exchange(&request, |_| {}, |_| {});
        let record = ended.stream.state("wasm.mcp_audit").expect("a record");
        let record: Value = serde_json::from_str(record).unwrap();
        assert_eq!(record["decision"], decision, "{record}");
    }
    assert_eq!(envoy.metric("mcp_policy_evaluations_total", &[]), 3);
    assert_eq!(envoy.metric("mcp_policy_refused_total", &["default_deny"]), 1);
    assert_eq!(envoy.metric("mcp_policy_calls_total", &["allowed", "a"]), 2);
}
