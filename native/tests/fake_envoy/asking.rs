//! Requests that wait for the answer of a service, for which this module makes the frames
//! of gRPC: answers in every form, hooks that come while a question is sent, and streams
//! that end meanwhile.

use crate::abi;
use crate::call;
use crate::corpus::{Outcome, Request};
use crate::exchange::{Envoy, Manner, PLAIN};
use crate::news::{News, OK, answer, frame, ok, run_event, tell};
use crate::stream::{Phase, Stream};

/// One call a day, whatever it asks.
const ONE: &str = r#"{"version": "1", "default": "deny", "tools": {"*": {"rate_limit": "1/day"}}}"#;
const ASKS: &str = "ask:grpc limits 250 deny how many";

/// The reason of the answer that went out in the server's place.
fn replied(stream: &Stream) -> Option<&str> {
    stream.reply.as_ref().map(|reply| reply.details.trim_start_matches("mcp_policy_filter:"))
}

/// A gateway of its own counts, and whether its one call is there to be made.
fn envoy(name: &str, manner: Manner) -> Envoy {
    Envoy::configure(&format!("asking {name} {manner:?}"), ONE, manner).unwrap()
}

fn has_room(envoy: &Envoy) -> bool {
    matches!(envoy.send(&call("a")), Outcome::Forwarded)
}

#[test]
fn a_request_goes_on_by_its_answer_however_it_came() {
    for trailers in [false, true] {
        for manner in [PLAIN, Manner { piece: 7, slice: 3, ends_empty: true, held_before: false }] {
            let envoy = envoy(&format!("on {trailers}"), manner);
            let request = Request { trailers, ..call(ASKS) };
            let stream = envoy.open(&request, |open| {
                assert!(!open.request(&request));
                let sent = open.on(|stream| (stream.sent.clone(), stream.continued));
                let ([sent], 0) = (&*sent.0, sent.1) else { panic!("{sent:?}") };
                assert_eq!((&*sent.cluster, sent.timeout), ("limits", 250));
                assert_eq!(sent.body, frame(b"how many"));
                for (name, value) in [
                    (":method", "POST"),
                    (":path", "/test.Questions/Ask"),
                    (":authority", "limits"),
                    ("content-type", "application/grpc"),
                    ("te", "trailers"),
                ] {
                    assert!(sent.headers.contains(&(name.into(), value.into())), "{name}");
                }
                ok(open, 1, b"ok");
                assert_eq!(open.on(|stream| stream.continued), 1);
                // The same once more, and an event that is late.
                ok(open, 1, b"ok");
                open.hook(Phase::Request, |f, m| unsafe { abi::scheduled(f, m, 0) });
            });
            assert_eq!((stream.continued, replied(&stream)), (1, None));
            assert!(!has_room(&envoy), "it went to a server, so its charge stays");
        }
    }
}

