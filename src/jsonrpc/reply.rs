//! What is answered in the server's place.

use super::Id;
use serde::Serialize;

/// A JSON-RPC error object with the data of a policy violation.
#[derive(Debug, Serialize)]
pub struct Error<'a> {
    /// 403, 429 or 503 for what policy refused, as revision 2026-07-28 asks of
    /// codes that it does not define; JSON-RPC's own for everything else.
    pub code: i32,
    /// Sentences for the agent.
    pub message: &'a str,
    /// What programs read.
    pub data: Data<'a>,
}

/// The `data` of an error. Clients do not see HTTP headers, so everything that
/// they may need stands here.
#[derive(Debug, Serialize)]
pub struct Data<'a> {
    /// Always `policy_violation`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The kind of refusal.
    pub reason: &'a str,
    /// The rule that decided.
    pub rule: &'a str,
    /// The tool, in every denial of a `tools/call`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<&'a str>,
    /// The policy's digest.
    pub policy: &'a str,
    /// Seconds until the same call may go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// The body of an error reply. The id goes back as the bytes that came, or as
/// `null` where it could not be read.
pub fn error(id: Option<Id<'_>>, error: &Error<'_>) -> Vec<u8> {
    let id = id.map_or("null", Id::as_json);
    let mut body = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":"#).into_bytes();
    // Strings and numbers always serialise; a broken body would still be a
    // refusal.
    let _ = serde_json::to_writer(&mut body, error);
    body.push(b'}');
    body
}
