//! The seats of calls that wait for the service: one caller does not get those of all.

use mcp_rig::client::Request;
use mcp_rig::client::http2::{self, Connection};
use mcp_rig::engine::{Engine, Redis};
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{count, policy, refund};
use crate::support::{Holding, body};

/// A call in the name of a caller.
fn by(caller: &str) -> Request {
    refund().header("x-agent-id", caller)
}

/// Without identity a caller is a connection, and with it an id, on any connection.
#[tokio::test]
async fn one_caller_does_not_get_the_seats_of_all_that_wait() {
    for identified in [false, true] {
        let (redis, upstream) = (Redis::start().await, Upstream::start().await);
        let engine = Engine::start(&["ratelimit", "--redis", &redis.url()]).await;
        let limits = json!([
            { "counter": "refunds", "window": "day", "max": 100_000, "across": "replicas" },
        ]);
        let mut policy = policy("ratelimit", limits);
        if identified {
            policy["identity"] = json!([{ "header": "x-agent-id" }]);
        }
        // More than the seats: Envoy's own bounds are lower.
        let mut cluster = engine.cluster("limits");
        let many = json!({ "max_requests": 100_000, "max_pending_requests": 100_000 });
        cluster["circuit_breakers"] = json!({ "thresholds": [many] });
        let gateway = Holding::Everything.gateway(policy, upstream.addr()).cluster(cluster);
        let gateway = gateway.concurrency(1).edit_listener(many_streams).start().await;
        engine.control("fault/held").await;
        let mut greedy = Connection::open(gateway.addr()).await;
        let mut open = Vec::new();
        // Nothing else keeps a question from being sent.
        let refused = async || count(&gateway, "limit_service_dispatch").await;
        // It goes on until it is refused.
        until("a refusal", async || {
            for _ in 0..200 {
                let call = by("greedy");
                let (response, mut stream) = greedy.begin(&call).await.expect("begun");
                stream.send_data(body(&call).into(), true).expect("sent");
                open.push((response, stream));
            }
            (refused().await > 0).then_some(())
        })
        .await;
        let (asked, before) = until("all of its calls", async || {
            let (asked, refused) = (engine.asked().await.0, refused().await);
            (asked + refused == open.len() as u64).then_some((asked, refused))
        })
        .await;
        assert!(asked < 4_096 / 2, "{asked} of one caller");
        // Others are asked about, on connections of their own or in their own name.
        let addr = gateway.addr();
        let mut others = JoinSet::new();
        for _ in 0..100 {
            others.spawn(async move { http2::send(addr, &by("honest")).await });
        }
        until("their questions", async || (engine.asked().await.0 == asked + 100).then_some(()))
            .await;
        assert_eq!(refused().await, before, "{identified}: others are refused");
        assert!(!upstream.received("for the server"));
    }
}

/// A listener with more streams on a connection than a worker has seats.
fn many_streams(listener: &mut Value) {
    let manager = &mut listener["filter_chains"][0]["filters"][0]["typed_config"];
    manager["http2_protocol_options"]["max_concurrent_streams"] = 10_000.into();
}
