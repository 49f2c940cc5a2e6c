//! The record of a decision: one JSON object on one line, after a fixed
//! prefix. It names what was asked and which rule decided, never a value of an
//! argument and never a credential.

use crate::enforce::Refusal;
use crate::policy::Policy;
use serde::Serialize;

/// What every record in Envoy's log begins with.
pub const PREFIX: &str = "mcp-policy-audit ";

#[derive(Serialize)]
struct Record<'a> {
    decision: &'static str,
    reason: &'a str,
    rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    status: u16,
    policy: &'a str,
}

/// The record of a refused request.
pub fn line(policy: &Policy, refusal: &Refusal) -> String {
    let record = Record {
        decision: "denied",
        reason: refusal.reason.as_str(),
        rule: &refusal.rule,
        tool: refusal.tool.as_deref(),
        status: refusal.reply.status,
        policy: &policy.digest,
    };
    // Strings and numbers always serialise.
    let json = serde_json::to_string(&record).unwrap_or_default();
    format!("{PREFIX}{json}")
}
