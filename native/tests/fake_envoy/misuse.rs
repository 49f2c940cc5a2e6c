//! Behaviour of Envoy that no request shows: configurations that are refused, streams
//! that end in the middle, hooks that nobody asked for, and, in a build with the feature
//! `test-panics`, a panic in each hook.

use crate::abi::{self, Bytes};
use crate::call;
use crate::corpus::Outcome;
use crate::exchange::{Envoy, PLAIN, log};
use crate::stream::{HELD_RESPONSE, Phase, RECEIVED_REQUEST, RECEIVED_RESPONSE, Stream};
use std::cell::RefCell;
use std::ptr::null;

const POLICY: &str =
    r#"{"version": "1", "default": "deny", "tools": {"a": {"rate_limit": "1000/day"}}}"#;

#[test]
fn a_configuration_that_is_no_policy_is_refused_in_words() {
    for text in ["", "{", "[]", r#"{"version":"2"}"#, "\u{0}", r#"{"version":"1","x":1}"#] {
        let Err(log) = Envoy::configure("bad", text, PLAIN) else { panic!("{text} was taken") };
        assert!(log.iter().any(|line| line.contains("bad policy")), "{text}: {log:?}");
    }
}

/// A client that leaves: the stream completes without the hooks that were to come.
#[test]
fn a_stream_may_end_after_any_hook() {
    let envoy = Envoy::configure("leaving", POLICY, PLAIN).unwrap();
    for hooks in 0..3 {
        let ended = envoy.leave(&call("a"), hooks);
        assert!(ended.reply.is_none(), "{:?}", ended.reply);
    }
    assert!(matches!(envoy.send(&call("a")), Outcome::Forwarded));
}

/// Envoy looks for these hooks, and calls them for modules that ask for it.
#[test]
fn hooks_that_nobody_asked_for_do_nothing() {
    let envoy = Envoy::configure("unasked", POLICY, PLAIN).unwrap();
    envoy.open(&call("a"), |open| {
        open.hook(Phase::Request, |f, m| unsafe {
            abi::callout_done(f, m, 1, 0, null(), 0, null::<Bytes>(), 0);
            abi::callout_headers(f, m, 1, null(), 0, true);
            abi::callout_data(f, m, 1, null(), 0, true);
            abi::callout_trailers(f, m, 1, null(), 0);
            abi::callout_complete(f, m, 1);
            abi::callout_reset(f, m, 1, 0);
            abi::scheduled(f, m, 1);
            abi::above(f, m);
            abi::below(f, m);
        });
    });
    assert!(matches!(envoy.send(&call("a")), Outcome::Forwarded));
}

/// Another filter's answer runs the response's hooks of a stream whose request hooks
/// never ran.
#[test]
fn a_response_without_a_request_passes() {
    let envoy = Envoy::configure("unasked response", POLICY, PLAIN).unwrap();
    envoy.open(&call("a"), |open| {
        let stream: &RefCell<Stream> = unsafe { &*open.stream };
        stream.borrow_mut().maps[2] = Some(vec![(b":status".into(), b"503".into())]);
        let status =
            open.hook(Phase::Response, |f, m| unsafe { abi::response_headers(f, m, true) });
        assert_eq!(status, 0);
        assert!(stream.borrow().reply.is_none());
    });
}

/// Envoy 1.39 calls the hooks of a filter that could not be made.
#[test]
fn a_filter_that_could_not_be_made_answers_500() {
    let envoy = Envoy::configure("not made", POLICY, PLAIN).unwrap();
    envoy.open(&call("a"), |open| {
        let stream: &RefCell<Stream> = unsafe { &*open.stream };
        let status =
            open.hook(Phase::Request, |f, _| unsafe { abi::request_headers(f, null(), false) });
        assert_eq!(status, 1);
        assert_eq!(stream.borrow_mut().reply.take().unwrap().status, 500);
        open.hook(Phase::Complete, |f, _| unsafe { abi::stream_complete(f, null()) });
    });
}

