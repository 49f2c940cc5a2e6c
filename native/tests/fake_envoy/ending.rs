//! Streams that end while the module calls Envoy: an answer runs the hooks of other
//! filters, and either that or a request that goes on may end the stream, with its filter.
//! The tools of `scripts/sanitize` see any use of it after that.

use crate::abi;
use crate::call;
use crate::corpus::Request;
use crate::exchange::{Envoy, Open, PLAIN};
use crate::stream::{Phase, RECEIVED_REQUEST, RECEIVED_RESPONSE, Stream};

const POLICY: &str = r#"{
    "version": "1", "default": "deny", "hide": ["b"],
    "tools": { "a": { "rate_limit": "1000/day" } },
    "settings": { "paths": ["/mcp"] }
}"#;

const GO_ON: u32 = 0;
const HOLD: u32 = 1;
const DROP: u32 = 3;

/// A request that is answered in the hook of its headers, of its body or of its trailers.
fn refused(hook: &str) -> Request {
    let mut request = call("other");
    match hook {
        "headers" => request.path = "/elsewhere".into(),
        "trailers" => request.trailers = true,
        _ => {}
    }
    request
}

/// Calls the hooks up to the one that answers; its status.
fn answered(open: &Open, request: &Request, hook: &str) -> u32 {
    let status = open.hook(Phase::Request, |f, m| unsafe { abi::request_headers(f, m, false) });
    if hook == "headers" {
        return status;
    }
    open.on(|stream| stream.bodies[RECEIVED_REQUEST] = vec![request.body.clone()]);
    let end = hook == "body";
    let status = open.hook(Phase::Request, |f, m| unsafe { abi::request_body(f, m, end) });
    if end {
        return status;
    }
    open.on(|stream| {
        // Before trailers, all of it is held.
        stream.bodies.swap(RECEIVED_REQUEST, RECEIVED_REQUEST + 1);
        stream.maps[1] = Some(Vec::new());
    });
    open.hook(Phase::Request, |f, m| unsafe { abi::request_trailers(f, m) })
}

fn meanwhile(open: Open, hooks: impl FnOnce(Open) + 'static) {
    open.on(|stream| stream.meanwhile = Some(Box::new(move || hooks(open))));
}

fn status_of(stream: &Stream) -> Option<u16> {
    stream.reply.as_ref().map(|reply| reply.status)
}

/// Envoy 1.40 leaves them out for an answer of the filter's own; not every version has to.
#[test]
fn hooks_of_the_response_may_come_while_an_answer_is_sent() {
    let envoy = Envoy::configure("hooks in an answer", POLICY, PLAIN).unwrap();
    for (hook, stopped) in [("headers", HOLD), ("body", DROP), ("trailers", HOLD)] {
        let request = refused(hook);
        let stream = envoy.open(&request, |open| {
            meanwhile(*open, |open| {
                open.on(|stream| {
                    let head = [(":status", "200"), ("content-type", "application/json")];
                    let head = head.map(|(name, value)| (name.into(), value.into())).to_vec();
                    stream.maps[2] = Some(head);
                    stream.bodies[RECEIVED_RESPONSE] = vec![b"{}".to_vec()];
                });
                let statuses = open.hook(Phase::Response, |f, m| unsafe {
                    [abi::response_headers(f, m, false), abi::response_body(f, m, true)]
                });
                assert_eq!(statuses, [GO_ON; 2]);
            });
            assert_eq!(answered(open, &request, hook), stopped, "{hook}");
            assert!(open.on(|stream| stream.meanwhile.is_none()), "{hook}: nothing was answered");
        });
        // One answer, as this Envoy asserts.
        assert!(status_of(&stream).is_some(), "{hook}");
    }
}

#[test]
fn a_stream_may_end_while_its_answer_is_sent() {
    let envoy = Envoy::configure("end in an answer", POLICY, PLAIN).unwrap();
    for (hook, stopped) in [("headers", HOLD), ("body", DROP), ("trailers", HOLD)] {
        let request = refused(hook);
        let open = envoy.begin(&request);
        meanwhile(open, |open| open.complete());
        assert_eq!(answered(&open, &request, hook), stopped, "{hook}");
        let stream = open.left();
        assert!(stream.meanwhile.is_none(), "{hook}: its filter was not ended");
        assert!(status_of(&stream).is_some(), "{hook}");
    }
}

#[test]
fn a_stream_may_end_while_its_response_is_answered() {
    let envoy = Envoy::configure("end in a response", POLICY, PLAIN).unwrap();
    let mut request = call("");
    request.body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_vec();
    let open = envoy.begin(&request);
    assert!(open.request(&request));
    open.on(|stream| {
        stream.bodies = Default::default();
        let head = [(":status", "200"), ("content-type", "application/json")];
        stream.maps[2] = Some(head.map(|(name, value)| (name.into(), value.into())).to_vec());
    });
    open.hook(Phase::Response, |f, m| unsafe { abi::response_headers(f, m, false) });
    // No list that could be read, and Envoy does not replace it.
    open.on(|stream| {
        stream.bodies[RECEIVED_RESPONSE] = vec![b"{".to_vec()];
        stream.failing.push("drain");
    });
    meanwhile(open, |open| open.complete());
    let status = open.hook(Phase::Response, |f, m| unsafe { abi::response_body(f, m, true) });
    assert_eq!(status, DROP);
    let stream = open.left();
    assert!(stream.meanwhile.is_none(), "its filter was not ended");
    assert!(status_of(&stream).is_some());
}

#[cfg(feature = "test-questions")]
#[test]
fn a_stream_may_end_while_the_answer_of_a_service_decides_about_it() {
    use crate::news::{News, OK, frame, run_event, tell};
    let policy = r#"{"version": "1", "default": "deny", "tools": {"*": {"rate_limit": "9/day"}}}"#;
    let envoy = Envoy::configure("end in an answer to a question", policy, PLAIN).unwrap();
    for (answer, continued) in [("ok", 1), ("over 9", 0)] {
        let request = call("ask:grpc limits 250 deny how many");
        let open = envoy.begin(&request);
        assert!(!open.request(&request));
        let body = frame(answer.as_bytes());
        let trailers = News::Tail(&[("grpc-status", "0")]);
        for news in [News::Head(OK), News::Piece(&body), trailers, News::Complete] {
            open.hook(Phase::Request, |_, _| tell(&open, 1, news));
        }
        meanwhile(open, |open| open.complete());
        run_event(&open);
        let stream = open.left();
        assert!(stream.meanwhile.is_none(), "{answer}: its filter was not ended");
        assert_eq!((stream.continued, status_of(&stream).is_none()), (continued, continued == 1));
    }
}
