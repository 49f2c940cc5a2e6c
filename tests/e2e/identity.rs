//! Who is calling, as Envoy tells: by a verified token, a certificate, a
//! secret, or a header.

mod bearer;
mod claims;
mod grants;
mod header;
mod jwt;
mod mtls;
mod signing_in;

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
/// it, with this said about it, where callers have no tokens.
#[track_caller]
fn assert_nobody(response: &Response, said: &str) {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("www-authenticate"), None, "{response:?}");
    assert_no_identity(response, said);
}

/// The same where they have tokens.
#[track_caller]
fn assert_challenged(response: &Response, said: &str) {
    assert_eq!(response.status, 401, "{response:?}");
    let challenge = response.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer"), "{response:?}");
    assert_no_identity(response, said);
}

#[track_caller]
fn assert_no_identity(response: &Response, said: &str) {
    assert_eq!(code(response), 403, "{response:?}");
    assert_eq!(reason(response), "no_identity", "{response:?}");
    assert_eq!(response.json()["error"]["message"], format!("[POLICY DENIED] {said}"));
}

/// The message where there is no credential.
const MISSING: &str = "The request does not say who is calling.";
