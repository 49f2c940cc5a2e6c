//! An Envoy proxy-wasm filter that puts policy on every MCP tool call.
//!
//! AI agents reach MCP servers through Envoy. For each POST this filter decodes
//! the JSON-RPC message in the body; for a `tools/call` it evaluates the policy
//! that Envoy's configuration carries; a call that the policy does not allow is
//! answered with a JSON-RPC error and never reaches the server.
//!
//! The crate is a functional core in a thin shell. At configuration time, bytes
//! become a [`config::Config`] and then a [`policy::Policy`], once. For each
//! request, bytes become a [`jsonrpc::Message`], a [`mcp::ToolCall`], a
//! [`policy::Ruling`] or [`policy::Denial`], a [`enforce::Verdict`], and last a
//! [`exchange::Step`] for the host to take. Each arrow is a total function with
//! a typed error, and every error is a refusal.
//!
//! Imports point inwards, from [`exchange`] to [`json`], as ARCHITECTURE.md says.
//! Only `filter` knows that there is a host; everything else runs and is tested
//! anywhere. Time is an argument, the counters are a [`counters::Store`].

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::string_slice,
        reason = "tests fail by panicking"
    )
)]

pub mod audit;
pub mod condition;
pub mod config;
pub mod counters;
pub mod enforce;
pub mod exchange;
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
mod filter;
pub mod identity;
pub mod json;
pub mod jsonrpc;
pub mod listing;
pub mod mcp;
pub mod meter;
pub mod order;
pub mod pattern;
pub mod policy;
pub mod quota;
pub mod request;
pub mod text;
