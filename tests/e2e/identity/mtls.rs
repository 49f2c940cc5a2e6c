//! Callers by the certificate with which they opened the connection.

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use super::{MISSING, assert_nobody, grants, once_each};
use crate::certificates::{Authority, Identity};
use crate::support::{RECORDS, assert_denied, code, counted, passed, safe};

const UNUSABLE: &str = "The caller's certificate cannot be used.";
const ALICE: &str = "spiffe://test/ns/agents/sa/alice";
const BOB: &str = "spiffe://test/ns/agents/sa/bob";

/// A gateway that speaks TLS, and whether it turns away who has no
/// certificate.
async fn gateway(
    authority: &Authority,
    required: bool,
    upstream: &Upstream,
    policy: Value,
) -> Gateway {
    Gateway::builder()
        .policy(policy.to_string())
        .upstream(upstream.addr())
        .edit_listener(authority.tls(required))
        .access_log_format(RECORDS)
        .start()
        .await
}

#[tokio::test]
async fn a_spiffe_id_names_the_caller_and_picks_a_policy() {
    let (authority, upstream) = (Authority::new(), Upstream::start().await);
    let mut policy = once_each(json!([{ "mtls": "uri_san" }]));
    policy["grants"] = json!({ "spiffe://test/*/sa/bob": { "default": "deny" } });
    let gateway = gateway(&authority, true, &upstream, policy).await;
    let alice = authority.client("whoever", &[ALICE, "spiffe://test/second"]);
    let again = authority.client("whoever else", &[ALICE]);
    let bob = authority.client("whoever", &[BOB]);
    let send = async |client: &Identity, request: Request| {
        authority.send(gateway.addr(), Some(client), &request).await
    };

    assert!(passed(&send(&alice, counted()).await));
    assert_eq!(code(&send(&again, counted()).await), 429, "the same caller");
    assert!(passed(&send(&alice, safe()).await));
    assert_denied(&send(&bob, safe()).await);
    assert_eq!(grants(&gateway, 4).await, [ALICE, ALICE, ALICE, BOB]);
}

#[tokio::test]
async fn a_certificate_without_a_uri_is_unusable() {
    let (authority, upstream) = (Authority::new(), Upstream::start().await);
    let policy = once_each(json!([{ "mtls": "uri_san" }, { "header": "x-agent-id" }]));
    let gateway = gateway(&authority, true, &upstream, policy).await;
    let plain = authority.client("alice", &[]);
    // Never a step to the next source.
    for request in [safe(), safe().header("x-agent-id", "alice")] {
        let response = authority.send(gateway.addr(), Some(&plain), &request).await;
        assert_nobody(&response, UNUSABLE);
    }
}

#[tokio::test]
async fn without_a_certificate_the_next_source_is_asked() {
    let (authority, upstream) = (Authority::new(), Upstream::start().await);
    let policy = once_each(json!([{ "mtls": "uri_san" }, { "header": "x-agent-id" }]));
    let gateway = gateway(&authority, false, &upstream, policy).await;
    let send = async |request: Request| authority.send(gateway.addr(), None, &request).await;

    assert_nobody(&send(safe()).await, MISSING);
    assert!(passed(&send(safe().header("x-agent-id", ALICE)).await));
    let alice = authority.client("alice", &[ALICE]);
    // One who has both is known by the certificate.
    let both = safe().header("x-agent-id", "bob");
    assert!(passed(&authority.send(gateway.addr(), Some(&alice), &both).await));
    let (by_header, by_certificate) = (format!("header:{ALICE}"), format!("mtls:{ALICE}"));
    assert_eq!(grants(&gateway, 3).await[1..], [by_header, by_certificate]);
}

#[tokio::test]
async fn the_subject_of_a_certificate_can_name_the_caller() {
    let (authority, upstream) = (Authority::new(), Upstream::start().await);
    let policy = once_each(json!([{ "mtls": "subject" }]));
    let gateway = gateway(&authority, false, &upstream, policy).await;
    let alice = authority.client("alice", &[BOB]);
    assert!(passed(&authority.send(gateway.addr(), Some(&alice), &counted()).await));
    assert_nobody(&authority.send(gateway.addr(), None, &counted()).await, MISSING);
    assert_eq!(grants(&gateway, 1).await[0], "CN=alice");
}

#[tokio::test]
async fn without_tls_nobody_has_a_certificate() {
    let upstream = Upstream::start().await;
    let policy = once_each(json!([{ "mtls": "subject" }]));
    let builder = Gateway::builder().policy(policy.to_string()).upstream(upstream.addr());
    let gateway = builder.start().await;
    let response = http1::send(gateway.addr(), &counted()).await;
    assert_nobody(&response, MISSING);
}
