//! Clients without a token, as the wire shows them: the 401 from which they sign
//! in, and the metadata that they read next.

use std::net::SocketAddr;

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use super::bearer::hash;
use crate::support::{Holding, Wire, manager, passed, reason, safe};
use crate::tokens::{Issuer, Place};

const METADATA: &str = "/.well-known/oauth-protected-resource/mcp";
const MISSING: &str = r#"Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp""#;
const INVALID: &str = r#"Bearer error="invalid_token", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp""#;
const DOCUMENT: &str = r#"{"resource":"https://mcp.example.com/mcp","authorization_servers":["https://id.example.com"],"bearer_methods_supported":["header"]}"#;

fn policy(source: Value) -> Value {
    json!({
        "version": "1",
        "default": "deny",
        "identity": [source],
        "tools": { "safe": {} },
        "settings": {
            "paths": ["/mcp"],
            "batches": "judge",
            "denied_as": "result",
            "protected_resource": {
                "resource": "https://mcp.example.com/mcp",
                "authorization_servers": ["https://id.example.com"],
            },
        },
    })
}

fn by_hash() -> Value {
    policy(json!({ "bearer": { "tokens": { "bob": hash("hush-bob") } } }))
}

fn by_claim() -> String {
    policy(json!({ "jwt": { "claim": "sub" } })).to_string()
}

/// The error for a message of nobody's with this id, of this policy.
fn error(id: &str, tool: &str, policy: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":403,"message":"[POLICY DENIED] The request does not say who is calling.","data":{{"type":"policy_violation","reason":"no_identity","rule":"(no identity)",{tool}"policy":"{policy}"}}}}}}"#
    )
}

