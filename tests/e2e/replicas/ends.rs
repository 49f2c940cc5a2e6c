//! Calls that end, and policies that change, while the service is asked.

use mcp_rig::client::{http1, http2};
use mcp_rig::engine::{Engine, Redis};
use mcp_rig::gateway::Push;
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::json;

use super::{assert_refused, calls, engine, gateway, policy, refund, send};
use crate::support::{Holding, body, passed};

/// Waits for this many questions.
async fn asked(engine: &Engine, count: u64) {
    until("the question", async || (engine.asked().await.0 >= count).then_some(())).await;
}

#[tokio::test]
async fn clients_that_leave_while_the_service_is_asked_get_their_charge_back_here() {
    for &holding in Holding::each() {
        let (redis, upstream) = (Redis::start().await, Upstream::start().await);
        let engine = engine("ratelimit", 1_000, &redis).await;
        let limits = json!([
            { "counter": "refunds", "window": "day", "max": 1_000, "across": "replicas" },
            { "counter": "own", "window": "day", "max": 1 },
        ]);
        let gateway = gateway(holding, policy("ratelimit", limits), &upstream, &engine);
        let gateway = gateway.access_log_format("%RESPONSE_FLAGS%").start().await;
        engine.control("fault/held").await;
        for round in 1..=20_u64 {
            let addr = gateway.addr();
            if round % 2 == 0 {
                let client = tokio::spawn(async move { http1::send(addr, &refund()).await });
                asked(&engine, round).await;
                client.abort();
            } else {
                let mut connection = http2::Connection::open(addr).await;
                let call = refund();
                let (response, mut stream) = connection.begin(&call).await.expect("begun");
                stream.send_data(body(&call).into(), true).expect("sent");
                asked(&engine, round).await;
                stream.send_reset(http2::CANCEL);
                drop((response, stream));
            }
            // The next call is charged only once this one's charge is back.
            let ended = usize::try_from(round).expect("few");
            gateway.access_log_of(ended).await;
        }
        engine.control("fault").await;
        // All answers come at once, to nobody.
        engine.control("release").await;
        assert!(passed(&send(gateway.addr()).await), "{holding:?}");
        assert_refused(&send(gateway.addr()).await, "rate_limited", "one a day");
        // With two limits, each call that left was looked up and never charged.
        let record = upstream.received("for the server");
        assert!(record, "the one that went on");
    }
}

#[tokio::test]
async fn a_push_meanwhile_leaves_a_call_to_the_policy_that_judged_it() {
    for &holding in Holding::each() {
        let (redis, upstream) = (Redis::start().await, Upstream::start().await);
        let engine = engine("ratelimit", 1, &redis).await;
        let gateway = gateway(holding, calls("ratelimit", 1), &upstream, &engine);
        let gateway = gateway.dynamic().start().await;
        engine.control("fault/held").await;
        let addr = gateway.addr();
        let sent = tokio::spawn(async move { send(addr).await });
        asked(&engine, 1).await;
        let mut deny = json!({ "version": "1", "default": "deny" });
        let mut again = calls("ratelimit", 1);
        again["description"] = "again".into();
        if holding == Holding::Everything {
            deny["settings"]["hold_request_headers"] = true.into();
            again["settings"]["hold_request_headers"] = true.into();
        }
        assert_eq!(gateway.push_policy(&deny.to_string()).await, Push::Accepted);
        engine.control("fault").await;
        engine.control("release").await;
        let response = sent.await.expect("sent");
        assert!(passed(&response), "{holding:?} {response:?}");
        assert_eq!(gateway.push_policy(&again.to_string()).await, Push::Accepted);
        assert_refused(&send(gateway.addr()).await, "rate_limited", "it was charged");
    }
}
