//! Clients that leave while the service is asked, ten thousand times: nothing is kept of
//! them, here or at the service.

use std::fs;

use mcp_rig::client::http2::{CANCEL, Connection};
use mcp_rig::engine::{Engine, Redis};
use mcp_rig::gateway::{Gateway, Shell};
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::json;

use super::{assert_refused, gateway, policy, refund};
use crate::support::{Holding, body, passed};

/// Calls at once, which all ask and then leave.
const AT_ONCE: u64 = 100;
const ROUNDS: u64 = 100;
/// The round after which memory is looked at: by then there is all that is kept.
const WARM: u64 = 30;
/// The most that memory may grow after it: 7,000 clients that each leave 600 bytes.
const GROWTH: u64 = 4 << 20;

/// Envoy's memory, by its own count and, for that of a VM, by the kernel's.
async fn memory(gateway: &Gateway) -> (u64, u64) {
    let allocated = gateway.admin().stat("server.memory_allocated").await.expect("a statistic");
    let status = fs::read_to_string(format!("/proc/{}/status", gateway.pid())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    (allocated, kilobytes << 10)
}

/// Waits until a statistic is zero.
async fn none(gateway: &Gateway, name: &str) {
    until(name, async || (gateway.admin().stat(name).await == Some(0)).then_some(())).await;
}

/// Calls that ask, and are reset before the answers come.
async fn leave(gateway: &Gateway, engine: &Engine, asked: u64) {
    let mut connection = Connection::open(gateway.addr()).await;
    let call = refund();
    let mut streams = Vec::new();
    for _ in 0..AT_ONCE {
        let (response, mut stream) = connection.begin(&call).await.expect("begun");
        stream.send_data(body(&call).into(), true).expect("sent");
        streams.push((response, stream));
    }
    until("the questions", async || (engine.asked().await.0 >= asked).then_some(())).await;
    for (response, mut stream) in streams {
        stream.send_reset(CANCEL);
        drop(response);
    }
    none(gateway, "http.mcp.downstream_rq_active").await;
    if Shell::under_test() == Shell::Wasm {
        // Envoy makes a call of a Wasm module for its root context, which is there.
        let asking = gateway.admin().stat("cluster.limits.upstream_rq_active").await;
        assert_eq!(asking, Some(AT_ONCE), "calls outlive their streams");
    }
    // The answers come, to nobody.
    engine.control("release").await;
    none(gateway, "cluster.limits.upstream_rq_active").await;
}

#[tokio::test]
async fn ten_thousand_clients_that_leave_while_the_service_is_asked_leave_nothing() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let engine = Engine::start(&["ratelimit", "--redis", &redis.url()]).await;
    let limits = json!([
        { "counter": "refunds", "window": "day", "max": 1_000_000, "across": "replicas" },
        { "counter": "own", "window": "day", "max": AT_ONCE },
    ]);
    let gateway = gateway(Holding::Everything, policy("ratelimit", limits), &upstream, &engine);
    let gateway = gateway.concurrency(1).start().await;
    engine.control("fault/held").await;
    let mut warm = (0, 0);
    for round in 1..=ROUNDS {
        leave(&gateway, &engine, round * AT_ONCE).await;
        if round == WARM {
            warm = memory(&gateway).await;
        }
    }
    let last = memory(&gateway).await;
    assert!(last.0 <= warm.0 + GROWTH, "allocated: {warm:?} {last:?}");
    assert!(last.1 <= warm.1 + GROWTH, "resident: {warm:?} {last:?}");
    assert!(!upstream.received("for the server"));
    // Each charge came back here, and each seat.
    engine.control("fault").await;
    let mut connection = Connection::open(gateway.addr()).await;
    for call in 0..AT_ONCE {
        let response = connection.send(&refund()).await.expect("an answer");
        assert!(passed(&response), "{call} {response:?}");
    }
    let response = connection.send(&refund()).await.expect("an answer");
    assert_refused(&response, "rate_limited", "one more");
}
