//! Requests for approval of several Envoys, which one of them keeps.

mod between;
mod faults;
mod page;
mod together;

use std::net::SocketAddr;

use mcp_rig::client::Response;
use mcp_rig::gateway::{Builder, Gateway};
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::{Value, json};

use super::{CALLERS, at, hash, send};
use crate::asking;
use crate::support::{Holding, reason};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
/// The key of a rotation.
const NEXT: &str = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddee00";

fn identity() -> Value {
    let tokens = CALLERS.into_iter().map(|who| (who.to_owned(), hash(who).into()));
    json!([{ "bearer": { "tokens": Value::Object(tokens.collect()) } }])
}

/// The policy of an edge. Each `refund` is approved by `pay-*`, and there is one a day: if
/// that is left, what was refused cost nothing.
fn edge_policy() -> Value {
    json!({
        "version": "1",
        "default": "deny",
        "identity": identity(),
        "tools": { "refund": {
            "action": "require_approval",
            "reason": "Refunds are approved.",
            "approval": { "approvers": ["pay-*"] },
            "limits": [{ "counter": "refunds", "window": "day", "max": 1 }],
        } },
        "settings": { "approvals": { "store": {
            "cluster": "home", "authority": "home.internal", "path": "/approvals", "key": KEY,
            "timeout_ms": 5_000,
        } } },
    })
}

fn home_policy() -> Value {
    json!({
        "version": "1",
        "default": "deny",
        "identity": identity(),
        "settings": { "approvals": {
            "path": "/approvals", "url": "https://gateway.example.com/approvals",
            "serve_store": { "key": KEY },
        } },
    })
}

/// The home, which lets nothing through.
fn home(policy: Value, upstream: &Upstream) -> Builder {
    Holding::Everything.gateway(policy, upstream.addr())
}

/// An edge whose home is there.
fn edge(holding: Holding, policy: Value, upstream: &Upstream, home: SocketAddr) -> Builder {
    holding.gateway(policy, upstream.addr()).cluster(asking::cluster("home", home))
}

/// Decides about a request at the home, as somebody who has looked at it; the status.
async fn decide(home: &Gateway, who: &str, id: &str, what: &str) -> u16 {
    // By the address at which people reach it.
    let at =
        |method: &str, below: &str| at(who, method, below).header("host", "gateway.example.com");
    let shown = send(home, &at("GET", &format!("/{id}"))).await;
    if shown.status != 200 {
        return shown.status;
    }
    let shown = shown.json();
    let digest = shown["digest"].as_str().expect("a digest");
    let decision = at("POST", &format!("/{id}/{what}")).header("mcp-approval-digest", digest);
    send(home, &decision).await.status
}

async fn approve(home: &Gateway, id: &str) {
    assert_eq!(decide(home, "pay-ann", id, "approve").await, 200);
}

/// A home, and two edges before one server.
struct Fleet {
    home: Gateway,
    edges: [Gateway; 2],
    upstream: Upstream,
}

impl Fleet {
    async fn start(holding: Holding) -> Self {
        Self::start_with(holding, edge_policy(), home_policy(), 1).await
    }

    async fn start_with(holding: Holding, edges: Value, homes: Value, workers: u32) -> Self {
        let upstream = Upstream::start().await;
        let spread = crate::support::spread;
        let home = home(homes, &upstream).concurrency(workers).edit_listener(spread).start().await;
        let start = || {
            let edge = edge(holding, edges.clone(), &upstream, home.addr());
            edge.concurrency(workers).edit_listener(spread).start()
        };
        let edges = [start().await, start().await];
        Self { home, edges, upstream }
    }
}

/// Asserts that a call is refused for want of an answer of the home.
#[track_caller]
fn assert_failed(response: &Response, what: &str) {
    assert_eq!((response.status, reason(response)), (200, "approval_store".into()), "{what}");
    let error = &response.json()["error"];
    assert_eq!(error["code"], 503, "{what}");
    assert_eq!(error["data"]["rule"], "/settings/approvals/store", "{what}");
}

fn seconds() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("a time after 1970").as_secs()
}

/// Waits for the next second: questions of that of a use make no request.
async fn next_second() {
    let before = seconds();
    until("the next second", async || (seconds() > before).then_some(())).await;
}

/// The filter's count of a family, zero before the first.
async fn count(gateway: &Gateway, name: &str) -> u64 {
    gateway.count(name).await.unwrap_or_default()
}
