//! The cost of a call in the core: `cargo bench`.
//!
//! Wall-clock time of one machine in one minute; compare rows of one run with
//! each other, not with those of another.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark fails by panicking"
)]

mod cases;

use cases::{Case, policy};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use mcp_policy_filter::exchange::awaited::Asked;
use mcp_policy_filter::exchange::listing::{Listing, Reading};
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::Policy;
use std::fmt::Write;

fn main() {
    divan::main();
}

/// The whole exchange, and its record.
fn call(bencher: Bencher<'_, '_>, policy: &str, tool: &str, size: usize) {
    let case = Case::new(policy, tool, size);
    bencher.counter(BytesCount::of_slice(case.body.as_bytes())).bench_local(|| case.call());
}

#[divan::bench(args = [10, 100, 1_000, 10_000])]
fn exact_names(bencher: Bencher<'_, '_>, names: usize) {
    call(bencher, &policy(names, ""), &format!("tool_{}", names / 2), 170);
}

#[divan::bench(args = [10, 100, 1_000])]
fn patterns(bencher: Bencher<'_, '_>, names: usize) {
    call(bencher, &policy(names, "_*"), &format!("tool_{}_x", names / 2), 170);
}

#[divan::bench(args = [170, 4_000, 64_000, 1_000_000])]
fn body_bytes(bencher: Bencher<'_, '_>, size: usize) {
    call(bencher, &policy(10, ""), "tool_5", size);
}

#[divan::bench]
fn head(bencher: Bencher<'_, '_>) {
    let case = Case::new(&policy(50, ""), "tool_25", 170);
    bencher.bench_local(|| case.head());
}

#[divan::bench(args = [170, 4_000, 64_000, 1_000_000])]
fn decode(bencher: Bencher<'_, '_>, size: usize) {
    let case = Case::new(&policy(50, ""), "tool_25", size);
    bencher.counter(BytesCount::of_slice(case.body.as_bytes())).bench_local(|| case.decode());
}

#[divan::bench]
fn numbers(bencher: Bencher<'_, '_>) {
    let case = Case::numbers();
    bencher.bench_local(|| case.call());
}

#[divan::bench(args = [50, 10_000])]
fn decide(bencher: Bencher<'_, '_>, names: usize) {
    let case = Case::new(&policy(names, ""), "tool_25", 170);
    case.facts(|caller, call, facts| {
        bencher.bench_local(|| case.decide(caller, call, facts));
    });
}

#[divan::bench]
fn charge(bencher: Bencher<'_, '_>) {
    let case = Case::new(&policy(50, ""), "tool_25", 170);
    case.call();
    case.facts(|caller, call, facts| {
        let limits = case.limits(caller, call, facts);
        bencher.bench_local(|| case.charge(limits, caller, facts));
    });
}

#[divan::bench]
fn audit(bencher: Bencher<'_, '_>) {
    let case = Case::new(&policy(50, ""), "tool_25", 170);
    let mut bencher = Some(bencher);
    case.recording(|record, trace| {
        if let Some(bencher) = bencher.take() {
            bencher.bench_local(|| case.audit(record, trace));
        }
    });
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
        let mut listing =
            Listing::for_caller(&policy, &policy.caller("anonymous", Nanos(0))).unwrap();
        listing.expect(Asked { ids: vec!["1".into()], ..Asked::default() }, Nanos(0));
        let (store, now) = (MemoryStore::default(), || Some(Nanos(0)));
        let lent = Reading { policy: &policy, store: &store, now: &now };
        listing.headers(&policy, headers.into_iter(), false, false);
        if !events {
            return listing.whole(&lent, black_box(body.as_bytes())).unwrap_or_default();
        }
        let pieces = black_box(body.as_bytes()).chunks(16_384);
        let passed = pieces.map(|piece| listing.piece(&lent, piece, false).unwrap_or_default());
        passed.collect::<Vec<_>>().concat()
    });
}

#[divan::bench(args = [10, 1_000, 10_000])]
fn compiling(bencher: Bencher<'_, '_>, names: usize) {
    let text = policy(names, "");
    bencher.bench_local(|| Policy::parse(black_box(text.as_bytes()), "bench").unwrap());
}
