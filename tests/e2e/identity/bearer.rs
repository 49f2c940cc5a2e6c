//! Callers by a token that the policy knows the hash of, and that nobody
//! behind the filter may see.

use mcp_rig::client::{Request, Response, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::{MISSING, assert_challenged, grants, once_each};
use crate::seen;
use crate::support::{Holding, RECORDS, Wire, code, counted, passed, reason, safe};

const UNUSABLE: &str = "The caller's bearer token cannot be used.";

/// A token as the policy has it.
pub(super) fn hash(token: &str) -> String {
    let bytes = digest(&SHA256, token.as_bytes());
    let hex: String = bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Two callers, one of which is changing its token.
fn policy() -> Value {
    once_each(json!([{ "bearer": { "tokens": {
        "alice": [hash("hush-old"), hash("hush-new")],
        "bob": hash("hush-bob"),
    } } }]))
}

fn with(request: Request, token: &str) -> Request {
    request.header("authorization", &format!("Bearer {token}"))
}

async fn gateway(holding: Holding, upstream: &Upstream) -> Gateway {
    let builder = holding.gateway(policy(), upstream.addr());
    builder.access_log_format(RECORDS).start().await
}

#[tokio::test]
async fn every_token_of_a_caller_names_it_while_they_rotate() {
    let upstream = Upstream::start().await;
    let gateway = gateway(Holding::Body, &upstream).await;
    for (token, passes) in [("hush-old", true), ("hush-new", false), ("hush-bob", true)] {
        let response = http1::send(gateway.addr(), &with(counted(), token)).await;
        assert_eq!(passed(&response), passes, "{token} {response:?}");
        assert!(passes || code(&response) == 429, "{response:?}");
    }
    assert_eq!(grants(&gateway, 3).await, ["alice", "alice", "bob"]);
}

#[tokio::test]
async fn an_allowed_request_arrives_without_its_token() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = gateway(holding, &upstream).await;
        let requests = [
            safe(),
            safe().cut(7).trailer("x-sum", "1"),
            Request::tools_list(1),
            Request::new("GET", "/mcp").header("accept", "text/event-stream"),
            Request::new("DELETE", "/mcp"),
        ];
        for wire in Wire::BOTH {
            for request in &requests {
                let request = with(request.clone(), "hush-bob").header("x-kept", "1");
                let response = wire.send(gateway.addr(), &request).await;
                assert!(passed(&response), "{holding:?} {wire:?} {response:?}");
            }
        }
        let arrived = seen::requests(&upstream).await;
        assert_eq!(arrived.len(), 2 * requests.len(), "{holding:?}");
        for seen in arrived {
            assert_eq!(seen.header("authorization"), None, "{holding:?} {seen:?}");
            assert_eq!(seen.header("x-kept"), Some("1"), "{holding:?} {seen:?}");
        }
        assert!(!upstream.received("hush"));
    }
}

#[tokio::test]
async fn a_refused_request_shows_its_token_to_nobody() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = gateway(holding, &upstream).await;
        let send = async |request: &Request| http1::send(gateway.addr(), request).await;

        assert_challenged(&send(&safe()).await, MISSING);
        let bob = with(safe(), "hush-bob");
        let wrong = [
            with(safe(), "hush-unknown"),
            with(safe(), "SECRET-BOB"),
            with(safe(), &hash("hush-bob")),
            safe().header("authorization", "Basic hush-bob"),
            safe().header("authorization", "hush-bob"),
            safe().header("authorization", "Bearer"),
            safe().header("authorization", ""),
            with(bob.clone(), "hush-bob"),
            with(bob, "hush-old"),
            with(safe(), "hush-bob, Bearer hush-bob"),
        ];
        for request in &wrong {
            let response = send(request).await;
            assert!(!passed(&response), "{request:?}");
            assert_challenged(&response, UNUSABLE);
        }
        // A call that is known, but not allowed.
        let denied = send(&with(Request::tool_call(1, "danger", "{}"), "hush-bob")).await;
        assert_eq!(reason(&denied), "default_deny");

        let text = upstream.transcript().to_lowercase();
        assert!(!text.contains("hush") && !text.contains("authorization"), "{text}");
        let logged = gateway.log() + &gateway.access_log_of(wrong.len() + 2).await.concat();
        assert!(!logged.to_lowercase().contains("hush"), "{logged}");
    }
}

#[tokio::test]
async fn requests_without_a_call_need_a_token_too() {
    let upstream = Upstream::start().await;
    let gateway = gateway(Holding::Everything, &upstream).await;
    let nobody = |response: &Response, status: u16| {
        assert_eq!((response.status, reason(response)), (status, "no_identity".into()));
        assert_eq!(code(response), 403);
    };
    for method in ["GET", "DELETE"] {
        for request in [Request::new(method, "/mcp"), with(Request::new(method, "/mcp"), "x")] {
            let refused = http1::send(gateway.addr(), &request).await;
            nobody(&refused, 401);
            let invalid = request.headers.iter().any(|(name, _)| name == "authorization");
            let challenge = if invalid { r#"Bearer error="invalid_token""# } else { "Bearer" };
            assert_eq!(refused.header("www-authenticate"), Some(challenge));
        }
    }
    let message = |method| format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}"}}"#);
    for method in ["initialize", "tools/list", "ping", "no/such"] {
        let refused = http1::send(gateway.addr(), &Request::mcp(message(method))).await;
        nobody(&refused, 401);
        assert_eq!(refused.json()["id"], 7);
    }
    let notification = Request::mcp(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    nobody(&http1::send(gateway.addr(), &notification).await, 401);
    assert!(upstream.connections().is_empty());

    // A preflight has no credentials by its nature.
    let preflight = Request::new("OPTIONS", "/mcp");
    assert!(passed(&http1::send(gateway.addr(), &preflight).await));
}
