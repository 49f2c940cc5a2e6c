//! Responses by their heads, and the failures of a host.

use super::*;
use crate::exchange::awaited::{Awaited, Owed};
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

/// The text that a client gets of JSON that answers no request for a list, in pieces of
/// this size.
fn unasked(settings: &str, body: &str, size: usize) -> String {
    let text = format!(
        r#"{{"version": "1", "default": "allow", "settings": {{{settings}}},
            "lock": {{"mode": "enforce", "tools": {{}}}}}}"#
    );
    let policy = Policy::parse(text.as_bytes(), "test").unwrap();
    let caller = policy.caller("anonymous", Nanos(0));
    let mut listing = Listing::for_caller(&policy, &caller).unwrap();
    let owed = Awaited::new(&policy, &caller, true, &Owed::default());
    let awaited = Some(Box::new(owed)).filter(|answer| answer.is_bounded());
    listing.expect(Asked { awaited, ..Asked::default() }, Nanos(0));
    let step = listing.headers(&policy, JSON.into_iter(), false, false);
    assert!(matches!(step, HeadStep::Stream | HeadStep::Hold), "{step:?}");
    let (mut held, mut out) = (Vec::new(), Vec::new());
    let count = body.len().div_ceil(size);
    for (at, piece) in body.as_bytes().chunks(size).enumerate() {
        held.extend_from_slice(piece);
        let end = at + 1 == count;
        match listing.body(&policy, held.len(), end) {
            BodyStep::Wait => continue,
            BodyStep::Pass => out.extend_from_slice(&held),
            BodyStep::Piece => {
                let changed = listing.piece(&lent(&policy), &held, end);
                out.extend(changed.unwrap_or_else(|| held.clone()));
            }
            BodyStep::Replace(with) => out.extend(with),
            BodyStep::Refuse(_) => break,
            BodyStep::Whole => panic!("nobody asked for a list"),
        }
        held.clear();
    }
    String::from_utf8(out).unwrap()
}

const JSON: [(&[u8], &[u8]); 2] = [(b":status", b"200"), (b"content-type", b"application/json")];

