//! One home for all: each approval lets one call through, at whichever edge.

use mcp_rig::client::{Request, http1};
use mcp_rig::engine::{Engine, Redis};
use mcp_rig::gateway::Push;
use mcp_rig::upstream::Upstream;
use serde_json::json;

use super::between::Between;
use super::{
    Fleet, KEY, NEXT, approve, assert_failed, count, decide, edge, edge_policy, home, home_policy,
    next_second,
};
use crate::approvals::{asked, at, call, raced, request, seen, send, token};
use crate::seen::whole_bodies;
use crate::support::{Holding, RECORDS, Wire, body, passed, reason, records};

/// A call as it comes to whatever edge, under one name for all of them.
fn refund(n: u64) -> Request {
    refund_over(Wire::Http1, n)
}

fn refund_over(wire: Wire, n: u64) -> Request {
    let name = if wire == Wire::Http1 { "host" } else { ":authority" };
    let arguments = format!(r#"{{"amount":{n},"charge":"ch_hush"}}"#);
    call("agent", "refund", &arguments).header(name, "mcp.example.com")
}

#[tokio::test]
async fn one_approval_at_the_home_lets_one_call_through_one_of_two_edges() {
    for &holding in Holding::each() {
        let mut policy = edge_policy();
        policy["tools"]["refund"]["limits"][0]["max"] = 100.into();
        let fleet = Fleet::start_with(holding, policy, home_policy(), 1).await;
        for (wire, n) in [(Wire::Http1, 500), (Wire::Http2, 600)] {
            let call = refund_over(wire, n);
            let (id, state) = asked(&wire.send(fleet.edges[0].addr(), &call).await);
            assert_eq!(state, "requested", "{holding:?}");
            let (pending, other) = (asked(&wire.send(fleet.edges[1].addr(), &call).await), &id);
            assert_eq!(pending, (other.clone(), "pending".into()));
            let shown = seen(&fleet.home, "pay-ann", &id).await;
            let params = format!(r#"{{"arguments":{{"amount":{n},"charge":"ch_hush"}}}}"#);
            assert_eq!(shown["params"], params);
            assert_eq!((&shown["caller"], &shown["path"]), (&"agent".into(), &"/mcp".into()));
            // Neither the caller nor a stranger decides.
            for who in ["agent", "ops-cid"] {
                let below = format!("/{id}/approve");
                let decision =
                    at(who, "POST", &below).header("mcp-approval-digest", &"0".repeat(64));
                assert_eq!(send(&fleet.home, &decision).await.status, 403, "{who}");
            }
            approve(&fleet.home, &id).await;
            assert!(!fleet.upstream.received(format!(r#""amount":{n}"#)));
            assert!(passed(&wire.send(fleet.edges[1].addr(), &call).await), "{holding:?}");
            next_second().await;
            let (again, state) = asked(&wire.send(fleet.edges[0].addr(), &call).await);
            assert_eq!(state, "requested");
            assert_ne!(again, id);
            assert_eq!(decide(&fleet.home, "pay-bob", &again, "deny?reason=Too%20much").await, 200);
            for edge in &fleet.edges {
                assert_eq!(reason(&wire.send(edge.addr(), &call).await), "approval_denied");
            }
            let bodies = whole_bodies(&fleet.upstream).await;
            assert_eq!(bodies.iter().filter(|seen| **seen == body(&call)).count(), 1);
        }
        // Nothing of a question went on, at either end, and no token to the home.
        for hidden in ["/approvals", "mcp-approval", &token("agent")] {
            assert!(!fleet.upstream.received(hidden), "{hidden}");
        }
        let served = count(&fleet.home, "approval_store_served").await;
        assert_eq!(served, 12, "each of 6 calls in 2 ways");
        assert_eq!(count(&fleet.home, "approval_store_refused").await, 0);
        let mut sums = [0; 4];
        for edge in &fleet.edges {
            for (sum, name) in sums.iter_mut().zip([
                "approval_store_asked",
                "approval_store_failed",
                "approvals_requested",
                "approvals_used",
            ]) {
                *sum += count(edge, name).await;
            }
        }
        assert_eq!(sums, [12, 0, 4, 2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_that_race_at_both_edges_one_runs() {
    const CONNECTIONS: usize = 8;
    let mut policy = edge_policy();
    policy["tools"]["refund"]["limits"][0]["max"] = 1_000.into();
    let fleet = Fleet::start_with(Holding::Everything, policy, home_policy(), 2).await;
    for round in 0..8 {
        let call = refund(round);
        let id = request(&fleet.edges[0], &call).await;
        approve(&fleet.home, &id).await;
        let edges = (0..CONNECTIONS).map(|n| fleet.edges[n % 2].addr());
        let answers = raced(&call, edges).await;
        let (ran, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|one| passed(one));
        assert_eq!(ran.len(), 1, "{answers:?}");
        // Those that lost many races at once are refused. The others make one request, in
        // a later second, or hear of the used one.
        let mut ids: Vec<String> = Vec::new();
        for one in refused {
            if reason(one) != "approval_store" {
                ids.push(asked(one).0);
            }
        }
        ids.retain(|other| *other != id);
        ids.dedup();
        assert!(ids.len() <= 1, "{ids:?}");
    }
    assert_eq!(whole_bodies(&fleet.upstream).await.len(), 8);
}

#[tokio::test]
async fn requests_are_limited_over_all_edges_and_end_with_the_wait() {
    let mut homes = home_policy();
    homes["settings"]["approvals"]["requests"] = "2/hour".into();
    let fleet = Fleet::start_with(Holding::Everything, edge_policy(), homes, 1).await;
    request(&fleet.edges[0], &refund(1)).await;
    request(&fleet.edges[1], &refund(2)).await;
    for edge in &fleet.edges {
        let response = send(edge, &refund(3)).await;
        assert_eq!(reason(&response), "rate_limited", "{response:?}");
        let data = &response.json()["error"]["data"];
        assert_eq!(data["rule"], "/settings/approvals/requests");
        assert!(data["retry_after"].as_u64().is_some_and(|wait| (1..=3_600).contains(&wait)));
    }
    assert_eq!(asked(&send(&fleet.edges[1], &refund(1)).await).1, "pending");
}

#[tokio::test]
async fn limits_across_replicas_are_asked_between_look_and_use() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let engine = Engine::start(&["ratelimit", "--redis", &redis.url()]).await;
    let mut policy = edge_policy();
    policy["tools"]["refund"]["limits"] = json!([
        { "counter": "refunds", "window": "day", "max": 3, "across": "replicas" },
    ]);
    policy["settings"]["limit_service"] = json!({
        "cluster": "limits", "engine": "ratelimit", "domain": "mcp", "timeout_ms": 5_000,
    });
    let home = home(home_policy(), &upstream).start().await;
    let start = || {
        let edge = edge(Holding::Everything, policy.clone(), &upstream, home.addr());
        edge.cluster(engine.cluster("limits")).access_log_format(RECORDS).start()
    };
    let fleet = Fleet { edges: [start().await, start().await], home, upstream };
    let call = refund(500);
    let id = request(&fleet.edges[0], &call).await;
    assert_eq!(engine.asked().await.0, 0, "asked about a call that nobody has approved");
    approve(&fleet.home, &id).await;
    for (fault, why) in [("unavailable", "limit_service"), ("shadow", "rate_limited")] {
        engine.control(&format!("fault/{fault}")).await;
        assert_eq!(reason(&send(&fleet.edges[1], &call).await), why);
    }
    engine.control("fault").await;
    assert!(passed(&send(&fleet.edges[0], &call).await));
    next_second().await;
    assert_ne!(request(&fleet.edges[1], &call).await, id);
    assert_eq!(whole_bodies(&fleet.upstream).await.len(), 1);
    let record = &records(&fleet.edges[0], 2).await[1];
    assert_eq!(record["approval"], json!({ "id": id, "state": "used", "by": ["pay-ann"] }));
    assert_eq!(record["limits"][0]["across"], "replicas");
}

#[tokio::test]
async fn keys_are_exchanged_by_pushes_without_a_refusal() {
    let upstream = Upstream::start().await;
    let (mut homes, mut edges) = (home_policy(), edge_policy());
    let home = home(homes.clone(), &upstream).dynamic().start().await;
    // A connection of before a push is served by the policy of before.
    let between = Between::start(home.addr()).await;
    let edge = Holding::Everything.gateway(edges.clone(), upstream.addr()).dynamic();
    let edge = edge.cluster(between.cluster("home")).start().await;
    homes["settings"]["hold_request_headers"] = true.into();
    edges["settings"]["hold_request_headers"] = true.into();
    let id = request(&edge, &refund(1)).await;
    let steps = [json!([KEY, NEXT]), json!([NEXT, KEY]), json!(NEXT)];
    for (step, key) in steps.into_iter().enumerate() {
        homes["settings"]["approvals"]["serve_store"]["key"] = key.clone();
        assert_eq!(home.push_policy(&homes.to_string()).await, Push::Accepted);
        assert_eq!(asked(&send(&edge, &refund(1)).await).0, id, "{step}");
        edges["settings"]["approvals"]["store"]["key"] = key;
        assert_eq!(edge.push_policy(&edges.to_string()).await, Push::Accepted);
        assert_eq!(asked(&send(&edge, &refund(1)).await).0, id, "{step}");
    }
    // The old one opens nothing any more.
    edges["settings"]["approvals"]["store"]["key"] = KEY.into();
    assert_eq!(edge.push_policy(&edges.to_string()).await, Push::Accepted);
    assert_failed(&send(&edge, &refund(1)).await, "the old key");
    home.log_with("its seal is of another key or another text").await;
}

#[tokio::test]
async fn a_person_with_another_id_at_the_edge_is_not_let_decide() {
    let upstream = Upstream::start().await;
    let home = home(home_policy(), &upstream).start().await;
    let mut policy = edge_policy();
    // Callers are `bearer:pay-ann` here, and `pay-ann` at the home.
    policy["identity"].as_array_mut().expect("a list").push(json!({ "mtls": "subject" }));
    policy["tools"]["refund"]["approval"]["approvers"] = json!(["bearer:pay-*", "pay-*"]);
    let edge = edge(Holding::Everything, policy, &upstream, home.addr()).start().await;
    assert_failed(&send(&edge, &refund(1)).await, "another identity");
    edge.log_with("the home has another `identity`").await;
    home.log_with("its edge has another `identity`").await;
    assert_eq!(count(&home, "approval_store_refused").await, 1);
    assert!(!upstream.received("ch_hush"));
}

#[tokio::test]
async fn a_push_at_the_home_keeps_requests_and_an_edges_own_rule_decides() {
    let upstream = Upstream::start().await;
    let mut homes = home_policy();
    let home = home(homes.clone(), &upstream).dynamic().start().await;
    let edge = edge(Holding::Everything, edge_policy(), &upstream, home.addr()).dynamic();
    let fleet = Fleet { edges: [edge.clone().start().await, edge.start().await], home, upstream };
    let id = request(&fleet.edges[0], &refund(1)).await;
    homes["description"] = "again".into();
    homes["settings"]["hold_request_headers"] = true.into();
    assert_eq!(fleet.home.push_policy(&homes.to_string()).await, Push::Accepted);
    approve(&fleet.home, &id).await;
    // An edge whose rule asks for two has another request.
    let mut edges = edge_policy();
    edges["tools"]["refund"]["approval"]["need"] = 2.into();
    edges["settings"]["hold_request_headers"] = true.into();
    assert_eq!(fleet.edges[0].push_policy(&edges.to_string()).await, Push::Accepted);
    assert_ne!(request(&fleet.edges[0], &refund(1)).await, id);
    assert!(passed(&http1::send(fleet.edges[1].addr(), &refund(1)).await));
}
