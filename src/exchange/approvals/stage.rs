//! The stages of an approval, for records and metrics.

use crate::approvals::Id;

/// The stages of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A request was made.
    Requested,
    /// The request waits.
    Pending,
    /// It was denied.
    Denied,
    /// The call ran by it.
    Used,
}

impl Stage {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Pending => "pending",
            Self::Denied => "denied",
            Self::Used => "used",
        }
    }
}

/// The approval of a call in its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRecord {
    /// The id of the request.
    pub id: Id,
    /// The stage.
    pub stage: Stage,
    /// Those who approved.
    pub by: Vec<String>,
}