#[test]
fn a_list_that_nobody_asked_for_reaches_no_client_where_there_is_a_lock() {
    let long = "x".repeat(150);
    let messages = [
        format!(r#"{{"id":4,"result":{{"x":"{long}","tools":[{YES}],"y":"{long}"}}}}"#),
        format!(r#" {{"id":4,"result" : {{"tools" : [{YES}]}}}}"#),
        format!(r#"[{{"id":4,"result":{{"tools":[{YES}]}}}}]"#),
        format!(r#"[{{"id":5,"result":{{}}}},{{"id":4,"result":{{"TOOLS":[{YES}]}}}}]"#),
        format!(r#"{{"id":4,"result":{{"a":"\\","\u0074ool\u0073":[{YES}]}}}}"#),
        format!(r#"{{"id":4,"result":{{"a":"{{\"","toolſ":[{YES}]}}}}"#),
        format!(r#"{{"id":4,"result":{{"a":[{{}},[]],"tools\u0000":[{YES}]}}}}"#),
        format!("\0{{\0\"tools\":[{YES}]}}"),
        format!(r#"{{"id":4,"result":{{tools : [{YES}]}}}}"#),
    ];
    for settings in ["", r#""max_result_bytes": 9000"#] {
        for message in &messages {
            for size in [1, 7, 64, 10_000] {
                let out = unasked(settings, message, size);
                assert!(!out.contains(YES), "{message} in {size}: {out}");
                // A part that has gone on is not JSON.
                let is_json = serde_json::from_str::<serde_json::Value>(&out).is_ok();
                assert_eq!(is_json, out.contains("cannot be read"), "{message} in {size}: {out}");
            }
        }
    }
    for message in [
        r#"{"id":4,"result":{"content":[{"type":"text","text":"{\"tools\":[]}"}]}}"#,
        r#"{"id":4,"result":{"structuredContent":{"tools":[]},"x":"tools","y":["tools"]}}"#,
        r#"{"id":1,"result":{"capabilities":{"tools":{"listChanged":true}}}}"#,
        r#"[{"id":1,"result":{"content":[],"a\u006eb":{"tools":1}}}]"#,
        r#"{"id":1,"result":{"a":1,"a":2},"#,
    ] {
        for settings in ["", r#""max_result_bytes": 9000"#] {
            for size in [1, 7, 64, 10_000] {
                assert_eq!(unasked(settings, message, size), message, "in {size}");
            }
        }
    }
    // Nothing of it is held, so that Envoy's own limit is not met.
    let result = format!(r#"{{"id":4,"result":{{"content":"{}"}}}}"#, "x".repeat(3_000_000));
    assert_eq!(unasked("", &result, 40_000), result);
    // Without a lock, a server is trusted to answer what it was asked.
    let policy = policy();
    let mut other = listing(&policy, &[], false);
    assert!(matches!(other.headers(&policy, JSON.into_iter(), false, false), HeadStep::Pass));
}

#[test]
fn held_json_that_ends_by_trailers_is_searched_too() {
    let policy = Policy::parse(
        br#"{"version": "1", "default": "allow",
            "settings": {"max_result_bytes": 900, "max_body_bytes": 160},
            "lock": {"mode": "enforce", "tools": {}}}"#,
        "test",
    )
    .unwrap();
    let caller = policy.caller("anonymous", Nanos(0));
    // An answer may be longer than a body of a request, and has a bound of its own.
    let long = "x".repeat(400);
    for (tool, passes) in [("texts", true), ("tools", false), (&long, true)] {
        let mut listing = Listing::for_caller(&policy, &caller).unwrap();
        let owed = Awaited::new(&policy, &caller, true, &Owed::default());
        let asked = Asked { awaited: Some(Box::new(owed)), ..Asked::default() };
        listing.expect(asked, Nanos(0));
        let step = listing.headers(&policy, JSON.into_iter(), false, false);
        assert!(matches!(step, HeadStep::Hold), "{step:?}");
        let body = format!(r#"{{"id":4,"result":{{"{tool}":[]}}}}"#);
        assert_eq!(listing.body(&policy, body.len(), false), BodyStep::Wait);
        assert_eq!(listing.trailers(), BodyStep::Whole);
        assert_eq!(listing.whole(&lent(&policy), body.as_bytes()).is_none(), passes);
    }
}

/// A policy with a lock, in which prompts are hidden too, and the response to its caller.
fn locked(mode: &str, settings: &str) -> (Policy, Listing) {
    let text = format!(
        r#"{{"version": "1", "default": "allow", "settings": {{{settings}}},
            "prompts": {{"default": "allow", "hide": ["secret"]}},
            "lock": {{"mode": "{mode}", "tools": {{}}}}}}"#
    );
    let policy = Policy::parse(text.as_bytes(), "test").unwrap();
    let caller = policy.caller("anonymous", Nanos(0));
    let listing = Listing::for_caller(&policy, &caller).unwrap();
    (policy, listing)
}

#[test]
fn an_answer_of_two_types_is_not_taken_for_events_alone_where_there_is_a_lock() {
    for kind in ["application/json; x=text/event-stream", "text/event-stream, application/json"] {
        let (policy, mut listing) = locked("enforce", "");
        let head = [(b":status".as_slice(), b"200".as_slice()), (b"content-type", kind.as_bytes())];
        let step = listing.headers(&policy, head.into_iter(), false, false);
        assert!(matches!(step, HeadStep::Replace(Reply { status: 502, .. })), "{step:?}");
    }
}

#[test]
fn a_lock_that_reports_costs_no_answer_where_prompts_are_hidden() {
    for (key, passes) in [("tools", true), ("prompts", false)] {
        let (policy, mut listing) = locked("report", "");
        let step = listing.headers(&policy, JSON.into_iter(), false, false);
        assert!(matches!(step, HeadStep::Stream), "{step:?}");
        let body = format!(r#"{{"id":4,"result":{{"{key}":[]}}}}"#);
        assert_eq!(listing.body(&policy, body.len(), true), BodyStep::Piece);
        let changed = listing.piece(&lent(&policy), body.as_bytes(), true);
        assert_eq!(changed.is_none(), passes, "{key}");
    }
}

#[test]
fn an_answer_to_a_get_that_is_no_event_passes_at_once_and_has_its_bound() {
    let text = [(b":status".as_slice(), b"200".as_slice()), (b"content-type", b"text/plain")];
    let (policy, mut listing) = locked("enforce", "");
    listing.open();
    let step = listing.headers(&policy, text.into_iter(), false, false);
    assert!(matches!(step, HeadStep::Stream), "{step:?}");
    // Its trailers bring nothing that is held.
    for (piece, out) in [
        ("{\"no\":", "{\"no\":"),
        ("1}", "1}"),
        ("\nda", "\n"),
        ("y\ndate", "day\ndate"),
        ("s\nda", "s\n"),
        ("ta: {}\n", ""),
        ("\nx", "data: {}\n\nx"),
    ] {
        assert_eq!(listing.body(&policy, piece.len(), false), BodyStep::Piece);
        let changed = listing.piece(&lent(&policy), piece.as_bytes(), false);
        assert_eq!(changed.as_deref().unwrap_or(piece.as_bytes()), out.as_bytes(), "{piece}");
    }
    assert_eq!(listing.trailers(), BodyStep::Pass);

    let (policy, mut listing) = locked("enforce", r#""max_result_bytes": 900"#);
    listing.open();
    let caller = policy.caller("anonymous", Nanos(0));
    let owed = Awaited::new(&policy, &caller, true, &Owed::default());
    listing.expect(Asked { awaited: Some(Box::new(owed)), ..Asked::default() }, Nanos(0));
    let _ = listing.headers(&policy, text.into_iter(), false, false);
    let line = "x".repeat(99) + "\n";
    for _ in 0..9 {
        assert_eq!(listing.body(&policy, line.len(), false), BodyStep::Piece);
        assert!(listing.piece(&lent(&policy), line.as_bytes(), false).is_none());
    }
    assert!(matches!(listing.body(&policy, 1, false), BodyStep::Refuse(_)));
}
