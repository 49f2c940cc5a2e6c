//! Limitador by the file that `mcp-policy render` writes of the policy.

use std::fs;
use std::path::PathBuf;

use mcp_rig::engine::{Engine, Redis};
use mcp_rig::gateway::Shell;
use mcp_rig::upstream::Upstream;
use serde_json::json;

use super::{assert_refused, gateway, policy, refund_at};
use crate::command;
use crate::seen;
use crate::support::{Holding, passed};

#[tokio::test]
async fn limitador_counts_by_the_file_that_is_written_for_it() {
    let (redis, upstream) = (Redis::start().await, Upstream::start().await);
    let policy = policy(
        "limitador",
        json!([
            { "counter": "refunds", "window": "day", "max": 4, "across": "replicas" },
            { "counter": "refunded", "window": "day", "max": 10.5, "increment_from": "args.amount",
              "unit": 0.01, "across": "replicas" },
            { "counter": "it's all", "window": 7_200, "max": 9, "scope": "global",
              "across": "replicas" },
        ]),
    );
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("limits-{}-{:?}.yaml", std::process::id(), Shell::under_test()));
    let rendered = command::printed(&["render", "-", "--for", "limitador"], &policy.to_string());
    fs::write(&file, rendered).expect("a file of ours");
    let name = file.to_str().expect("a path");
    let engine = Engine::start(&["limitador", "--file", name, "--redis", &redis.url()]).await;
    let start = || gateway(Holding::Everything, policy.clone(), &upstream, &engine).start();
    let gateways = [start().await, start().await];
    let refund = async |gateway: usize, amount| refund_at(&gateways[gateway], amount).await;
    assert!(passed(&refund(0, "4.5").await));
    assert!(passed(&refund(1, "5.25").await));
    // One counts for the number of calls, as the limits are asked one after another.
    let over = refund(0, "0.755").await;
    assert_refused(&over, "rate_limited", "more than is left");
    assert_eq!(over.json()["error"]["data"]["rule"], "/tools/refund/limits/refunded");
    assert!(passed(&refund(1, "0.75").await));
    let over = refund(0, "0.01").await;
    assert_refused(&over, "rate_limited", "the fifth");
    assert_eq!(over.json()["error"]["data"]["rule"], "/tools/refund/limits/refunds");
    assert_eq!(seen::whole_bodies(&upstream).await.len(), 3);
}
