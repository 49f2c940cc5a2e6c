//! Notices to a receiver by a real Envoy, and all that may become of one: no call is
//! held up by it, and the next one is sent.

use std::time::Duration;

use mcp_rig::client::http1::Connection;
use mcp_rig::gateway::{Gateway, Push};
use mcp_rig::upstream::{Answer, Gate, NOWHERE, Upstream};
use mcp_rig::wait::until;
use ring::hmac;
use serde_json::{Value, json};
use std::net::SocketAddr;

use super::{CALLERS, asked, call, policy, send};
use crate::seen::{Seen, requests};
use crate::support::{Holding, passed, spread};

const KEY: &str = "the key of the receiver";

/// The policy, which tells a cluster of new requests.
fn telling() -> Value {
    let mut policy = policy();
    let approvals = &mut policy["settings"]["approvals"];
    approvals["url"] = "https://gateway.example.com/approvals".into();
    approvals["requests"] = "120/hour".into();
    approvals["notify"] = json!({
        "cluster": "receiver",
        "authority": "receiver.internal",
        "path": "/hook?for=mcp",
        "key": KEY,
    });
    policy
}

/// A cluster with one host.
fn cluster(name: &str, addr: SocketAddr) -> Value {
    let address = json!({ "socket_address": { "address": addr.ip(), "port_value": addr.port() } });
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address } }] }],
        },
    })
}

