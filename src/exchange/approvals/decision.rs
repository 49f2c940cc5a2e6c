//! Records of decisions.

use crate::approvals::Id;

/// A decision, or an attempt at one, as it is recorded whatever `audit_log` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionRecord {
    /// The outcome.
    pub attempt: Attempt,
    /// The request, where there is one with the id.
    pub id: Option<Id>,
    /// The digest of its call.
    pub digest: Option<[u8; 32]>,
    /// The one who decided; empty where nobody is known.
    pub by: String,
    /// The tool.
    pub tool: Option<String>,
    /// The caller of the tool.
    pub caller_id: Option<String>,
    /// The rule that asks for approval.
    pub rule: Option<String>,
    /// The reason of a denial.
    pub reason: Option<String>,
}

/// The outcomes of attempts to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The request was approved, by one or by all that it needs.
    Approved,
    /// It was denied.
    Denied,
    /// The attempt had no effect, for this reason.
    Refused(&'static str),
}
