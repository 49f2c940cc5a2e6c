//! Host calls that fail: a refusal or a line in the log, and the VM lives.

use super::host::{fail, forget_counts, heal, log, metric};
use super::worker::{PLAIN, Worker, holding};
use super::{ONE_A_MINUTE, call};
use crate::corpus::{self, Outcome};

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
    fail("set_shared", 8);
    let outcome = worker.send(&call("a"));
    let expect = serde_json::json!({"status": 200, "code": 503, "reason": "counter_contended"});
    assert_eq!(corpus::check(&outcome, &expect), Ok(()));
    heal();
    assert_eq!(metric("mcp_policy_refused_counter_contended_total"), 1);
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
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
