//! The calls of the host that a call of a tool takes. Each goes from WebAssembly to
//! Envoy and back, which costs more than most of the code between two of them.

use super::call;
use super::host::{HOST, forget_counts};
use super::worker::{Manner, PLAIN, Worker};
use crate::corpus::Outcome;
use std::collections::BTreeMap;

const POLICY: &str = r#"{"version": "1", "default": "deny", "tools": {"a": {"limits": [
    {"counter": "calls", "window": "day", "max": 1000},
    {"counter": "bursts", "window": "minute", "max": 1000}]}}}"#;

#[test]
fn an_allowed_call_makes_these_calls_of_the_host_and_no_others() {
    forget_counts();
    let mut request = call("a");
    // A body without a type goes on with one.
    request.headers.push(("content-type".into(), "application/json".into()));
    for manner in [PLAIN, Manner { holds: false, piece: 20 }] {
        let worker = Worker::configure(POLICY, manner).unwrap();
        // The first makes its counters, and the metric of its rule.
        for _ in 0..2 {
            HOST.with_borrow_mut(|host| host.made.clear());
            assert!(matches!(worker.send(&request), Outcome::Forwarded));
        }
        let made = HOST.with_borrow(|host| host.made.clone());
        let expected = [
            ("headers", 1),
            ("buffer", 1),
            ("time", 1),
            ("get_shared", 1),
            ("set_shared", 1),
            ("metric", 4),
            ("set_property", 1),
            // The response flags.
            ("property", 1),
        ];
        assert_eq!(made, BTreeMap::from(expected), "{manner:?}");
    }
}
