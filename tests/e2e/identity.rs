//! Who is calling, as Envoy tells: by a verified token, a certificate, a
//! secret, or a header.

mod bearer;
mod claims;
mod grants;
mod header;
mod jwt;
mod mtls;

use mcp_rig::client::Response;
use mcp_rig::gateway::Gateway;
use serde_json::{Value, json};

use crate::support::{code, reason, records};

/// `a` is allowed, once a day to each caller, and `safe` always.
fn once_each(identity: Value) -> Value {
    json!({ "version": "1", "default": "deny", "identity": identity, "tools": {
        "safe": {},
        "a": { "limits": [{ "counter": "calls", "window": "day", "max": 1 }] },
    } })
}

/// The grants of the first requests, in the order in which they ended; null
/// where nobody was known.
async fn grants(gateway: &Gateway, count: usize) -> Vec<Value> {
    records(gateway, count).await.iter().map(|record| record["grant"].clone()).collect()
}

/// Asserts that this is what a tool call gets of which nobody knows who makes
/// it, with this said about it.
#[track_caller]
fn assert_nobody(response: &Response, said: &str) {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(code(response), 403, "{response:?}");
    assert_eq!(reason(response), "no_identity", "{response:?}");
    assert_eq!(response.json()["error"]["message"], format!("[POLICY DENIED] {said}"));
}

/// What is said where there is no credential.
const MISSING: &str = "The request does not say who is calling.";
