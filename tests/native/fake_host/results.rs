//! Answers that are too long: of 31 MB, neither the client nor the memory of the VM gets
//! more than the bound and a piece.

use super::call;
use super::host::{HOST, fail_in_response, heal, log, metric, removed};
use super::worker::{Manner, Worker, holding};
use crate::corpus::{Outcome, Request, Response};

const BOUND: usize = 100_000;
const PIECE: usize = 65_536;
const HUGE: usize = 31 << 20;

const POLICY: &str = r#"{"version": "1", "default": "deny",
    "tools": {"a": {"max_result_bytes": 100000}, "free": {},
              "tried": {"mode": "shadow", "max_result_bytes": 10}},
    "settings": {"audit_log": "denied"}}"#;

const SETTINGS: &str =
    r#"{"version": "1", "default": "allow", "settings": {"max_result_bytes": 100000}}"#;

fn worker(policy: &str, holds: bool) -> Worker {
    let policy = if holds { holding(policy) } else { policy.to_owned() };
    Worker::configure(&policy, Manner { holds, piece: PIECE }).unwrap()
}

/// A response of that many bytes behind `start`; without its length if it has trailers.
fn response(headers: &[(&str, &str)], start: &str, bytes: usize, trailers: bool) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    let body = [start.as_bytes(), &vec![b'x'; bytes]].concat();
    Response { status: 200, headers, body, trailers }
}

fn answered(request: Request, response: Response) -> Request {
    Request { response: Some(response), ..request }
}

fn get() -> Request {
    Request { method: "GET".into(), body: Vec::new(), ..call("") }
}

/// The outcome for a client, and the bytes of the response that the VM was lent: all
/// together, and the most at once.
fn send(worker: &Worker, request: &Request) -> (Outcome, (usize, usize)) {
    HOST.with_borrow_mut(|host| host.lent = (0, 0));
    let outcome = worker.send(request);
    (outcome, HOST.with_borrow(|host| host.lent))
}

