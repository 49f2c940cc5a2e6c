//! Approvals of calls that a service counts across replicas: found first, used last.

use mcp_rig::engine::{Engine, Redis};
use mcp_rig::upstream::Upstream;
use serde_json::json;

use super::{LARGE, approve, asked, call, policy, request, send};
use crate::seen;
use crate::support::{Holding, passed, reason};

#[tokio::test]
async fn an_approval_is_used_once_the_service_has_counted_the_call() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let engine = Engine::start(&["ratelimit", "--redis", &redis.url()]).await;
    let mut policy = policy();
    policy["tools"]["refund"]["limits"] = json!([
        { "counter": "refunds", "window": "day", "max": 3, "across": "replicas" },
    ]);
    policy["settings"]["limit_service"] = json!({
        "cluster": "limits", "engine": "ratelimit", "domain": "mcp", "timeout_ms": 5_000,
    });
    let gateway = Holding::Everything.gateway(policy, upstream.addr());
    let gateway = gateway.cluster(engine.cluster("limits")).start().await;
    let call = call("agent", "refund", LARGE);
    let id = request(&gateway, &call).await;
    assert_eq!(asked(&send(&gateway, &call).await), (id.clone(), "pending".into()));
    assert_eq!(engine.asked().await.0, 0, "asked about a call that nobody has approved");
    approve(&gateway, "pay-ann", &id).await;
    // Not counted, or over: the approval is still there.
    for (fault, why) in [("unavailable", "limit_service"), ("shadow", "rate_limited")] {
        engine.control(&format!("fault/{fault}")).await;
        let response = send(&gateway, &call).await;
        assert_eq!(reason(&response), why, "{response:?}");
    }
    engine.control("fault").await;
    assert!(passed(&send(&gateway, &call).await));
    assert_eq!(engine.asked().await.0, 3);
    assert_eq!(seen::whole_bodies(&upstream).await.len(), 1);
    // It is used: the next needs another.
    assert_ne!(request(&gateway, &call).await, id);
}
