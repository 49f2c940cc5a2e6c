//! Metrics. Their names and labels are made of fixed words and the policy's rules, never
//! of a request. A shell without labels writes the word into the name, where one regular
//! expression of Envoy's `stats_tags` makes a label of it: so both have the same.

pub mod by_rule;

use super::Host;
use crate::exchange::approvals::{Attempt, DecisionRecord, Stage};
use crate::exchange::inquiry::{Consulted, FailureKind};
use crate::exchange::record::{Decision, Record};
use crate::exchange::refusal::Refused;
use crate::policy::Reason;
use crate::wire::jsonrpc::UndecodableKind;

/// The counters that differ in at most one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Requests that were let through, refused or served. Those that come often are
    /// first, since shells search.
    Evaluations,
    /// Requests that were let through.
    Passed,
    /// Calls that the policy allows.
    AllowedCalls,
    /// Requests that were refused, by their reason.
    Refused,
    /// Messages that could not be read, by their kind.
    Undecodable,
    /// Calls that shadow mode let through, by their reason.
    ShadowDenied,
    /// Responses that were replaced because they may have been lists.
    UnreadableLists,
    /// Calls for which approval was asked.
    ApprovalsRequested,
    /// Calls that wait for approval.
    ApprovalsPolled,
    /// Calls that were approved, and ran.
    ApprovalsUsed,
    /// Approvals.
    ApprovalsGranted,
    /// Denials by people.
    ApprovalsDenied,
    /// Decisions that were refused.
    ApprovalsDecisionsRefused,
    /// Questions to the service that counts across replicas.
    LimitServiceAsked,
    /// Its answers that there is room, with a proof.
    LimitServiceOk,
    /// Its answers that there is none.
    LimitServiceOver,
    /// Questions without such an answer.
    LimitServiceFailed,
    /// Those among them whose deadline passed.
    LimitServiceTimeout,
    /// Those that were not sent.
    LimitServiceDispatch,
    /// Those that were answered with OK and without a proof.
    LimitServiceUnproven,
    /// Requests that went on by the counts of the process.
    LimitServiceLocal,
    /// Requests that went on uncounted.
    LimitServiceUncounted,
    /// Notices that did not come.
    ApprovalsNoticesFailed,
    /// Questions to the home of approvals.
    ApprovalStoreAsked,
    /// Those without an answer that counts.
    ApprovalStoreFailed,
    /// Those among them whose deadline passed.
    ApprovalStoreTimeout,
    /// Those that were not sent.
    ApprovalStoreDispatch,
    /// Those whose answers nothing shows to be true.
    ApprovalStoreUnproven,
    /// Questions of other gateways that were answered.
    ApprovalStoreServed,
    /// Questions that were refused, as those of nobody that is known.
    ApprovalStoreRefused,
    /// Responses that list a locked tool with another definition.
    LockChanged,
    /// Responses that list a tool which is not in the lock.
    LockUnknown,
    /// Responses after which changed tools are as locked again.
    LockReopened,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 33] = [
        Self::Evaluations,
        Self::Passed,
        Self::AllowedCalls,
        Self::Refused,
        Self::Undecodable,
        Self::ShadowDenied,
        Self::UnreadableLists,
        Self::ApprovalsRequested,
        Self::ApprovalsPolled,
        Self::ApprovalsUsed,
        Self::ApprovalsGranted,
        Self::ApprovalsDenied,
        Self::ApprovalsDecisionsRefused,
        Self::LimitServiceAsked,
        Self::LimitServiceOk,
        Self::LimitServiceOver,
        Self::LimitServiceFailed,
        Self::LimitServiceTimeout,
        Self::LimitServiceDispatch,
        Self::LimitServiceUnproven,
        Self::LimitServiceLocal,
        Self::LimitServiceUncounted,
        Self::ApprovalsNoticesFailed,
        Self::ApprovalStoreAsked,
        Self::ApprovalStoreFailed,
        Self::ApprovalStoreTimeout,
        Self::ApprovalStoreDispatch,
        Self::ApprovalStoreUnproven,
        Self::ApprovalStoreServed,
        Self::ApprovalStoreRefused,
        Self::LockChanged,
        Self::LockUnknown,
        Self::LockReopened,
    ];

    /// The name, between `mcp_policy_` and `_total`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Evaluations => "evaluations",
            Self::Passed => "passed",
            Self::AllowedCalls => "allowed_calls",
            Self::Refused => "refused",
            Self::Undecodable => "undecodable",
            Self::ShadowDenied => "shadow_denied",
            Self::UnreadableLists => "unreadable_lists",
            Self::ApprovalsRequested => "approvals_requested",
            Self::ApprovalsPolled => "approvals_polled",
            Self::ApprovalsUsed => "approvals_used",
            Self::ApprovalsGranted => "approvals_granted",
            Self::ApprovalsDenied => "approvals_denied",
            Self::ApprovalsDecisionsRefused => "approvals_decisions_refused",
            Self::LimitServiceAsked => "limit_service_asked",
            Self::LimitServiceOk => "limit_service_ok",
            Self::LimitServiceOver => "limit_service_over",
            Self::LimitServiceFailed => "limit_service_failed",
            Self::LimitServiceTimeout => "limit_service_timeout",
            Self::LimitServiceDispatch => "limit_service_dispatch",
            Self::LimitServiceUnproven => "limit_service_unproven",
            Self::LimitServiceLocal => "limit_service_local",
            Self::LimitServiceUncounted => "limit_service_uncounted",
            Self::ApprovalsNoticesFailed => "approvals_notices_failed",
            Self::ApprovalStoreAsked => "approval_store_asked",
            Self::ApprovalStoreFailed => "approval_store_failed",
            Self::ApprovalStoreTimeout => "approval_store_timeout",
            Self::ApprovalStoreDispatch => "approval_store_dispatch",
            Self::ApprovalStoreUnproven => "approval_store_unproven",
            Self::ApprovalStoreServed => "approval_store_served",
            Self::ApprovalStoreRefused => "approval_store_refused",
            Self::LockChanged => "lock_changed",
            Self::LockUnknown => "lock_unknown",
            Self::LockReopened => "lock_reopened",
        }
    }

    /// The label, if the family has one.
    pub const fn label(self) -> Option<&'static str> {
        match self {
            Self::Refused | Self::ShadowDenied => Some("reason"),
            Self::Undecodable => Some("kind"),
            _ => None,
        }
    }

    /// The words of the label; one that is empty if there is no label.
    pub fn words(self) -> Vec<&'static str> {
        let reasons = Reason::ALL.into_iter();
        match self {
            Self::Refused => reasons.map(Reason::as_str).collect(),
            Self::ShadowDenied => {
                reasons.filter(|reason| reason.is_by_rule()).map(Reason::as_str).collect()
            }
            Self::Undecodable => {
                UndecodableKind::ALL.into_iter().map(UndecodableKind::as_str).collect()
            }
            _ => vec![""],
        }
    }
}

