//! Nothing that is sent to the endpoint reaches a server, in whatever form.

use mcp_rig::client::Request;
use mcp_rig::upstream::Upstream;

use super::{LARGE, approve, asked, at, by, call, decision, policy, request, send, token};
use crate::support::{Holding, Wire, passed};

/// The parts of a body.
const NONE: [&str; 0] = [];

/// The requests that have no effect, each with its status.
fn without_effect(id: &str, approving: &Request) -> Vec<(&'static str, Request, u16)> {
    let approving = || approving.clone();
    let get = |below: &str| at("pay-ann", "GET", below);
    let method = |method: &str| {
        let mut other = approving();
        other.method = method.to_owned();
        other
    };
    let twice = approving().header("mcp-approval-digest", &"0".repeat(64));
    let another = approving()
        .without_header("mcp-approval-digest")
        .header("mcp-approval-digest", &"0".repeat(64));
    vec![
        ("a body", approving().body("reason=none"), 400),
        ("a body in pieces", approving().pieces(["rea", "son"]), 400),
        ("an empty body without a length", approving().pieces(NONE), 400),
        ("trailers", approving().pieces(["reason"]).trailer("x-sum", "1"), 400),
        ("trailers alone", approving().pieces(NONE).trailer("x-sum", "1"), 400),
        (
            "a call as its body",
            approving().body(crate::support::body(&call("agent", "free", "{}"))),
            400,
        ),
        ("a list with a body", get("").body("x"), 400),
        ("a request with a body", get(&format!("/{id}")).pieces(["x"]), 400),
        ("no digest", approving().without_header("mcp-approval-digest"), 400),
        ("two digests", twice, 400),
        ("another digest", another, 409),
        ("another site", approving().header("sec-fetch-site", "cross-site"), 403),
        ("another origin", approving().header("origin", "https://evil.example"), 403),
        ("OPTIONS", method("OPTIONS"), 405),
        ("PUT", method("PUT"), 405),
        ("PATCH", method("PATCH"), 405),
        ("DELETE", method("DELETE"), 405),
        ("a decision by GET", method("GET"), 405),
        ("a list by POST", at("pay-ann", "POST", ""), 405),
        ("OPTIONS of the list", at("pay-ann", "OPTIONS", ""), 405),
        ("a slash", get("/"), 404),
        ("another word", at("pay-ann", "POST", &format!("/{id}/allow")), 404),
        ("a slash at the end", at("pay-ann", "POST", &format!("/{id}/approve/")), 404),
        ("a deeper path", at("pay-ann", "POST", &format!("/{id}/approve/mcp")), 404),
        ("no id", at("pay-ann", "POST", "/apr_/approve"), 404),
        ("an encoded path", at("pay-ann", "POST", &format!("/{id}%2fapprove")), 404),
        ("nobody", approving().without_header("authorization"), 401),
        ("a call at the endpoint", call("agent", "free", "{}").path("/approvals"), 405),
        ("a call below it", call("agent", "free", "{}").path("/approvals/mcp"), 404),
    ]
}

#[tokio::test]
async fn nothing_of_the_endpoint_goes_on_and_only_a_decision_decides() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(policy(), upstream.addr()).start().await;
        let call = call("agent", "refund", LARGE);
        let id = request(&gateway, &call).await;
        let approving = decision(&gateway, "pay-ann", &id, "approve").await;
        let before = upstream.connections().len();
        for wire in Wire::BOTH {
            for (what, request, status) in without_effect(&id, &approving) {
                let answer = wire.send(gateway.addr(), &request).await;
                assert_eq!(answer.status, status, "{what}, {wire:?}, {holding:?}: {answer:?}");
                assert_eq!(answer.header("access-control-allow-origin"), None, "{what}");
                assert!(!passed(&answer), "{what}");
            }
        }
        let head = Wire::Http2.send(gateway.addr(), &at("pay-ann", "HEAD", "")).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(upstream.connections().len(), before, "{}", upstream.transcript());
        assert_eq!(asked(&send(&gateway, &call).await), (id, "pending".into()));
        assert_eq!(send(&gateway, &approving.body("")).await.status, 200);
        assert!(passed(&send(&gateway, &call).await));
        let transcript = upstream.transcript();
        for hidden in ["/approvals", "mcp-approval", "x-sum", &token("pay-ann"), &token("agent")] {
            assert!(!transcript.contains(hidden), "{hidden} in {transcript}");
        }
    }
}

#[tokio::test]
async fn a_path_like_the_endpoints_is_not_the_endpoint() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(policy(), upstream.addr()).start().await;
        let call = call("agent", "refund", LARGE);
        let id = request(&gateway, &call).await;
        let approving = decision(&gateway, "pay-ann", &id, "approve").await;
        for path in [
            format!("/approvalsx/{id}/approve"),
            format!("//approvals/{id}/approve"),
            format!("/Approvals/{id}/approve"),
            format!("/%61pprovals/{id}/approve"),
            format!("/x/../approvals/{id}/approve"),
            format!("/mcp?/approvals/{id}/approve"),
        ] {
            // It is a POST without a message.
            let answer = send(&gateway, &approving.clone().path(&path)).await;
            assert!(answer.status >= 400 && !passed(&answer), "{path}: {answer:?}");
        }
        assert_eq!(asked(&send(&gateway, &call).await), (id.clone(), "pending".into()));
        assert!(!upstream.received("the-secret-token-of"));
        approve(&gateway, "pay-ann", &id).await;
    }
}

#[tokio::test]
async fn the_filters_settings_do_not_shadow_its_endpoint() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let mut policy = policy();
        policy["settings"]["paths"] = serde_json::json!(["/mcp"]);
        policy["settings"]["exempt_paths"] = serde_json::json!(["/health", "/approval/*"]);
        let gateway = holding.gateway(policy, upstream.addr()).start().await;
        let open = by("pay-ann", Request::new("GET", "/health"));
        assert!(passed(&send(&gateway, &open).await));
        let call = call("agent", "refund", LARGE);
        let id = request(&gateway, &call).await;
        approve(&gateway, "pay-ann", &id).await;
        assert!(passed(&send(&gateway, &call).await));
        let query = at("pay-ann", "GET", "?/health");
        assert_eq!(send(&gateway, &query).await.status, 400);
        assert!(!upstream.received("/approvals"));
    }
}
