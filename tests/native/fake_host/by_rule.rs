//! Metrics by rule: made of the policy alone, at first use, and bounded.

use super::call;
use super::host::{HOST, fail, forget_counts, heal, log, metric};
use super::worker::{PLAIN, Worker};
use crate::corpus::Request;
use serde_json::json;

const CALLS: &str = "mcp_policy_calls_total.";

/// The names of all metrics of rules so far.
fn names() -> Vec<String> {
    let all = HOST.with_borrow(|host| host.metrics.clone());
    let names = all.into_iter().map(|(name, _)| name);
    names.filter_map(|name| Some(name.strip_prefix(CALLS)?.to_owned())).collect()
}

fn count(name: &str) -> i64 {
    metric(&format!("{CALLS}{name}"))
}

#[test]
fn each_rule_has_a_metric_from_its_first_use_on() {
    forget_counts();
    let policy = json!({
        "version": "1",
        "default": "deny",
        "hide": ["hidden"],
        "tools": {
            "a": { "rate_limit": "1/minute" },
            "no_*": { "action": "deny" },
            "checked": { "require": [{ "name": "why", "conditions": [
                { "path": "args.x", "op": "eq", "value": 1 },
            ] }] },
        },
    });
    let worker = Worker::configure(&policy.to_string(), PLAIN).unwrap();
    assert_eq!(names(), [""; 0]);
    for tool in ["a", "a", "a", "no_1", "no_2", "checked", "hidden", "unknown", "unknown2"] {
        worker.send(&call(tool));
    }
    assert_eq!(
        names(),
        [
            "allowed.none./tools/a",
            "denied.rate_limited./tools/a/rate_limit",
            "denied.denied./tools/no_*/action",
            "denied.require./tools/checked/require/why",
            "denied.hidden.other",
            "denied.default_deny.other",
        ]
    );
    assert_eq!(count("allowed.none./tools/a"), 1);
    assert_eq!(count("denied.rate_limited./tools/a/rate_limit"), 2);
    assert_eq!(count("denied.denied./tools/no_*/action"), 2);
    assert_eq!(count("denied.default_deny.other"), 2);
    // What is not a call of a tool has none, and a push makes none anew.
    worker.send(&Request { body: b"{".to_vec(), ..call("a") });
    let worker = Worker::configure(&policy.to_string(), PLAIN).unwrap();
    worker.send(&call("no_3"));
    assert_eq!(names().len(), 6);
    assert_eq!(count("denied.denied./tools/no_*/action"), 3);
}

#[test]
fn a_call_costs_one_count_and_after_the_first_no_definition() {
    forget_counts();
    let policy = r#"{"version": "1", "default": "deny", "tools": {"a": {}}}"#;
    let worker = Worker::configure(policy, PLAIN).unwrap();
    worker.send(&call("a"));
    let all = || HOST.with_borrow(|host| host.metrics.clone());
    let before = all();
    worker.send(&call("a"));
    let after = all();
    assert_eq!(after.len(), before.len());
    let counted: Vec<_> =
        after.iter().zip(&before).filter(|(a, b)| a.1 != b.1).map(|(a, _)| &*a.0).collect();
    assert_eq!(
        counted,
        [
            "mcp_policy_evaluations_total",
            "mcp_policy_passed_total",
            "mcp_policy_allowed_calls_total",
            "mcp_policy_calls_total.allowed.none./tools/a",
        ]
    );
}

#[test]
fn calls_in_shadow_mode_and_by_default_count_too() {
    forget_counts();
    let policy = r#"{"version": "1", "default": "allow", "mode": "shadow",
        "tools": {"no": {"action": "deny"}}}"#;
    let worker = Worker::configure(policy, PLAIN).unwrap();
    worker.send(&call("no"));
    worker.send(&call("yes"));
    assert_eq!(names(), ["shadow.denied./tools/no/action", "allowed.none.other"]);
}

#[test]
fn no_number_of_policies_makes_more_than_a_thousand() {
    forget_counts();
    for push in 0..3 {
        let tools: serde_json::Map<_, _> =
            (0..400).map(|tool| (format!("t{push}_{tool}"), json!({}))).collect();
        let policy = json!({ "version": "1", "default": "deny", "tools": tools });
        let worker = Worker::configure(&policy.to_string(), PLAIN).unwrap();
        for tool in 0..400 {
            worker.send(&call(&format!("t{push}_{tool}")));
        }
        worker.send(&call("t0_0"));
    }
    // With the two that are called `other`.
    assert_eq!(names().len(), 1_002);
    // 200 of the last policy, and under it and the second nothing is called t0_0.
    assert_eq!(count("allowed.none.other"), 200);
    assert_eq!(count("denied.default_deny.other"), 2);
    assert_eq!(count("allowed.none./tools/t0_0"), 2);
}

#[test]
fn a_metric_that_cannot_be_defined_stops_no_call() {
    forget_counts();
    let worker =
        Worker::configure(r#"{"version": "1", "default": "deny", "tools": {"a": {}}}"#, PLAIN);
    let worker = worker.unwrap();
    fail("metric", 10);
    assert!(matches!(worker.send(&call("a")), crate::corpus::Outcome::Forwarded));
    heal();
    assert!(matches!(worker.send(&call("a")), crate::corpus::Outcome::Forwarded));
    assert_eq!(names(), [""; 0]);
}

#[test]
fn rules_in_shadow_are_counted_and_logged_beside_the_one_that_decides() {
    forget_counts();
    let policy = json!({
        "version": "1",
        "default": "deny",
        "tools": {
            "a": { "limits": [
                { "counter": "new", "window": "day", "max": 1, "mode": "shadow" },
                { "counter": "old", "window": "day", "max": 2 },
            ] },
            "a*": { "action": "deny", "mode": "shadow" },
        },
    });
    let worker = Worker::configure(&policy.to_string(), PLAIN).unwrap();
    let before = log().len();
    (0..3).for_each(|_| drop(worker.send(&call("a"))));
    assert_eq!(count("allowed.none./tools/a"), 2);
    assert_eq!(count("shadow.denied./tools/a*/action"), 2);
    assert_eq!(count("shadow.rate_limited./tools/a/limits/new"), 1);
    assert_eq!(count("denied.rate_limited./tools/a/limits/old"), 1);
    assert_eq!(metric("mcp_policy_shadow_denied_denied_total"), 2);
    assert_eq!(metric("mcp_policy_allowed_calls_total"), 2);
    assert_eq!(log().len() - before, 3, "each is a line of the log");
}
