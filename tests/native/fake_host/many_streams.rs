//! Requests whose bodies do not come.

use super::host::forget_counts;
use super::worker::{PLAIN, Worker};
use super::{ONE_A_MINUTE, call};
use crate::corpus::{Outcome, Request};

/// A condition has the filter keep a header of each request.
const NAMING: &str = r#"{"version": "1", "default": "deny", "tools": {"a": {"deny_if":
    [{"conditions": [{"path": "headers.x-team", "op": "eq", "value": "red"}]}]}}}"#;

const IDENTIFIED: &str = r#"{"version": "1", "default": "deny", "identity": [{"header": "x-id"}],
    "tools": {"a": {"deny_if":
    [{"conditions": [{"path": "headers.x-team", "op": "eq", "value": "red"}]}]}}}"#;

fn with(headers: &[(&str, &str)]) -> Request {
    let mut request = call("a");
    for (name, value) in headers {
        request.headers.push(((*name).to_owned(), (*value).to_owned()));
    }
    request
}

/// Opens requests on one connection until one is answered; those that wait, and
/// the status of the answer.
fn fill(
    worker: &Worker,
    request: &Request,
    connection: u64,
    most: usize,
) -> (Vec<u32>, Option<u16>) {
    let mut open = Vec::new();
    while open.len() < most {
        match worker.open_on(connection, request) {
            (stream, None) => open.push(stream),
            (stream, status) => {
                // What was refused holds nothing.
                Worker::close(stream);
                return (open, status);
            }
        }
    }
    (open, None)
}

#[test]
fn one_connection_whose_bodies_do_not_come_locks_no_other_out() {
    forget_counts();
    let worker = Worker::configure(NAMING, PLAIN).unwrap();
    let long = with(&[("x-team", &"t".repeat(16_000))]);
    let (mut open, status) = fill(&worker, &long, 1, usize::MAX);
    assert_eq!(status, Some(503));
    // A third of 64 MiB, about.
    assert!((1_100..1_400).contains(&open.len()), "{}", open.len());
    for connection in 2..10 {
        let (others, status) = fill(&worker, &long, connection, 5);
        assert_eq!((others.len(), status), (5, None));
        others.into_iter().for_each(Worker::close);
    }
    // What comes to its end makes room.
    assert_eq!(worker.open_on(1, &long).1, Some(503));
    Worker::close(open.pop().unwrap());
    let (stream, status) = worker.open_on(1, &long);
    assert_eq!(status, None);
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
    open.into_iter().chain([stream]).for_each(Worker::close);
    let (again, status) = fill(&worker, &long, 1, 1_100);
    assert_eq!((again.len(), status), (1_100, None));
    again.into_iter().for_each(Worker::close);
}

#[test]
fn requests_that_wait_for_their_bodies_cannot_fill_the_memory() {
    forget_counts();
    let worker = Worker::configure(NAMING, PLAIN).unwrap();
    let long = with(&[("x-team", &"t".repeat(16_000))]);
    let mut open = Vec::new();
    // Each connection takes all that it gets.
    for connection in 0..200 {
        open.extend(fill(&worker, &long, connection, usize::MAX).0);
    }
    assert!((2_500..4_000).contains(&open.len()), "{}", open.len());
    open.into_iter().for_each(Worker::close);
}

#[test]
fn the_text_of_a_session_is_not_kept() {
    forget_counts();
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    let session = "s".repeat(4_000);
    let version = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", &*session)];
    let request =
        with(&[&version[..], &[("mcp-name", &session), ("mcp-session-id", &session)]].concat());
    let (open, status) = fill(&worker, &request, 1, 4_000);
    assert_eq!((open.len(), status), (4_000, None));
    open.into_iter().for_each(Worker::close);
}

#[test]
fn callers_without_a_credential_lock_no_caller_out() {
    forget_counts();
    let worker = Worker::configure(IDENTIFIED, PLAIN).unwrap();
    let team = ("x-team", &*"t".repeat(16_000));
    // Of nobody, nothing that conditions name is kept.
    let (open, status) = fill(&worker, &with(&[team]), 1, 4_000);
    assert_eq!((open.len(), status), (4_000, None));
    // A caller who takes all that he gets, on the same connection and others.
    let greedy = with(&[team, ("x-id", "greedy")]);
    let (mut all, status) = fill(&worker, &greedy, 1, usize::MAX);
    assert_eq!(status, Some(503));
    assert_eq!(worker.open_on(2, &greedy).1, Some(503));
    let (honest, status) = fill(&worker, &with(&[team, ("x-id", "honest")]), 1, 100);
    assert_eq!((honest.len(), status), (100, None));
    // Nobody is told what he would be told with a body, too.
    let (more, status) = fill(&worker, &with(&[team]), 2, usize::MAX);
    assert_eq!(status, Some(401));
    all.extend(open);
    all.into_iter().chain(honest).chain(more).for_each(Worker::close);
}

/// A preflight needs no caller, and nothing of it is kept but its contexts.
#[test]
fn requests_that_wait_for_the_end_of_no_body_are_bounded_too() {
    forget_counts();
    let worker = Worker::configure(IDENTIFIED, PLAIN).unwrap();
    let mut preflight = call("a");
    preflight.method = "OPTIONS".to_owned();
    let (open, status) = fill(&worker, &preflight, 1, usize::MAX);
    assert_eq!(status, Some(503));
    assert!((10_000..100_000).contains(&open.len()), "{}", open.len());
    let (others, status) = fill(&worker, &preflight, 2, 5);
    assert_eq!((others.len(), status), (5, None));
    open.into_iter().chain(others).for_each(Worker::close);
}
