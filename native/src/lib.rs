//! The policy on MCP tool calls as a native module of Envoy, for its filter
//! `envoy.filters.http.dynamic_modules`.
//!
//! The crossing into a wasm runtime costs more than the policy. This is the same core
//! without it: no sandbox, and a third of what Envoy's own MCP filter with RBAC adds
//! to a call.
//!
//! | module | holds |
//! | --- | --- |
//! | `abi` | Envoy's functions and the hooks that it calls; all `unsafe` |
//! | `config` | one policy, compiled once and shared by all workers |
//! | `http`, `host`, `peer` | one stream: its hooks, and Envoy as its host |
//! | `outbox` | notices, which the main thread sends |
//! | `callout` | questions to services, and the answers |
//! | `store` | counts that the workers share |
//! | `metrics`, `tally`, `log` | Envoy's metrics, calls it is told of together, and its log |
//!
//! The order of events is not here but in the core, in `mcp_policy_filter::shell`, where
//! the wasm shell has it from too. A request goes on by a permit of the core alone.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::arithmetic_side_effects,
        reason = "tests fail by panicking"
    )
)]

mod abi;
mod callout;
mod config;
mod host;
mod http;
mod log;
mod metrics;
mod outbox;
mod peer;
mod store;
mod tally;
mod trap;

// For a fake Envoy, which has to be of the same types where Miri compares them.
#[doc(hidden)]
pub use abi::{Bytes, Pair};
