//! The module in a process of its own: Envoy's functions are defined here, and the
//! filter is entered by the hooks that it exports. So the whole of it, `unsafe` and all,
//! runs where tools can watch each access: AddressSanitizer, valgrind, Miri
//! (`scripts/sanitize`).
//!
//! This Envoy is as strict as the ABI allows. All bytes that it lends are copies of
//! their own, which are freed when the ABI says that they end: with the hook, and with
//! any change of what they show.

#![allow(
    unsafe_code,
    improper_ctypes,
    improper_ctypes_definitions,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    clippy::undocumented_unsafe_blocks,
    reason = "tests fail by panicking, their names say what they are for, and the ABI is a C one"
)]

#[path = "fake_envoy/abi.rs"]
mod abi;
#[cfg(feature = "test-questions")]
#[path = "fake_envoy/asking.rs"]
mod asking;
#[path = "fake_envoy/calls.rs"]
mod calls;
#[path = "fake_envoy/configuration.rs"]
mod configuration;
#[allow(dead_code, reason = "no clock can be set here")]
#[path = "../../tests/native/corpus.rs"]
mod corpus;
#[path = "fake_envoy/ending.rs"]
mod ending;
#[path = "fake_envoy/every_case.rs"]
mod every_case;
#[path = "fake_envoy/exchange.rs"]
mod exchange;
#[path = "fake_envoy/faults.rs"]
mod faults;
#[path = "fake_envoy/lending.rs"]
mod lending;
#[path = "fake_envoy/misuse.rs"]
mod misuse;
#[path = "fake_envoy/news.rs"]
mod news;
#[path = "fake_envoy/notices.rs"]
mod notices;
#[path = "fake_envoy/odd.rs"]
mod odd;
#[path = "fake_envoy/stream.rs"]
mod stream;
#[path = "fake_envoy/workers.rs"]
mod workers;

use corpus::{Client, Request};

/// A call of `tool`.
fn call(tool: &str) -> Request {
    Request {
        method: "POST".into(),
        path: "/mcp".into(),
        headers: vec![
            ("accept".into(), "application/json".into()),
            ("content-type".into(), "application/json".into()),
        ],
        body: format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#
        )
        .into_bytes(),
        trailers: false,
        times: 1,
        at: 0,
        client: Client::default(),
        limit_service: Vec::new(),
        response: None,
        expect: serde_json::Value::Null,
    }
}
