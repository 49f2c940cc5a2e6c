//! The end of an approval: by a push, and by a call that did not come to a good end.

use mcp_rig::client::{Request, http2};
use mcp_rig::gateway::{Gateway, Push};
use mcp_rig::upstream::{Answer, Gate, NOWHERE, Upstream};
use mcp_rig::wait::until;
use serde_json::{Value, json};

use super::{LARGE, approve, asked, at, call, decision, listed, policy, request, send};
use crate::support::{Holding, body, manager, passed, reason};

/// A change to a policy.
type Change = fn(&mut Value);

async fn dynamic(upstream: &Upstream) -> Gateway {
    Holding::Everything.gateway(policy(), upstream.addr()).dynamic().start().await
}

async fn push(gateway: &Gateway, change: Change) {
    let mut pushed = policy();
    pushed["settings"]["hold_request_headers"] = true.into();
    change(&mut pushed);
    assert_eq!(gateway.push_policy(&pushed.to_string()).await, Push::Accepted);
}

#[tokio::test]
async fn a_push_keeps_requests_and_approvals_of_rules_that_it_leaves_alone() {
    let upstream = Upstream::start().await;
    let gateway = dynamic(&upstream).await;
    let (approved, waiting) = (call("agent", "refund", LARGE), call("agent", "drop", "{}"));
    let id = request(&gateway, &approved).await;
    approve(&gateway, "pay-ann", &id).await;
    let other = request(&gateway, &waiting).await;
    let changes: [Change; 4] = [
        |policy| policy["tools"]["another"] = json!({}),
        |policy| policy["tools"]["free"] = json!({ "action": "deny" }),
        |policy| policy["settings"]["audit_log"] = "denied".into(),
        |policy| policy["tools"]["refund"]["approve_if"][0]["on_deny"] = "Others decide.".into(),
    ];
    for change in changes {
        push(&gateway, change).await;
        assert_eq!(listed(&gateway, "pay-ann").await, std::slice::from_ref(&id));
        assert_eq!(asked(&send(&gateway, &waiting).await), (other.clone(), "pending".into()));
    }
    assert!(passed(&send(&gateway, &approved).await));
    approve(&gateway, "ops-cid", &other).await;
    push(&gateway, |_| {}).await;
    assert!(passed(&send(&gateway, &waiting).await));
    assert_eq!(asked(&send(&gateway, &waiting).await).1, "requested");
}

