//! The warnings about requests whose bodies Envoy does not hand over, and their times.

use super::host::{HOST, fail, forget_counts, log};
use super::worker::{PLAIN, Worker, holding};
use super::{ONE_A_MINUTE, call};
use crate::core::MIDNIGHT;

fn ticks() -> bool {
    HOST.with_borrow(|host| host.tick > 0)
}

/// The lines about it so far, after a tick at this second of the day.
fn said_at(worker: &Worker, second: u64) -> usize {
    HOST.with_borrow_mut(|host| host.now = (MIDNIGHT + second) * 1_000_000_000);
    worker.tick();
    log().iter().filter(|line| line.contains("allow_on_headers_stop_iteration: true")).count()
}

#[test]
fn a_request_held_without_its_body_is_said_once_a_minute_while_it_waits() {
    forget_counts();
    let worker = Worker::configure(&holding(ONE_A_MINUTE), PLAIN).unwrap();
    assert!(!ticks());
    let open: Vec<u32> = (0..1_000).map(|_| worker.open_on(1, &call("a")).0).collect();
    assert!(ticks());
    for (second, said) in [(2, 1), (4, 1), (60, 1), (61, 1), (62, 2), (64, 2), (122, 3)] {
        assert_eq!(said_at(&worker, second), said, "{second}");
        assert!(ticks());
    }
    open.into_iter().for_each(Worker::close);
    // Each of them is counted, and the log is not filled.
    assert_eq!(said_at(&worker, 124), 3);
    assert!(!ticks());
}

#[test]
fn a_request_that_has_not_waited_for_a_whole_period_is_not_spoken_of() {
    forget_counts();
    let worker = Worker::configure(&holding(ONE_A_MINUTE), PLAIN).unwrap();
    HOST.with_borrow_mut(|host| host.now = MIDNIGHT * 1_000_000_000);
    let (first, _) = worker.open_on(1, &call("a"));
    let (second, _) = worker.open_on(1, &call("a"));
    // The end of a request is a line too.
    Worker::close(first);
    // The timer began with the first one.
    for (second, said) in [(61, 1), (63, 2)] {
        assert_eq!(said_at(&worker, second), said, "{second}");
    }
    Worker::close(second);
}

#[test]
fn after_the_first_body_no_timer_runs() {
    forget_counts();
    let mut worker = Worker::configure(&holding(ONE_A_MINUTE), PLAIN).unwrap();
    let (waiting, _) = worker.open_on(1, &call("a"));
    assert!(ticks());
    worker.manner.holds = true;
    worker.send(&call("a"));
    assert!(!ticks());
    let (later, _) = worker.open_on(1, &call("a"));
    assert!(!ticks());
    assert_eq!(said_at(&worker, 60), 0);
    [waiting, later].into_iter().for_each(Worker::close);
}

#[test]
fn without_the_setting_or_a_timer_nothing_changes() {
    forget_counts();
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    let (stream, status) = worker.open_on(1, &call("a"));
    assert!(!ticks() && status.is_none());
    Worker::close(stream);
    // A timer that another configuration left behind ends.
    HOST.with_borrow_mut(|host| host.tick = 2_000);
    worker.tick();
    assert!(!ticks());
    fail("tick", 10);
    let worker = Worker::configure(&holding(ONE_A_MINUTE), PLAIN).unwrap();
    let (stream, status) = worker.open_on(1, &call("a"));
    assert!(!ticks() && status.is_none());
    Worker::close(stream);
    assert_eq!(said_at(&worker, 60), 1);
}
