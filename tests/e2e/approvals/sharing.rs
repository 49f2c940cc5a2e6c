//! Requests that all workers and all callers share.

use mcp_rig::upstream::Upstream;

use super::{LARGE, approve, asked, call, listed, policy, raced, request, send};
use crate::seen::whole_bodies;
use crate::support::{Holding, code, passed, reason, spread};

/// Connections at once: two for each worker.
const CONNECTIONS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn of_all_that_race_for_an_approval_one_runs() {
    // Two requests for approval a round, of which a caller gets 20 in an hour, and those that
    // workers take for a moment when they make one at once.
    const ROUNDS: usize = 8;
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let builder = holding.gateway(policy(), upstream.addr());
        let gateway = builder.concurrency(4).edit_listener(spread).start().await;
        let arguments = |round: usize| format!(r#"{{"amount":{}}}"#, 1_000 + round);
        for round in 0..ROUNDS {
            let call = call("agent", "refund", &arguments(round));
            let id = request(&gateway, &call).await;
            approve(&gateway, "pay-ann", &id).await;
            let answers = raced(&call, [gateway.addr(); CONNECTIONS]).await;
            let (ran, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|one| passed(one));
            assert_eq!(ran.len(), 1, "{holding:?}: {answers:?}");
            // The others ask for another approval, and all for the same.
            let mut ids: Vec<String> = refused.into_iter().map(|one| asked(one).0).collect();
            ids.dedup();
            assert!(!ids.contains(&id), "{ids:?}");
            assert_eq!(ids.len(), 1, "{ids:?}");
        }
        assert_eq!(whole_bodies(&upstream).await.len(), ROUNDS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_workers_know_one_request() {
    let upstream = Upstream::start().await;
    let builder = Holding::Everything.gateway(policy(), upstream.addr());
    let gateway = builder.concurrency(4).edit_listener(spread).start().await;
    let call = call("agent", "refund", LARGE);
    let answers = raced(&call, [gateway.addr(); CONNECTIONS]).await;
    let answers: Vec<(String, String)> = answers.iter().map(asked).collect();
    assert!(answers.iter().all(|(id, _)| *id == answers[0].0), "{answers:?}");
    assert_eq!(answers.iter().filter(|(_, state)| state == "requested").count(), 1);
    assert_eq!(listed(&gateway, "pay-bob").await, [answers[0].0.clone()]);
}

#[tokio::test]
async fn a_caller_that_floods_people_leaves_room_for_others() {
    let upstream = Upstream::start().await;
    let gateway = Holding::Everything.gateway(policy(), upstream.addr()).start().await;
    for n in 0..20 {
        request(&gateway, &call("agent", "drop", &format!(r#"{{"n":{n}}}"#))).await;
    }
    for n in 20..60 {
        let flood = send(&gateway, &call("agent", "drop", &format!(r#"{{"n":{n}}}"#))).await;
        assert_eq!((code(&flood), reason(&flood)), (429.into(), "rate_limited".into()));
    }
    assert_eq!(listed(&gateway, "ops-cid").await.len(), 20);
    // What it asked for before waits, and what needs no approval runs.
    let first = send(&gateway, &call("agent", "drop", r#"{"n":0}"#)).await;
    assert_eq!(asked(&first).1, "pending");
    assert!(passed(&send(&gateway, &call("agent", "free", "{}")).await));
    let other = call("other-agent", "drop", r#"{"n":0}"#);
    let id = request(&gateway, &other).await;
    approve(&gateway, "ops-cid", &id).await;
    assert!(passed(&send(&gateway, &other).await));
}

#[tokio::test]
async fn the_deepest_and_longest_of_calls_are_a_refusal_and_no_trap() {
    let upstream = Upstream::start().await;
    let mut policy = policy();
    policy["settings"]["max_depth"] = 256.into();
    policy["settings"]["approvals"]["max_arguments_bytes"] = 16_384.into();
    let gateway = Holding::Everything.gateway(policy, upstream.addr()).start().await;
    let deep = |open: &str, close: &str, depth: usize| {
        format!(r#"{{"a":{}1{}}}"#, open.repeat(depth), close.repeat(depth))
    };
    let asks = [deep("[", "]", 252), deep(r#"{"b":"#, "}", 252)];
    for arguments in asks {
        let call = call("agent", "drop", &arguments);
        // The answer repeats the arguments, too deep for the test's own reader.
        let refused = send(&gateway, &call).await.text();
        let id = refused.split_once("apr_").expect("an id").1;
        let id = format!("apr_{}", &id[..16]);
        let shown = super::seen(&gateway, "ops-cid", &id).await;
        assert_eq!(shown["params"], format!(r#"{{"arguments":{arguments}}}"#));
        approve(&gateway, "ops-cid", &id).await;
        assert!(passed(&send(&gateway, &call).await));
    }
    let members: Vec<String> = (0..60_000).map(|n| format!(r#""k{n}":0"#)).collect();
    let members = format!("{{{}}}", members.join(","));
    let escapes = format!(r#"{{"a":"{}"}}"#, r"\u0001".repeat(100_000));
    let nested = format!(r#"{{"a":{members},"b":[{}0]}}"#, "[],".repeat(60_000));
    for (what, arguments) in [("members", members), ("escapes", escapes), ("nested", nested)] {
        let refused = send(&gateway, &call("agent", "drop", &arguments)).await;
        assert_eq!(reason(&refused), "approval_too_large", "{what}");
    }
    assert!(passed(&send(&gateway, &call("agent", "free", "{}")).await));
    assert!(!gateway.log().contains("Function: proxy_on_request_body failed"));
}
