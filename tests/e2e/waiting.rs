//! Requests whose bodies do not come, on many connections: whoever sends them
//! locks nobody else out.

use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::flood::{Answers, Flood};
use crate::support::{Holding, Wire, passed, reason, safe};

const CONNECTIONS: usize = 19;
/// On each; Envoy's own bound is 1,024.
const REQUESTS: usize = 950;

/// The answers to one connection after the other, and the connections.
async fn flood(gateway: &Gateway, header: (&str, &str)) -> (Vec<Answers>, Vec<Flood>) {
    let (mut answers, mut floods) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        let mut flood = Flood::open(gateway.addr()).await;
        answers.push(flood.begin(REQUESTS, header).await);
        floods.push(flood);
    }
    (answers, floods)
}

async fn gateway(policy: Value, upstream: &Upstream) -> Gateway {
    // One worker has all of them.
    Holding::Everything.gateway(policy, upstream.addr()).concurrency(1).start().await
}

#[tokio::test]
async fn a_flood_without_credentials_leaves_callers_served() {
    let upstream = Upstream::start().await;
    let policy = json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-agent-id" }],
        "tools": { "safe": { "deny_if": [{
            "conditions": [{ "path": "headers.x-team", "op": "eq", "value": "red" }],
        }] } },
    });
    let gateway = gateway(policy, &upstream).await;
    for name in ["mcp-session-id", "x-team"] {
        let (answers, floods) = flood(&gateway, (name, &"s".repeat(4_000))).await;
        // Of each of them so little is kept that there is room for all.
        let answered = |answers: &Answers| answers.crowded + answers.other;
        assert_eq!(answers.iter().map(answered).sum::<usize>(), 0, "{answers:?}");
        for wire in Wire::BOTH {
            let honest = wire.send(gateway.addr(), &safe().header("x-agent-id", "ann")).await;
            assert!(passed(&honest), "{honest:?}");
            let nobody = wire.send(gateway.addr(), &safe()).await;
            assert_eq!(reason(&nobody), "no_identity");
        }
        drop(floods);
    }
}

#[tokio::test]
async fn a_flood_of_long_headers_leaves_other_connections_served() {
    let upstream = Upstream::start().await;
    let policy = json!({
        "version": "1",
        "default": "deny",
        "tools": { "safe": { "deny_if": [{
            "conditions": [{ "path": "headers.x-team", "op": "eq", "value": "red" }],
        }] } },
    });
    let gateway = gateway(policy, &upstream).await;
    let long = "t".repeat(4_000);
    let (answers, mut floods) = flood(&gateway, ("x-team", &long)).await;
    let crowded: usize = answers.iter().map(|answers| answers.crowded).sum();
    assert!(crowded > 1_000, "{answers:?}");
    // The first connections took what there was to be had, and get no more.
    let more = floods[2].begin(10, ("x-team", &long)).await;
    assert_eq!(more.crowded, 10, "{more:?} after {answers:?}");
    for wire in Wire::BOTH {
        for team in ["blue", &long] {
            let honest = wire.send(gateway.addr(), &safe().header("x-team", team)).await;
            assert!(passed(&honest), "{honest:?}");
        }
    }
    assert_eq!(gateway.count("refused_crowded").await, Some(crowded as u64 + 10));
}
