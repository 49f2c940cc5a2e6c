//! Reasons why a call does not go on.

use core::fmt;
use std::borrow::Cow;

/// The kinds of refusals, named as in `data.reason`, in records and in metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The tool is hidden.
    Hidden,
    /// The lock does not name the tool.
    ToolUnknown,
    /// A list had another definition of the tool than the lock.
    ToolChanged,
    /// No entry matches, and the default denies.
    DefaultDeny,
    /// An entry denies.
    Denied,
    /// A requirement is not met.
    Require,
    /// A check that denies holds.
    DenyIf,
    /// A check cannot be decided.
    Undecidable,
    /// A limit has no room.
    RateLimited,
    /// The caller is not known.
    NoIdentity,
    /// No seat is left for another counter.
    CounterFull,
    /// Other workers counted at the same time, too often.
    CounterContended,
    /// A stored count is damaged.
    CounterDamaged,
    /// A stored window is too far ahead of the clock.
    CounterClock,
    /// The service that counts across replicas has not answered, or not with a proof.
    LimitService,
    /// Too many requests of the caller wait for their bodies.
    Crowded,
    /// The host or this filter failed.
    Internal,
    /// The body has more than one reading, or none.
    Undecodable,
    /// Headers and body say different things.
    HeaderMismatch,
    /// The body is larger than allowed.
    TooLarge,
    /// The HTTP or JSON-RPC method is not one that passes.
    Method,
    /// The request's path is not one of MCP's.
    Path,
    /// Several messages in one body.
    BatchRefused,
    /// A person has to approve the call.
    ApprovalRequired,
    /// A person has denied the call.
    ApprovalDenied,
    /// The call is too long to be shown to a person.
    ApprovalTooLarge,
    /// There is no room for another request for approval.
    ApprovalsFull,
    /// The server's answer is longer than allowed.
    ResultTooLarge,
    /// The home that keeps requests for approval has not answered, or not with a proof.
    ApprovalStore,
}

impl Reason {
    /// Every reason, for tables that have one row each.
    pub const ALL: [Self; 29] = [
        Self::Hidden,
        Self::ToolUnknown,
        Self::ToolChanged,
        Self::DefaultDeny,
        Self::Denied,
        Self::Require,
        Self::DenyIf,
        Self::Undecidable,
        Self::RateLimited,
        Self::NoIdentity,
        Self::CounterFull,
        Self::CounterContended,
        Self::CounterDamaged,
        Self::CounterClock,
        Self::LimitService,
        Self::Crowded,
        Self::Internal,
        Self::Undecodable,
        Self::HeaderMismatch,
        Self::TooLarge,
        Self::Method,
        Self::Path,
        Self::BatchRefused,
        Self::ApprovalRequired,
        Self::ApprovalDenied,
        Self::ApprovalTooLarge,
        Self::ApprovalsFull,
        Self::ResultTooLarge,
        Self::ApprovalStore,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hidden => "hidden",
            Self::ToolUnknown => "tool_unknown",
            Self::ToolChanged => "tool_changed",
            Self::DefaultDeny => "default_deny",
            Self::Denied => "denied",
            Self::Require => "require",
            Self::DenyIf => "deny_if",
            Self::Undecidable => "undecidable",
            Self::RateLimited => "rate_limited",
            Self::NoIdentity => "no_identity",
            Self::CounterFull => "counter_full",
            Self::CounterContended => "counter_contended",
            Self::CounterDamaged => "counter_damaged",
            Self::CounterClock => "counter_clock",
            Self::LimitService => "limit_service",
            Self::Crowded => "crowded",
            Self::Internal => "internal",
            Self::Undecodable => "undecodable",
            Self::HeaderMismatch => "header_mismatch",
            Self::TooLarge => "too_large",
            Self::Method => "method",
            Self::Path => "path",
            Self::BatchRefused => "batch_refused",
            Self::ApprovalRequired => "approval_required",
            Self::ApprovalDenied => "approval_denied",
            Self::ApprovalTooLarge => "approval_too_large",
            Self::ApprovalsFull => "approvals_full",
            Self::ResultTooLarge => "result_too_large",
            Self::ApprovalStore => "approval_store",
        }
    }
}

impl Reason {
    /// Whether the policy's rules decided, so that shadow mode lets the call go
    /// on. A call that cannot be read, has no caller or failed is refused in
    /// every mode.
    pub const fn is_by_rule(self) -> bool {
        matches!(
            self,
            Self::Hidden
                | Self::ToolUnknown
                | Self::ToolChanged
                | Self::DefaultDeny
                | Self::Denied
                | Self::Require
                | Self::DenyIf
                | Self::Undecidable
                | Self::RateLimited
                | Self::ApprovalRequired
                | Self::ApprovalDenied
                | Self::ApprovalTooLarge
                | Self::ResultTooLarge
        )
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A call that does not go on, and the message to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial<'p> {
    /// The kind.
    pub reason: Reason,
    /// The rule that decided: a JSON pointer into the policy, or a word in
    /// parentheses where no line of it did.
    pub rule: &'p str,
    /// One or two sentences for the agent.
    pub message: Cow<'p, str>,
    /// Seconds until the same call may go on, if time alone helps.
    pub retry_after: Option<u64>,
}

/// A denial that outlives its policy.
#[cfg(any(test, not(target_os = "wasi")))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The kind.
    pub reason: Reason,
    /// The rule that decided.
    pub rule: String,
    /// The message for the agent.
    pub message: String,
    /// The seconds until the same call may go on, if time alone helps.
    pub retry_after: Option<u64>,
}

#[cfg(any(test, not(target_os = "wasi")))]
impl From<&Denial<'_>> for Denied {
    fn from(denial: &Denial<'_>) -> Self {
        Self {
            reason: denial.reason,
            rule: denial.rule.to_owned(),
            message: denial.message.clone().into_owned(),
            retry_after: denial.retry_after,
        }
    }
}
