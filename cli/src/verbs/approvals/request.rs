//! Requests for approval, as the gateway's endpoint shows them.

use mcp_policy_filter::approvals::{Bound, Call, digest};
use mcp_policy_filter::wire::json::Reader;
use serde::Deserialize;

/// The deepest nesting of a call.
const DEPTH: usize = 1_024;

/// One request in a list.
#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) caller: String,
    pub(super) tool: String,
    pub(super) rule: String,
    pub(super) need: u64,
    pub(super) approved_by: Vec<String>,
    pub(super) expires_in: u64,
}

/// A list of requests.
#[derive(Debug, Deserialize)]
pub(super) struct List {
    pub(super) approvals: Vec<Summary>,
    pub(super) more: bool,
}

/// One request, whole.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) caller: String,
    pub(super) tool: String,
    pub(super) need: u64,
    pub(super) approved_by: Vec<String>,
    pub(super) expires_in: u64,
    pub(super) digest: String,
    pub(super) route: String,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) rules: Vec<String>,
    #[serde(default)]
    rule_hash: String,
    #[serde(default)]
    namespace: Option<String>,
    pub(super) policy: String,
    pub(super) params: String,
    #[serde(default)]
    pub(super) reason: Option<String>,
}

/// The outcome of a decision.
#[derive(Debug, Deserialize)]
pub(super) struct Decided {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) approved_by: Vec<String>,
}

/// A refusal of the endpoint.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    pub(super) error: String,
    #[serde(default)]
    pub(super) you: Option<String>,
}

impl Request {
    /// Whether it was decided for good, so that the gateway keeps no arguments of it.
    pub(super) fn is_over(&self) -> bool {
        self.params.is_empty() && !matches!(&*self.state, "pending" | "approved")
    }

    /// The digest of the call that is shown; `None` if a part of it is missing, or is not
    /// in the canonical form.
    pub(super) fn digest_of_shown(&self) -> Option<String> {
        let mut rule = [0; 32];
        let digits = self.rule_hash.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in rule.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(core::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        let mut reader = Reader::new(self.params.as_bytes(), DEPTH).ok()?;
        let params = reader.value().ok()?;
        reader.end().ok()?;
        // Another spelling is another call to some server, and is not what was approved.
        let canonical = Call::new(Some(params), self.params.len()).ok()?;
        if canonical.text() != self.params {
            return None;
        }
        let digest = digest(&Bound {
            namespace: self.namespace.as_ref()?.as_bytes(),
            caller: &self.caller,
            route: self.route.as_bytes(),
            authority: self.authority.as_bytes(),
            path: self.path.as_bytes(),
            tool: &self.tool,
            rule: &rule,
            params: &self.params,
        });
        Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
