//! Host calls that fail while a response goes through: a hidden name never does.

use super::call;
use super::host::{fail_in_response, heal};
use super::worker::{Manner, Worker, holding};
use crate::corpus::{Outcome, Request, Response};

const HIDING: &str = r#"{"version": "1", "default": "allow", "hide": ["secret_*"],
    "settings": {"max_body_bytes": 300}}"#;

const LIST: &str =
    r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"secret_a"},{"name":"b"}]}}"#;

fn tools_list(headers: &[(&str, &str)], body: &str, trailers: bool) -> Request {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    Request {
        body: br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_vec(),
        response: Some(Response { status: 200, headers, body: body.into(), trailers }),
        ..call("")
    }
}

/// One of each kind that is looked at.
fn lists() -> Vec<Request> {
    let json = ("content-type", "application/json");
    let events = ("content-type", "text/event-stream");
    let event = format!(": ping\n\ndata: {LIST}\n\ndata: {{}}\n\ndata: {LIST}\n\n");
    let long = format!("{LIST}{}", " ".repeat(300));
    let mut lists = Vec::new();
    for trailers in [false, true] {
        lists.push(tools_list(&[json], LIST, trailers));
        lists.push(tools_list(&[json], &long, trailers));
        lists.push(tools_list(&[json, ("content-encoding", "gzip")], LIST, trailers));
        lists.push(tools_list(&[events], &event, trailers));
        lists.push(tools_list(
            &[events],
            &event.replace("data: ", &format!("data:{}", " ".repeat(300))),
            trailers,
        ));
    }
    lists
}

fn workers() -> impl Iterator<Item = (Worker, Manner)> {
    let manners = [false, true]
        .into_iter()
        .flat_map(|holds| [1, 50, usize::MAX].map(|piece| Manner { holds, piece }));
    manners.map(|manner| {
        let policy = if manner.holds { holding(HIDING) } else { HIDING.to_owned() };
        (Worker::configure(&policy, manner).unwrap(), manner)
    })
}

fn names_a_secret(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Forwarded => true,
        Outcome::Replied { body, .. } | Outcome::Cut { body } => {
            String::from_utf8_lossy(body).contains("secret")
        }
        Outcome::Hung => false,
    }
}

#[test]
fn no_failing_host_call_lets_a_hidden_name_through() {
    let calls = ["headers", "buffer", "remove_header", "set_buffer", "metric"];
    for (worker, manner) in workers() {
        for request in lists() {
            let sound = worker.send(&request);
            assert!(matches!(sound, Outcome::Replied { status: 200, .. }), "{sound:?}");
            assert!(!names_a_secret(&sound), "{sound:?}");
            for (call, status) in calls
                .into_iter()
                .flat_map(|call| [1, 2, 3, 7, 10, u32::MAX].map(|status| (call, status)))
            {
                for replies in [true, false] {
                    fail_in_response(call, status);
                    if !replies {
                        fail_in_response("reply", 10);
                    }
                    let outcome = worker.send(&request);
                    heal();
                    let what =
                        format!("{call} {status} {replies} {} {}", manner.holds, manner.piece);
                    assert!(!names_a_secret(&outcome), "{what}: {outcome:?}");
                    let ends = !matches!(outcome, Outcome::Hung);
                    assert!(ends, "{what}: the client waits for ever");
                }
            }
        }
    }
}

#[test]
fn a_response_that_cannot_be_followed_is_ended() {
    for (worker, manner) in workers() {
        for call in ["headers", "buffer", "remove_header", "set_buffer"] {
            for request in lists() {
                fail_in_response(call, 10);
                let outcome = worker.send(&request);
                heal();
                let good = match &outcome {
                    // Nothing failed that this response needed, or it was
                    // answered in its place.
                    Outcome::Replied { status, .. } => [200, 500].contains(status),
                    Outcome::Cut { .. } => {
                        !manner.holds || call == "buffer" || call == "set_buffer"
                    }
                    _ => false,
                };
                assert!(good, "{call} {}: {outcome:?}", manner.holds);
            }
        }
    }
}
