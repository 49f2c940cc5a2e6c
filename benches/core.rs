//! What the core costs a call: `cargo bench`.
//!
//! Wall-clock time of one machine in one minute; compare rows of one run with
//! each other, not with those of another.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark fails by panicking"
)]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use mcp_policy_filter::condition::{Claims, NotScalar};
use mcp_policy_filter::config::Certificate;
use mcp_policy_filter::counters::MemoryStore;
use mcp_policy_filter::enforce::Asked;
use mcp_policy_filter::exchange::{Exchange, Step};
use mcp_policy_filter::identity::Peer;
use mcp_policy_filter::listing::Listing;
use mcp_policy_filter::policy::{Caller, Policy};
use mcp_policy_filter::quota::Nanos;
use std::fmt::Write;

fn main() {
    divan::main();
}

struct Nobody;

impl Claims for Nobody {
    fn claim(&self, _: &[&str]) -> Result<Option<Vec<u8>>, NotScalar> {
        Ok(None)
    }
}

impl Peer for Nobody {
    fn certificate(&self, _: Certificate) -> Option<Vec<u8>> {
        None
    }

    fn has_certificate(&self) -> bool {
        false
    }
}

/// A whole exchange: headers, body, decision, charge.
fn call(bencher: Bencher<'_, '_>, policy: &str, tool: &str, padding: usize) {
    let policy = Policy::parse(policy.as_bytes(), "bench").unwrap();
    let store = MemoryStore::default();
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{"amount":5,"reason":"{}"}}}}}}"#,
        "a ".repeat(padding / 2)
    );
    let headers = [
        (":method", "POST"),
        (":path", "/mcp"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("x-agent-id", "ci"),
    ]
    .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    bencher.counter(BytesCount::of_slice(body.as_bytes())).bench_local(|| {
        let mut exchange = Exchange::default();
        exchange.headers(&policy, headers.iter().copied(), &Nobody, false);
        exchange.body(&policy, body.len(), true);
        let now = Nanos(1_800_000_000_000_000_000);
        match exchange.judge(&policy, black_box(body.as_bytes()), &Nobody, &store, now) {
            Step::Go(permit, _) => drop(permit),
            other => panic!("{other:?}"),
        }
    });
}

const CHECKS: &str = r#""require": [{"conditions": [{"path": "args.reason", "op": "exists", "value": true}]}],
    "deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 100}]}],
    "limits": [{"counter": "calls", "window": "day", "max": 9000000000000},
               {"counter": "spent", "window": "day", "max": 9000000000000, "increment_from": "args.amount"}]"#;

/// A policy of so many tools, or patterns, all with checks and limits.
fn policy(names: usize, ending: &str) -> String {
    let mut tools = String::new();
    for number in 0..names {
        let comma = if number == 0 { "" } else { "," };
        write!(tools, r#"{comma}"tool_{number}{ending}": {{{CHECKS}}}"#).unwrap();
    }
    format!(
        r#"{{"version": "1", "default": "deny", "identity": [{{"header": "x-agent-id"}}], "tools": {{{tools}}}}}"#
    )
}

#[divan::bench(args = [10, 100, 1_000, 10_000])]
fn exact_names(bencher: Bencher<'_, '_>, names: usize) {
    call(bencher, &policy(names, ""), &format!("tool_{}", names / 2), 60);
}

#[divan::bench(args = [10, 100, 1_000])]
fn patterns(bencher: Bencher<'_, '_>, names: usize) {
    call(bencher, &policy(names, "_*"), &format!("tool_{}_x", names / 2), 60);
}

#[divan::bench(args = [60, 4_000, 64_000, 1_000_000])]
fn body_bytes(bencher: Bencher<'_, '_>, padding: usize) {
    call(bencher, &policy(10, ""), "tool_5", padding);
}

/// A list of 60 tools, of which five are hidden, to a caller with these kinds
/// of answers: the first is held and read whole, the second in pieces as they
/// come off a socket.
#[divan::bench(args = ["application/json", "text/event-stream"])]
fn list(bencher: Bencher<'_, '_>, content_type: &str) {
    let policy = r#"{"version": "1", "default": "allow", "hide": ["tool_10", "tool_20", "tool_30", "tool_40", "tool_50"]}"#;
    let policy = Policy::parse(policy.as_bytes(), "bench").unwrap();
    let mut list = String::from(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":["#);
    for number in 0..60 {
        let comma = if number == 0 { "" } else { "," };
        write!(
            list,
            r#"{comma}{{"name":"tool_{number}","description":"{}","inputSchema":{{"type":"object","properties":{{"path":{{"type":"string"}},"lines":{{"type":"number"}}}},"required":["path"]}}}}"#,
            "What it does. ".repeat(10)
        )
        .unwrap();
    }
    list.push_str("]}}");
    let events = content_type.contains("event");
    let body = if events { format!("event: message\ndata: {list}\n\n") } else { list };
    let headers: [(&[u8], &[u8]); 2] =
        [(b":status", b"200"), (b"content-type", content_type.as_bytes())];
    bencher.counter(BytesCount::of_slice(body.as_bytes())).bench_local(|| {
        let mut listing = Listing::of(&policy, &Caller::anonymous()).unwrap();
        listing.expect(Asked { ids: vec!["1".into()], batch: false });
        listing.headers(&policy, headers.into_iter(), false);
        if !events {
            return listing.whole(&policy, black_box(body.as_bytes())).unwrap_or_default();
        }
        let pieces = black_box(body.as_bytes()).chunks(16_384);
        let passed = pieces.map(|piece| listing.piece(&policy, piece, false).unwrap_or_default());
        passed.collect::<Vec<_>>().concat()
    });
}

#[divan::bench(args = [10, 1_000, 10_000])]
fn compiling(bencher: Bencher<'_, '_>, names: usize) {
    let text = policy(names, "");
    bencher.bench_local(|| Policy::parse(black_box(text.as_bytes()), "bench").unwrap());
}
