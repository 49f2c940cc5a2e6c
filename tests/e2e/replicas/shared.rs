//! One count over several Envoys, and what becomes of it when one of all of them starts
//! anew.

use mcp_rig::client::http1::Connection;
use mcp_rig::engine::{Engine, Redis};
use mcp_rig::upstream::Upstream;
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    ENGINES, assert_refused, calls, count, engine, gateway, policy, refund, refund_at, send,
};
use crate::seen;
use crate::support::{Holding, RECORDS, passed, reason, records, spread};

const MAX: usize = 100;
/// Clients of each Envoy.
const CLIENTS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn two_envoys_and_one_engine_admit_max_calls_in_all() {
    for name in ENGINES {
        let (redis, upstream) = (Redis::start().await, Upstream::start().await);
        let engine = engine(name, MAX as u64, &redis).await;
        let start = || {
            let gateway = gateway(Holding::Everything, calls(name, MAX as u64), &upstream, &engine);
            gateway.concurrency(2).edit_listener(spread).start()
        };
        let gateways = [start().await, start().await];
        let mut clients = JoinSet::new();
        for gateway in &gateways {
            for _ in 0..CLIENTS {
                let addr = gateway.addr();
                clients.spawn(async move {
                    let mut connection = Connection::open(addr).await;
                    let mut admitted = 0;
                    for _ in 0..MAX / 2 {
                        let response = connection.send(&refund()).await;
                        match passed(&response) {
                            true => admitted += 1,
                            false => assert_eq!(reason(&response), "rate_limited", "{response:?}"),
                        }
                    }
                    admitted
                });
            }
        }
        let admitted: usize = clients.join_all().await.into_iter().sum();
        // Limitador looks and adds in two steps: each call in flight may find room.
        let most = if name == "limitador" { MAX + 2 * CLIENTS - 1 } else { MAX };
        assert!((MAX..=most).contains(&admitted), "{name}: {admitted}");
        assert_eq!(seen::whole_bodies(&upstream).await.len(), admitted, "{name}");
        for gateway in &gateways {
            // Each had a part of them.
            let own = count(gateway, "limit_service_ok").await;
            assert!((1..MAX as u64).contains(&own), "{name}: {own}");
        }
    }
}

#[tokio::test]
async fn a_budget_with_decimals_is_one_over_two_envoys() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let engine = Engine::start(&["ratelimit", "--redis", &redis.url()]).await;
    let budget = json!([
        { "counter": "refunded", "window": "day", "max": 10.5, "increment_from": "args.amount",
          "unit": 0.01, "across": "replicas" },
        { "counter": "refunds", "window": "day", "max": 1_000, "across": "replicas" },
    ]);
    let start = || {
        gateway(Holding::Everything, policy("ratelimit", budget.clone()), &upstream, &engine)
            .access_log_format(RECORDS)
            .start()
    };
    let gateways = [start().await, start().await];
    let refund = async |gateway: usize, amount| refund_at(&gateways[gateway], amount).await;
    assert!(passed(&refund(0, "4.5").await));
    assert!(passed(&refund(1, "5.25").await));
    // 0.75 are left; a call that is refused uses up none of it, at neither.
    for gateway in [0, 1, 0] {
        let response = refund(gateway, "0.755").await;
        assert_refused(&response, "rate_limited", "more than is left");
        let wait = response.json()["error"]["data"]["retry_after"].as_u64();
        assert!(wait.is_some_and(|wait| (1..=86_400).contains(&wait)), "{response:?}");
    }
    // Rounded up, 0.745 is 0.75.
    assert!(passed(&refund(1, "0.745").await));
    assert_refused(&refund(0, "0.01").await, "rate_limited", "all is spent");
    assert_eq!(seen::whole_bodies(&upstream).await.len(), 3);
    let first = &records(&gateways[0], 1).await[0];
    assert_eq!(
        first["limits"],
        json!([
            { "rule": "/tools/refund/limits/refunded", "left": 6, "across": "replicas" },
            { "rule": "/tools/refund/limits/refunds", "left": 999, "across": "replicas" },
        ])
    );
}

#[tokio::test]
async fn a_count_survives_an_envoy_and_an_engine_and_ends_with_redis() {
    for name in ENGINES {
        let (redis, upstream) = (Redis::start().await, Upstream::start().await);
        let first = engine(name, 3, &redis).await;
        let start = |engine: &Engine| {
            gateway(Holding::Everything, calls(name, 3), &upstream, engine).start()
        };
        let before = start(&first).await;
        assert!(passed(&send(before.addr()).await), "{name}");
        drop(before);
        let after = start(&first).await;
        assert!(passed(&send(after.addr()).await), "{name}");
        drop((after, first));
        let second = engine(name, 3, &redis).await;
        let gateway = start(&second).await;
        assert!(passed(&send(gateway.addr()).await), "{name}");
        assert_refused(&send(gateway.addr()).await, "rate_limited", name);
        // Without Redis the engine answers nothing that proves anything.
        drop(redis);
        assert_refused(&send(gateway.addr()).await, "limit_service", name);
        // Another one begins at zero, and so does the engine.
        let redis = Redis::start().await;
        let third = engine(name, 3, &redis).await;
        let gateway = start(&third).await;
        assert!(passed(&send(gateway.addr()).await), "{name}");
    }
}
