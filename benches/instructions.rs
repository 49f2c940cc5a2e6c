//! Runs one step of a call that many times, as `scripts/instructions` counts
//! under callgrind.
//!
//!     instructions STEP COUNT

#![allow(
    missing_docs,
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "a benchmark fails by panicking"
)]

mod cases;

use cases::{Case, policy};
use std::hint::black_box;

fn main() {
    let mut words = std::env::args().skip(1);
    let (Some(step), Some(count)) = (words.next(), words.next()) else { return };
    let Ok(count) = count.parse() else { return };
    let (step, size) = step.split_once('-').unwrap_or((&step, "170"));
    let tools = if step == "decide10000" { 10_000 } else { 50 };
    let case = Case::new(&policy(tools, ""), "tool_25", size.parse().unwrap());
    // Its counters are there.
    case.call();
    match step {
        "head" => repeat(count, || case.head()),
        "decode" => repeat(count, || case.decode()),
        "decide" | "decide10000" => case.facts(|caller, call, facts| {
            repeat(count, || case.decide(caller, call, facts));
        }),
        "charge" => case.facts(|caller, call, facts| {
            let limits = case.limits(caller, call, facts);
            repeat(count, || case.charge(limits, caller, facts));
        }),
        // 4 KB of numbers that take long to be made doubles of, and a condition
        // on each.
        "numbers" => {
            let numbers = Case::numbers();
            repeat(count, || numbers.call())
        }
        "audit" => {
            drop(case.recording(|record, trace| repeat(count, || case.audit(record, trace))))
        }
        "call" => repeat(count, || case.call()),
        other => panic!("no step is called {other}"),
    }
}

fn repeat<T>(count: usize, mut step: impl FnMut() -> T) {
    for _ in 0..count {
        black_box(step());
    }
}
