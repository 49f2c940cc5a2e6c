//! The answer of a case's server, and the one that a client may get of it.

use super::{Outcome, bytes, known};
use serde_json::Value;

/// The server's answer to a request.
#[derive(Clone)]
pub struct Response {
    pub status: u16,
    /// Without `:status` and the framing.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub trailers: bool,
}

impl Response {
    pub(super) fn read(name: &str, response: &Value) -> Option<Self> {
        if response.is_null() {
            return None;
        }
        known(name, response, &["status", "headers", "body", "trailers"]);
        let pair = |pair: &Value| {
            (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned())
        };
        let headers = response["headers"].as_array().map_or_else(
            || vec![("content-type".to_owned(), "application/json".to_owned())],
            |pairs| pairs.iter().map(pair).collect(),
        );
        Some(Self {
            status: u16::try_from(response["status"].as_u64().unwrap_or(200)).unwrap(),
            headers,
            body: bytes(&response["body"]),
            trailers: response["trailers"] == true,
        })
    }

    /// The outcome if a client got this.
    pub fn outcome(&self, status: u16, body: Vec<u8>) -> Outcome {
        if status == self.status && body == self.body {
            Outcome::Forwarded
        } else {
            Outcome::Replied { status, headers: Vec::new(), body }
        }
    }
}

/// Whether a client got exactly the text that `expected` describes. The
/// policy's digest in our errors differs with the rig.
pub(super) fn is(text: &str, expected: &Value) -> bool {
    let mut parts = text.split(DIGEST);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain += DIGEST;
        plain += part.get(12..).unwrap_or_default();
    }
    plain == expand(expected)
}

const DIGEST: &str = r#""policy":""#;

/// The text that parts describe, of which `{"error": ID}` is our answer in the
/// place of a list that cannot be read.
fn expand(expected: &Value) -> String {
    match expected {
        Value::Array(parts) => parts.iter().map(expand).collect(),
        part if part["error"].is_string() => format!(
            r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32603,"message":"Refused: the server's list cannot be read","data":{{"type":"policy_violation","reason":"internal","rule":"(internal)",{DIGEST}"}}}}}}"#,
            part["error"].as_str().unwrap()
        ),
        part => String::from_utf8(bytes(part)).unwrap(),
    }
}
