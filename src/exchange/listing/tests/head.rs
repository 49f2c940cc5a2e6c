//! Responses by their heads, and the failures of a host.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn of_a_response_that_the_host_fails_at_nothing_goes_on() {
    let policy = policy();
    // Less is lent of a list than there was.
    let list = list(NO);
    let mut short = listing(&policy, &["7"], false);
    short.state = State::Whole(0);
    assert_eq!(short.body(&policy, list.len(), false), BodyStep::Wait);
    assert!(
        short.whole(&lent(&policy), b"").is_some_and(|body| body.starts_with(br#"{"jsonrpc""#))
    );
    for state in [State::Whole(0), State::Events(Events::default())] {
        let mut broken = listing(&policy, &["7"], false);
        broken.state = state;
        broken.break_off();
        assert_eq!(broken.body(&policy, 1, true), BodyStep::Wait);
        assert_eq!(broken.trailers(), BodyStep::Wait);
    }
}

#[test]
fn a_response_is_told_by_its_head() {
    let policy = policy();
    let head = |ids: &[&str], headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let mut listing = listing(&policy, ids, false);
        match listing.headers(&policy, headers, false, false) {
            HeadStep::Pass => "pass".to_owned(),
            HeadStep::Stream => "stream".into(),
            HeadStep::Hold => "hold".into(),
            HeadStep::Replace(reply) => format!("replaced {}", reply.status),
            HeadStep::Refuse(reply) => format!("refused {}", reply.status),
        }
    };
    let json = ("content-type", "application/json; charset=utf-8");
    let events = ("content-type", "Text/Event-Stream");
    let ok = (":status", "200");
    let gzip = ("content-encoding", "gzip");
    for (ids, headers, expected) in [
        (&["1"][..], &[ok, json][..], "hold"),
        (&["1"], &[ok, json, ("content-encoding", "identity")], "hold"),
        (&["1"], &[(":status", "404"), json], "hold"),
        (&["1"], &[ok], "hold"),
        (&["1"], &[ok, ("content-type", "text/html")], "hold"),
        (&["1"], &[(":status", "503"), ("content-type", "text/plain")], "pass"),
        (&["1"], &[ok, json, gzip], "replaced 200"),
        (&["1"], &[ok, events, gzip], "replaced 200"),
        (&["1"], &[ok, ("content-type", "application/json; charset=utf-7")], "replaced 200"),
        (&["1"], &[ok, events], "stream"),
        (&[], &[ok, json], "pass"),
        (&[], &[ok, json, gzip], "pass"),
        (&[], &[ok, events], "stream"),
        (&[], &[ok, events, gzip], "replaced 502"),
        // Some clients read this as JSON, and some as events.
        (&["1"], &[ok, events, json], "replaced 200"),
        (&["1"], &[ok, ("content-type", "application/json; x=text/event-stream")], "replaced 200"),
        (&[], &[ok, events, json], "stream"),
        (&[], &[ok, ("content-type", "text/event-stream; charset=utf-7")], "replaced 502"),
    ] {
        assert_eq!(head(ids, headers), expected, "{ids:?} {headers:?}");
    }
    let mut listing = listing(&policy, &["1"], false);
    let headers = [(b":status".as_slice(), b"200".as_slice())];
    assert!(matches!(listing.headers(&policy, headers.into_iter(), true, false), HeadStep::Pass));
}
