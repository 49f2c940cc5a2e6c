//! The proxy-wasm ABI in the test's own process: the host's functions are
//! defined here, and the filter is entered by the functions that the SDK
//! exports. Everything that the module does runs natively but the sandbox.
//!
//! Each thread has a VM of its own, since the SDK keeps its state by thread.

mod abi;
mod approvals;
mod asking;
mod body_types;
mod by_rule;
mod calls;
mod configuring;
mod counts;
mod damage;
mod every_case;
mod faults;
mod headers_taken_out;
mod held;
mod home;
mod host;
mod http_call;
mod many_streams;
mod notices;
mod odd_headers;
mod records;
mod responding;
mod response_faults;
mod results;
mod worker;

use crate::corpus::{Client, Request};

// The filter is linked for its exports.
use mcp_policy_filter as _;

const ONE_A_MINUTE: &str =
    r#"{"version": "1", "default": "deny", "tools": {"a": {"rate_limit": "1/minute"}}}"#;

/// The log's line about a plugin that lets nothing through.
const CLOSED: &str = "mcp-policy-filter: no policy is in force, all requests are refused: ";

/// A call of `tool`.
fn call(tool: &str) -> Request {
    Request {
        method: "POST".into(),
        path: "/mcp".into(),
        headers: vec![("accept".into(), "application/json".into())],
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
