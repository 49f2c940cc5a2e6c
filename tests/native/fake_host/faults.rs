//! Host calls that fail: a refusal or a line in the log, and the VM lives.

use super::host::{fail, fail_times, faults_left, forget_counts, heal, log, metric};
use super::worker::{PLAIN, Worker, holding};
use super::{ONE_A_MINUTE, call};
use crate::corpus::{self, Outcome};

/// The host's status for a value that somebody else has written meanwhile.
const MISMATCH: u32 = 8;

#[test]
fn a_failing_host_call_is_a_refusal_and_the_vm_lives() {
    for (fault, reason) in [
        ("headers", "internal"),
        ("buffer", "internal"),
        ("time", "internal"),
        ("get_shared", "internal"),
        ("set_shared", "internal"),
    ] {
        for status in [1, 2, 3, 7, 9, 10, 12, 99, u32::MAX] {
            // "Not found" is an answer to some questions.
            if status == 1 && ["buffer", "get_shared"].contains(&fault) {
                continue;
            }
            let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
            forget_counts();
            fail(fault, status);
            let outcome = worker.send(&call("a"));
            let expect = serde_json::json!({"code": -32603, "reason": reason});
            assert_eq!(corpus::check(&outcome, &expect), Ok(()), "{fault} {status}");
            heal();
            assert!(matches!(worker.send(&call("a")), Outcome::Forwarded), "{fault} {status}");
        }
    }
}

#[test]
fn a_write_that_never_succeeds_is_a_refusal_not_a_hang() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    fail("set_shared", MISMATCH);
    let outcome = worker.send(&call("a"));
    let expect = serde_json::json!({"status": 200, "code": 503, "reason": "counter_contended"});
    assert_eq!(corpus::check(&outcome, &expect), Ok(()));
    heal();
    assert_eq!(metric("mcp_policy_refused_counter_contended_total"), 1);
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
}

#[test]
fn a_write_is_tried_a_hundred_times_and_no_more() {
    let policy = ONE_A_MINUTE.replace("1/minute", "10/minute");
    let worker = Worker::configure(&policy, PLAIN).unwrap();
    // The first call makes the caller's entry, which takes more writes.
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
    fail_times("set_shared", MISMATCH, 99);
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
    assert_eq!(faults_left("set_shared"), 0);
    fail_times("set_shared", MISMATCH, 1_000);
    let expect = serde_json::json!({"code": 503, "reason": "counter_contended"});
    assert_eq!(corpus::check(&worker.send(&call("a")), &expect), Ok(()));
    assert_eq!(faults_left("set_shared"), 900);
    heal();
    // What was refused was not counted.
    let passed = (0..10).filter(|_| matches!(worker.send(&call("a")), Outcome::Forwarded));
    assert_eq!(passed.count(), 8);
}

#[test]
fn a_reply_that_cannot_be_sent_lets_nothing_through() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    fail("reply", 10);
    assert!(matches!(worker.send(&call("b")), Outcome::Hung));
    heal();
}

#[test]
fn metrics_that_fail_do_not_stop_the_judging() {
    fail("metric", 10);
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
    assert!(matches!(worker.send(&call("b")), Outcome::Replied { .. }));
    heal();
}

#[test]
fn holding_without_envoys_flag_is_named_in_the_log_and_counted() {
    let worker = Worker::configure(&holding(ONE_A_MINUTE), PLAIN).unwrap();
    assert!(matches!(worker.send(&call("a")), Outcome::Hung));
    assert_eq!(metric("mcp_policy_held_without_body_total"), 1);
    let log = log();
    assert!(log.iter().any(|line| line.contains("allow_on_headers_stop_iteration")), "{log:?}");
}
