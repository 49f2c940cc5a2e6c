//! Header lines that no upstream may see.

use super::host::{fail, heal, removed};
use super::worker::{Manner, PLAIN, Worker, holding};
use super::{ONE_A_MINUTE, call};
use crate::corpus::{self, Outcome, Request};

const TOKENS: &str = r#"{"version": "1", "default": "allow", "identity": [{"bearer": {"tokens":
    {"alice": "sha256:0e9c8bd2ae2f8ef2f2ed7bd1a3f6e1e0a2d3a5a4d5a7c1a8b9c0d1e2f3a4b5c6"}}}]}"#;

#[test]
fn headers_by_which_a_client_has_envoy_repeat_a_call_are_taken_out() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    let mut request = call("a");
    for name in ["x-envoy-retry-on", "x-envoy-max-retries", "x-other"] {
        request.headers.push((name.into(), "5".into()));
    }
    assert!(matches!(worker.send(&request), Outcome::Forwarded));
    assert_eq!(removed(), ["x-envoy-retry-on", "x-envoy-max-retries"]);
    fail("remove_header", 10);
    let expect = serde_json::json!({"reason": "internal"});
    assert_eq!(corpus::check(&worker.send(&request), &expect), Ok(()));
    heal();
}

#[test]
fn a_token_of_ours_is_taken_out_of_every_request() {
    for manner in [PLAIN, Manner { holds: true, ..PLAIN }] {
        let policy = if manner.holds { holding(TOKENS) } else { TOKENS.to_owned() };
        let worker = Worker::configure(&policy, manner).unwrap();
        for method in ["POST", "GET", "OPTIONS"] {
            let mut request = Request { method: method.into(), ..call("a") };
            request.headers.push(("authorization".into(), "Bearer x".into()));
            worker.send(&request);
            assert_eq!(removed(), ["authorization"], "{method}");
        }
    }
}
