//! Counts by value under load: as many calls for each value as its limit allows, to
//! the call, on any number of workers; and a flood of values, which is its caller's.

use std::collections::BTreeMap;

use mcp_rig::client::Request;
use mcp_rig::gateway::{Gateway, Push};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::flood::Flood;
use crate::support::{answer_alone, body, spread};

const CALLERS: [&str; 3] = ["ann", "bob", "cid"];
const VALUES: [&str; 4] = ["r", "s", "t", "u"];
/// Connections of each caller: more than workers, so that all have some.
const CONNECTIONS: usize = 4;
/// The calls that a value admits of each caller, and of all of them together.
const EACH: usize = 30;
const ALL: usize = 50;
/// The number that a push adds to a limit, to show its count.
const MORE: usize = 5;
/// `settings.counters.values` where the policy does not say.
const MOST: usize = 256;

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_admit_exactly_what_each_value_allows() {
    exactly(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_workers_admit_exactly_what_each_value_allows() {
    exactly(4).await;
}

/// Calls of three callers with four values, which each caller counts for itself under
/// one tool, and all of them together under another.
async fn exactly(workers: u32) {
    let gateway = start(workers, &policy(EACH, ALL)).await;
    admits(&gateway, EACH, ALL).await;
    // The counts are what was admitted: that many more fit, and not one besides.
    let pushed = policy(EACH + MORE, ALL + MORE).to_string();
    assert_eq!(gateway.push_policy(&pushed).await, Push::Accepted);
    admits(&gateway, MORE, MORE).await;
}

/// Makes four times the calls that are admitted, and more.
async fn admits(gateway: &Gateway, each: usize, all: usize) {
    let own = load(gateway, "own", each).await;
    assert_eq!(own.len(), CALLERS.len() * VALUES.len());
    assert!(own.values().all(|admitted| *admitted == each), "{each}: {own:?}");
    let mut shared = BTreeMap::new();
    for ((_, value), admitted) in load(gateway, "shared", all).await {
        *shared.entry(value).or_insert(0) += admitted;
    }
    assert_eq!(shared, VALUES.map(|value| (value, all)).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_values_of_one_caller_fills_nobody_elses_room() {
    const FLOOD: usize = 1_500;
    let gateway = start(2, &policy(1, 1)).await;
    for tool in ["own", "shared"] {
        let mut clients = JoinSet::new();
        for number in 0..CONNECTIONS {
            // Another one brings values at the same time, as many as he may have.
            for (caller, values) in [("flood", FLOOD), ("ann", MOST / CONNECTIONS)] {
                let mut flood = Flood::open(gateway.addr()).await;
                clients.spawn(async move {
                    let mut admitted = 0;
                    for value in 0..values {
                        let value = format!("{caller} {number} {value}");
                        admitted += call(&mut flood, tool, caller, &value, 1).await;
                    }
                    (caller, admitted)
                });
            }
        }
        let mut admitted = BTreeMap::new();
        for (caller, count) in clients.join_all().await {
            *admitted.entry(caller).or_insert(0) += count;
        }
        assert_eq!(admitted, BTreeMap::from([("flood", MOST), ("ann", MOST)]), "{tool}");
    }
    let refused = 2 * (CONNECTIONS * FLOOD - MOST);
    assert_eq!(gateway.count("refused_counter_full").await, Some(refused as u64));
}

fn policy(each: usize, all: usize) -> Value {
    let limit = |counter: &str, max: usize, scope: &str| {
        json!({ "limits": [{ "counter": counter, "window": 2_678_400, "max": max, "scope": scope,
                             "per": ["args.value"] }] })
    };
    json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-agent-id" }],
        "tools": { "own": limit("own", each, "grant"), "shared": limit("shared", all, "global") },
        "settings": { "hold_request_headers": true, "audit_log": "off" },
    })
}

async fn start(workers: u32, policy: &Value) -> Gateway {
    let builder = Gateway::builder().policy(policy.to_string()).hold_request_headers(true);
    let builder = builder.edit_listener(answer_alone).edit_listener(spread);
    builder.concurrency(workers).dynamic().start().await
}

/// Makes this many calls, a hundred at a time; what was admitted.
async fn call(flood: &mut Flood, tool: &str, caller: &str, value: &str, calls: usize) -> usize {
    let request = Request::tool_call(1, tool, &json!({ "value": value }).to_string());
    flood.call(&body(&request), (0..calls).map(|_| caller.to_owned())).await.admitted
}

/// Makes as many calls for each value on every connection of every caller at once; what
/// was admitted of each caller and value.
async fn load(
    gateway: &Gateway,
    tool: &'static str,
    calls: usize,
) -> BTreeMap<(&'static str, &'static str), usize> {
    let mut clients = JoinSet::new();
    for caller in CALLERS {
        for number in 0..CONNECTIONS {
            let mut flood = Flood::open(gateway.addr()).await;
            clients.spawn(async move {
                let mut admitted = Vec::new();
                // Each begins with another value, and comes to all of them.
                for value in VALUES.iter().cycle().skip(number).take(VALUES.len()) {
                    let count = call(&mut flood, tool, caller, value, calls).await;
                    admitted.push(((caller, *value), count));
                }
                admitted
            });
        }
    }
    let mut admitted = BTreeMap::new();
    for (key, count) in clients.join_all().await.concat() {
        *admitted.entry(key).or_insert(0) += count;
    }
    admitted
}
