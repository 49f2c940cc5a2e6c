//! What Envoy may do that no request shows: configurations that are refused, streams
//! that end in the middle, hooks that nobody asked for, and, in a build with the feature
//! `test-panics`, a panic in each hook.

use crate::abi::{self, Bytes};
use crate::call;
use crate::corpus::Outcome;
use crate::exchange::{Envoy, PLAIN, log};
use crate::stream::{Phase, Stream};
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
            Outcome::Cut { .. } => assert!(["response_body", "response_trailers"].contains(&hook)),
            other => panic!("{hook}: {other:?}"),
        }
        let logged = log();
        assert!(logged.iter().any(|line| line.contains("panic")), "{hook}: {logged:?}");
    }
}

#[cfg(feature = "test-panics")]
const PANICS: [&str; 9] = [
    "config_new",
    "filter_new",
    "request_headers",
    "request_body",
    "request_trailers",
    "response_headers",
    "response_body",
    "response_trailers",
    "stream_complete",
];

#[cfg(not(feature = "test-panics"))]
#[test]
fn no_filter_of_a_shipped_build_panics_by_its_name() {
    let envoy = Envoy::configure("panic:request_headers", POLICY, PLAIN).unwrap();
    assert!(matches!(envoy.send(&call("a")), Outcome::Forwarded), "{:?}", log());
}
