//! Engines that fail or lie: a call about which there is no proof is not counted, and goes
//! nowhere.

use mcp_rig::client::http1;
use mcp_rig::engine::{Engine, Redis};
use mcp_rig::upstream::{NOWHERE, Upstream};
use serde_json::{Value, json};

use super::{ENGINES, assert_refused, calls, count, engine, gateway, policy, refund, send};
use crate::asking;
use crate::support::{Holding, Wire, passed};

/// The faults after which there is no proof.
const LIES: [&str; 9] = [
    "reset",
    "unavailable",
    "unknown",
    "empty",
    "cut",
    "cut_frame",
    "no_limit",
    "other_limit",
    "large",
];

/// A limit of the service, and one of the process with one call a day: if that is left,
/// what was refused cost nothing.
fn with_one(engine: &str) -> Value {
    policy(
        engine,
        json!([
            { "counter": "refunds", "window": "day", "max": 100, "across": "replicas" },
            { "counter": "own", "window": "day", "max": 1 },
        ]),
    )
}

#[tokio::test]
async fn an_engine_that_fails_or_lies_lets_nothing_pass_and_nothing_is_lost() {
    for &holding in Holding::each() {
        for name in ENGINES {
            let (redis, upstream) = (Redis::start().await, Upstream::start().await);
            let engine = engine(name, 100, &redis).await;
            let gateway = gateway(holding, with_one(name), &upstream, &engine).start().await;
            let of_statuses: &[&str] = match name {
                "ratelimit" => &["more_statuses", "fewer_statuses"],
                _ => &[],
            };
            let faults: Vec<_> = LIES.iter().chain(of_statuses).collect();
            for fault in &faults {
                engine.control(&format!("fault/{fault}")).await;
                for wire in Wire::BOTH {
                    let response = wire.send(gateway.addr(), &refund()).await;
                    assert_refused(&response, "limit_service", fault);
                }
            }
            assert!(!upstream.received("for the server"), "{holding:?} {name}");
            let failed = count(&gateway, "limit_service_failed").await;
            assert_eq!(failed, 2 * faults.len() as u64, "{holding:?} {name}");
            assert!(count(&gateway, "limit_service_unproven").await >= 4);
            gateway.log_with("says OK without a proof").await;
            assert_eq!(gateway.log().matches("says OK without a proof").count(), 1);
            engine.control("fault").await;
            assert!(passed(&send(gateway.addr()).await), "{holding:?} {name}");
            assert_refused(&send(gateway.addr()).await, "rate_limited", "charged once");
        }
    }
}

#[tokio::test]
async fn an_engine_in_shadow_mode_is_enforced_all_the_same() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let engine = engine("ratelimit", 100, &redis).await;
    let gateway = gateway(Holding::Everything, calls("ratelimit", 100), &upstream, &engine);
    let gateway = gateway.start().await;
    engine.control("fault/shadow").await;
    assert_refused(&send(gateway.addr()).await, "rate_limited", "shadow");
    assert!(!upstream.received("for the server"));
}

#[tokio::test]
async fn an_engine_that_is_not_configured_counts_nothing_and_is_found_out() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let url = redis.url();
    for (name, arguments) in [
        ("limitador", vec!["limitador", "--redis", &url]),
        (
            "limitador",
            vec![
                "limitador",
                "--redis",
                &url,
                "--no-headers",
                "--limits",
                r#"[{"counter": "refunds", "max": 100, "seconds": 86400, "per_caller": true}]"#,
            ],
        ),
        ("ratelimit", vec!["ratelimit", "--redis", &url, "--domain", "another"]),
    ] {
        let engine = Engine::start(&arguments).await;
        let gateway = gateway(Holding::Everything, calls(name, 100), &upstream, &engine);
        let gateway = gateway.start().await;
        assert_refused(&send(gateway.addr()).await, "limit_service", &arguments.join(" "));
    }
    assert!(!upstream.received("for the server"));
}

#[tokio::test]
async fn a_cluster_that_cannot_be_asked_is_a_failure_whatever_its_name() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let engine = engine("ratelimit", 100, &redis).await;
    let mut choked = engine.cluster("choked");
    choked["circuit_breakers"] = json!({ "thresholds": [{ "max_requests": 0 }] });
    let mut empty = engine.cluster("empty");
    empty["load_assignment"]["endpoints"] = json!([]);
    for cluster in ["missing", "choked", "dead", "empty", "envoy"] {
        let mut policy = with_one("ratelimit");
        policy["settings"]["limit_service"]["cluster"] = cluster.into();
        let gateway = gateway(Holding::Everything, policy, &upstream, &engine)
            // A name that can be read as a message.
            .cluster(engine.cluster("envoy"))
            .cluster(asking::cluster("dead", NOWHERE))
            .cluster(choked.clone())
            .cluster(empty.clone())
            .start()
            .await;
        if cluster != "envoy" {
            for _ in 0..2 {
                assert_refused(&send(gateway.addr()).await, "limit_service", cluster);
            }
            assert_eq!(count(&gateway, "limit_service_asked").await, 2, "{cluster}");
            assert!(!upstream.received("for the server"), "{cluster}");
            continue;
        }
        assert!(passed(&send(gateway.addr()).await), "{cluster}");
    }
}

#[tokio::test]
async fn what_a_failure_means_is_the_policys_to_say() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let engine = engine("ratelimit", 2, &redis).await;
    for (on_failure, outcomes) in [
        ("deny", ["limit_service"; 3]),
        ("local", ["passed", "passed", "rate_limited"]),
        ("allow", ["passed"; 3]),
    ] {
        let mut policy = calls("ratelimit", 2);
        policy["settings"]["limit_service"]["on_failure"] = on_failure.into();
        let gateway = gateway(Holding::Everything, policy, &upstream, &engine).start().await;
        engine.control("fault/unavailable").await;
        for (time, outcome) in outcomes.into_iter().enumerate() {
            let response = http1::send(gateway.addr(), &refund()).await;
            match outcome {
                "passed" => assert!(passed(&response), "{on_failure} {time} {response:?}"),
                why => assert_refused(&response, why, on_failure),
            }
        }
        let counts = [
            count(&gateway, "limit_service_local").await,
            count(&gateway, "limit_service_uncounted").await,
        ];
        let expected = match on_failure {
            "local" => [2, 0],
            "allow" => [0, 3],
            _ => [0, 0],
        };
        assert_eq!(counts, expected, "{on_failure}");
    }
}

#[tokio::test]
async fn an_engine_that_is_too_slow_has_failed() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let engine = engine("ratelimit", 100, &redis).await;
    let mut policy = with_one("ratelimit");
    policy["settings"]["limit_service"]["timeout_ms"] = 50.into();
    let gateway = gateway(Holding::Everything, policy, &upstream, &engine).start().await;
    engine.control("fault/held").await;
    assert_refused(&send(gateway.addr()).await, "limit_service", "slow");
    assert_eq!(count(&gateway, "limit_service_timeout").await, 1);
    // Its answer comes to nobody.
    engine.control("release").await;
    assert!(!upstream.received("for the server"));
}
