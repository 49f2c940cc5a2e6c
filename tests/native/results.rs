//! Responses whose size has a bound.

use mcp_policy_filter::exchange::listing::{BodyStep, HeadStep, Listing};
use mcp_policy_filter::exchange::reply::Reply;
use mcp_policy_filter::simulate::{Body, Ending, Gateway, Outcome, Received, pairs};

fn gateway(holds: bool, more: &str) -> Gateway {
    let settings = format!(r#""hold_request_headers": {holds}{more}"#);
    let policy = format!(
        r#"{{"version": "1", "default": "allow",
            "tools": {{"x": {{"max_result_bytes": 10}}}}, "settings": {{{settings}}}}}"#
    );
    Gateway::new(&policy).unwrap()
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}}"#;

/// The response to [`CALL`], in pieces of this size.
fn receive(gateway: &Gateway, headers: &[(&str, &str)], body: &str, size: usize) -> Received {
    let mut sent = gateway.post(CALL).unwrap();
    assert!(matches!(sent.outcome, Outcome::WentOn(_)));
    let listing = sent.exchange.listing().expect("it is watched");
    let body = Body { bytes: body.as_bytes(), sizes: &[size], ending: Ending::Last };
    gateway.host().receive(listing, pairs(headers), &body)
}

#[test]
fn a_response_is_held_only_where_an_error_may_have_to_take_its_place() {
    let json = ("content-type", "application/json");
    let events = ("content-type", "text/event-stream");
    let gzip = ("content-encoding", "gzip");
    let length = ("content-length", "10");
    for holds in [false, true] {
        let gateway = gateway(holds, "");
        for (headers, head) in [
            (&[json][..], "Hold"),
            (&[json, gzip], "Hold"),
            (&[], "Hold"),
            (&[json, length], "Pass"),
            (&[json, ("content-length", "x")], "Hold"),
            (&[events], "Stream"),
            (&[events, gzip], "Pass"),
            (&[events, json], "Hold"),
        ] {
            let received = receive(&gateway, headers, "0123456789", 3);
            assert_eq!(format!("{:?}", received.head), head, "{headers:?}");
            assert_eq!(received.body, b"0123456789", "{headers:?}");
        }
        let long = receive(&gateway, &[json, ("content-length", "11")], "0123456789A", 3);
        assert!(matches!(long.head, HeadStep::Refuse(Reply { status: 200, .. })), "{long:?}");
    }
}

#[test]
fn a_body_that_is_longer_than_it_says_is_broken_off() {
    let length = ("content-length", "10");
    for holds in [false, true] {
        let received = receive(&gateway(holds, ""), &[length], "0123456789A", 10);
        assert!(received.is_cut && received.body == b"0123456789", "{received:?}");
    }
}

#[test]
fn records_are_made_once() {
    let gateway = gateway(true, r#", "max_result_bytes": 5"#);
    let mut sent = gateway.post(CALL).unwrap();
    let listing = sent.exchange.listing().unwrap();
    let long = Body::whole(b"data: 1\n\ndata: 012345\n\n");
    gateway.host().receive(listing, pairs(&[("content-type", "text/event-stream")]), &long);
    let told = |listing: &Listing| {
        let told = listing.records().map(|(record, _)| record.rule.to_owned());
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(listing), ["/tools/x/max_result_bytes"]);
    assert_eq!(told(listing), [""; 0]);
}

#[test]
fn an_event_that_is_too_long_is_an_error_for_those_without_an_answer() {
    const BATCH: &str = r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"}},
        {"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"x"}}]"#;
    let policy = r#"{"version": "1", "default": "allow",
        "tools": {"x": {"max_result_bytes": 60}}, "settings": {"batches": "judge"}}"#;
    let gateway: Gateway = Gateway::new(policy).unwrap();
    let long = format!("data: {}", "x".repeat(60));
    for (before, first, second) in [
        ("", true, true),
        ("data: {\"id\":1,\"result\":{}}\n\n", false, true),
        ("data: {\"id\":1,\ndata: \"error\":{}}\n\n", false, true),
        ("data: {\"id\":1,\"method\":\"ping\"}\n\n", true, true),
        ("data: {\"id\":\"1\",\"result\":{}}\n\n", true, true),
        ("data: [{\"id\":1,\"result\":{}},{\"id\":\"b\",\"error\":{}}]\n\n", false, false),
    ] {
        for size in [1, 7, 1_000] {
            let mut sent = gateway.post(BATCH).unwrap();
            let listing = sent.exchange.listing().expect("it is watched");
            let bytes = [before, &long].concat();
            let body = Body { bytes: bytes.as_bytes(), sizes: &[size], ending: Ending::Last };
            let headers = [("content-type", "text/event-stream")];
            let received = gateway.host().receive(listing, pairs(&headers), &body);
            let text = String::from_utf8(received.body).unwrap();
            let errors = text.strip_prefix(before).expect("it passed");
            let has = |id: &str| errors.contains(&format!(r#""id":{id},"error""#));
            assert_eq!((has("1"), has("\"b\"")), (first, second), "{before} {size} {text}");
        }
    }
}

#[test]
fn an_answer_that_came_before_its_call_is_bounded_as_one_that_comes_after() {
    let gateway = gateway(false, "");
    let (no, json) = ((":status", "403"), ("content-type", "text/plain"));
    for (size, passes) in [(10, true), (11, false)] {
        let mut sent = gateway.post(CALL).unwrap();
        let listing = sent.exchange.listing().expect("it is watched");
        let head = listing.before_its_request(pairs(&[no, json]), false);
        assert!(matches!(head, Some(HeadStep::Pass)), "{head:?}");
        let body = listing.body(gateway.host().policy, size, false);
        assert_eq!(body == BodyStep::Pass, passes, "{body:?}");
    }
    for status in ["101", "200", "204", "600"] {
        let mut sent = gateway.post(CALL).unwrap();
        let listing = sent.exchange.listing().expect("it is watched");
        let head = listing.before_its_request(pairs(&[(":status", status)]), false);
        assert!(head.is_none(), "{status}");
    }
}