/// A filter in front may hold events that this one has let pass. Envoy has one buffer for
/// all filters of a stream.
#[test]
fn events_that_a_filter_in_front_holds_are_read_once() {
    let policy = POLICY.replace("\"tools\"", "\"hide\": [\"b\"], \"tools\"");
    let envoy = Envoy::configure("held in front", &policy, PLAIN).unwrap();
    let mut request = call("");
    request.body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_vec();
    let before = "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";
    let list = |tools: &str| {
        format!("data: {{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{{\"tools\":[{tools}]}}}}\n\n")
    };
    let whole = list(r#"{"name":"a"},{"name":"b","description":"hidden"}"#);
    for cut in [8, whole.len() / 2, whole.len() - 20, whole.len()] {
        let (start, rest) = whole.split_at(cut);
        let stream = envoy.open(&request, |open| {
            let stream: &RefCell<Stream> = unsafe { &*open.stream };
            open.hook(Phase::Request, |f, m| unsafe { abi::request_headers(f, m, false) });
            stream.borrow_mut().bodies[RECEIVED_REQUEST] = vec![request.body.clone()];
            let status = open.hook(Phase::Request, |f, m| unsafe { abi::request_body(f, m, true) });
            assert_eq!(status, 0);
            stream.borrow_mut().bodies[RECEIVED_REQUEST].clear();
            let head = [(":status", "200"), ("content-type", "text/event-stream")];
            let head = head.map(|(name, value)| (name.into(), value.into())).to_vec();
            stream.borrow_mut().maps[2] = Some(head);
            open.hook(Phase::Response, |f, m| unsafe { abi::response_headers(f, m, false) });
            for (piece, end) in [(before, false), (start, false), (rest, false), ("", true)] {
                stream.borrow_mut().bodies[RECEIVED_RESPONSE] = vec![piece.into()];
                let status =
                    open.hook(Phase::Response, |f, m| unsafe { abi::response_body(f, m, end) });
                assert_eq!(status, 0, "{cut}");
                let passed = std::mem::take(&mut stream.borrow_mut().bodies[RECEIVED_RESPONSE]);
                stream.borrow_mut().bodies[HELD_RESPONSE].extend(passed);
            }
        });
        let passed = String::from_utf8(stream.bodies[HELD_RESPONSE].concat()).unwrap();
        assert_eq!(passed, format!("{before}{}", list(r#"{"name":"a"}"#)), "{cut}");
    }
}

#[cfg(feature = "test-panics")]
#[test]
fn a_panic_in_a_hook_ends_in_that_hook() {
    use crate::corpus::{Outcome, Response};
    let mut request = call("a");
    request.trailers = true;
    request.response = Some(Response {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: b"{}".to_vec(),
        trailers: true,
    });
    let policy = POLICY.replace("\"tools\"", "\"hide\": [\"b\"], \"tools\"");
    for hook in PANICS {
        let envoy = match (hook, Envoy::configure(&format!("panic:{hook}"), &policy, PLAIN)) {
            ("config_new", made) => {
                assert!(made.is_err());
                continue;
            }
            (_, made) => made.unwrap_or_else(|log| panic!("{hook}: {log:?}")),
        };
        match envoy.send(&request) {
            // Nothing goes on that was not judged.
            Outcome::Replied { status, .. } => assert_eq!(status, 500, "{hook}"),
            Outcome::Forwarded => assert_eq!(hook, "stream_complete"),
            // After the head, no other answer is possible.
            Outcome::Cut { .. } => {
                assert!(["response_body", "response_trailers"].iter().any(|h| hook.starts_with(h)));
            }
            other => panic!("{hook}: {other:?}"),
        }
        let logged = log();
        assert!(logged.iter().any(|line| line.contains("panic")), "{hook}: {logged:?}");
    }
}

#[cfg(feature = "test-panics")]
#[test]
fn a_call_is_counted_even_if_the_end_of_its_stream_panics() {
    let envoy = Envoy::configure("panic:stream_complete", POLICY, PLAIN).unwrap();
    assert!(matches!(envoy.send(&call("a")), Outcome::Forwarded));
    assert!(log().iter().any(|line| line.contains("panic")), "{:?}", log());
    assert_eq!(envoy.metric("mcp_policy_calls_total", &["allowed", "a"]), 1);
}

#[cfg(feature = "test-panics")]
const PANICS: [&str; 12] = [
    "config_new",
    "filter_new",
    "request_headers",
    "request_body",
    "request_trailers",
    "response_headers:passes",
    "response_headers",
    "response_body:passes",
    "response_body",
    "response_trailers:passes",
    "response_trailers",
    "stream_complete",
];

#[cfg(not(feature = "test-panics"))]
#[test]
fn no_filter_of_a_shipped_build_panics_by_its_name() {
    let envoy = Envoy::configure("panic:request_headers", POLICY, PLAIN).unwrap();
    assert!(matches!(envoy.send(&call("a")), Outcome::Forwarded), "{:?}", log());
}
