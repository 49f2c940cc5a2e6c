//! Header maps that no client can send, or that few do: not UTF-8, repeated,
//! very long, cut off, with lengths that lie.
//!
//! Whatever they are, a denied call is refused with a reason, nothing hangs,
//! and the next request is judged as ever.

use super::call;
use super::host::{Lines, REQUEST_HEADERS, serialise};
use super::worker::{Manner, PLAIN, Worker, holding};
use crate::corpus::{Outcome, Request};
use crate::random::Random;

/// `a` is allowed to callers that name themselves.
const POLICY: &str = r#"{"version": "1", "default": "deny", "tools": {"a": {}},
    "identity": [{"header": "x-agent-id"}]}"#;

/// Names that somebody on the way to the tool gives a meaning.
const NAMES: [&str; 22] = [
    ":authority",
    ":method",
    ":path",
    ":scheme",
    "accept",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "origin",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-agent-id",
    "x-envoy-retry-on",
];

fn with_caller(tool: &str) -> Request {
    let mut request = call(tool);
    request.headers.push(("x-agent-id".into(), "alice".into()));
    request
}

/// Sends a call while the lines are changed, and then once more as it should be.
fn send(worker: &Worker, tool: &str, change: impl Fn(&mut Lines)) -> Outcome {
    let outcome = worker.send_after(&with_caller(tool), |host| {
        change(host.maps.get_mut(&REQUEST_HEADERS).unwrap());
    });
    assert_judges(worker);
    outcome
}

/// Sends a call while the host hands over these bytes for the headers.
fn send_damaged(worker: &Worker, tool: &str, bytes: Vec<u8>) -> Outcome {
    let outcome = worker.send_after(&with_caller(tool), |host| host.damaged_headers = Some(bytes));
    assert_judges(worker);
    outcome
}

fn assert_judges(worker: &Worker) {
    assert!(matches!(worker.send(&with_caller("a")), Outcome::Forwarded));
    assert_reason(&worker.send(&with_caller("b")), "default_deny", "afterwards");
}

#[track_caller]
fn assert_reason(outcome: &Outcome, reason: &str, what: &str) {
    let Outcome::Replied { body, .. } = outcome else { panic!("{what}: {outcome:?}") };
    let body = String::from_utf8_lossy(body);
    assert!(body.contains(&format!(r#""reason":"{reason}""#)), "{what}: {body}");
}

/// Asserts a refusal that says why.
#[track_caller]
fn assert_refused(outcome: &Outcome, what: &str) {
    let Outcome::Replied { status, body, .. } = outcome else { panic!("{what}: {outcome:?}") };
    let body = String::from_utf8_lossy(body);
    assert!(*status >= 200 && body.contains(r#""reason":""#), "{what}: {status} {body}");
}

fn workers() -> [Worker; 2] {
    [
        Worker::configure(POLICY, PLAIN).unwrap(),
        Worker::configure(&holding(POLICY), Manner { holds: true, ..PLAIN }).unwrap(),
    ]
}

/// The request's own lines, as the host has them.
fn lines() -> Lines {
    let pairs = [(":method", "POST"), (":path", "/mcp"), ("accept", "application/json")];
    let pairs = pairs.into_iter().chain([("x-agent-id", "alice")]);
    pairs.map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn values_that_are_not_utf_8_open_no_way() {
    let values: [&[u8]; 6] = [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"a\xfe", b"\x80/mcp", b"\0"];
    for worker in workers() {
        for (name, value) in NAMES.iter().flat_map(|name| values.map(|value| (name, value))) {
            let what = format!("{name} {value:?}");
            // Instead of the line that is there, and beside it.
            for instead in [true, false] {
                let denied = send(&worker, "b", |lines| {
                    if instead {
                        lines.retain(|(other, _)| other != name.as_bytes());
                    }
                    lines.push((name.as_bytes().into(), value.into()));
                });
                // A body that is not judged does not go on under any method.
                assert!(matches!(denied, Outcome::Replied { .. }), "{what}: {denied:?}");
            }
        }
        let nobody = send(&worker, "a", |lines| {
            lines.retain(|(name, _)| name != b"x-agent-id");
            lines.push((b"x-agent-id".into(), b"\xff".into()));
        });
        assert_reason(&nobody, "no_identity", "a caller that is no text");
    }
}

#[test]
fn repeated_lines_of_every_kind_open_no_way() {
    for worker in workers() {
        for name in NAMES {
            for values in [["", ""], ["a", "b"], ["0", "1"], ["*/*", "application/json"]] {
                let denied = send(&worker, "b", |lines| {
                    lines.extend(values.map(|value| (name.into(), value.into())));
                });
                assert!(matches!(denied, Outcome::Replied { .. }), "{name}: {denied:?}");
            }
        }
        let two = send(&worker, "a", |lines| lines.push((b"x-agent-id".into(), b"bob".into())));
        assert_reason(&two, "no_identity", "two callers");
    }
}

#[test]
fn headers_at_envoys_bounds_and_beyond_are_judged() {
    // Envoy takes 100 lines and 60 KiB unless it is told otherwise, which it
    // can be up to 8 MiB.
    let many = |count: usize, length: usize| {
        move |lines: &mut Lines| {
            let line = |index| (format!("x-{index}").into_bytes(), vec![b'v'; length]);
            lines.extend((0..count).map(line));
        }
    };
    for worker in workers() {
        for (count, length) in [(96, 0), (96, 600), (1, 60 * 1024), (10_000, 10), (8, 1 << 20)] {
            let what = format!("{count} of {length}");
            let allowed = send(&worker, "a", many(count, length));
            assert!(matches!(allowed, Outcome::Forwarded), "{what}: {allowed:?}");
            assert_reason(&send(&worker, "b", many(count, length)), "default_deny", &what);
        }
        let long = |lines: &mut Lines| lines.push((vec![b'n'; 60 * 1024], b"v".into()));
        assert!(matches!(send(&worker, "a", long), Outcome::Forwarded));
    }
}

#[test]
fn maps_that_are_cut_off_are_refused() {
    let whole = serialise(&lines());
    for worker in workers() {
        for end in 1..whole.len() {
            let outcome = send_damaged(&worker, "a", whole[..end].to_vec());
            assert_reason(&outcome, "internal", &format!("{end} bytes"));
        }
        assert!(matches!(send_damaged(&worker, "a", whole.clone()), Outcome::Forwarded));
    }
}

#[test]
fn maps_whose_numbers_lie_open_no_way() {
    let whole = serialise(&lines());
    let numbers = 4 + 8 * lines().len();
    for worker in workers() {
        for at in (0..numbers).step_by(4) {
            for lie in [0, 1, 5, 1 << 16, 1 << 29, 1 << 31, u32::MAX - 1, u32::MAX] {
                let mut bytes = whole.clone();
                bytes[at..at + 4].copy_from_slice(&u32::to_le_bytes(lie));
                assert_refused(&send_damaged(&worker, "b", bytes), &format!("{lie} at {at}"));
            }
        }
    }
}

#[test]
fn maps_of_any_bytes_open_no_way() {
    let whole = serialise(&lines());
    let mut random = Random::new(8);
    for worker in workers() {
        for round in 0..3_000 {
            let mut bytes = whole.clone();
            for _ in 0..=random.below(6) {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.below(256) as u8;
            }
            let outcome = send_damaged(&worker, "b", bytes);
            assert!(matches!(outcome, Outcome::Replied { .. }), "{round}: {outcome:?}");
        }
    }
}
