//! The record of a decision: one JSON object on one line. It names what was
//! asked and which rule decided, never a value of an argument and never a
//! credential.

use crate::enforce::{Decision, Record};
use crate::policy::Policy;
use serde::Serialize;

/// What every record in Envoy's log begins with.
pub const PREFIX: &str = "mcp-policy-audit ";

#[derive(Serialize)]
struct Fields<'a> {
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    rule: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments_hmac: Option<&'a str>,
    policy: &'a str,
}

/// A record as JSON.
pub fn json(policy: &Policy, record: &Record) -> String {
    let fields = Fields {
        decision: match record.decision {
            Decision::Allowed => "allowed",
            Decision::Denied => "denied",
            Decision::Shadow => "shadow",
        },
        reason: record.reason.map(|reason| reason.as_str()),
        rule: &record.rule,
        tool: record.tool.as_deref(),
        grant: record.grant.as_deref(),
        arguments_hmac: record.arguments.as_deref(),
        policy: &policy.digest,
    };
    // Strings always serialise.
    serde_json::to_string(&fields).unwrap_or_default()
}