pub(super) fn count<H: Host>(host: &H, family: Family) {
    host.count(family, "");
}

/// Counts a request that was let through or refused.
pub(super) fn evaluated<H: Host>(host: &H, refused: Option<&Refused>) {
    count(host, Family::Evaluations);
    let Some(refused) = refused else { return count(host, Family::Passed) };
    host.count(Family::Refused, refused.reason.as_str());
    if let Some(flaw) = refused.flaw {
        host.count(Family::Undecodable, flaw.as_str());
    }
}

/// Counts a request that the filter answered by itself without refusing it. Where
/// nothing else comes, an alarm would take the filter for dead without it.
pub(super) fn served<H: Host>(host: &H) {
    count(host, Family::Evaluations);
}

/// Counts a call of a tool as its record says: by its outcome, by its rule, by the stage
/// of its approval, and by the rules in shadow that it did not pass. So is a request that
/// was judged by a prompt or a resource. One in which nothing of these was read is neither.
pub(super) fn called<H: Host>(host: &H, record: &Record<'_>) {
    if record.tool.is_none() && record.offer.is_none() {
        return;
    }
    host.count_call(record.rule, (record.decision, record.reason));
    if let Some(approval) = &record.approval {
        self::approval(host, approval.stage);
    }
    match (record.decision, record.reason) {
        (Decision::Denied, _) => return,
        (Decision::Shadow, Some(reason)) => host.count(Family::ShadowDenied, reason.as_str()),
        _ => count(host, Family::AllowedCalls),
    }
    for (rule, reason) in &record.shadow {
        host.count(Family::ShadowDenied, reason.as_str());
        host.count_call(rule, (Decision::Shadow, Some(*reason)));
    }
}

