//! Calls that a person approves. Agents and approvers are known by bearer
//! tokens, and each is a client like any other.

mod command;
mod ending;
mod endpoint;
mod full;
mod notices;
mod records;
mod relay;
mod replicas;
mod sharing;
mod store;
mod target;

use std::net::SocketAddr;
use std::sync::Arc;

use mcp_rig::client::{Request, Response, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::support::{Holding, Wire, body, code, passed, reason};

/// Everybody of these tests.
const CALLERS: [&str; 5] = ["agent", "other-agent", "pay-ann", "pay-bob", "ops-cid"];

/// The token of a caller.
fn token(who: &str) -> String {
    format!("the-secret-token-of-{who}")
}

fn hash(who: &str) -> String {
    let hash = digest(&SHA256, token(who).as_bytes());
    hash.as_ref().iter().fold("sha256:".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// Refunds above 100 are approved by `pay-*`, and each `drop` by `ops-*`.
fn policy() -> Value {
    let tokens = CALLERS.into_iter().map(|who| (who.to_owned(), hash(who).into()));
    let tokens = Value::Object(tokens.collect());
    json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "bearer": { "tokens": tokens } }],
        "tools": {
            "refund": {
                "require": [{ "conditions": [
                    { "path": "args.amount", "op": "exists", "value": true },
                ] }],
                "approve_if": [{
                    "name": "large",
                    "conditions": [{ "path": "args.amount", "op": "gt", "value": 100 }],
                    "on_deny": "Refunds above 100 are approved by the payments team.",
                }],
                "approval": { "approvers": ["pay-*"] },
            },
            "drop": { "action": "require_approval", "approval": { "approvers": ["ops-*"] } },
            "free": {},
        },
        "settings": { "approvals": { "path": "/approvals" } },
    })
}

/// A call of `refund` that needs approval.
const LARGE: &str = r#"{"amount":4711,"charge":"ch_hush"}"#;

/// `request` by a caller.
fn by(who: &str, request: Request) -> Request {
    request.header("authorization", &format!("Bearer {}", token(who)))
}

fn call(who: &str, tool: &str, arguments: &str) -> Request {
    by(who, Request::tool_call(1, tool, arguments))
}

/// A request to the endpoint, below its path.
fn at(who: &str, method: &str, below: &str) -> Request {
    by(who, Request::new(method, &format!("/approvals{below}")))
}

async fn send(gateway: &Gateway, request: &Request) -> Response {
    http1::send(gateway.addr(), request).await
}

/// The id and the state of the request that an answer names.
#[track_caller]
fn asked(response: &Response) -> (String, String) {
    assert_eq!((response.status, code(response)), (200, 428.into()), "{response:?}");
    let approval = &response.json()["error"]["data"]["approval"];
    let text = |name: &str| approval[name].as_str().expect("a text").to_owned();
    (text("id"), text("state"))
}

/// The id of the request for a call that nobody asked for before.
async fn request(gateway: &Gateway, call: &Request) -> String {
    let (id, state) = asked(&send(gateway, call).await);
    assert_eq!(state, "requested");
    id
}

/// The digest of a request, as an approver sees it.
async fn seen(gateway: &Gateway, who: &str, id: &str) -> Value {
    let shown = send(gateway, &at(who, "GET", &format!("/{id}"))).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.json()
}

/// The decision `approve` or `deny` of somebody who has looked at the request.
async fn decision(gateway: &Gateway, who: &str, id: &str, what: &str) -> Request {
    let shown = seen(gateway, who, id).await;
    let digest = shown["digest"].as_str().expect("a digest");
    at(who, "POST", &format!("/{id}/{what}")).header("mcp-approval-digest", digest)
}

/// Has `who` approve a request.
async fn approve(gateway: &Gateway, who: &str, id: &str) {
    let decided = send(gateway, &decision(gateway, who, id, "approve").await).await;
    assert_eq!((decided.status, &decided.json()["state"]), (200, &"approved".into()));
}

/// The answers to one call that is made at all of these addresses at once.
async fn raced(call: &Request, addrs: impl IntoIterator<Item = SocketAddr>) -> Vec<Response> {
    let addrs: Vec<_> = addrs.into_iter().collect();
    let ready = Arc::new(Barrier::new(addrs.len()));
    let mut racing = JoinSet::new();
    for addr in addrs {
        let mut connection = http1::Connection::open(addr).await;
        let (ready, call) = (ready.clone(), call.clone());
        racing.spawn(async move {
            ready.wait().await;
            connection.send(&call).await
        });
    }
    racing.join_all().await
}

/// The ids of the requests that `who` may decide about.
async fn listed(gateway: &Gateway, who: &str) -> Vec<String> {
    let list = send(gateway, &at(who, "GET", "")).await;
    assert_eq!(list.status, 200, "{list:?}");
    let list = list.json();
    let list = list["approvals"].as_array().expect("a list").iter();
    list.map(|one| one["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test]
async fn a_call_is_refused_shown_approved_and_runs_once() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(policy(), upstream.addr()).start().await;
        for (wire, amount) in [(Wire::Http1, 500), (Wire::Http2, 600)] {
            let arguments = format!(r#"{{"amount":{amount}}}"#);
            let call = call("agent", "refund", &arguments);
            let (id, state) = asked(&wire.send(gateway.addr(), &call).await);
            assert_eq!(state, "requested");
            assert_eq!(
                asked(&wire.send(gateway.addr(), &call).await),
                (id.clone(), "pending".into())
            );
            // The agent may neither list nor decide.
            assert!(listed(&gateway, "agent").await.is_empty());
            let own = at("agent", "POST", &format!("/{id}/approve"));
            assert_eq!(wire.send(gateway.addr(), &own).await.status, 403);
            assert_eq!(listed(&gateway, "pay-ann").await, std::slice::from_ref(&id));
            assert!(listed(&gateway, "ops-cid").await.is_empty());
            let shown = seen(&gateway, "pay-ann", &id).await;
            assert_eq!(shown["params"], format!(r#"{{"arguments":{arguments}}}"#));
            let approving = decision(&gateway, "pay-ann", &id, "approve").await;
            let approved = wire.send(gateway.addr(), &approving).await;
            assert_eq!(approved.status, 200, "{approved:?}");
            assert_eq!(approved.json()["approved_by"], json!(["pay-ann"]));
            assert_eq!(approved.header("cache-control"), Some("no-store"));
            assert!(passed(&wire.send(gateway.addr(), &call).await));
            let (again, state) = asked(&wire.send(gateway.addr(), &call).await);
            assert_eq!(state, "requested");
            assert_ne!(again, id);
            let denied = decision(&gateway, "pay-bob", &again, "deny?reason=Too%20much").await;
            assert_eq!(wire.send(gateway.addr(), &denied).await.status, 200);
            let refused = wire.send(gateway.addr(), &call).await;
            assert_eq!(reason(&refused), "approval_denied");
            let bodies = crate::seen::whole_bodies(&upstream).await;
            assert_eq!(bodies.iter().filter(|seen| **seen == body(&call)).count(), 1);
        }
        assert!(!upstream.received("the-secret-token-of"));
    }
}
