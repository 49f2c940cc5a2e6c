//! Metrics. Their names are made here, of fixed words, the plugin's name and the
//! policy's rules, never of a request. The word of a name that varies (a reason, the plugin) is in
//! a place from which one regular expression of Envoy's `stats_tags` can make a
//! label.

use super::host;
use crate::shell::metrics::Family;
use crate::shell::metrics::by_rule::{ByRule, Labels, Outcome};
use std::cell::RefCell;

/// The metrics of one worker's VM. Envoy adds the counters of all workers up.
#[derive(Debug)]
pub(super) struct Metrics {
    counters: Vec<(Family, &'static str, Option<u32>)>,
    starved: Option<u32>,
}

thread_local! {
    /// The metrics of rules in the VM.
    static CALLS: RefCell<ByRule<Option<u32>>> = RefCell::default();
}

impl Metrics {
    /// Defines the metrics. One that cannot be defined is logged and missed;
    /// it does not stop a request from being judged.
    pub(super) fn define(plugin: &str, fingerprint: &str) -> Self {
        load(plugin, fingerprint);
        let mut counters = Vec::new();
        for family in Family::ALL {
            for word in family.words() {
                let varies = if family.label().is_some() { "_" } else { "" };
                let name = format!("mcp_policy_{}{varies}{word}_total", family.name());
                counters.push((family, word, counter(&name)));
            }
        }
        Self { counters, starved: counter("mcp_policy_held_without_body_total") }
    }

    /// Counts one more of a family, under one of its words.
    pub(super) fn count(&self, family: Family, word: &str) {
        let found = self.counters.iter().find(|counter| counter.0 == family && counter.1 == word);
        increment(found.and_then(|counter| counter.2));
    }

    /// Counts a request that was held for a body and ended without one.
    pub(super) fn starved(&self) {
        increment(self.starved);
    }
}

/// Counts a call by a rule and its outcome.
pub(super) fn called(rule: &str, outcome: Outcome) {
    let define = |Labels { decision, reason, rule }: Labels<'_>| {
        counter(&format!("mcp_policy_calls_total.{decision}.{reason}.{rule}"))
    };
    increment(CALLS.with(|calls| calls.try_borrow_mut().ok()?.id(rule, outcome, define)));
}

/// Counts policies that the module refused. A call with zero makes the metric exist
/// before the first of them.
pub(super) fn bad_policies(count: i64) {
    if let Some(id) = counter("mcp_policy_bad_policies_total") {
        // A count that the host refuses is only a wrong figure.
        let _ = host::increment(id, count);
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
