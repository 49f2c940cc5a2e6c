//! Metrics: names come from this file, never from a request.

use super::host;
use crate::policy::Reason;

/// The counters of one worker's VM. Envoy adds those of all workers up.
#[derive(Debug, Default)]
pub(super) struct Metrics {
    evaluations: Option<u32>,
    passed: Option<u32>,
    refused: Vec<(Reason, Option<u32>)>,
    shadow: Option<u32>,
    starved: Option<u32>,
    unreadable_lists: Option<u32>,
}

impl Metrics {
    /// Defines the metrics. One that cannot be defined is logged and missed;
    /// it does not stop a request from being judged.
    pub(super) fn define() -> Self {
        Self {
            evaluations: counter("mcp_policy_evaluations_total"),
            passed: counter("mcp_policy_passed_total"),
            refused: Reason::ALL
                .into_iter()
                .map(|reason| (reason, counter(&format!("mcp_policy_refused_{reason}_total"))))
                .collect(),
            shadow: counter("mcp_policy_shadow_denied_total"),
            starved: counter("mcp_policy_held_without_body_total"),
            unreadable_lists: counter("mcp_policy_unreadable_lists_total"),
        }
    }

    /// A request was let through or refused.
    pub(super) fn evaluated(&self, refused: Option<Reason>) {
        increment(self.evaluations);
        match refused {
            None => increment(self.passed),
            Some(reason) => {
                let metric = self.refused.iter().find(|(other, _)| *other == reason);
                increment(metric.and_then(|(_, id)| *id));
            }
        }
    }

    /// A call went on that the policy denies, in shadow mode.
    pub(super) fn shadow(&self) {
        increment(self.shadow);
    }

    /// A response was replaced that may have been a list.
    pub(super) fn unreadable_list(&self) {
        increment(self.unreadable_lists);
    }

    /// A request ended that was held for a body and never saw one.
    pub(super) fn starved(&self) {
        increment(self.starved);
    }
}

fn counter(name: &str) -> Option<u32> {
    host::define_counter(name)
        .inspect_err(|error| {
            log::error!("mcp-policy-filter: no metric {name}: status {}", error.0);
        })
        .ok()
}

fn increment(id: Option<u32>) {
    if let Some(id) = id {
        // A count that the host refuses is only a wrong figure.
        let _ = host::increment(id);
    }
}
