//! A service of which more is asked than circuit breakers of Envoy's cluster let through.

use mcp_rig::client::http2::Connection;
use mcp_rig::engine::{Engine, Redis};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::json;
use tokio::task::JoinSet;

use super::{assert_refused, calls, count, refund, send};
use crate::seen;
use crate::support::{Holding, passed};

/// Calls of one connection, one after another: how many passed; the others were refused
/// for this reason.
async fn run(gateway: &Gateway, connections: usize, each: usize, why: &'static str) -> usize {
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let addr = gateway.addr();
        clients.spawn(async move {
            let mut connection = Connection::open(addr).await;
            let mut admitted = 0;
            for _ in 0..each {
                let response = connection.send(&refund()).await.expect("an answer");
                match passed(&response) {
                    true => admitted += 1,
                    false => assert_refused(&response, why, "a call beside others"),
                }
            }
            admitted
        });
    }
    clients.join_all().await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_circuit_breakers_of_one_keep_back_is_decided_by_on_failure() {
    for on_failure in ["deny", "local", "allow"] {
        let (redis, upstream) = (Redis::start().await, Upstream::start().await);
        let engine = Engine::start(&["ratelimit", "--redis", &redis.url()]).await;
        let mut policy = calls("ratelimit", 100_000);
        policy["settings"]["limit_service"]["on_failure"] = on_failure.into();
        let mut cluster = engine.cluster("limits");
        let one = json!({ "max_requests": 1, "max_pending_requests": 1 });
        cluster["circuit_breakers"] = json!({ "thresholds": [one] });
        let gateway = Holding::Everything.gateway(policy, upstream.addr()).cluster(cluster);
        let gateway = gateway.start().await;
        // One waits, and nothing beside it is asked.
        engine.control("fault/held").await;
        let addr = gateway.addr();
        let first = tokio::spawn(async move { send(addr).await });
        until("the question", async || (engine.asked().await.0 == 1).then_some(())).await;
        let beside = run(&gateway, 10, 20, "limit_service").await;
        assert_eq!(beside, if on_failure == "deny" { 0 } else { 200 }, "{on_failure}");
        assert_eq!(engine.asked().await.0, 1, "{on_failure}");
        engine.control("fault").await;
        engine.control("release").await;
        let first = first.await.expect("sent");
        assert!(passed(&first), "{on_failure} {first:?}");
        // Under load, whichever gets through is counted.
        let admitted = run(&gateway, 10, 100, "limit_service").await;
        let expected = if on_failure == "deny" { 1..=1_000 } else { 1_000..=1_000 };
        assert!(expected.contains(&admitted), "{on_failure} {admitted}");
        assert_eq!(seen::whole_bodies(&upstream).await.len(), 1 + beside + admitted);
        let [asked, ok, failed] = ["asked", "ok", "failed"];
        let family = async |word| count(&gateway, &format!("limit_service_{word}")).await;
        assert_eq!(family(asked).await, family(ok).await + family(failed).await, "{on_failure}");
        assert_eq!(family(asked).await, 1_201, "{on_failure}");
        assert_eq!(engine.asked().await.0, family(ok).await, "{on_failure}");
        if on_failure == "deny" {
            assert_eq!(family(ok).await, (1 + admitted) as u64);
        }
    }
}