#[tokio::test]
async fn every_kind_of_request_without_a_token_is_a_401_with_its_id() {
    const TOOL: &str = r#""tool":"safe","#;
    let call = r#"{"jsonrpc":"2.0","id":"c-7","method":"tools/call","params":{"name":"safe"}}"#;
    let list = r#"{"jsonrpc":"2.0","id":8,"method":"tools/list"}"#;
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let upstream = Upstream::start().await;
    for &holding in Holding::each() {
        let gateway = holding.gateway(by_hash(), upstream.addr()).start().await;
        for wire in Wire::BOTH {
            // What is said of each message: its id and what there is of a tool.
            let requests = [
                (Request::mcp(call), vec![("\"c-7\"", TOOL)]),
                (Request::mcp(call).cut(9).trailer("x-sum", "1"), vec![("\"c-7\"", TOOL)]),
                (Request::mcp(list), vec![("8", "")]),
                (Request::mcp(notification), vec![("null", "")]),
                (Request::mcp("not JSON"), vec![("null", "")]),
                (Request::mcp(format!("[{call},{list}]")), vec![("\"c-7\"", TOOL), ("8", "")]),
                (Request::mcp(format!("[{notification}]")), vec![("null", "")]),
                (
                    Request::new("GET", "/mcp").header("accept", "text/event-stream"),
                    vec![("null", "")],
                ),
                (Request::new("DELETE", "/mcp").header("mcp-session-id", "s"), vec![("null", "")]),
            ];
            for (request, messages) in requests {
                let response = wire.send(gateway.addr(), &request).await;
                let shown = format!("{holding:?} {wire:?} {request:?} {response:?}");
                assert_eq!(response.status, 401, "{shown}");
                assert_eq!(response.header("www-authenticate"), Some(MISSING), "{shown}");
                assert_eq!(response.header("content-type"), Some("application/json"), "{shown}");
                let text = response.text();
                let (_, policy) = text.rsplit_once(r#""policy":""#).expect(&shown);
                let errors: Vec<_> =
                    messages.iter().map(|(id, tool)| error(id, tool, &policy[..12])).collect();
                let expected = match text.starts_with('[') {
                    true => format!("[{}]", errors.join(",")),
                    false => errors.concat(),
                };
                assert_eq!(text, expected, "{shown}");

                let unknown = request.header("authorization", "Bearer hush-unknown");
                let response = wire.send(gateway.addr(), &unknown).await;
                assert_eq!(response.status, 401, "{response:?}");
                assert_eq!(response.header("www-authenticate"), Some(INVALID), "{response:?}");
            }
            let known = safe().header("authorization", "Bearer hush-bob");
            assert!(passed(&wire.send(gateway.addr(), &known).await));
        }
    }
}

/// The metadata as the filter answers with it.
async fn assert_metadata(addr: SocketAddr, request: &Request) {
    for wire in Wire::BOTH {
        let response = wire.send(addr, request).await;
        assert_eq!((response.status, &*response.text()), (200, DOCUMENT), "{wire:?} {response:?}");
        for (name, value) in [
            ("content-type", "application/json"),
            ("access-control-allow-origin", "*"),
            ("cache-control", "public, max-age=300"),
        ] {
            assert_eq!(response.header(name), Some(value), "{wire:?} {response:?}");
        }
    }
}

#[tokio::test]
async fn the_metadata_names_what_the_policy_names_and_nothing_of_a_request() {
    let upstream = Upstream::start().await;
    for &holding in Holding::each() {
        // As in the shipped configuration, MCP's path alone has a route.
        let builder = holding.gateway(by_hash(), upstream.addr()).edit_listener(|listener| {
            let hosts = &mut manager(listener)["route_config"]["virtual_hosts"];
            hosts[0]["routes"][0]["match"] = json!({ "path": "/mcp" });
        });
        let gateway = builder.start().await;
        let get = |path: &str| Request::new("GET", path);
        let requests = [
            get(METADATA),
            get("/.well-known/oauth-protected-resource"),
            get(METADATA).header("host", "evil.example"),
            get(METADATA).header("x-forwarded-host", "evil.example"),
            get(METADATA).header("authorization", "Bearer hush-unknown"),
            get(&format!("{METADATA}?resource=https://evil.example")),
        ];
        for request in &requests {
            assert_metadata(gateway.addr(), request).await;
        }
        let refused = http1::send(gateway.addr(), &safe().header("host", "evil.example")).await;
        assert_eq!(refused.header("www-authenticate"), Some(MISSING), "{refused:?}");

        // The head of the answer to GET, and nothing behind it.
        let mut connection = http1::Connection::open(gateway.addr()).await;
        let head = format!("HEAD {METADATA} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        connection.send_raw(head).await.expect("sent");
        let head = connection.head().await.expect("a head");
        assert_eq!(head.status().expect("a status"), 200);
        let length = mcp_rig::http::field(&head.headers, "content-length");
        assert_eq!(length, Some(DOCUMENT.len().to_string().as_str()), "{head:?}");
        assert!(connection.chunk().await.is_err());

        for wire in Wire::BOTH {
            let preflight = Request::new("OPTIONS", METADATA)
                .header("origin", "https://app.example")
                .header("access-control-request-method", "GET")
                .header("access-control-request-headers", "mcp-protocol-version");
            let response = wire.send(gateway.addr(), &preflight).await;
            assert_eq!((response.status, response.body.len()), (204, 0), "{response:?}");
            assert_eq!(response.header("access-control-allow-headers"), Some("*"));

            let call = Request { path: METADATA.to_owned(), ..safe() };
            let response = wire.send(gateway.addr(), &call).await;
            assert_eq!((response.status, reason(&response)), (405, "method".into()));
            assert_eq!(response.header("allow"), Some("GET, HEAD, OPTIONS"));
        }
    }
    // The heads of calls went ahead, where they are not held.
    assert!(!upstream.received("well-known") && !upstream.received("OPTIONS"));
}

/// A gateway with Envoy's jwt_authn before the filter, which requires this.
async fn behind_jwt_authn(issuer: &Issuer, upstream: &Upstream, requires: Value) -> Gateway {
    let mut jwt_authn = issuer.jwt_authn();
    let rules = &mut jwt_authn["typed_config"]["rules"];
    rules[0] = json!({ "match": { "prefix": "/mcp" }, "requires": requires });
    let builder = Gateway::builder().policy(by_claim()).upstream(upstream.addr());
    Place::Unnamed.behind_this(jwt_authn, builder).start().await
}

#[tokio::test]
async fn with_jwt_authn_in_front_clients_are_told_to_sign_in_in_every_setting() {
    let (issuer, upstream) = (Issuer::new(), Upstream::start().await);
    let any = |other: Value| json!({ "requires_any": { "requirements": [{ "provider_name": "e2e" }, other] } });
    let forged = Issuer::new().authorize(safe(), json!({ "sub": "alice" }));
    // Who answers without a token, and who with one by another key: jwt_authn does
    // not know of the metadata.
    for (requires, missing, invalid) in [
        (any(json!({ "allow_missing": {} })), Some(MISSING), None),
        (any(json!({ "allow_missing_or_failed": {} })), Some(MISSING), Some(INVALID)),
        (json!({ "provider_name": "e2e" }), None, None),
    ] {
        let gateway = behind_jwt_authn(&issuer, &upstream, requires.clone()).await;
        let listen = Request::new("GET", "/mcp").header("accept", "text/event-stream");
        for (request, ours) in [(safe(), missing), (listen, missing), (forged.clone(), invalid)] {
            let response = http1::send(gateway.addr(), &request).await;
            assert_eq!(response.status, 401, "{requires} {response:?}");
            let challenge = response.header("www-authenticate").expect("a challenge");
            match ours {
                Some(ours) => assert_eq!(challenge, ours, "{requires} {response:?}"),
                None => assert!(challenge.starts_with("Bearer "), "{requires} {response:?}"),
            }
            assert_eq!(reason(&response) == "no_identity", ours.is_some(), "{response:?}");
        }
        // It is where clients look for it by themselves, too.
        assert_metadata(gateway.addr(), &Request::new("GET", METADATA)).await;
        let known = issuer.authorize(safe(), json!({ "sub": "alice" }));
        assert!(passed(&http1::send(gateway.addr(), &known).await), "{requires}");
    }
}
