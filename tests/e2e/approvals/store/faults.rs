//! Homes that are not there, slow, or somebody else.

use mcp_rig::client::{Request, http1, http2};
use mcp_rig::upstream::{NOWHERE, Upstream};
use mcp_rig::wait::until;
use serde_json::json;

use super::between::{Between, Mode};
use super::{
    Fleet, approve, assert_failed, count, edge, edge_policy, home, home_policy, next_second,
};
use crate::approvals::{asked, at, call, request, send};
use crate::asking;
use crate::support::{Holding, Wire, body, passed, reason};

fn refund() -> Request {
    call("agent", "refund", r#"{"text":"for the server"}"#)
}

#[tokio::test]
async fn a_home_that_cannot_be_asked_lets_nothing_run_and_nothing_is_lost() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let home = home(home_policy(), &upstream).start().await;
        let mut choked = asking::cluster("choked", home.addr());
        choked["circuit_breakers"] = json!({ "thresholds": [{ "max_requests": 0 }] });
        let mut empty = asking::cluster("empty", home.addr());
        empty["load_assignment"]["endpoints"] = json!([]);
        for cluster in ["missing", "choked", "dead", "empty", "envoy"] {
            let mut policy = edge_policy();
            policy["settings"]["approvals"]["store"]["cluster"] = cluster.into();
            let edge = edge(holding, policy, &upstream, home.addr())
                .cluster(asking::cluster("envoy", home.addr()))
                .cluster(asking::cluster("dead", NOWHERE))
                .cluster(choked.clone())
                .cluster(empty.clone())
                .start()
                .await;
            if cluster == "envoy" {
                asked(&send(&edge, &refund()).await);
                continue;
            }
            for wire in Wire::BOTH {
                let response = wire.send(edge.addr(), &refund()).await;
                assert_failed(&response, cluster);
            }
            assert_eq!(count(&edge, "approval_store_asked").await, 2, "{cluster}");
            assert_eq!(count(&edge, "approval_store_failed").await, 2, "{cluster}");
            edge.log_with("`settings.approvals.store` gives no answer that counts").await;
        }
        assert!(!upstream.received("for the server"));
    }
}

#[tokio::test]
async fn a_home_that_is_gone_lets_nothing_run() {
    let upstream = Upstream::start().await;
    let first = home(home_policy(), &upstream).start().await;
    let addr = first.addr();
    let edge = edge(Holding::Everything, edge_policy(), &upstream, addr).start().await;
    request(&edge, &refund()).await;
    drop(first);
    assert_failed(&send(&edge, &refund()).await, "gone");
    assert!(!upstream.received("for the server"));
}

#[tokio::test]
async fn a_home_that_is_slow_cut_or_somebody_else_lets_nothing_run() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let home = home(home_policy(), &upstream).start().await;
        let between = Between::start(home.addr()).await;
        let mut policy = edge_policy();
        policy["settings"]["approvals"]["store"]["timeout_ms"] = 3_000.into();
        let edge = holding.gateway(policy, upstream.addr()).cluster(between.cluster("home"));
        let edge = edge.start().await;
        let call = refund();
        let id = request(&edge, &call).await;
        approve(&home, &id).await;
        let big =
            format!("HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n{}", "x".repeat(300_000));
        for says in [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nmcp-approval-mac: v1,1,2,3\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}",
            "SSH-2.0-OpenSSH\r\n",
            "",
            &big,
        ] {
            between.set(Mode::Says(says.as_bytes().to_vec()));
            let start = says.get(..says.len().min(60)).expect("ASCII");
            for wire in Wire::BOTH {
                assert_failed(&wire.send(edge.addr(), &call).await, start);
            }
        }
        between.set(Mode::Never);
        assert_failed(&send(&edge, &call).await, "slow");
        assert!(count(&edge, "approval_store_timeout").await >= 1);
        // An answer of before, and one whose body says more than the home did.
        between.set(Mode::Changes(|text| text.replace("apr_", "apr_ ")));
        assert_failed(&send(&edge, &call).await, "changed");
        assert!(!upstream.received("for the server"), "{holding:?}");
        assert!(count(&edge, "approval_store_unproven").await >= 3);
        // That took the approval, which nobody can know of. People are asked again.
        between.set(Mode::Passes);
        next_second().await;
        let (next, _) = asked(&send(&edge, &call).await);
        assert_ne!(next, id);
        approve(&home, &next).await;
        assert!(passed(&send(&edge, &call).await), "{holding:?}");
        // The limit of one a day was still there, and is now used.
        assert_eq!(reason(&send(&edge, &call).await), "rate_limited");
    }
}