fn is_error(body: &[u8], rule: &str) -> bool {
    let text = String::from_utf8_lossy(body);
    text.contains(r#""reason":"result_too_large""#) && text.contains(rule)
}

const JSON: (&str, &str) = ("content-type", "application/json");
const EVENTS: (&str, &str) = ("content-type", "text/event-stream");
const GZIP: (&str, &str) = ("content-encoding", "gzip");
const RULE: &str = "/tools/a/max_result_bytes";

#[test]
fn a_huge_answer_is_an_error_and_not_looked_at() {
    for holds in [false, true] {
        let worker = worker(POLICY, holds);
        for (headers, trailers) in
            [(&[JSON][..], false), (&[JSON], true), (&[JSON, GZIP], false), (&[GZIP], false)]
        {
            let request = answered(call("a"), response(headers, "", HUGE, trailers));
            let (outcome, lent) = send(&worker, &request);
            let Outcome::Replied { status: 200, body, .. } = outcome else { panic!("{outcome:?}") };
            assert!(is_error(&body, RULE) && body.starts_with(br#"{"jsonrpc":"2.0","id":1,"#));
            assert_eq!(lent, (0, 0), "{headers:?} {trailers} {holds}");
        }
        // A compressed head can be followed by nothing else.
        let request = answered(call("a"), response(&[JSON, GZIP], "", HUGE, true));
        let (outcome, lent) = send(&worker, &request);
        match (holds, outcome) {
            (true, Outcome::Replied { body, .. }) => assert!(is_error(&body, RULE)),
            (false, Outcome::Cut { body }) => assert!(body.is_empty()),
            (_, outcome) => panic!("{outcome:?}"),
        }
        assert_eq!(lent, (0, 0));
    }
}

#[test]
fn a_huge_event_is_an_error_and_held_up_to_the_bound() {
    for holds in [false, true] {
        let worker = worker(POLICY, holds);
        for trailers in [false, true] {
            let start = "data: 1\n\nid: 2\ndata: ";
            let response = response(&[EVENTS], start, HUGE, trailers);
            let (outcome, (all, most)) = send(&worker, &answered(call("a"), response));
            let Outcome::Replied { status: 200, body, .. } = outcome else { panic!("{outcome:?}") };
            assert!(is_error(&body, RULE) && body.ends_with(b"}}}\n\n"));
            assert!(body.starts_with(b"data: 1\n\nid: 2\ndata: {") && body.len() < 500);
            assert!(most <= PIECE && all <= BOUND + PIECE, "{all} {most}");
        }
    }
}

#[test]
fn a_stream_for_all_is_broken_off_behind_the_error() {
    for holds in [false, true] {
        let worker = worker(SETTINGS, holds);
        let long = response(&[EVENTS], "data: 1\n\ndata: ", HUGE, false);
        let (outcome, (all, _)) = send(&worker, &answered(get(), long));
        let Outcome::Cut { body } = outcome else { panic!("{outcome:?}") };
        assert!(body.starts_with(b"data: 1\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":null,"));
        assert!(is_error(&body, "/settings/max_result_bytes") && body.len() < 500);
        assert!(all <= BOUND + PIECE, "{all}");

        // Of what is compressed no event is seen.
        let long = response(&[EVENTS, GZIP], "", HUGE, false);
        for request in [get(), call("x")] {
            let (outcome, lent) = send(&worker, &answered(request, long.clone()));
            let Outcome::Cut { body } = outcome else { panic!("{outcome:?}") };
            assert!(body.len() <= BOUND && body.iter().all(|byte| *byte == b'x'));
            assert_eq!(lent, (0, 0));
        }
        let short = response(&[EVENTS, GZIP], "", BOUND, false);
        let (outcome, lent) = send(&worker, &answered(get(), short));
        assert!(matches!(outcome, Outcome::Forwarded), "{outcome:?}");
        assert_eq!(lent, (0, 0));
    }
}

#[test]
fn a_bounded_answer_is_asked_for_uncompressed() {
    const FREE: &str = r#"{"version": "1", "default": "allow"}"#;
    for holds in [false, true] {
        for (policy, expected) in [(POLICY, true), (SETTINGS, true), (FREE, false)] {
            let worker = worker(policy, holds);
            let mut request = call("a");
            request.headers.push(("accept-encoding".into(), "gzip".into()));
            let outcome = worker.send(&request);
            assert!(matches!(outcome, Outcome::Forwarded), "{outcome:?}");
            assert_eq!(removed().contains(&"accept-encoding".to_owned()), expected);
            // A request that asks for nothing is not touched.
            worker.send(&call("a"));
            assert_eq!(removed(), [""; 0]);
        }
        let mut stream = get();
        stream.headers.push(("accept-encoding".into(), "gzip".into()));
        worker(SETTINGS, holds).send(&stream);
        assert_eq!(removed(), ["accept-encoding"]);
    }
}

#[test]
fn an_answer_without_a_bound_is_not_touched() {
    let worker = worker(POLICY, true);
    for headers in [JSON, EVENTS] {
        for request in [call("free"), get()] {
            let request = answered(request, response(&[headers], "", HUGE, false));
            let before = HOST.with_borrow(|host| host.made.clone());
            let (outcome, lent) = send(&worker, &request);
            assert!(matches!(outcome, Outcome::Forwarded));
            assert_eq!(lent, (0, 0));
            let made = HOST.with_borrow(|host| host.made.clone());
            let more = |call| made.get(call).unwrap_or(&0) - before.get(call).unwrap_or(&0);
            assert_eq!((more("headers"), more("remove_header"), more("set_buffer")), (1, 0, 0));
        }
    }
}

#[test]
fn a_refused_answer_is_counted_and_recorded_once() {
    let worker = worker(POLICY, true);
    let id = ("x-request-id".to_owned(), "r-1".to_owned());
    let mut request = answered(call("a"), response(&[JSON], "", HUGE, false));
    request.headers.push(id);
    worker.send(&request);
    let records = || log().into_iter().filter(|line| line.contains("mcp-policy-audit "));
    let record = records().next().expect("a record");
    for part in [
        r#"{"decision":"denied","reason":"result_too_large","rule":"/tools/a/max_result_bytes","#,
        r#""method":"tools/call","tool":"a","request_id":"r-1","#,
        r#""message":"The result of a is longer than 100000 bytes"#,
    ] {
        assert!(record.contains(part), "{part} in {record}");
    }
    assert_eq!(records().count(), 1);
    let state = HOST.with_borrow(|host| host.result_state.clone());
    assert!(record.ends_with(&state) && !state.is_empty(), "{state}");
    assert_eq!(metric("mcp_policy_refused_result_too_large_total"), 1);
    assert_eq!(metric(&format!("mcp_policy_calls_total.denied.result_too_large.{RULE}")), 1);
    assert_eq!(metric("mcp_policy_evaluations_total"), 1);
    assert_eq!(metric("mcp_policy_passed_total"), 1);

    let events = response(&[EVENTS], "data: 11111111111\n\ndata: 2\n\ndata: ", 200, false);
    let outcome = worker.send(&answered(call("tried"), events));
    assert!(matches!(outcome, Outcome::Forwarded), "{outcome:?}");
    let record = records().next_back().expect("a record");
    let shadow = r#"{"decision":"shadow","reason":"result_too_large","rule":"/tools/tried/max_"#;
    assert!(record.contains(shadow), "{record}");
    assert_eq!(records().count(), 2);
    assert_eq!(metric("mcp_policy_shadow_denied_result_too_large_total"), 1);
    assert_eq!(metric("mcp_policy_refused_result_too_large_total"), 1);
}

#[test]
fn no_failing_host_call_lets_a_long_answer_through() {
    let calls = ["headers", "buffer", "remove_header", "set_buffer", "metric", "set_property"];
    for holds in [false, true] {
        let worker = worker(POLICY, holds);
        for trailers in [false, true] {
            for headers in [&[JSON][..], &[JSON, GZIP], &[EVENTS], &[EVENTS, GZIP]] {
                let response = response(headers, "", 4 * BOUND, trailers);
                let request = answered(call("a"), response);
                for call in calls {
                    for replies in [true, false] {
                        fail_in_response(call, 10);
                        if !replies {
                            fail_in_response("reply", 10);
                        }
                        let outcome = worker.send(&request);
                        heal();
                        let long = match &outcome {
                            Outcome::Forwarded | Outcome::Hung => true,
                            Outcome::Replied { body, .. } | Outcome::Cut { body } => {
                                body.len() > BOUND
                            }
                        };
                        assert!(!long, "{call} {replies} {holds} {headers:?}: {outcome:?}");
                    }
                }
            }
        }
    }
}
