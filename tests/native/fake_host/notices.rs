//! Notices, on a host whose calls fail, end in any order, or never end.

use super::call;
use super::host::{HOST, HttpCall, fail, forget_counts, heal, log, metric};
use super::worker::{Manner, PLAIN, Worker};
use crate::core::MIDNIGHT;
use crate::corpus::{self, Request};
use serde_json::json;

const POLICY: &str = r#"{
  "version": "1", "default": "deny", "identity": [ { "header": "x-id" } ],
  "tools": { "a": { "action": "require_approval" } },
  "settings": { "approvals": { "path": "/approvals", "approvers": ["boss"], "requests": "100/hour", "wait": 60,
    "notify": { "cluster": "relay", "authority": "relay.internal", "path": "/hook", "key": "0123456789abcdef" } } }
}"#;

const FAILED: &str = "mcp_policy_approvals_notices_failed_total";

fn configured(manner: Manner) -> Worker {
    forget_counts();
    let worker = Worker::configure(POLICY, manner).unwrap();
    HOST.with_borrow_mut(|host| host.http_calls.clear());
    worker
}

/// Makes the `n`th call at a second of the day, which asks for approval.
fn ask(worker: &Worker, n: usize, second: u64) {
    let mut request = Request { at: second, ..call("a") };
    request.headers.push(("x-id".into(), "agent".into()));
    request.body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","arguments":{{"n":{n}}}}}}}"#
    )
    .into_bytes();
    let outcome = worker.send(&request);
    assert_eq!(corpus::check(&outcome, &json!({ "reason": "approval_required" })), Ok(()));
}

fn calls() -> Vec<HttpCall> {
    HOST.with_borrow(|host| host.http_calls.clone())
}

fn ticks() -> bool {
    HOST.with_borrow(|host| host.tick > 0)
}

/// The number of notices that did not come, by the log and by the metric alike.
#[track_caller]
fn failed(before: i64) -> i64 {
    let said = log().iter().filter(|line| line.contains("did not come")).count();
    let counted = metric(FAILED) - before;
    assert_eq!(i64::try_from(said).unwrap(), counted, "{:?}", log());
    counted
}

#[test]
fn a_notice_is_called_from_the_timer_once() {
    let worker = configured(PLAIN);
    let before = metric(FAILED);
    ask(&worker, 1, 0);
    // The stream is over, and nothing was called in its name.
    assert!(calls().is_empty() && ticks());
    worker.tick();
    assert!(!ticks());
    let [only] = &*calls() else { panic!("{:?}", calls()) };
    assert_eq!(only.cluster, "relay");
    assert_eq!(only.headers[1], (":authority".into(), "relay.internal".into()));
    assert!(only.body.starts_with(r#"{"event":"approval_requested","id":"apr_"#), "{only:?}");
    worker.end_call(1, &[(":status", "200"), ("x", "y")]);
    worker.tick();
    ask(&worker, 1, 59);
    worker.tick();
    assert_eq!((calls().len(), failed(before)), (1, 0));
}

#[test]
fn whatever_becomes_of_a_call_the_next_one_is_made() {
    let worker = configured(PLAIN);
    let before = metric(FAILED);
    // Statuses of the host that the SDK hands on; it panics on others.
    for (n, status) in [(0, 2), (1, 10)] {
        fail("http_call", status);
        ask(&worker, n, 0);
        worker.tick();
        heal();
        assert!(calls().is_empty());
    }
    assert_eq!(failed(before), 2);
    let answers: [&[(&str, &str)]; 5] = [
        &[],
        &[(":status", "500")],
        &[("x", "no status")],
        &[(":status", "")],
        &[(":status", "301"), ("location", "http://elsewhere.example")],
    ];
    for (n, answer) in answers.into_iter().enumerate() {
        ask(&worker, 10 + n, 0);
        worker.tick();
        worker.end_call(u32::try_from(n + 1).unwrap(), answer);
        assert_eq!(failed(before), 3 + i64::try_from(n).unwrap(), "{answer:?}");
    }
    // An answer whose headers cannot be read is none.
    ask(&worker, 20, 0);
    worker.tick();
    fail("header", 2);
    worker.end_call(6, &[(":status", "200")]);
    heal();
    assert_eq!((calls().len(), failed(before)), (6, 8));
    // Without a timer it cannot be sent, and is not kept for ever.
    fail("tick", 2);
    for n in 30..50 {
        ask(&worker, n, 0);
    }
    heal();
    assert_eq!(failed(before), 28);
    ask(&worker, 50, 0);
    worker.tick();
    assert_eq!(calls().len(), 7);
}

#[test]
fn sixteen_are_on_the_way_and_in_line_at_most() {
    let worker = configured(PLAIN);
    let before = metric(FAILED);
    for n in 0..20 {
        ask(&worker, n, 0);
    }
    worker.tick();
    assert_eq!((calls().len(), failed(before)), (16, 4));
    ask(&worker, 20, 0);
    assert_eq!(failed(before), 5);
    // They may end in any order.
    for token in [16, 1, 7] {
        worker.end_call(token, &[(":status", "200")]);
    }
    for n in 21..25 {
        ask(&worker, n, 0);
    }
    worker.tick();
    assert_eq!((calls().len(), failed(before)), (19, 6));
}

#[test]
fn an_answer_after_a_push_is_taken_by_the_configuration_that_asked() {
    let worker = configured(PLAIN);
    ask(&worker, 1, 0);
    worker.tick();
    let next = Worker::configure(POLICY, PLAIN).unwrap();
    // The request is known to the next one, and not due before a minute is over.
    ask(&next, 1, 30);
    next.tick();
    assert_eq!(calls().len(), 1);
    worker.end_call(1, &[(":status", "202")]);
    ask(&next, 1, 59);
    next.tick();
    assert_eq!(calls().len(), 1);
    HOST.with_borrow_mut(|host| host.now = MIDNIGHT);
}