#[tokio::test]
async fn a_question_that_comes_twice_takes_one_approval() {
    let upstream = Upstream::start().await;
    let home = home(home_policy(), &upstream).start().await;
    let between = Between::start(home.addr()).await;
    let mut policy = edge_policy();
    policy["tools"]["refund"]["limits"][0]["max"] = 9.into();
    let edge = Holding::Everything.gateway(policy, upstream.addr());
    let edge = edge.cluster(between.cluster("home")).start().await;
    let id = request(&edge, &refund()).await;
    approve(&home, &id).await;
    // The second answer reaches the edge: it is the same as the first.
    between.set(Mode::Twice);
    assert!(passed(&send(&edge, &refund()).await));
    between.set(Mode::Passes);
    next_second().await;
    let (next, state) = asked(&send(&edge, &refund()).await);
    assert_eq!(state, "requested");
    // A question takes no approval of a later second.
    next_second().await;
    approve(&home, &next).await;
    between.set(Mode::Repeats);
    assert_failed(&send(&edge, &refund()).await, "the answer of before");
    between.set(Mode::Passes);
    assert!(passed(&send(&edge, &refund()).await), "the approval is still there");
    assert_eq!(crate::seen::whole_bodies(&upstream).await.len(), 2);
}

#[tokio::test]
async fn clients_that_leave_while_the_home_is_asked_lose_nothing() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let home = home(home_policy(), &upstream).start().await;
        let between = Between::start(home.addr()).await;
        let edge = holding.gateway(edge_policy(), upstream.addr());
        let edge = edge.cluster(between.cluster("home")).access_log_format("%RESPONSE_FLAGS%");
        let edge = edge.start().await;
        let call = refund();
        between.set(Mode::Never);
        for round in 1..=10_usize {
            let addr = edge.addr();
            let asked = async || (between.asked() >= round).then_some(());
            if round % 2 == 0 {
                let sent = call.clone();
                let client = tokio::spawn(async move { http1::send(addr, &sent).await });
                until("the question", asked).await;
                client.abort();
            } else {
                let mut connection = http2::Connection::open(addr).await;
                let (response, mut stream) = connection.begin(&call).await.expect("begun");
                stream.send_data(body(&call).into(), true).expect("sent");
                until("the question", asked).await;
                stream.send_reset(http2::CANCEL);
                drop((response, stream));
            }
            edge.access_log_of(round).await;
        }
        between.set(Mode::Passes);
        let id = request(&edge, &call).await;
        approve(&home, &id).await;
        assert!(passed(&send(&edge, &call).await), "{holding:?}");
    }
}

#[tokio::test]
async fn only_edges_are_answered_at_the_path_of_questions() {
    let fleet = Fleet::start(Holding::Everything).await;
    let before = fleet.upstream.connections().len();
    let seal = format!("v1,1800000000,{},{}", "ab".repeat(16), "0".repeat(64));
    for (what, request, status) in [
        ("a GET", at("pay-ann", "GET", "/-/calls"), 405),
        ("no seal", at("pay-ann", "POST", "/-/calls").body("{}"), 401),
        (
            "an old seal",
            at("agent", "POST", "/-/calls").header("mcp-approval-mac", &seal).body("{}"),
            401,
        ),
        ("no body", at("agent", "POST", "/-/calls").header("mcp-approval-mac", "v1"), 401),
        ("a query", at("agent", "POST", "/-/calls?x").body("{}"), 404),
        ("below", at("agent", "POST", "/-/calls/x").body("{}"), 404),
    ] {
        for wire in Wire::BOTH {
            for sent in [request.clone(), request.clone().cut(1).trailer("x-sum", "1")] {
                let answer = wire.send(fleet.home.addr(), &sent).await;
                assert_eq!(answer.status, status, "{what} {wire:?} {answer:?}");
            }
        }
    }
    assert_eq!(fleet.upstream.connections().len(), before, "{}", fleet.upstream.transcript());
    assert!(count(&fleet.home, "approval_store_refused").await > 0);
    assert_eq!(count(&fleet.home, "approval_store_served").await, 0);
}