#[test]
fn answers_that_are_not_one_message_with_the_status_zero_are_failures() {
    let (good, zero) = (frame(b"ok"), News::Tail(&[("grpc-status", "0")]));
    let cut = &good[..good.len() - 1];
    let long = [&good[..], b"k"].concat();
    let compressed = [&[1][..], &good[1..]].concat();
    let two = [&good[..], &good[..]].concat();
    let huge = vec![0; 65_542];
    let whole = News::Piece(&good);
    let failures: [(&str, Vec<News<'_>>); 17] = [
        ("reset", vec![News::Reset]),
        ("reset at the end", vec![News::Head(OK), whole, zero, News::Reset]),
        ("nothing", vec![News::Complete]),
        ("no trailers", vec![News::Head(OK), whole, News::Complete]),
        ("no head", vec![whole, zero, News::Complete]),
        ("no message", vec![News::Head(OK), zero, News::Complete]),
        ("cut", vec![News::Head(OK), News::Piece(cut), zero, News::Complete]),
        ("cut frame", vec![News::Head(OK), News::Piece(&good[..4]), zero, News::Complete]),
        ("long", vec![News::Head(OK), News::Piece(&long), zero, News::Complete]),
        ("compressed", vec![News::Head(OK), News::Piece(&compressed), zero, News::Complete]),
        ("two", vec![News::Head(OK), News::Piece(&two), zero, News::Complete]),
        ("huge", vec![News::Head(OK), News::Piece(&huge)]),
        (
            "status 14",
            vec![News::Head(OK), whole, News::Tail(&[("grpc-status", "14")]), News::Complete],
        ),
        (
            "two statuses",
            vec![
                News::Head(OK),
                whole,
                News::Tail(&[("grpc-status", "0"), ("grpc-status", "0")]),
                News::Complete,
            ],
        ),
        (
            "no number",
            vec![News::Head(OK), whole, News::Tail(&[("grpc-status", "+0")]), News::Complete],
        ),
        (
            "another type",
            vec![
                News::Head(&[(":status", "200"), ("content-type", "text/plain")]),
                whole,
                zero,
                News::Complete,
            ],
        ),
        (
            "HTTP 503",
            vec![
                News::Head(&[(":status", "503"), ("content-type", "application/grpc")]),
                whole,
                zero,
                News::Complete,
            ],
        ),
    ];
    for (what, news) in failures {
        let envoy = envoy(what, PLAIN);
        let request = call(ASKS);
        let stream = envoy.open(&request, |open| {
            assert!(!open.request(&request));
            answer(open, 1, &news);
        });
        assert_eq!((stream.continued, replied(&stream)), (0, Some("counter_contended")), "{what}");
        assert_eq!(stream.reset, if what == "huge" { vec![1] } else { vec![] }, "{what}");
        assert!(has_room(&envoy), "{what}");
    }
}

#[test]
fn a_denial_gets_its_charge_back() {
    let (envoy, request) = (envoy("over", PLAIN), call(ASKS));
    let stream = envoy.open(&request, |open| {
        open.request(&request);
        ok(open, 1, b"over 9");
    });
    assert_eq!((stream.continued, replied(&stream)), (0, Some("rate_limited")));
    assert!(has_room(&envoy));
}

#[test]
fn a_question_that_envoy_does_not_send_is_a_failure() {
    for (tool, goes) in [("ask:grpc x 9 deny", false), ("ask:2*grpc x 9 allow", true)] {
        let (envoy, request) = (envoy(tool, PLAIN), call(tool));
        let stream = envoy.open(&request, |open| {
            open.on(|stream| stream.failing.push("start_stream"));
            assert!(!open.request(&request));
            run_event(open);
        });
        assert_eq!(stream.continued, usize::from(goes), "{tool}");
        assert_eq!(replied(&stream).is_none(), goes, "{tool}");
        assert_eq!(has_room(&envoy), !goes, "{tool}");
    }
}

/// A cluster without a host answers at once, and a connection may fail at once.
#[test]
fn hooks_may_come_while_a_question_is_sent() {
    for (what, goes) in [("answer", true), ("reset", false)] {
        let (envoy, request) = (envoy(&format!("inline {what}"), PLAIN), call(ASKS));
        let stream = envoy.open(&request, |open| {
            let again = *open;
            open.on(|stream| {
                stream.inline = Some(Box::new(move |number| {
                    let good = frame(b"ok");
                    let trailers = News::Tail(&[("grpc-status", "0")]);
                    let answer = [News::Head(OK), News::Piece(&good), trailers, News::Complete];
                    let news = if goes { &answer[..] } else { &[News::Reset][..] };
                    for one in news {
                        tell(&again, number, *one);
                    }
                }));
            });
            assert!(!open.request(&request), "it is decided in a hook of its own");
            assert_eq!(open.on(|stream| (stream.continued, stream.scheduled)), (0, 1));
            run_event(open);
        });
        assert_eq!(stream.continued, usize::from(goes), "{what}");
        assert_eq!(replied(&stream).is_none(), goes, "{what}");
    }
}

#[test]
fn questions_follow_one_another_and_each_has_its_own_answer() {
    let envoy = envoy("three", PLAIN);
    let request = call("ask:grpc a 1 deny look|http b 2 shed x|grpc c 3 deny charge");
    let stream = envoy.open(&request, |open| {
        open.request(&request);
        ok(open, 1, b"ok");
        assert_eq!(open.on(|stream| stream.sent.len()), 2);
        // The first question's answer once more is not the second's.
        ok(open, 1, b"ok");
        assert_eq!(open.on(|stream| stream.sent.len()), 2);
        let sent = open.on(|stream| stream.sent[1].clone());
        assert_eq!((&*sent.cluster, &*sent.body), ("b", &b"x"[..]));
        for (name, value) in [(":path", "/ask"), (":authority", "questions"), ("x-question", "yes")]
        {
            assert!(sent.headers.contains(&(name.into(), value.into())), "{name}");
        }
        let head = News::Head(&[(":status", "200"), ("content-type", "text/plain")]);
        answer(open, 2, &[head, News::Piece(b"ok"), News::Complete]);
        assert_eq!(open.on(|stream| (stream.sent.len(), stream.continued)), (3, 0));
        ok(open, 3, b"ok");
    });
    assert_eq!((stream.continued, replied(&stream)), (1, None));
}

#[test]
fn a_stream_that_ends_before_its_answer_loses_nothing() {
    let (envoy, request) = (envoy("left", PLAIN), call(ASKS));
    // In Miri, which takes a thousand times as long, fewer.
    for _ in 0..if cfg!(miri) { 3 } else { 100 } {
        let stream = envoy.open(&request, |open| {
            assert!(!open.request(&request));
            open.hook(Phase::Request, |_, _| tell(open, 1, News::Head(OK)));
        });
        assert_eq!((stream.continued, replied(&stream)), (0, None));
    }
    // It ends, and the event that was asked for comes before its filter goes.
    let stream = envoy.open(&request, |open| {
        open.request(&request);
        open.hook(Phase::Complete, |f, m| unsafe { abi::stream_complete(f, m) });
        ok(open, 1, b"ok");
    });
    assert_eq!((stream.continued, replied(&stream)), (0, None));
    assert!(has_room(&envoy));
}

#[test]
fn trailers_and_pieces_that_come_meanwhile_are_held() {
    let (envoy, request) = (envoy("meanwhile", PLAIN), call(ASKS));
    let stream = envoy.open(&request, |open| {
        open.request(&request);
        let held = open.hook(Phase::Request, |f, m| unsafe {
            (abi::request_body(f, m, false), abi::request_trailers(f, m))
        });
        assert_eq!(held, (1, 1));
        assert_eq!(open.on(|stream| (stream.continued, stream.sent.len())), (0, 1));
    });
    assert_eq!(replied(&stream), None);
    assert!(has_room(&envoy));
}

#[cfg(feature = "test-panics")]
#[test]
fn a_panic_about_an_answer_is_a_500_and_nothing_goes_on() {
    for (hook, reason) in [("scheduled", "panic"), ("http_stream", "counter_contended")] {
        let envoy = Envoy::configure(&format!("panic:{hook}"), ONE, PLAIN).unwrap();
        let request = call(ASKS);
        let stream = envoy.open(&request, |open| {
            assert!(!open.request(&request));
            ok(open, 1, b"ok");
        });
        assert_eq!((stream.continued, replied(&stream)), (0, Some(reason)), "{hook}");
    }
}
