//! The counts that limits keep when another policy is pushed, and those that start afresh.

use mcp_rig::client::http1;
use mcp_rig::gateway::{Gateway, Push};
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::support::{a_day, code, counted, passed};

/// A change to a policy.
type Change = fn(&mut Value);

async fn gateway(upstream: &Upstream) -> Gateway {
    let policy = identified().to_string();
    Gateway::builder().policy(policy).upstream(upstream.addr()).dynamic().start().await
}

/// [`a_day`] with one call, for callers by their header.
fn identified() -> Value {
    let mut policy = a_day(1);
    policy["identity"] = json!([{ "header": "x-agent-id" }]);
    policy
}

fn limit(policy: &mut Value) -> &mut Value {
    &mut policy["tools"]["a"]["limits"][0]
}

/// Whether a call of this caller is admitted; if not, by its limit.
async fn admitted(gateway: &Gateway, caller: &str) -> bool {
    let response = http1::send(gateway.addr(), &counted().header("x-agent-id", caller)).await;
    assert!(passed(&response) || code(&response) == 429, "{response:?}");
    passed(&response)
}

async fn push(gateway: &Gateway, change: Change) {
    let mut policy = identified();
    change(&mut policy);
    assert_eq!(gateway.push_policy(&policy.to_string()).await, Push::Accepted);
}

#[tokio::test]
async fn a_push_that_leaves_the_counter_as_it_is_keeps_its_count() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    assert!(admitted(&gateway, "alice").await);
    let changes: [(&str, Change); 6] = [
        ("text", |policy| policy["description"] = "another".into()),
        ("other tools", |policy| policy["tools"]["b"] = json!({})),
        ("capacity", |policy| policy["settings"]["counters"]["capacity"] = 100.into()),
        ("max_entries", |policy| policy["settings"]["counters"]["max_entries"] = 100.into()),
        ("on_deny", |policy| limit(policy)["on_deny"] = "Enough.".into()),
        ("86,400 seconds", |policy| limit(policy)["window"] = 86_400.into()),
    ];
    for (what, change) in changes {
        push(&gateway, change).await;
        assert!(!admitted(&gateway, "alice").await, "{what}");
    }
    push(&gateway, |policy| limit(policy)["max"] = 2.into()).await;
    assert!(admitted(&gateway, "alice").await);
    assert!(!admitted(&gateway, "alice").await);
    assert!(admitted(&gateway, "bob").await);
}

#[tokio::test]
async fn a_push_that_changes_what_is_counted_starts_afresh() {
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    assert!(admitted(&gateway, "alice").await);
    let changes: [(&str, Change); 5] = [
        ("counter", |policy| limit(policy)["counter"] = "another".into()),
        ("window", |policy| limit(policy)["window"] = 2_678_400.into()),
        ("scope", |policy| limit(policy)["scope"] = "global".into()),
        ("algorithm", |policy| limit(policy)["algorithm"] = "sliding".into()),
        ("body", |policy| {
            policy["grants"]["alice"] = json!({ "default": "deny", "tools": policy["tools"] });
        }),
    ];
    for (what, change) in changes {
        push(&gateway, change).await;
        assert!(admitted(&gateway, "alice").await, "{what}");
        assert!(!admitted(&gateway, "alice").await, "{what}");
        // Back at the first, whose count is still there.
        push(&gateway, |_| {}).await;
        assert!(!admitted(&gateway, "alice").await, "{what}");
    }
}
