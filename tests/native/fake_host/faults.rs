//! Host calls that fail: a refusal or a line in the log, and the VM lives.

use super::host::{fail, fail_times, faults_left, forget_counts, heal, log, metric};
use super::worker::{Manner, PLAIN, Worker, holding};
use super::{CLOSED, ONE_A_MINUTE, call};
use crate::corpus::{self, Outcome};

/// The host's status for a value that somebody else has written meanwhile.
const MISMATCH: u32 = 8;

/// All that the ABI names, and two that it does not.
fn statuses() -> impl Iterator<Item = u32> {
    (1..=12).chain([99, u32::MAX])
}

/// The reason with which a call is refused while a host call fails so.
fn refusal(call: &str, status: u32) -> &'static str {
    match (call, status) {
        // Nothing found is an empty body.
        ("buffer", 1) => "undecodable",
        // No value is found, and yet none can be made.
        ("get_shared", 1) | ("set_shared", MISMATCH) => "counter_contended",
        _ => "internal",
    }
}

#[test]
fn a_failing_host_call_is_a_refusal_and_the_vm_lives() {
    let policy = ONE_A_MINUTE.replace("1/minute", "2/minute");
    let mut request = call("a");
    request.headers.push(("x-envoy-retry-on".into(), "5xx".into()));
    for manner in [PLAIN, Manner { holds: true, ..PLAIN }] {
        let policy = if manner.holds { holding(&policy) } else { policy.clone() };
        for fault in [
            "headers",
            "remove_header",
            "replace_header",
            "buffer",
            "time",
            "get_shared",
            "set_shared",
        ] {
            for status in statuses() {
                forget_counts();
                let worker = Worker::configure(&policy, manner).unwrap();
                assert!(matches!(worker.send(&request), Outcome::Forwarded));
                fail(fault, status);
                let expect = serde_json::json!({"reason": refusal(fault, status)});
                let outcome = worker.send(&request);
                assert_eq!(corpus::check(&outcome, &expect), Ok(()), "{fault} {status}");
                heal();
                // What was refused was not counted, and what was counted is.
                assert!(matches!(worker.send(&request), Outcome::Forwarded), "{fault} {status}");
                let expect = serde_json::json!({"reason": "rate_limited"});
                let outcome = worker.send(&request);
                assert_eq!(corpus::check(&outcome, &expect), Ok(()), "{fault} {status}");
            }
        }
    }
}

#[test]
fn a_host_that_takes_no_logs_metrics_or_records_has_its_calls_judged() {
    for fault in ["log", "metric", "set_property"] {
        for status in statuses() {
            forget_counts();
            fail(fault, status);
            let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
            assert!(matches!(worker.send(&call("a")), Outcome::Forwarded), "{fault} {status}");
            for (tool, reason) in [("a", "rate_limited"), ("b", "default_deny")] {
                let expect = serde_json::json!({"reason": reason});
                let outcome = worker.send(&call(tool));
                assert_eq!(corpus::check(&outcome, &expect), Ok(()), "{fault} {status}");
            }
            heal();
        }
    }
}

#[test]
fn a_caller_whose_properties_cannot_be_read_is_refused() {
    let sources = [
        r#"{"jwt": {"claim": "sub"}}"#,
        r#"{"jwt": {"claim": "sub", "payload_state": "mcp_policy.jwt_payload"}}"#,
        r#"{"mtls": "uri_san"}"#,
    ];
    let mut request = call("a");
    request.client.claims = vec![("sub".into(), "alice".into())];
    request.client.payload = Some(r#"{"sub":"alice"}"#.into());
    request.client.san = Some("spiffe://alice".into());
    for source in sources {
        let policy = format!(r#"{{"version": "1", "default": "allow", "identity": [{source}]}}"#);
        for status in statuses() {
            let worker = Worker::configure(&policy, PLAIN).unwrap();
            fail("property", status);
            let Outcome::Replied { body, .. } = worker.send(&request) else {
                panic!("{source} {status}")
            };
            let body = String::from_utf8(body).unwrap();
            assert!(body.contains(r#""reason":"no_identity"#), "{source} {status}: {body}");
            heal();
            assert!(matches!(worker.send(&request), Outcome::Forwarded), "{source} {status}");
        }
    }
}

#[test]
fn a_body_whose_size_is_a_lie_is_judged_as_it_is_or_refused() {
    for manner in [PLAIN, Manner { holds: true, piece: 10 }] {
        let policy = if manner.holds { holding(ONE_A_MINUTE) } else { ONE_A_MINUTE.to_owned() };
        let worker = Worker::configure(&policy, manner).unwrap();
        for size in [0, 1, 50, 1 << 20, 1 << 31, usize::MAX] {
            let outcome = worker.send_after(&call("b"), |host| host.told_size = Some(size));
            assert!(matches!(outcome, Outcome::Replied { .. }), "{size}: {outcome:?}");
            assert!(matches!(worker.send(&call("a")), Outcome::Forwarded), "{size}");
            forget_counts();
        }
    }
}

#[test]
fn nothing_passes_under_a_configuration_that_cannot_be_read_or_counted_by() {
    for fault in ["buffer", "get_shared", "set_shared"] {
        for status in statuses() {
            // There is no salt yet, and so it is made.
            if (fault, status) == ("get_shared", 1) {
                continue;
            }
            forget_counts();
            fail(fault, status);
            let log = Worker::configure_closed(ONE_A_MINUTE);
            assert!(log.iter().any(|line| line.starts_with(CLOSED)), "{fault} {status}: {log:?}");
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
    for status in statuses() {
        forget_counts();
        let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
        fail("reply", status);
        assert!(matches!(worker.send(&call("b")), Outcome::Hung), "{status}");
        heal();
        assert!(matches!(worker.send(&call("a")), Outcome::Forwarded), "{status}");
    }
}

#[test]
fn holding_without_envoys_flag_is_named_in_the_log_and_counted() {
    let worker = Worker::configure(&holding(ONE_A_MINUTE), PLAIN).unwrap();
    assert!(matches!(worker.send(&call("a")), Outcome::Hung));
    assert_eq!(metric("mcp_policy_held_without_body_total"), 1);
    let log = log();
    assert!(log.iter().any(|line| line.contains("allow_on_headers_stop_iteration")), "{log:?}");
}
