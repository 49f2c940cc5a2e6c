//! Bodies that wait for the service go on as they came.

use mcp_rig::client::Request;
use mcp_rig::engine::{Engine, Redis};
use mcp_rig::upstream::Upstream;
use serde_json::json;

use super::{gateway, policy, refund};
use crate::seen;
use crate::support::{Holding, Wire, body, passed};

#[tokio::test]
async fn bodies_in_pieces_with_trailers_and_of_a_mebibyte_go_on_as_they_came() {
    let redis = Redis::start().await;
    let engine = Engine::start(&["ratelimit", "--redis", &redis.url()]).await;
    for &holding in Holding::each() {
        for wire in Wire::BOTH {
            let upstream = Upstream::start().await;
            // Two limits: the service is asked twice about each call.
            let mut policy = policy(
                "ratelimit",
                json!([
                    { "counter": "refunds", "window": "day", "max": 1_000, "across": "replicas" },
                    { "counter": "more", "window": "hour", "max": 1_000, "across": "replicas" },
                ]),
            );
            policy["settings"]["max_body_bytes"] = 2_000_000.into();
            let gateway = gateway(holding, policy, &upstream, &engine);
            let gateway = gateway.buffer_limit(4_000_000).start().await;
            // No two kilobytes of it are alike.
            let text: String =
                (0..160_000_u32).map(|n| format!("{:07}", n * 7_919 % 9_999_991)).collect();
            let large = Request::tool_call(1, "refund", &json!({ "text": text }).to_string());
            assert!(body(&large).len() > 1 << 20);
            let sent = [
                refund(),
                refund().cut(7),
                refund().cut(7).trailer("x-sum", "1"),
                large.clone(),
                large.clone().cut(50_000),
                large.cut(50_000).trailer("x-sum", "1"),
            ];
            for call in &sent {
                let response = wire.send(gateway.addr(), call).await;
                assert!(passed(&response), "{holding:?} {wire:?} {response:?}");
            }
            let expected: Vec<_> = sent.iter().map(body).collect();
            assert!(seen::whole_bodies(&upstream).await == expected, "{holding:?} {wire:?}");
            assert!(upstream.received("x-sum"), "{holding:?} {wire:?}");
        }
    }
    // Each of 6 calls, in each way, was looked up and charged.
    let ways = 2 * Holding::each().len() as u64;
    assert_eq!(engine.asked().await.0, 2 * 6 * ways);
}
