//! Requests whose bodies do not come.

use super::host::forget_counts;
use super::worker::{PLAIN, Worker};
use super::{ONE_A_MINUTE, call};
use crate::corpus::Outcome;

#[test]
fn requests_that_wait_for_their_bodies_cannot_fill_the_memory() {
    forget_counts();
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    let mut request = call("a");
    request.headers.push(("mcp-session-id".into(), "s".repeat(4_000)));
    let mut open = Vec::new();
    let refused = loop {
        match worker.open(&request) {
            (stream, false) => open.push(stream),
            (stream, true) => break stream,
        }
    };
    assert!((10_000..20_000).contains(&open.len()), "{}", open.len());
    // Nothing that was refused counts, and what comes to its end makes room.
    Worker::close(refused);
    assert!(matches!(worker.send(&request), Outcome::Replied { status: 500, .. }));
    Worker::close(open.remove(0));
    assert!(matches!(worker.send(&request), Outcome::Forwarded));
    open.into_iter().for_each(Worker::close);
    let (stream, answered) = worker.open(&request);
    assert!(!answered);
    Worker::close(stream);
}