/// The `n`th call that needs approval.
fn large(n: usize) -> String {
    format!(r#"{{"amount":{},"charge":"ch_hush"}}"#, 1_000 + n)
}

/// The id of the request for the `n`th call.
async fn ask(gateway: &Gateway, n: usize) -> String {
    let (id, state) = asked(&send(gateway, &call("agent", "refund", &large(n))).await);
    assert_eq!(state, "requested");
    id
}

async fn failed(gateway: &Gateway) -> u64 {
    gateway.count("approvals_notices_failed").await.unwrap_or_default()
}

/// Waits until that many notices have failed.
async fn failures(gateway: &Gateway, count: u64) {
    until("notices that failed", async || (failed(gateway).await == count).then_some(())).await;
}

/// The notices that came, once there are that many.
async fn notices(receiver: &Upstream, count: usize) -> Vec<Seen> {
    until("notices", async || {
        let came = requests(receiver).await;
        let whole = came.iter().filter(|one| one.whole).count();
        (whole >= count).then_some(came)
    })
    .await
}

/// Asserts that a receiver may believe a notice; its body.
#[track_caller]
fn believed(notice: &Seen) -> Value {
    assert_eq!(notice.head.start, "POST /hook?for=mcp HTTP/1.1");
    assert_eq!(notice.header("host"), Some("receiver.internal"));
    assert_eq!(notice.header("content-type"), Some("application/json"));
    let timestamp = notice.header("mcp-approval-timestamp").expect("a timestamp");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time");
    let signed = Duration::from_secs(timestamp.parse().expect("seconds since 1970"));
    assert!(now.abs_diff(signed) < Duration::from_secs(60), "{timestamp}");
    let signature = notice.header("mcp-approval-signature").expect("a signature");
    let tag = signature.strip_prefix("v1=").expect("a version");
    let tag: Vec<u8> = (0..tag.len() / 2)
        .map(|at| u8::from_str_radix(&tag[2 * at..2 * at + 2], 16).expect("hexadecimal digits"))
        .collect();
    let signed = [timestamp.as_bytes(), b".", &notice.body].concat();
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    hmac::verify(&key, &signed, &tag).expect("the signature of the policy's key");
    serde_json::from_slice(&notice.body).expect("JSON")
}

#[tokio::test]
async fn a_receiver_is_told_once_and_can_tell_who_told_it() {
    for &holding in Holding::each() {
        let (upstream, receiver) = (Upstream::start().await, Upstream::start().await);
        let builder = holding.gateway(telling(), upstream.addr());
        let gateway = builder.cluster(cluster("receiver", receiver.addr())).start().await;
        let first = ask(&gateway, 0).await;
        let told = believed(&notices(&receiver, 1).await[0]);
        assert_eq!(told["event"], "approval_requested");
        assert_eq!(told["id"], first);
        assert_eq!(told["url"], format!("https://gateway.example.com/approvals/{first}"));
        // A poll tells nobody; another request does.
        let polled = send(&gateway, &call("agent", "refund", &large(0))).await;
        assert_eq!(asked(&polled), (first, "pending".into()));
        let second = ask(&gateway, 1).await;
        let all = notices(&receiver, 2).await;
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!(believed(&all[1])["id"], second);
        assert_eq!(failed(&gateway).await, 0);
        // Nothing of the agent's is in it: no argument, no caller, no credential.
        for word in ["hush", "charge", "1000", "bearer", "Bearer"].into_iter().chain(CALLERS) {
            assert!(!receiver.received(word), "{word}");
        }
    }
}

/// Calls go on, and so does the filter, after a notice that failed at once. `prepare`
/// makes the cluster that fails.
async fn fails(what: &str, failing: Option<Value>) {
    for &holding in Holding::each() {
        let (upstream, receiver) = (Upstream::start().await, Upstream::start().await);
        let mut builder = holding.gateway(telling(), upstream.addr());
        if let Some(failing) = failing.clone() {
            builder = builder.cluster(failing);
        }
        // A second filter of the same process tells a receiver that works.
        let gateway = builder.cluster(cluster("other", receiver.addr())).dynamic().start().await;
        for n in 0..20 {
            ask(&gateway, n).await;
        }
        failures(&gateway, 20).await;
        let free = send(&gateway, &call("agent", "free", "{}")).await;
        assert!(passed(&free), "{what}: {free:?}");
        let log = gateway.log();
        assert!(!log.contains("panic"), "{what}: {log}");
        assert_eq!(log.matches("did not come").count(), 20, "{what}: {log}");
        assert!(!log.contains(KEY), "{what}");
        let mut policy = telling();
        policy["settings"]["approvals"]["notify"]["cluster"] = "other".into();
        if holding == Holding::Everything {
            policy["settings"]["hold_request_headers"] = true.into();
        }
        assert_eq!(gateway.push_policy(&policy.to_string()).await, Push::Accepted, "{what}");
        let id = ask(&gateway, 100).await;
        assert_eq!(believed(&notices(&receiver, 1).await[0])["id"], id, "{what}");
    }
}

#[tokio::test]
async fn a_cluster_that_is_not_there_fails_a_notice_alone() {
    fails("no cluster", None).await;
}

#[tokio::test]
async fn a_cluster_without_a_host_fails_a_notice_alone() {
    let mut nobody = cluster("receiver", NOWHERE);
    nobody["load_assignment"]["endpoints"] = json!([]);
    fails("no host", Some(nobody)).await;
}

#[tokio::test]
async fn a_receiver_that_refuses_connections_fails_a_notice_alone() {
    fails("refused", Some(cluster("receiver", NOWHERE))).await;
}

#[tokio::test]
async fn a_cluster_that_overflows_fails_a_notice_alone() {
    let receiver = Upstream::start().await;
    let mut full = cluster("receiver", receiver.addr());
    let none = json!({ "max_connections": 0, "max_pending_requests": 0, "max_requests": 0 });
    full["circuit_breakers"] = json!({ "thresholds": [none] });
    fails("overflow", Some(full)).await;
    assert!(requests(&receiver).await.is_empty());
}

#[tokio::test]
async fn a_receiver_that_resets_fails_a_notice_alone() {
    let receiver = Upstream::start_answering(Answer::new().then_close()).await;
    fails("reset", Some(cluster("receiver", receiver.addr()))).await;
}

#[tokio::test]
async fn a_receiver_that_cannot_take_it_fails_a_notice_alone() {
    let answer = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops";
    let receiver = Upstream::start_answering(Answer::new().then(answer)).await;
    fails("500", Some(cluster("receiver", receiver.addr()))).await;
    let answer = "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let receiver = Upstream::start_answering(Answer::new().then(answer)).await;
    fails("302", Some(cluster("receiver", receiver.addr()))).await;
}

#[tokio::test]
async fn a_receiver_that_says_nothing_holds_up_no_call_and_at_most_sixteen_notices() {
    for &holding in Holding::each() {
        let gate = Gate::new();
        let receiver = Upstream::start_answering(Answer::new().when(&gate, "never")).await;
        let upstream = Upstream::start().await;
        let builder = holding.gateway(telling(), upstream.addr());
        let gateway = builder.cluster(cluster("receiver", receiver.addr())).start().await;
        for n in 0..20 {
            ask(&gateway, n).await;
        }
        // None of these waited for an answer, of which there is none.
        let log = gateway.log_with("too many are on the way").await;
        assert_eq!(log.matches("too many are on the way").count(), 4, "{log}");
        assert_eq!(notices(&receiver, 16).await.len(), 16);
        assert!(passed(&send(&gateway, &call("agent", "free", "{}")).await));
        failures(&gateway, 20).await;
        // They are over now, and there is room for others.
        ask(&gateway, 20).await;
        assert_eq!(notices(&receiver, 17).await.len(), 17);
    }
}

#[tokio::test]
async fn a_push_while_notices_are_on_the_way_ends_nothing_but_these() {
    for &holding in Holding::each() {
        let gate = Gate::new();
        let receiver = Upstream::start_answering(Answer::new().when(&gate, "never")).await;
        let upstream = Upstream::start().await;
        let builder = holding.gateway(telling(), upstream.addr());
        let builder = builder.cluster(cluster("receiver", receiver.addr()));
        let builder = builder.concurrency(2).edit_listener(spread);
        let gateway = builder.dynamic().start().await;
        let mut open = Vec::new();
        for n in 0..4 {
            // Connections that the push has to drain, on either worker.
            let mut connection = Connection::open(gateway.addr()).await;
            asked(&connection.send(&call("agent", "refund", &large(n))).await);
            open.push(connection);
        }
        notices(&receiver, 4).await;
        for push in 0_usize..3 {
            let mut policy = telling();
            policy["tools"][format!("new{push}")] = json!({});
            if holding == Holding::Everything {
                policy["settings"]["hold_request_headers"] = true.into();
            }
            assert_eq!(gateway.push_policy(&policy.to_string()).await, Push::Accepted);
            ask(&gateway, 10 + push).await;
            notices(&receiver, 5 + push).await;
        }
        drop(open);
        let sent = notices(&receiver, 7).await;
        assert_eq!(sent.len(), 7);
        let free = call("agent", "new2", "{}");
        until("calls under the last policy", async || {
            passed(&send(&gateway, &free).await).then_some(())
        })
        .await;
        assert!(!gateway.log().contains("panic"), "{}", gateway.log());
    }
}
