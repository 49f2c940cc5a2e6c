//! One count in several workers.

use mcp_rig::client::http1::Connection;
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::seen;
use crate::support::{a_day, code, counted, passed, reason, spread};

const WORKERS: u32 = 4;
const CLIENTS: usize = 8;
const CALLS: usize = 200;
const MAX: usize = 1_000;

#[tokio::test]
async fn eight_clients_on_four_workers_get_exactly_a_thousand_calls() {
    exactly_max(a_day(MAX as u64)).await;
}

#[tokio::test]
async fn several_limits_on_each_call_admit_exactly_the_smallest() {
    let mut policy = a_day(MAX as u64);
    policy["tools"]["a"]["limits"] = json!([
        { "counter": "calls", "window": "day", "max": MAX, "scope": "grant" },
        { "counter": "more", "window": "hour", "max": 2 * MAX },
    ]);
    policy["all_tools"]["limits"] = json!([
        { "counter": "all", "window": "day", "max": 3 * MAX, "scope": "global" },
    ]);
    exactly_max(policy).await;
}

#[tokio::test]
async fn what_one_worker_counts_another_knows() {
    let upstream = Upstream::start().await;
    let gateway = workers(a_day(1), &upstream).await;
    // All open at once, so that each worker gets some of them.
    let mut connections = Vec::new();
    for _ in 0..CLIENTS {
        connections.push(Connection::open(gateway.addr()).await);
    }
    let mut outcomes = Vec::new();
    for connection in &mut connections {
        outcomes.push(passed(&connection.send(&counted()).await));
    }
    assert_eq!(outcomes, [[true].as_slice(), &[false; CLIENTS - 1]].concat());
    assert_all_workers_served(&gateway).await;
}

async fn exactly_max(policy: Value) {
    let upstream = Upstream::start().await;
    let gateway = workers(policy, &upstream).await;
    let addr = gateway.addr();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(async move {
            let mut connection = Connection::open(addr).await;
            let mut admitted = 0;
            for _ in 0..CALLS {
                let response = connection.send(&counted()).await;
                match passed(&response) {
                    true => admitted += 1,
                    false => {
                        assert_eq!(code(&response), 429, "{response:?}");
                        assert_eq!(reason(&response), "rate_limited", "{response:?}");
                    }
                }
            }
            admitted
        });
    }
    assert_eq!(clients.join_all().await.into_iter().sum::<usize>(), MAX);
    assert_eq!(seen::whole_bodies(&upstream).await.len(), MAX);
    assert_all_workers_served(&gateway).await;
}

async fn workers(policy: Value, upstream: &Upstream) -> Gateway {
    let builder = Gateway::builder().policy(policy.to_string()).upstream(upstream.addr());
    builder.concurrency(WORKERS).edit_listener(spread).start().await
}

/// Without this, one worker with all the clients would prove nothing.
async fn assert_all_workers_served(gateway: &Gateway) {
    let served = gateway.admin().stats("worker_..downstream_cx_total").await;
    let served: Vec<u64> =
        served.into_iter().filter(|(name, _)| !name.contains("admin")).map(|(_, n)| n).collect();
    assert_eq!(served.len(), WORKERS as usize, "{served:?}");
    assert!(served.iter().all(|connections| *connections > 0), "{served:?}");
}
