//! Callers without end: what they cost Envoy is bounded.

use std::fs;

use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::json;
use tokio::task::JoinSet;

use crate::flood::Flood;
use crate::support::{body, counted, manager, spread};

/// The number of callers, each with an id of its own; `E2E_CALLERS` sets another number, not
/// below [`WARM_UP`].
const CALLERS: usize = 1_000_000;
/// The number of them that the counter has room for.
const CAPACITY: usize = 5_000;
/// The number of them until Envoy has grown to its size.
const WARM_UP: usize = 200_000;
/// The most that it may grow after that. An entry for each caller would be 40 MB or more, a
/// key for each 120.
const MAX_GROWTH_KB: usize = 4_000;

const CONNECTIONS: usize = 4;

#[tokio::test]
async fn a_million_callers_do_not_make_envoy_grow() {
    let callers = std::env::var("E2E_CALLERS").ok();
    let callers = callers.map_or(CALLERS, |number| number.parse().expect("a number of callers"));
    let upstream = Upstream::start().await;
    let gateway = gateway(&upstream).await;
    let mut floods = Vec::new();
    for _ in 0..CONNECTIONS {
        floods.push(Flood::open(gateway.addr()).await);
    }

    let floods = offer(floods, 0, WARM_UP).await;
    let before = resident_kb(&gateway);
    offer(floods, WARM_UP, callers).await;
    let after = resident_kb(&gateway);

    println!("resident: {before} kB after {WARM_UP} callers, {after} kB after {callers}");
    assert!(after <= before + MAX_GROWTH_KB, "{before} kB, then {after} kB");

    let counts = gateway.counts().await;
    let count =
        |name: &str| counts.get(name).map(|count| usize::try_from(*count).expect("a count"));
    assert_eq!(count("evaluations"), Some(callers), "{counts:?}");
    assert_eq!(count("passed"), Some(CAPACITY), "{counts:?}");
    // Workers that take one of the places at the same time give up after a
    // bounded number of tries; the place goes to a later caller.
    let contended = count("refused_counter_contended").expect("the metric");
    assert!(contended < CAPACITY / 10, "{counts:?}");
    let full = count("refused_counter_full");
    assert_eq!(full, Some(callers - CAPACITY - contended), "{counts:?}");
}

async fn gateway(upstream: &Upstream) -> Gateway {
    let policy = json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-agent-id" }],
        "settings": { "counters": { "capacity": CAPACITY } },
        // The longest window there is, which hardly ends within the test.
        "tools": { "a": { "limits": [{ "counter": "c", "window": 2_678_400, "max": 1 }] } },
    });
    let builder = Gateway::builder().policy(policy.to_string()).upstream(upstream.addr());
    builder
        .concurrency(2)
        // A million lines would be the test of a disk.
        .log_level("warn")
        .edit_listener(|listener| {
            spread(listener);
            manager(listener)["access_log"] = json!([]);
        })
        .start()
        .await
}

/// Calls once for each of the callers with these numbers, over all connections
/// at once.
async fn offer(floods: Vec<Flood>, from: usize, to: usize) -> Vec<Flood> {
    let mut tasks = JoinSet::new();
    for (index, mut flood) in floods.into_iter().enumerate() {
        tasks.spawn(async move {
            let numbers = (from + index..to).step_by(CONNECTIONS);
            let callers = numbers.map(|number| format!("caller-{number:07}"));
            flood.call(&body(&counted()), callers).await;
            flood
        });
    }
    tasks.join_all().await
}

/// The memory that Envoy has of the machine's.
pub fn resident_kb(gateway: &Gateway) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.pid()));
    let status = status.expect("a Linux to read it from");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).expect("a number of kB")
}
