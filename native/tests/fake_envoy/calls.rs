//! The calls of Envoy that a call of a tool takes.

use crate::call;
use crate::corpus::Outcome;
use crate::exchange::{Envoy, Manner, PLAIN};
use crate::stream::Stream;
use std::collections::BTreeMap;

const POLICY: &str = r#"{"version": "1", "default": "deny", "tools": {"a": {"limits": [
    {"counter": "calls", "window": "day", "max": 1000},
    {"counter": "bursts", "window": "minute", "max": 1000}]}}}"#;

/// The calls of an allowed one.
fn made(manner: Manner) -> BTreeMap<&'static str, usize> {
    let envoy = Envoy::configure("calls", POLICY, manner).unwrap();
    const RESPONSE_FLAGS: u32 = 17;
    let prepare = |stream: &mut Stream| {
        stream.numbers.insert(RESPONSE_FLAGS, 0);
    };
    let ended = envoy.exchange(&call("a"), prepare, |_| {});
    assert!(matches!(ended.outcome, Outcome::Forwarded));
    ended.stream.calls
}

#[test]
fn an_allowed_call_makes_these_calls_of_envoy_and_no_others() {
    let mut expected = BTreeMap::from([
        ("headers_size", 1),
        ("headers", 1),
        // What is held, and the piece.
        ("received_is_held", 1),
        ("chunks_size", 2),
        ("chunks", 1),
        ("increment", 4),
        ("set_filter_state", 1),
        // The response flags.
        ("attribute", 1),
    ]);
    assert_eq!(made(PLAIN), expected);
    // Over HTTP/1.1 an empty piece follows: the size is asked for before the end, since
    // nobody knows how much is to come.
    expected.extend([("body_size", 2), ("received_is_held", 2)]);
    assert_eq!(made(Manner { ends_empty: true, ..PLAIN }), expected);
}
