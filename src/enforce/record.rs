//! What is kept of a message after it has been judged: for the audit log, and for
//! the response that is to come.

use crate::policy::Reason;

/// The lists of tools that a POST asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The ids of its requests for one, as JSON texts.
    pub ids: Vec<String>,
    /// Whether the POST is an array, and so its answer.
    pub batch: bool,
}

/// A decision as it is recorded.
#[derive(Debug)]
pub struct Record {
    /// What was decided.
    pub decision: Decision,
    /// Why not, unless it was allowed.
    pub reason: Option<Reason>,
    /// The rule that decided.
    pub rule: String,
    /// The tool, if the request was a call of one.
    pub tool: Option<String>,
    /// The caller's id, where one is known.
    pub grant: Option<String>,
    /// The HMAC-SHA-256 of the arguments' text, where the policy has a key.
    pub arguments: Option<String>,
}

/// The kinds of decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The call went on.
    Allowed,
    /// The request did not go on.
    Denied,
    /// The call went on although the policy denies it, in shadow mode.
    Shadow,
}
