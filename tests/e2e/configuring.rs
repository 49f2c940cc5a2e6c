//! Policies that Envoy starts with or is handed while it runs.

use mcp_rig::client::http1;
use mcp_rig::gateway::{Gateway, Push};
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::support::{a_day, code, counted, file, passed, safe};

#[tokio::test]
async fn a_bad_policy_stops_envoy_at_start_and_in_validation_with_every_error() {
    let policy = file("tests/data/policies/broken/many_errors.json");
    let lines = file("tests/data/policies/broken/many_errors.txt");
    assert!(lines.lines().count() > 1);
    let builder = || Gateway::builder().policy(policy.as_str());

    for exit in [builder().start_expecting_failure().await, builder().validate().await] {
        assert!(!exit.status.success(), "{}", exit.log);
        for line in lines.lines() {
            assert!(exit.log.contains(&format!("bad policy: {line}\n")), "{line} in {}", exit.log);
        }
    }
}

#[tokio::test]
async fn a_good_policy_passes_validation() {
    let exit = Gateway::builder().policy(a_day(1).to_string()).validate().await;
    assert!(exit.status.success(), "{}", exit.log);
}

#[tokio::test]
async fn every_error_of_a_policy_is_shown_by_validation() {
    let mut checked = 0;
    for name in [
        "args_map",
        "bearer_same_token_for_two",
        "claims_each",
        "condition_incomplete",
        "exempt_paths",
        "rule_types",
        "settings_bounds",
        "unknown_keys_at_each_level",
    ] {
        let policy = file(&format!("tests/data/policies/broken/{name}.json"));
        let lines = file(&format!("tests/data/policies/broken/{name}.txt"));
        let exit = Gateway::builder().policy(policy).validate().await;
        assert!(!exit.status.success(), "{name}: {}", exit.log);
        for line in lines.lines() {
            let line = format!("bad policy: {line}\n");
            assert!(exit.log.contains(&line), "{name}: {line} in {}", exit.log);
            checked += 1;
        }
        let errors = exit.log.matches("bad policy: ").count();
        assert_eq!(errors % lines.lines().count(), 0, "{name}: others in {}", exit.log);
    }
    assert!(checked > 20, "{checked}");
}

#[tokio::test]
async fn a_bad_push_leaves_policy_and_counts_as_they_were() {
    let upstream = Upstream::start().await;
    let gateway = dynamic(a_day(3), &upstream).await;
    assert_eq!(calls(&gateway, 2).await, [true, true]);

    let mut bad = a_day(100);
    bad["tools"]["a"]["limits"][0]["max"] = 0.into();
    bad["defualt"] = "allow".into();
    let Push::Rejected(log) = gateway.push_policy(&bad.to_string()).await else {
        panic!("a bad policy was accepted")
    };
    for path in ["bad policy: /tools/a/limits/0/max: ", "bad policy: /defualt: "] {
        assert!(log.contains(path), "{path} in {log}");
    }

    assert_eq!(calls(&gateway, 2).await, [true, false]);
    assert_eq!(code(&http1::send(gateway.addr(), &safe()).await), 403);
}

#[tokio::test]
async fn a_good_push_changes_the_rules_and_keeps_the_counts() {
    let upstream = Upstream::start().await;
    let gateway = dynamic(a_day(3), &upstream).await;
    assert_eq!(calls(&gateway, 4).await, [true, true, true, false]);

    let mut more = a_day(5);
    more["tools"]["safe"] = json!({});
    more["settings"]["counters"] = json!({ "capacity": 8, "max_entries": 64 });
    assert_eq!(gateway.push_policy(&more.to_string()).await, Push::Accepted);
    assert_eq!(calls(&gateway, 3).await, [true, true, false]);
    assert!(passed(&http1::send(gateway.addr(), &safe()).await));

    assert_eq!(gateway.push_policy(&a_day(4).to_string()).await, Push::Accepted);
    assert_eq!(calls(&gateway, 1).await, [false]);
    assert_eq!(code(&http1::send(gateway.addr(), &safe()).await), 403);

    assert_eq!(gateway.push_policy(&a_day(6).to_string()).await, Push::Accepted);
    assert_eq!(calls(&gateway, 2).await, [true, false]);
}

async fn dynamic(policy: Value, upstream: &Upstream) -> Gateway {
    let policy = policy.to_string();
    let builder = Gateway::builder().policy(policy).upstream(upstream.addr());
    builder.concurrency(2).dynamic().start().await
}

/// Makes that many counted calls; true are those that passed, and the others
/// had the code 429.
async fn calls(gateway: &Gateway, count: usize) -> Vec<bool> {
    let mut outcomes = Vec::new();
    for _ in 0..count {
        let response = http1::send(gateway.addr(), &counted()).await;
        assert!(passed(&response) || code(&response) == 429, "{response:?}");
        outcomes.push(passed(&response));
    }
    outcomes
}