/// Counts an answer that is longer than a rule allows, by the rule and by its reason: of
/// those that were refused, or of those that shadow mode let pass. The request that it
/// answers was counted when it went on.
pub(super) fn oversized<H: Host>(host: &H, record: &Record<'_>) {
    if record.tool.is_some() {
        host.count_call(record.rule, (record.decision, record.reason));
    }
    let family = match record.decision {
        Decision::Denied => Family::Refused,
        _ => Family::ShadowDenied,
    };
    if let Some(reason) = record.reason {
        host.count(family, reason.as_str());
    }
}

fn approval<H: Host>(host: &H, stage: Stage) {
    let family = match stage {
        Stage::Requested => Family::ApprovalsRequested,
        Stage::Pending => Family::ApprovalsPolled,
        Stage::Used => Family::ApprovalsUsed,
        // Counted by its reason.
        Stage::Denied => return,
    };
    count(host, family);
}

/// Counts an event of asking another service, or of being asked.
pub(super) fn consulted<H: Host>(host: &H, event: Consulted) {
    let family = match event {
        Consulted::Asked => Family::LimitServiceAsked,
        Consulted::Ok => Family::LimitServiceOk,
        Consulted::Over => Family::LimitServiceOver,
        Consulted::Local => Family::LimitServiceLocal,
        Consulted::Uncounted => Family::LimitServiceUncounted,
        Consulted::Failed(kind) => {
            count(host, Family::LimitServiceFailed);
            match kind {
                FailureKind::Timeout => Family::LimitServiceTimeout,
                FailureKind::Dispatch => Family::LimitServiceDispatch,
                FailureKind::Unproven => Family::LimitServiceUnproven,
                FailureKind::Other => return,
            }
        }
        Consulted::StoreAsked => Family::ApprovalStoreAsked,
        Consulted::StoreServed => Family::ApprovalStoreServed,
        Consulted::StoreRefused(_) => Family::ApprovalStoreRefused,
        Consulted::StoreFailed(kind, _) => {
            count(host, Family::ApprovalStoreFailed);
            match kind {
                FailureKind::Timeout => Family::ApprovalStoreTimeout,
                FailureKind::Dispatch => Family::ApprovalStoreDispatch,
                FailureKind::Unproven => Family::ApprovalStoreUnproven,
                FailureKind::Other => return,
            }
        }
    };
    count(host, family);
}

/// Counts a person's decision, or an attempt at one.
pub(super) fn decided<H: Host>(host: &H, decision: &DecisionRecord) {
    let family = match decision.attempt {
        Attempt::Approved => Family::ApprovalsGranted,
        Attempt::Denied => Family::ApprovalsDenied,
        // Anybody could raise the alarm. It is recorded, and not counted.
        Attempt::Refused("no_identity") => return,
        Attempt::Refused(_) => Family::ApprovalsDecisionsRefused,
    };
    count(host, family);
}
