//! Envoy's own rate limit filter asks the engines of the tests: what the filter writes and
//! reads by hand is what Envoy writes and reads.

use mcp_policy_filter::limit_service::{self, Charge, Plan, Verdict};
use mcp_rig::client::{Request, http1};
use mcp_rig::engine::{Engine, Redis};
use mcp_rig::gateway::{Builder, Gateway};
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::support::manager;

const DAY: u32 = 86_400;
const LIMITS: &str = r#"[{"counter": "refunds", "max": 3, "seconds": 86400, "per_caller": true}]"#;

/// Envoy with its rate limit filter alone, and the descriptors of this project: the limit
/// and the weight go with them if `overrides` says so.
fn gateway(engine: &Engine, upstream: &Upstream, overrides: bool) -> Builder {
    let filter = json!({
        "name": "envoy.filters.http.ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
            "domain": "mcp",
            "failure_mode_deny": true,
            "timeout": "10s",
            "rate_limit_service": {
                "transport_api_version": "V3",
                "grpc_service": { "envoy_grpc": { "cluster_name": "ratelimit" } },
            },
        },
    });
    let limit = json!({
        "name": "envoy.filters.http.set_metadata",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config",
            "metadata": [{
                "metadata_namespace": "limits",
                "value": { "refunds": { "requests_per_unit": 3, "unit": "DAY" } },
            }],
        },
    });
    let mut rule = json!({ "actions": [
        { "generic_key": { "descriptor_key": "mcp_counter", "descriptor_value": "refunds" } },
        { "request_headers": { "header_name": "x-id", "descriptor_key": "mcp_caller" } },
    ] });
    if overrides {
        let path = json!({ "key": "limits", "path": [{ "key": "refunds" }] });
        rule["limit"] = json!({ "dynamic_metadata": { "metadata_key": path } });
        rule["hits_addend"] = json!({ "number": 1 });
    }
    let limited = move |listener: &mut Value| {
        let route = &mut manager(listener)["route_config"]["virtual_hosts"][0]["routes"][0];
        // Weights of descriptors count here alone, and not among the route's own limits.
        route["typed_per_filter_config"]["envoy.filters.http.ratelimit"] = json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute",
            "rate_limits": [rule],
        });
    };
    Gateway::builder()
        .without_filter()
        .upstream(upstream.addr())
        .cluster(engine.cluster("ratelimit"))
        .filter_after(limit)
        .filter_after(filter)
        .edit_listener(limited)
}

async fn call(gateway: &Gateway, caller: &str) -> u16 {
    let call = Request::tool_call(1, "refund", "{}").header("x-id", caller);
    http1::send(gateway.addr(), &call).await.status
}

/// The question that the filter would ask.
fn question(engine: limit_service::Engine, caller: &str) -> Plan {
    let (counter, caller) = ("refunds", Some(caller));
    let charge = Charge { counter, caller, max: 3, window: DAY, units: 1 };
    Plan::new(engine, "mcp", &[charge]).expect("one unit of three")
}

#[tokio::test]
async fn envoy_asks_ratelimit_with_the_bytes_that_the_filter_writes() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let engine = Engine::start(&["ratelimit", "--redis", &redis.url()]).await;
    let gateway = gateway(&engine, &upstream, true).start().await;
    for status in [200, 200, 200, 429] {
        assert_eq!(call(&gateway, "ann").await, status);
    }
    assert_eq!(call(&gateway, "bob").await, 200);
    let (asked, bytes) = engine.asked().await;
    assert_eq!(asked, 5);
    let mut own = question(limit_service::Engine::Ratelimit, "bob");
    assert_eq!(bytes, own.question().expect("a question").bytes);
    // What the engine answers to it is an OK with its proof for the filter too.
    let answer = answer(&engine, &bytes).await;
    assert_eq!(own.answered(&answer), Verdict::Ok(vec![(0, 1)]));
}

#[tokio::test]
async fn envoy_and_the_filter_mean_the_same_limit_of_limitador() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let engine = ["limitador", "--redis", &redis.url(), "--limits", LIMITS];
    let engine = Engine::start(&engine).await;
    let gateway = gateway(&engine, &upstream, false).start().await;
    assert_eq!(call(&gateway, "ann").await, 200);
    let (_, by_envoy) = engine.asked().await;
    let mut own = question(limit_service::Engine::Limitador, "ann");
    let bytes = own.question().expect("a question").bytes.clone();
    // Without a weight, which means 1.
    assert_eq!([&*by_envoy, b"\x18\x01"].concat(), bytes);
    assert_eq!(own.answered(&answer(&engine, &bytes).await), Verdict::Ok(vec![]));
    assert_eq!(call(&gateway, "ann").await, 200);
    assert_eq!(call(&gateway, "ann").await, 429);
    let full =
        question(limit_service::Engine::Limitador, "ann").answered(&answer(&engine, &bytes).await);
    assert!(matches!(full, Verdict::Over { index: 0, retry_after: Some(1..=86_400) }), "{full:?}");
    assert_eq!(call(&gateway, "bob").await, 200);
}

/// The engine's answer to a question, by gRPC without Envoy.
async fn answer(engine: &Engine, question: &[u8]) -> Vec<u8> {
    let path = format!("/{}/{}", limit_service::SERVICE, limit_service::METHOD);
    let length = u32::try_from(question.len()).expect("a short question").to_be_bytes();
    let request = Request::new("POST", &path)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body([&[0][..], &length, question].concat());
    let response = mcp_rig::client::http2::send(engine.addr(), &request).await;
    assert_eq!(response.status, 200);
    response.body[5..].to_vec()
}
