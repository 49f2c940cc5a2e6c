//! An Envoy proxy-wasm filter that puts policy on every MCP tool call.
//!
//! AI agents reach MCP servers through Envoy. For each POST this filter decodes
//! the JSON-RPC message in the body; for a `tools/call` it evaluates the policy
//! that Envoy's configuration carries; a call that the policy does not allow is
//! answered with a JSON-RPC error and never reaches the server.
//!
//! The crate is a functional core in a thin shell:
//!
//! | module | holds |
//! | --- | --- |
//! | `filter` | the proxy-wasm shell, behind the feature `proxy-wasm`: host callbacks in, steps carried out |
//! | [`shell`] | the course of a stream for both shells, whatever the host |
//! | [`exchange`] | one HTTP exchange without I/O: head, caller, judging, records, answers, lists of tools |
//! | [`policy`] | the language: documents, patterns, conditions, and the decision about one call |
//! | [`limit_service`] | the protocol of services that count across replicas |
//! | [`approvals`] | requests for approval: canonical texts, digests, slots, decisions |
//! | [`limits`] | counting: windows, the table of counters, charging all or none |
//! | [`wire`] | bytes and messages: strict JSON, JSON-RPC, MCP |
//!
//! Beside `filter`, and not in the module, `simulate` is a gateway in memory.
//!
//! A module uses those below it in the table and none above it. At configuration
//! time, bytes become a [`policy::document::Document`] and then a [`policy::Policy`],
//! once. For each request, bytes become a [`wire::jsonrpc::Message`], a
//! [`wire::mcp::ToolCall`], a [`policy::Ruling`] or a [`policy::Denial`], an
//! [`exchange::judge::Verdict`], and last an [`exchange::Step`] for the host to
//! take. Each arrow is a total function with a typed error, and every error is a
//! refusal. Time is an argument, and counters live in a [`limits::Store`], so that
//! everything except for `filter` runs and is tested anywhere.

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

pub mod approvals;
pub mod digest;
pub mod exchange;
#[cfg(all(feature = "proxy-wasm", not(all(target_family = "wasm", target_os = "unknown"))))]
mod filter;
pub mod limit_service;
pub mod limits;
pub mod meter;
pub mod order;
pub mod policy;
pub mod random;
pub mod shell;
#[cfg(any(test, not(target_os = "wasi")))]
pub mod simulate;
pub mod text;
pub mod wire;
