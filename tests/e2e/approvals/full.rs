//! All slots for requests taken.

use mcp_rig::client::Request;
use mcp_rig::client::http1::Connection;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::events::memory_kb;
use crate::support::{Holding, code, passed, reason};

/// Callers, each of whom may make 128 requests.
const CALLERS: usize = 16;
/// The slots of a gateway.
const SLOTS: usize = 1_024;
/// The memory that all requests may take: 5 MB, and as much again for copies that
/// are made and freed on the way, in each of two VMs.
const GROWTH_KB: u64 = 24 * 1_024;

fn call(caller: usize, n: usize) -> Request {
    let filler = "x".repeat(4_000);
    let arguments = format!(r#"{{"n":{n},"filler":"{filler}"}}"#);
    Request::tool_call(1, "drop", &arguments).header("x-id", &format!("agent-{caller}"))
}

fn policy() -> Value {
    json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-id" }],
        "tools": { "drop": { "action": "require_approval" }, "free": {} },
        "settings": {
            "audit_log": "off",
            "approvals": { "path": "/approvals", "approvers": ["boss"], "requests": "128/hour" },
        },
    })
}

#[tokio::test]
async fn with_all_slots_taken_no_request_is_lost_and_the_rest_works() {
    let upstream = Upstream::start().await;
    let builder = Holding::Everything.gateway(policy(), upstream.addr());
    let gateway = builder.concurrency(2).start().await;
    let mut connection = Connection::open(gateway.addr()).await;
    // What a first call takes is not theirs.
    let free = || Request::tool_call(1, "free", "{}").header("x-id", "agent-0");
    assert!(passed(&connection.send(&free()).await));
    let before = memory_kb(gateway.pid(), "VmRSS");
    let (mut made, mut full) = (Vec::new(), 0);
    for (n, caller) in (0..128).flat_map(|n| (0..CALLERS).map(move |caller| (n, caller))) {
        let answer = connection.send(&call(caller, n)).await;
        if code(&answer) == 428 {
            let id = answer.json()["error"]["data"]["approval"]["id"].clone();
            made.push((caller, n, id));
        } else {
            assert_eq!((code(&answer), reason(&answer)), (503.into(), "approvals_full".into()));
            full += 1;
        }
        if made.len() == SLOTS || full > 300 {
            break;
        }
    }
    let grown = memory_kb(gateway.pid(), "VmRSS").saturating_sub(before);
    println!("{} requests, {full} without a place, {grown} kB", made.len());
    // The eight places of the calls that came last were all taken.
    assert!(full > 0 && made.len() > SLOTS * 9 / 10, "{} requests, {full} full", made.len());
    assert!(grown < GROWTH_KB, "{grown} kB for {} requests", made.len());
    for (caller, n, id) in made.iter().step_by(50) {
        let answer = connection.send(&call(*caller, *n)).await;
        let approval = &answer.json()["error"]["data"]["approval"];
        assert_eq!((&approval["state"], &approval["id"]), (&"pending".into(), id));
    }
    let at = |method: &str, below: &str| {
        Request::new(method, &format!("/approvals{below}")).header("x-id", "boss")
    };
    let list = connection.send(&at("GET", "")).await.json();
    assert_eq!(list["approvals"].as_array().map(Vec::len), Some(100));
    assert_eq!(list["more"], true);
    // And each can still be approved.
    let (caller, n, id) = &made[0];
    let id = id.as_str().expect("an id");
    let shown = connection.send(&at("GET", &format!("/{id}"))).await.json();
    let digest = shown["digest"].as_str().expect("a digest");
    let approving = at("POST", &format!("/{id}/approve")).header("mcp-approval-digest", digest);
    assert_eq!(connection.send(&approving).await.status, 200);
    assert!(passed(&connection.send(&call(*caller, *n)).await));
    assert!(passed(&connection.send(&free()).await));
}
