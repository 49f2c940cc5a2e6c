//! Very many pushes, valid and broken in turn, while calls run.
//!
//! Each record names the policy that judged its call. So the records show
//! whether a call was judged by a policy that was never in force, by half of
//! one, or by two on one connection.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mcp_rig::client::{Request, Response, http1, http2};
use mcp_rig::gateway::{Gateway, Push, Shell};
use mcp_rig::upstream::RESULT;
use mcp_rig::wait::until;
use serde_json::{Value, json};

use crate::events::memory_kb;
use crate::support::{RECORDS, Wire, code, manager, passed, spread};

/// Calls of `counted` that are admitted, whatever is pushed.
const MAX: usize = 200;
/// Tools that a policy denies besides, so that one that stayed in memory
/// would show: some 150 KB, in each of three VMs.
const DENIED: usize = 1_000;
/// The memory that pushes may add to Envoy's after the first quarter of them. If the policies
/// stayed, 75 would be above 30 MB.
const GROWTH_KB: u64 = 15 * 1_024;
/// Calls on a connection before its client opens another.
const CALLS: usize = 40;

const ACTIVE: &str = "wasm.envoy.wasm.runtime.v8.active";

#[tokio::test(flavor = "multi_thread")]
async fn no_call_is_judged_by_a_broken_or_half_made_policy_through_many_pushes() {
    let pushes = env::var("RECONFIGURING_PUSHES").map_or(200, |text| text.parse().expect("pushes"));
    let gateway = Gateway::builder().policy(valid(0).to_string()).dynamic().concurrency(2);
    let gateway = gateway.hold_request_headers(true).edit_listener(answer_alone);
    let gateway = gateway.edit_listener(spread);
    let gateway = gateway.access_log_format(&format!("%CONNECTION_ID% {RECORDS}")).start().await;
    let vms = gateway.admin().stat(ACTIVE).await;
    assert_eq!(vms.is_some(), Shell::under_test() == Shell::Wasm, "{ACTIVE}");

    let over = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = [Wire::Http1, Wire::Http2, Wire::Http1, Wire::Http2]
        .map(|wire| tokio::spawn(call(wire, gateway.addr(), over.clone())))
        .into();
    // What a policy is known by in the records, and which it is.
    let mut known = BTreeMap::from([(digests(&gateway.log()).pop_first().expect("one"), 0)]);
    let mut memory = None;
    for push in 1..=pushes {
        if push > pushes / 4 {
            memory.get_or_insert_with(|| memory_kb(gateway.pid(), "VmRSS"));
        }
        let logged = gateway.log().len();
        match push % 2 {
            0 => {
                let push = push / 2;
                let pushed = gateway.push_policy(&valid(push).to_string()).await;
                assert_eq!(pushed, Push::Accepted, "{push}");
                let new = unknown(&gateway.log()[logged..], &known);
                assert_eq!(new.len(), 1, "{push} {new:?}");
                known.extend(new.into_iter().map(|digest| (digest, push)));
            }
            _ => {
                let (policy, why) = broken(push / 2);
                let Push::Rejected(log) = gateway.push_policy(&policy).await else {
                    panic!("{policy} is in force");
                };
                assert!(log.contains(why), "{why}: {log}");
                assert!(unknown(&log, &known).is_empty(), "{log}");
            }
        }
    }
    over.store(true, Ordering::Relaxed);
    let mut answered = 0;
    for client in clients {
        answered += client.await.expect("a client");
    }

    let records = gateway.access_log_of(answered).await;
    let mut admitted = 0;
    let mut connections: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for line in &records {
        let (connection, record) = line.split_once(' ').expect("a connection");
        // A client was told to go before its request was read.
        let Ok(record) = serde_json::from_str::<Value>(record) else { continue };
        let digest = record["policy"].as_str().expect("a digest").to_owned();
        let push: usize = *known.get(&digest).unwrap_or_else(|| panic!("{line}"));
        let allowed = record["decision"] == "allowed";
        match record["tool"].as_str().expect("a tool") {
            "even" => assert_eq!(allowed, push.is_multiple_of(2), "{push} {line}"),
            "odd" => assert_eq!(allowed, !push.is_multiple_of(2), "{push} {line}"),
            "counted" => admitted += usize::from(allowed),
            tool => panic!("{tool}"),
        }
        connections.entry(connection).or_default().insert(digest);
    }
    let judged: BTreeSet<_> = connections.values().flatten().collect();
    assert!(judged.len() > known.len() / 2, "{judged:?} of {known:?}");
    let mixed: Vec<_> = connections.iter().filter(|(_, digests)| digests.len() > 1).collect();
    assert!(mixed.is_empty(), "{mixed:?}");
    assert_eq!(admitted, MAX, "of {} records", records.len());
    // What belonged to a policy before goes.
    let (before, after) = (memory.expect("pushes"), memory_kb(gateway.pid(), "VmRSS"));
    assert!(after < before + GROWTH_KB, "{before} KB, then {after} KB");
    until("no more VMs than before", async || {
        (gateway.admin().stat(ACTIVE).await <= vms).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_policy_that_was_refused_is_refused_again() {
    let gateway = Gateway::builder().policy(valid(0).to_string()).dynamic().start().await;
    let (policy, why) = broken(0);
    // A plugin that Envoy's Wasm runtime has refused it refuses again unread.
    let again = Shell::under_test() == Shell::Native;
    for (push, says_why) in [(1, true), (2, again), (3, again)] {
        let Push::Rejected(log) = gateway.push_policy(&policy).await else {
            panic!("{policy} is in force");
        };
        assert_eq!(log.contains(why), says_why, "{push} {log}");
    }
    let pushed = gateway.push_policy(&valid(1).to_string()).await;
    assert_eq!(pushed, Push::Accepted);
}

/// Lets one of two tools through, by its number.
fn valid(number: usize) -> Value {
    let (even, odd) = match number.is_multiple_of(2) {
        true => ("allow", "deny"),
        false => ("deny", "allow"),
    };
    let why = format!("Not under push {number}. {}", "x".repeat(100));
    let denied = (0..DENIED)
        .map(|tool| (format!("denied-{tool}"), json!({ "action": "deny", "reason": why })));
    let mut tools: serde_json::Map<String, Value> = denied.collect();
    tools.insert("even".to_owned(), json!({ "action": even }));
    tools.insert("odd".to_owned(), json!({ "action": odd }));
    let limit = json!({ "counter": "all", "window": 2_678_400, "max": MAX, "scope": "global" });
    tools.insert("counted".to_owned(), json!({ "limits": [limit] }));
    json!({
        "version": "1",
        "description": format!("push {number}"),
        "default": "deny",
        "tools": tools,
        "settings": { "hold_request_headers": true, "audit_log": "off" },
    })
}

/// A policy that would allow everything, and why it is refused. No two are
/// the same: one that Envoy knows to be refused it refuses unread.
fn broken(number: usize) -> (String, &'static str) {
    let all = json!({ "version": "1", "default": "allow", "description": number.to_string() });
    let with = |key: &str, value: Value| {
        let mut policy = all.clone();
        policy[key] = value;
        policy.to_string()
    };
    match number % 5 {
        0 => (with("version", json!("2")), "/version: "),
        1 => (with("tols", json!({})), "/tols: unknown key"),
        2 => (with("tools", json!({ "a": { "rate_limit": "0/minute" } })), "/tools/a/rate_limit"),
        3 => (all.to_string().replace('}', ",}"), "line 1 column "),
        _ => (all.to_string().replace('}', ""), "line 1 column "),
    }
}

/// The policies that came into force by a log.
fn digests(log: &str) -> BTreeSet<String> {
    let digest = |line: &str| {
        let (_, rest) = line.split_once("mcp-policy-filter: policy ")?;
        Some(rest.strip_suffix(" is in force")?.to_owned())
    };
    log.lines().filter_map(digest).collect()
}

/// Those of them that no push has named: workers may speak of the push before.
fn unknown(log: &str, known: &BTreeMap<String, usize>) -> BTreeSet<String> {
    digests(log).into_iter().filter(|digest| !known.contains_key(digest)).collect()
}

/// Calls all tools in turn until it is over, on one connection after another;
/// how many calls were answered.
async fn call(wire: Wire, addr: std::net::SocketAddr, over: Arc<AtomicBool>) -> usize {
    let mut answered = 0;
    while !over.load(Ordering::Relaxed) {
        let mut connection = match wire {
            Wire::Http1 => Connection::Http1(http1::Connection::open(addr).await),
            Wire::Http2 => Connection::Http2(http2::Connection::open(addr).await),
        };
        for number in 0..CALLS {
            let tool = ["even", "odd", "counted"][number % 3];
            // A connection under an older policy ends when that is over.
            let request = Request::tool_call(1, tool, "{}");
            let Some(response) = connection.send(&request).await else { break };
            let refused = matches!(code(&response).as_u64(), Some(403 | 429));
            assert!(passed(&response) || refused, "{tool} {response:?}");
            answered += 1;
            if response.header("connection") == Some("close") {
                break;
            }
        }
    }
    answered
}

enum Connection {
    Http1(http1::Connection),
    Http2(http2::Connection),
}

impl Connection {
    async fn send(&mut self, request: &Request) -> Option<Response> {
        match self {
            Self::Http1(connection) => connection.try_send(request).await.ok(),
            Self::Http2(connection) => connection.send(request).await.ok(),
        }
    }
}

/// Has Envoy answer what passes the filter by itself, as the recording
/// upstream would.
fn answer_alone(listener: &mut Value) {
    manager(listener)["route_config"]["virtual_hosts"][0]["routes"] = json!([{
        "match": { "prefix": "/" },
        "direct_response": { "status": 200, "body": { "inline_string": RESULT } },
    }]);
}