#[tokio::test]
async fn a_push_ends_requests_and_approvals_of_rules_that_it_changes() {
    let upstream = Upstream::start().await;
    let gateway = dynamic(&upstream).await;
    let changes: [(&str, Change); 5] = [
        ("approvers", |policy| {
            policy["tools"]["refund"]["approval"]["approvers"] = json!(["pay-bob"]);
        }),
        ("need", |policy| policy["tools"]["refund"]["approval"]["need"] = 2.into()),
        ("wait", |policy| policy["tools"]["refund"]["approval"]["wait"] = 60.into()),
        ("check", |policy| {
            policy["tools"]["refund"]["approve_if"][0]["conditions"][0]["value"] = 99.into();
        }),
        ("action", |policy| policy["tools"]["refund"]["action"] = "require_approval".into()),
    ];
    for (amount, (what, change)) in changes.into_iter().enumerate() {
        push(&gateway, |_| {}).await;
        let approved = call("agent", "refund", &format!(r#"{{"amount":{}}}"#, 200 + amount));
        let id = request(&gateway, &approved).await;
        approve(&gateway, "pay-bob", &id).await;
        let denying = decision(&gateway, "pay-bob", &id, "deny").await;
        push(&gateway, change).await;
        assert_eq!(asked(&send(&gateway, &approved).await).1, "requested", "{what}");
        assert_eq!(send(&gateway, &denying).await.status, 409, "{what}");
    }
    push(&gateway, |policy| policy["tools"]["refund"] = json!({ "action": "deny" })).await;
    let denied = send(&gateway, &call("agent", "refund", LARGE)).await;
    assert_eq!(reason(&denied), "denied");
    assert!(!upstream.received("tools/call"));
}

#[tokio::test]
async fn a_call_that_no_server_was_sent_has_spent_its_approval() {
    let gateway = Holding::Everything.gateway(policy(), NOWHERE).start().await;
    let call = call("agent", "refund", LARGE);
    let id = request(&gateway, &call).await;
    approve(&gateway, "pay-ann", &id).await;
    assert_eq!(send(&gateway, &call).await.status, 503);
    let (again, state) = asked(&send(&gateway, &call).await);
    assert_eq!(state, "requested");
    assert_ne!(again, id);
    assert_eq!(listed(&gateway, "pay-ann").await, [again]);
}

#[tokio::test]
async fn a_client_that_goes_away_has_spent_its_approval() {
    let gate = Gate::new();
    let upstream = Upstream::start_answering(Answer::new().when(&gate, "")).await;
    let gateway = Holding::Everything.gateway(policy(), upstream.addr()).start().await;
    let call = call("agent", "refund", LARGE);
    let id = request(&gateway, &call).await;
    approve(&gateway, "pay-ann", &id).await;
    let mut connection = http2::Connection::open(gateway.addr()).await;
    let (response, mut stream) = connection.begin(&call).await.expect("a stream");
    stream.send_data(body(&call).into(), true).expect("sent");
    until("the call at the server", async || upstream.received("ch_hush").then_some(())).await;
    stream.send_reset(http2::CANCEL);
    drop(response);
    let (again, state) = asked(&send(&gateway, &call).await);
    assert_eq!(state, "requested");
    assert_ne!(again, id);
}

#[tokio::test]
async fn a_client_that_goes_away_before_its_body_has_spent_nothing() {
    let upstream = Upstream::start().await;
    let gateway = Holding::Everything.gateway(policy(), upstream.addr()).start().await;
    let call = call("agent", "refund", LARGE);
    let id = request(&gateway, &call).await;
    approve(&gateway, "pay-ann", &id).await;
    let mut connection = http2::Connection::open(gateway.addr()).await;
    let (response, mut stream) = connection.begin(&call).await.expect("a stream");
    let whole = body(&call);
    stream.send_data(whole[..10].to_vec().into(), false).expect("sent");
    stream.send_reset(http2::CANCEL);
    drop(response);
    let reset = "http.mcp.downstream_rq_rx_reset";
    until(reset, async || gateway.admin().stat(reset).await.filter(|count| *count == 1)).await;
    assert_eq!(
        send(&gateway, &at("pay-ann", "GET", &format!("/{id}"))).await.json()["state"],
        "approved"
    );
    assert!(passed(&send(&gateway, &call).await));
}

#[tokio::test]
async fn a_retry_of_envoys_does_not_run_an_approved_call_twice() {
    let upstream = Upstream::start_answering(Answer::new().then_close()).await;
    let builder = Holding::Everything.gateway(policy(), upstream.addr());
    let gateway = builder
        .edit_listener(|listener| {
            let routes = &mut manager(listener)["route_config"]["virtual_hosts"][0]["routes"];
            assert!(routes[0]["route"]["retry_policy"].is_null());
        })
        .start()
        .await;
    let call = call("agent", "refund", LARGE);
    let id = request(&gateway, &call).await;
    approve(&gateway, "pay-ann", &id).await;
    let asking = |request: Request| request.header("x-envoy-retry-on", "5xx,reset,gateway-error");
    let failed = send(&gateway, &asking(call.clone())).await;
    assert_eq!(failed.status, 503, "{failed:?}");
    assert_eq!(upstream.transcript().matches("ch_hush").count(), 1);
    assert_eq!(asked(&send(&gateway, &call).await).1, "requested");
}
