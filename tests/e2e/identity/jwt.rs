//! Callers by the token that Envoy's jwt_authn verified, in front of the
//! filter.

use mcp_rig::client::http1;
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use super::{MISSING, assert_challenged, grants, once_each};
use crate::seen;
use crate::support::{RECORDS, code, counted, passed, safe};
use crate::tokens::{Issuer, Place};

const UNUSABLE: &str = "The caller's token cannot be used.";

async fn gateway(place: Place, issuer: &Issuer, upstream: &Upstream, claim: &Value) -> Gateway {
    let builder = Gateway::builder()
        .policy(once_each(json!([place.source(claim)])).to_string())
        .upstream(upstream.addr())
        .access_log_format(RECORDS);
    place.behind(issuer, builder).start().await
}

#[tokio::test]
async fn a_verified_token_names_the_caller_and_each_caller_has_its_own_count() {
    for place in Place::readable() {
        callers_have_their_own_counts(*place).await;
    }
}

async fn callers_have_their_own_counts(place: Place) {
    let (issuer, upstream) = (Issuer::new(), Upstream::start().await);
    let gateway = gateway(place, &issuer, &upstream, &json!("sub")).await;
    for (name, passes) in [("alice", true), ("alice", false), ("bob", true), ("bob", false)] {
        // Other claims make nobody another caller.
        let request = issuer.authorize(counted(), json!({ "sub": name, "other": passes }));
        let response = http1::send(gateway.addr(), &request).await;
        assert_eq!(passed(&response), passes, "{name} {response:?}");
        assert!(passes || code(&response) == 429, "{response:?}");
    }
    assert_eq!(grants(&gateway, 4).await, ["alice", "alice", "bob", "bob"]);
}

#[tokio::test]
async fn without_a_token_or_its_claim_nobody_is_calling() {
    for place in Place::readable() {
        nobody_is_calling(*place).await;
    }
}

async fn nobody_is_calling(place: Place) {
    let (issuer, upstream) = (Issuer::new(), Upstream::start().await);
    let gateway = gateway(place, &issuer, &upstream, &json!("id")).await;
    assert_challenged(&http1::send(gateway.addr(), &safe()).await, MISSING);

    // Not of `sub`, which jwt_authn itself requires to be a text.
    let unusable = [
        json!({}),
        json!({ "id": "" }),
        json!({ "id": null }),
        json!({ "id": ["alice"] }),
        json!({ "id": { "name": "alice" } }),
        json!({ "id": 5 }),
        json!({ "id": true }),
        json!({ "id": "a\nb" }),
        json!({ "id": "a".repeat(257) }),
        json!({ "ID": "alice" }),
    ];
    for claims in unusable {
        let request = issuer.authorize(safe(), claims.clone());
        let response = http1::send(gateway.addr(), &request).await;
        assert!(!passed(&response), "{claims}");
        assert_challenged(&response, UNUSABLE);
    }
    assert!(seen::whole_bodies(&upstream).await.is_empty());
}

#[tokio::test]
async fn a_token_by_another_key_does_not_even_reach_the_filter() {
    let (issuer, upstream) = (Issuer::new(), Upstream::start().await);
    let gateway = gateway(Place::Unnamed, &issuer, &upstream, &json!("sub")).await;
    let request = Issuer::new().authorize(safe(), json!({ "sub": "alice" }));
    assert_eq!(http1::send(gateway.addr(), &request).await.status, 401);
    assert!(upstream.connections().is_empty());
}

#[tokio::test]
async fn several_claims_and_nested_ones_are_joined_unambiguously() {
    for place in Place::readable() {
        claims_are_joined(*place).await;
    }
}

async fn claims_are_joined(place: Place) {
    let (issuer, upstream) = (Issuer::new(), Upstream::start().await);
    let claim = json!(["iss", "org.name", "groups[1]"]);
    let gateway = gateway(place, &issuer, &upstream, &claim).await;
    let mut expected = Vec::new();
    for (name, group, grant) in [
        ("acme", "dev", "e2e|acme|dev"),
        ("acme|dev", "x", r"e2e|acme\|dev|x"),
        ("acme", "dev|x", r"e2e|acme|dev\|x"),
        (r"acme\", "x", r"e2e|acme\\|x"),
    ] {
        let claims = json!({ "org": { "name": name }, "groups": ["first", group] });
        let response = http1::send(gateway.addr(), &issuer.authorize(counted(), claims)).await;
        assert!(passed(&response), "{grant} {response:?}");
        expected.push(grant);
    }
    assert_eq!(grants(&gateway, 4).await, expected);

    let incomplete = json!({ "org": { "name": "acme" }, "groups": ["first"] });
    let response = http1::send(gateway.addr(), &issuer.authorize(counted(), incomplete)).await;
    assert_challenged(&response, UNUSABLE);
}

/// A client can set no filter state. Without the filter that writes it, nobody is
/// known, and nobody is taken for a caller without a token.
#[tokio::test]
async fn without_the_filter_that_writes_the_state_every_caller_is_refused() {
    let (issuer, upstream) = (Issuer::new(), Upstream::start().await);
    let identity = json!([Place::State.source(&json!("sub")), { "header": "x-agent-id" }]);
    let gateway = Gateway::builder()
        .policy(once_each(identity).to_string())
        .upstream(upstream.addr())
        .filter_before(issuer.jwt_authn())
        .start()
        .await;
    let state = safe()
        .header("x-agent-id", "ci")
        .header("mcp_policy.jwt_payload", r#"{"sub":"alice"}"#)
        .header("filter_state", r#"{"sub":"alice"}"#);
    for request in [state.clone(), issuer.authorize(state, json!({ "sub": "alice" }))] {
        assert_challenged(&http1::send(gateway.addr(), &request).await, UNUSABLE);
    }
    assert!(seen::whole_bodies(&upstream).await.is_empty());
}
