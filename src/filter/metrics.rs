//! Metrics. Their names are made here, of fixed words, the plugin's name and the
//! policy's rules, never of a request. The word of a name that varies (a reason, the plugin) is in
//! a place from which one regular expression of Envoy's `stats_tags` can make a
//! label.

mod by_rule;

pub(super) use by_rule::called;

use super::host;
use crate::exchange::approvals::{Attempt, DecisionRecord, Stage};
use crate::exchange::record::{Decision, Record};
use crate::exchange::refusal::Refusal;
use crate::policy::Reason;
use crate::wire::jsonrpc::UndecodableKind;

/// The metrics of one worker's VM. Envoy adds the counters of all workers up.
#[derive(Debug)]
pub(super) struct Metrics {
    evaluations: Option<u32>,
    passed: Option<u32>,
    refused: ByKind<Reason>,
    undecodable: ByKind<UndecodableKind>,
    allowed: Option<u32>,
    shadow: ByKind<Reason>,
    starved: Option<u32>,
    unreadable_lists: Option<u32>,
    approvals: [Option<u32>; 3],
    decisions: [Option<u32>; 3],
}

impl Metrics {
    /// Defines the metrics. One that cannot be defined is logged and missed;
    /// it does not stop a request from being judged.
    pub(super) fn define(plugin: &str, fingerprint: &str) -> Self {
        load(plugin, fingerprint);
        let by_rule = Reason::ALL.into_iter().filter(|reason| reason.is_by_rule());
        Self {
            evaluations: counter("mcp_policy_evaluations_total"),
            passed: counter("mcp_policy_passed_total"),
            refused: ByKind::define("refused", Reason::ALL, Reason::as_str),
            undecodable: ByKind::define(
                "undecodable",
                UndecodableKind::ALL,
                UndecodableKind::as_str,
            ),
            allowed: counter("mcp_policy_allowed_calls_total"),
            shadow: ByKind::define("shadow_denied", by_rule, Reason::as_str),
            starved: counter("mcp_policy_held_without_body_total"),
            unreadable_lists: counter("mcp_policy_unreadable_lists_total"),
            approvals: APPROVALS.map(counter),
            decisions: DECISIONS.map(counter),
        }
    }

    /// Counts a request that was let through or refused.
    pub(super) fn evaluated(&self, refused: Option<&Refusal>) {
        increment(self.evaluations);
        let Some(refusal) = refused else { return increment(self.passed) };
        self.refused.increment(refusal.reason);
        if let Some(flaw) = refusal.flaw {
            self.undecodable.increment(flaw);
        }
    }

    /// Counts a request that the filter answered by itself without refusing it. Where
    /// nothing else comes, an alarm would take the filter for dead without it.
    pub(super) fn served(&self) {
        increment(self.evaluations);
    }

    /// Counts a call that went on: as the policy allows, or in shadow mode although
    /// the policy denies it. Rules in shadow that it did not pass count as well.
    pub(super) fn went_on(&self, record: &Record) {
        record.shadow.iter().for_each(|(_, reason)| self.shadow.increment(*reason));
        match (record.decision, record.reason) {
            (Decision::Shadow, Some(reason)) => self.shadow.increment(reason),
            _ => increment(self.allowed),
        }
    }

    /// Counts a call by the stage of its approval.
    pub(super) fn approval(&self, stage: Stage) {
        let [requested, polled, used] = self.approvals;
        increment(match stage {
            Stage::Requested => requested,
            Stage::Pending => polled,
            Stage::Used => used,
            // Counted by its reason.
            Stage::Denied => return,
        });
    }

    /// Counts a person's decision, or an attempt at one.
    pub(super) fn decided(&self, decision: &DecisionRecord) {
        let [granted, denied, refused] = self.decisions;
        increment(match decision.attempt {
            Attempt::Approved => granted,
            Attempt::Denied => denied,
            // Anybody could raise the alarm. It is recorded, and not counted.
            Attempt::Refused("no_identity") => return,
            Attempt::Refused(_) => refused,
        });
    }

    /// Counts a response that was replaced because it may have been a list.
    pub(super) fn unreadable_list(&self) {
        increment(self.unreadable_lists);
    }

    /// Counts a request that was held for a body and ended without one.
    pub(super) fn starved(&self) {
        increment(self.starved);
    }
}

/// The metrics of calls that need approval.
const APPROVALS: [&str; 3] = [
    "mcp_policy_approvals_requested_total",
    "mcp_policy_approvals_polled_total",
    "mcp_policy_approvals_used_total",
];
/// The metrics of decisions.
const DECISIONS: [&str; 3] = [
    "mcp_policy_approvals_granted_total",
    "mcp_policy_approvals_denied_total",
    "mcp_policy_approvals_decisions_refused_total",
];

/// Counts policies that the module refused. A call with zero makes the metric exist
/// before the first of them.
pub(super) fn bad_policies(count: i64) {
    if let Some(id) = counter("mcp_policy_bad_policies_total") {
        // A count that the host refuses is only a wrong figure.
        let _ = host::increment(id, count);
    }
}

/// One counter for each of some kinds.
#[derive(Debug)]
struct ByKind<K>(Vec<(K, Option<u32>)>);

impl<K: Copy + PartialEq> ByKind<K> {
    fn define(what: &str, kinds: impl IntoIterator<Item = K>, word: fn(K) -> &'static str) -> Self {
        let of = |kind| (kind, counter(&format!("mcp_policy_{what}_{}_total", word(kind))));
        Self(kinds.into_iter().map(of).collect())
    }

    fn increment(&self, kind: K) {
        let metric = self.0.iter().find(|(other, _)| *other == kind);
        increment(metric.and_then(|(_, id)| *id));
    }
}

/// Shows the policy in force, as a gauge with its fingerprint as a number. In a name,
/// the fingerprint would make one more metric for each policy ever pushed, and Envoy never
/// forgets one. Twelve digits are 48 bits, which a double holds exactly.
fn load(plugin: &str, fingerprint: &str) {
    let id = defined(&format!("mcp_policy_digest.{plugin}"), host::define_gauge);
    if let (Some(id), Ok(number)) = (id, u64::from_str_radix(fingerprint, 16)) {
        // A gauge that the host refuses is only a wrong figure.
        let _ = host::record(id, number);
    }
}

fn counter(name: &str) -> Option<u32> {
    defined(name, host::define_counter)
}

fn defined(name: &str, define: fn(&str) -> Result<u32, host::HostError>) -> Option<u32> {
    define(name)
        .inspect_err(|error| {
            log::error!("mcp-policy-filter: no metric {name}: status {}", error.0);
        })
        .ok()
}

fn increment(id: Option<u32>) {
    if let Some(id) = id {
        // A count that the host refuses is only a wrong figure.
        let _ = host::increment(id, 1);
    }
}
