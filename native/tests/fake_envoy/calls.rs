//! The calls of Envoy that a call of a tool takes, and several at once.

use crate::abi;
use crate::call;
use crate::corpus::Outcome;
use crate::exchange::{Envoy, Manner, Open, PLAIN};
use crate::stream::{Phase, RECEIVED_RESPONSE, Stream};
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
        ("body_size", 2),
        ("chunks_size", 1),
        ("chunks", 1),
        ("increment", 4),
        ("set_filter_state", 1),
        // The response flags.
        ("attribute", 1),
    ]);
    assert_eq!(made(PLAIN), expected);
    // Over HTTP/1.1 an empty piece follows: the size is asked for before the end, since
    // nobody knows how much is to come.
    expected.extend([("body_size", 4), ("received_is_held", 2)]);
    assert_eq!(made(Manner { ends_empty: true, ..PLAIN }), expected);
}

/// Envoy looks for a counter with labels for longer than a call takes to be judged.
#[test]
fn calls_that_are_answered_together_are_counted_together() {
    let envoy = Envoy::configure("counted together", POLICY, PLAIN).unwrap();
    let counted = || envoy.metric("mcp_policy_calls_total", &["allowed", "a"]);
    let begin = || {
        let (open, call) = (envoy.begin(&call("a")), call("a"));
        assert!(open.request(&call));
        open
    };
    let head = |open: &Open| {
        open.on(|stream| stream.maps[2] = Some(vec![(b":status".to_vec(), b"200".to_vec())]));
        open.hook(Phase::Response, |f, m| unsafe { abi::response_headers(f, m, false) });
    };
    let end = |open: Open| {
        open.complete();
        open.left().calls["increment"]
    };
    let (first, second, third) = (begin(), begin(), begin());
    // A later one is to be answered.
    head(&first);
    assert_eq!((end(second), counted()), (3, 0));
    // By its answer, however long that takes.
    head(&third);
    assert_eq!(counted(), 3);
    assert_eq!((end(first), end(third), counted()), (3, 4, 3));
    // By its end, where there was none.
    let (first, second) = (begin(), begin());
    assert_eq!((end(second), counted()), (4, 5));
    let third = begin();
    assert_eq!((end(first), counted()), (3, 5));
    assert_eq!((end(third), counted()), (4, 6));
}

#[test]
fn calls_without_an_answer_are_counted_too() {
    let envoy = Envoy::configure("counted unanswered", POLICY, PLAIN).unwrap();
    // In Miri, which takes a thousand times as long, only a few.
    let (calls, before_their_end) = if cfg!(miri) { (3, 0) } else { (64, 64) };
    let begin = |_| {
        let (open, call) = (envoy.begin(&call("a")), call("a"));
        assert!(open.request(&call));
        open
    };
    let open: Vec<_> = (0..calls).map(begin).collect();
    let counted = || envoy.metric("mcp_policy_calls_total", &["allowed", "a"]);
    assert_eq!(counted(), before_their_end);
    for open in open {
        open.complete();
        drop(open.left());
    }
    assert_eq!(counted(), calls);
}

/// A client may keep its stream open for as long as it likes.
#[test]
fn a_refused_call_is_counted_when_it_is_answered() {
    let envoy = Envoy::configure("counted refused", POLICY, PLAIN).unwrap();
    let (open, request) = (envoy.begin(&call("other")), call("other"));
    assert!(!open.request(&request));
    assert_eq!(envoy.metric("mcp_policy_calls_total", &["denied"]), 1);
    open.complete();
    drop(open.left());
    assert_eq!(envoy.metric("mcp_policy_calls_total", &[]), 1);
}

#[cfg(feature = "test-questions")]
#[test]
fn a_call_that_a_service_refused_is_counted_when_it_is_answered() {
    let policy = r#"{"version": "1", "default": "deny", "tools": {"*": {"rate_limit": "9/day"}}}"#;
    let envoy = Envoy::configure("counted asked", policy, PLAIN).unwrap();
    let request = call("ask:grpc limits 250 deny how many");
    let open = envoy.begin(&request);
    assert!(!open.request(&request));
    crate::news::ok(&open, 1, b"over 9");
    assert!(open.on(|stream| stream.reply.is_some()));
    assert_eq!(envoy.metric("mcp_policy_calls_total", &["denied"]), 1);
    open.complete();
    drop(open.left());
}

/// A stream of events goes on behind the one that is too long.
#[test]
fn an_event_that_is_too_long_is_counted_when_it_passes() {
    let policy = r#"{"version": "1", "default": "deny", "mode": "shadow",
        "tools": {"a": {"max_result_bytes": 80}}}"#;
    let envoy = Envoy::configure("counted event", policy, PLAIN).unwrap();
    let counted = || envoy.metric("mcp_policy_calls_total", &["result_too_large", "a"]);
    let (open, request) = (envoy.begin(&call("a")), call("a"));
    assert!(open.request(&request));
    let head = [(":status", "200"), ("content-type", "text/event-stream")];
    let head = head.map(|(name, value)| (name.into(), value.into())).to_vec();
    open.on(|stream| {
        stream.bodies = Default::default();
        stream.maps[2] = Some(head);
    });
    open.hook(Phase::Response, |f, m| unsafe { abi::response_headers(f, m, false) });
    assert_eq!(counted(), 0);
    let event = format!("data: {}\n\n", "x".repeat(100));
    open.on(|stream| stream.bodies[RECEIVED_RESPONSE] = vec![event.into()]);
    let status = open.hook(Phase::Response, |f, m| unsafe { abi::response_body(f, m, false) });
    assert_eq!((status, counted()), (0, 1));
    open.complete();
    drop(open.left());
    assert_eq!(counted(), 1);
}
