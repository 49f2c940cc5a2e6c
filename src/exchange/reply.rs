//! The answers that the filter gives in the server's place.

use crate::policy::{Policy, Reason};
use crate::wire::jsonrpc::{INTERNAL_ERROR, Id, reply};
use std::borrow::Cow;

/// An HTTP response.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The `retry-after` header, in seconds.
    pub retry_after: Option<u64>,
    /// Further headers.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// A JSON body, unless a header gives its type; none where it is empty.
    pub body: Vec<u8>,
}

impl Reply {
    /// All headers besides the status, as they are sent.
    pub fn fields(&self) -> Vec<(&'static str, Cow<'static, str>)> {
        let mut fields = self.headers.clone();
        let is_typed = fields.iter().any(|(name, _)| *name == "content-type");
        if !self.body.is_empty() && !is_typed {
            fields.push(("content-type", "application/json".into()));
        }
        if let Some(seconds) = self.retry_after {
            fields.push(("retry-after", seconds.to_string().into()));
        }
        fields
    }

    /// An answer without a body.
    pub const fn bare(status: u16) -> Self {
        Self { status, retry_after: None, headers: Vec::new(), body: Vec::new() }
    }
}

/// The body that replaces a list that cannot be read. `id` is the JSON
/// text of the request's id.
pub(super) fn unreadable_list(policy: &Policy, id: &str) -> Vec<u8> {
    let data = reply::Data {
        kind: "policy_violation",
        reason: Reason::Internal.as_str(),
        rule: "(internal)",
        tool: None,
        prompt: None,
        resource: None,
        policy: &policy.fingerprint,
        retry_after: None,
    };
    let message = "Refused: the server's list cannot be read";
    reply::error(Some(Id::new(id)), &reply::Error { code: INTERNAL_ERROR, message, data })
}
