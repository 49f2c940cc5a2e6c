//! Events of asking other services, and of being asked, for metrics and the log.

use super::question::{Question, Service};

/// An event of asking another service, or of being asked, for metrics and the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consulted {
    /// A question about limits was asked.
    Asked,
    /// The service has room for it, and proves that it counts.
    Ok,
    /// A limit has no room.
    Over,
    /// The question failed, for a reason of this kind.
    Failed(FailureKind),
    /// The request goes on by the counts of the process.
    Local,
    /// The request goes on, and is not counted.
    Uncounted,
    /// The home of approvals was asked.
    StoreAsked,
    /// It gave no answer that counts, for a reason of this kind.
    StoreFailed(FailureKind, &'static str),
    /// An edge was answered.
    StoreServed,
    /// A question that may be no edge's was not, for this reason.
    StoreRefused(&'static str),
}

impl Consulted {
    /// The event of asking a question.
    pub const fn asking(question: &Question) -> Self {
        match question.service {
            Service::Grpc { .. } => Self::Asked,
            Service::Http { .. } => Self::StoreAsked,
        }
    }
}

/// The kinds of failures that have a metric of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The deadline passed.
    Timeout,
    /// The question was not sent.
    Dispatch,
    /// Nothing shows that the answer is true.
    Unproven,
    /// Any other.
    Other,
}
