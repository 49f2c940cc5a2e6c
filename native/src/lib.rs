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
//! | `http` | one stream |
//! | `store` | counts that the workers share |
//! | `metrics`, `log` | Envoy's metrics and log |

mod abi;
mod config;
mod http;
mod log;
