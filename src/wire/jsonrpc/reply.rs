//! Answers in the server's place.

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
    /// The part for programs.
    pub data: Data<'a>,
}

/// The `data` of an error. Clients do not see HTTP headers, so it holds
/// everything that they may need.
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
    /// The prompt by which a request was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<&'a str>,
    /// The URI of the resource by which a request was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<&'a str>,
    /// The policy's fingerprint.
    pub policy: &'a str,
    /// Seconds until the same call may go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// A tool's result that explains why there is none.
#[derive(Serialize)]
struct ErrorResult<'a> {
    content: [Content<'a>; 1],
    #[serde(rename = "isError")]
    is_error: bool,
    /// Clients of revision 2026-07-28 reject a result without it.
    #[serde(rename = "resultType", skip_serializing_if = "Option::is_none")]
    result_type: Option<&'static str>,
    #[serde(rename = "_meta")]
    meta: Meta<'a>,
}

/// The part of a result for the client's program, which a model is not shown.
#[derive(Serialize)]
struct Meta<'a> {
    #[serde(rename = "mcp-policy-filter/denial")]
    denial: Why<'a>,
}

/// The reason for which there is no result.
#[derive(Debug, Serialize)]
pub struct Why<'a> {
    /// The kind of refusal.
    pub reason: &'a str,
    /// The rule that decided.
    pub rule: &'a str,
    /// Seconds until the same call may go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

#[derive(Serialize)]
struct Content<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}

/// The body of a reply in which a tool's result is an error: the form that a
/// model reads and can adapt to.
pub fn error_result(id: Id<'_>, text: &str, why: Why<'_>, stateless: bool) -> Vec<u8> {
    let result = ErrorResult {
        content: [Content { kind: "text", text }],
        is_error: true,
        result_type: stateless.then_some("complete"),
        meta: Meta { denial: why },
    };
    reply(Some(id), "result", &result)
}

/// The body of an error reply. The id goes back as the bytes that came, or as
/// `null` where it could not be read.
pub fn error(id: Option<Id<'_>>, error: &Error<'_>) -> Vec<u8> {
    reply(id, "error", error)
}

/// Adds a member, whose value is JSON, to the last object of a reply of this module:
/// the `data` of an error, or the denial in the `_meta` of a result. It is spliced in
/// as it is, since a number of a client must keep its spelling. One that is an object is
/// then the last object, so it is added last.
pub fn add_member(body: &mut Vec<u8>, name: &str, value: &str) {
    const ENDS: &[u8] = b"}}}";
    let ends = if body.ends_with(b"}}}}") { 4 } else { ENDS.len() };
    if body.ends_with(ENDS) {
        let rest = body.split_off(body.len().saturating_sub(ends));
        body.extend([b",\"", name.as_bytes(), b"\":", value.as_bytes(), &rest].concat());
    }
}

/// The body of a reply with a result, which is JSON.
pub fn result(id: Id<'_>, result: &str) -> Vec<u8> {
    format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, id.as_json()).into_bytes()
}

fn reply(id: Option<Id<'_>>, member: &str, value: &impl Serialize) -> Vec<u8> {
    let id = id.map_or("null", Id::as_json);
    let mut body = format!(r#"{{"jsonrpc":"2.0","id":{id},"{member}":"#).into_bytes();
    // Strings and numbers always serialize; a broken body would still be a
    // refusal.
    let _ = serde_json::to_writer(&mut body, value);
    body.push(b'}');
    body
}
