//! Bytes as Envoy may lend them: nulls for what is empty, of which Rust makes no slice,
//! and values that are not text.

use crate::abi;
use crate::call;
use crate::corpus::{Outcome, Request};
use crate::exchange::{Envoy, PLAIN};
use crate::stream::{Phase, RECEIVED_REQUEST};

const POLICY: &str = r#"{
    "version": "1", "default": "deny", "identity": [ { "header": "x-id" } ],
    "tools": { "a": {} }
}"#;

const NO_TEXT: &[u8] = b"\xff\xfe\x80";

/// A request with these headers besides its own.
fn sent(envoy: &Envoy, headers: &[(&str, &[u8])]) -> Outcome {
    let add = |stream: &mut crate::stream::Stream| {
        let lines = stream.maps[0].as_mut().unwrap();
        lines.extend(headers.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    };
    envoy.exchange(&call("a"), add, |_| {}).outcome
}

#[test]
fn headers_may_be_empty_and_of_any_bytes() {
    let envoy = Envoy::configure("odd headers", POLICY, PLAIN).unwrap();
    for value in [b"", NO_TEXT] {
        let goes = sent(&envoy, &[("x-other", value), ("x-id", b"agent")]);
        assert!(matches!(goes, Outcome::Forwarded), "{value:?} {goes:?}");
        // A name that cannot be read is nobody's.
        let stays = sent(&envoy, &[("x-id", value)]);
        assert!(matches!(stays, Outcome::Replied { .. }), "{value:?} {stays:?}");
    }
}

/// More lines than the module has room for without an allocation.
#[test]
fn any_number_of_headers_is_read() {
    let envoy = Envoy::configure("many headers", POLICY, PLAIN).unwrap();
    for count in [35, 36, 37, 200] {
        let mut headers: Vec<(&str, &[u8])> = vec![("x-other", b"1"); count];
        assert!(matches!(sent(&envoy, &headers), Outcome::Replied { .. }), "{count}");
        headers.push(("x-id", b"agent"));
        assert!(matches!(sent(&envoy, &headers), Outcome::Forwarded), "{count}");
    }
}

/// Slices without bytes, before, between and behind those with some, and more slices than
/// the module has room for.
#[test]
fn bodies_may_have_empty_slices() {
    let envoy = Envoy::configure("odd slices", POLICY, PLAIN).unwrap();
    for (tool, goes) in [("a", true), ("b", false)] {
        for size in [1, 20, usize::MAX] {
            let mut request: Request = call(tool);
            request.headers.push(("x-id".into(), "agent".into()));
            let mut slices = vec![Vec::new()];
            for slice in crate::stream::cut(&request.body, size) {
                slices.extend([slice, Vec::new(), Vec::new()]);
            }
            let stream = envoy.open(&request, |open| {
                open.hook(Phase::Request, |f, m| unsafe { abi::request_headers(f, m, false) });
                open.on(|stream| stream.bodies[RECEIVED_REQUEST] = slices);
                let status =
                    open.hook(Phase::Request, |f, m| unsafe { abi::request_body(f, m, true) });
                assert_eq!(status == 0, goes, "{tool} {size}: {status}");
            });
            assert_eq!(stream.reply.is_none(), goes, "{tool} {size}");
        }
    }
}
