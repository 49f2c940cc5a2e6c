//! Everything that only a real Envoy can show, with the built module in it.
//!
//! `make test` builds the module and names it and Envoy in `MODULE` and
//! `ENVOY_BIN`. Every test starts the Envoys that it needs, on free ports, and
//! judges by two things: what the client was answered, and what arrived at
//! the server behind.
//!
//! No test sleeps to let something happen: each waits for a sign of it, with
//! a bound. Where a wait is alone, its length is what is tested.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "tests fail by panicking, and their names say what they are for"
)]

mod answers;
mod approvals;
mod asking;
mod body_types;
mod by_value;
mod callers;
mod certificates;
mod command;
mod configuring;
mod connecting;
mod connections;
#[allow(dead_code, reason = "a real Envoy's clock cannot be set, so nobody reads the times")]
#[path = "../native/corpus.rs"]
mod corpus;
mod counting;
mod cutting;
mod demo;
mod doubles;
mod events;
mod every_case;
mod exactness;
mod flood;
mod guard;
mod holding;
mod identity;
mod lengths;
mod listing;
mod lock;
mod logs;
mod mesh;
mod metrics;
mod native_filter;
mod native_shipped;
mod offers;
mod operating;
mod overlong;
mod pages;
mod panics;
mod published;
mod pushes;
mod quickstart;
mod rate_limit_protocol;
mod reconfiguring;
mod records;
mod refunds;
mod render;
mod replay;
mod replicas;
mod results;
mod retries;
mod seen;
mod session_counts;
mod sessions;
mod shadow;
mod shared_vm;
mod sizes;
mod sliding;
mod started;
mod support;
mod tokens;
mod traps;
mod waiting;
