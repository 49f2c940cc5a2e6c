//! Limits that a service counts across replicas: Envoys that share one count, on engines
//! that count on Redis.

mod choked;
mod ends;
mod faults;
mod leaving;
mod meshes;
mod rendered;
mod seats;
mod shared;
mod whole;

use std::net::SocketAddr;

use mcp_rig::client::{Request, Response, http1};
use mcp_rig::engine::{Engine, Redis};
use mcp_rig::gateway::{Builder, Gateway};
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::support::{Holding, reason};

/// The engines by their names in policies.
const ENGINES: [&str; 2] = ["ratelimit", "limitador"];

/// Calls of `refund`: this many a day, over all replicas.
fn calls(engine: &str, max: u64) -> Value {
    policy(
        engine,
        json!([
            { "counter": "refunds", "window": "day", "max": max, "across": "replicas" },
        ]),
    )
}

/// Calls of `refund` under these limits. A service of the tests answers at once or never,
/// so it has much time.
fn policy(engine: &str, limits: Value) -> Value {
    json!({
        "version": "1",
        "default": "deny",
        "tools": { "refund": { "limits": limits } },
        "settings": { "limit_service": {
            "cluster": "limits", "engine": engine, "domain": "mcp", "timeout_ms": 5_000,
        } },
    })
}

/// An engine on Redis. Limitador has the limit of [`calls`] in its file.
async fn engine(name: &str, max: u64, redis: &Redis) -> Engine {
    let limits = json!([
        { "counter": "refunds", "max": max, "seconds": 86_400, "per_caller": true },
    ]);
    let (limits, url) = (limits.to_string(), redis.url());
    let mut arguments = vec![name, "--redis", &url];
    if name == "limitador" {
        arguments.extend(["--limits", &limits]);
    }
    Engine::start(&arguments).await
}

/// An Envoy that knows the engine as the cluster `limits`.
fn gateway(holding: Holding, policy: Value, upstream: &Upstream, engine: &Engine) -> Builder {
    holding.gateway(policy, upstream.addr()).cluster(engine.cluster("limits"))
}

fn refund() -> Request {
    Request::tool_call(1, "refund", r#"{"text":"for the server"}"#)
}

/// Refunds an amount at one of some gateways.
async fn refund_at(gateway: &Gateway, amount: &str) -> Response {
    let arguments = format!(r#"{{"amount":{amount}}}"#);
    http1::send(gateway.addr(), &Request::tool_call(1, "refund", &arguments)).await
}

async fn send(addr: SocketAddr) -> Response {
    http1::send(addr, &refund()).await
}

/// Asserts that a call is refused, by this reason.
#[track_caller]
fn assert_refused(response: &Response, why: &str, what: &str) {
    assert_eq!(response.status, 200, "{what}: {response:?}");
    assert_eq!(reason(response), why, "{what}: {response:?}");
}

/// The filter's count of a family, zero before the first.
async fn count(gateway: &Gateway, name: &str) -> u64 {
    gateway.count(name).await.unwrap_or_default()
}
