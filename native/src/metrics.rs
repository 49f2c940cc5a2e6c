//! Metrics, under the names of the wasm shell, with labels where that writes words into
//! the names.

use crate::abi::{Definitions, Envoy, MainThread};
use crate::tally::{Tallies, Ticket};
use mcp_policy_filter::shell::metrics::Family;
use mcp_policy_filter::shell::metrics::by_rule::{ByRule, Labels, Outcome};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The metrics of one configuration. Envoy finds those of the one before by their
/// names, and goes on counting.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// The number of the configuration in this process.
    config: u64,
    families: [Option<usize>; Family::ALL.len()],
    /// Calls whose rule is that of a tool, and others: these have no such label.
    of_tools: Option<usize>,
    others: Option<usize>,
}

/// The labels of calls by their rule.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) decision: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) rule: String,
    pub(crate) tool: Option<String>,
}

/// The part of a worker.
#[derive(Debug, Default)]
struct Worker {
    /// The labels that it has used.
    labels: ByRule<Rc<Calls>>,
    /// The calls of which it has not told Envoy yet.
    tallies: Tallies,
}

thread_local! {
    static WORKER: RefCell<Worker> = RefCell::default();
}

impl Metrics {
    /// Defines the metrics. One that cannot be defined is logged and missed;
    /// it does not stop a request from being judged.
    pub(crate) fn define(definitions: &mut Definitions) -> Self {
        let families = Family::ALL.map(|family| {
            let name = format!("mcp_policy_{}_total", family.name());
            let id = counter(definitions, &name, family.label().as_slice())?;
            if family.label().is_some() {
                // An alarm on the first of them needs the zero before it.
                for word in family.words() {
                    let _ = definitions.add(id, &[word], 0);
                }
            }
            Some(id)
        });
        let mut calls = |labels: &[&str]| counter(definitions, "mcp_policy_calls_total", labels);
        let of_tools = calls(&["decision", "reason", "rule", "tool"]);
        let others = calls(&["decision", "reason", "rule"]);
        static CONFIGS: AtomicU64 = AtomicU64::new(0);
        let config = CONFIGS.fetch_add(1, Ordering::Relaxed);
        Self { config, families, of_tools, others }
    }

    /// Counts one more of a family, under one of its words.
    pub(crate) fn count(&self, envoy: &Envoy, family: Family, word: &str) {
        let Some(Some(id)) = self.families.get(family as usize) else { return };
        // A count that Envoy refuses is only a wrong figure.
        let _ = match family.label() {
            Some(_) => envoy.add(*id, [word], 1),
            None => envoy.add(*id, [], 1),
        };
    }

    /// Counts one more of a family that has no label, without a stream.
    pub(crate) fn count_alone(&self, main: &mut MainThread, family: Family) {
        if let Some(Some(id)) = self.families.get(family as usize) {
            // As for the others.
            let _ = main.increment(*id);
        }
    }

    /// Counts a call by a rule and its outcome. Envoy is told of it when [`Self::settle`]
    /// gets its ticket, or that of a later call.
    pub(crate) fn count_call(&self, envoy: &Envoy, rule: &str, outcome: Outcome) -> Option<Ticket> {
        let define = |Labels { decision, reason, rule }: Labels<'_>| {
            Rc::new(Calls {
                decision,
                reason,
                rule: rule.into(),
                tool: tool(rule).map(str::to_owned),
            })
        };
        WORKER.with(|worker| {
            let mut worker = worker.try_borrow_mut().ok()?;
            let calls = worker.labels.id(rule, outcome, define);
            let tell = |calls: &Calls, count| self.tell(envoy, calls, count);
            Some(worker.tallies.count(self.config, &calls, tell))
        })
    }

    /// Tells Envoy of the calls that were counted, if the last of them has this ticket: it
    /// has its answer, or is over.
    pub(crate) fn settle(&self, envoy: &Envoy, ticket: Ticket) {
        WORKER.with(|worker| {
            if let Ok(mut worker) = worker.try_borrow_mut() {
                let tell = |calls: &Calls, count| self.tell(envoy, calls, count);
                worker.tallies.settle(self.config, ticket, tell);
            }
        });
    }

    fn tell(&self, envoy: &Envoy, calls: &Calls, count: u64) {
        // As for the families.
        let _ = match (calls, self.of_tools, self.others) {
            (Calls { decision, reason, rule, tool: Some(tool) }, Some(id), _) => {
                envoy.add(id, [decision, reason, rule, tool], count)
            }
            (Calls { decision, reason, rule, tool: None }, _, Some(id)) => {
                envoy.add(id, [decision, reason, rule], count)
            }
            _ => Ok(()),
        };
    }
}

/// Counts policies that were refused. The counter is that of the configuration in
/// force, which has the same name; there zero makes it exist before the first of them.
pub(crate) fn bad_policies(definitions: &mut Definitions, count: u64) {
    if let Some(id) = counter(definitions, "mcp_policy_bad_policies_total", &[]) {
        // As for the families.
        let _ = definitions.add(id, &[], count);
    }
}

/// Shows the policy in force, as a gauge with its fingerprint as a number: twelve digits
/// are 48 bits, which a double holds exactly.
pub(crate) fn show(definitions: &mut Definitions, plugin: &str, fingerprint: &str) {
    let Ok(number) = u64::from_str_radix(fingerprint, 16) else { return };
    let shown = definitions.gauge("mcp_policy_digest", ("plugin", plugin), number);
    if let Err(status) = shown {
        log::error!("mcp-policy-filter: no metric mcp_policy_digest: status {status}");
    }
}

fn counter(definitions: &mut Definitions, name: &str, labels: &[&str]) -> Option<usize> {
    let id = definitions.counter(name, labels);
    id.inspect_err(|status| log::error!("mcp-policy-filter: no metric {name}: status {status}"))
        .ok()
}

/// The key of `tools` in the name of a rule.
fn tool(rule: &str) -> Option<&str> {
    let own = ["/grants/", "/groups/"].iter().find_map(|start| rule.strip_prefix(start));
    let tools = match own {
        Some(own) => own.split_once('/').and_then(|(_, below)| below.strip_prefix("tools/")),
        None => rule.strip_prefix("/tools/"),
    };
    tools?.split('/').next().filter(|tool| !tool.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_tells_its_tool_as_the_tags_of_the_other_shell_do() {
        for (rule, name) in [
            ("/tools/echo/limits/a", "echo"),
            ("/tools/read_*", "read_*"),
            ("/grants/ci/tools/echo", "echo"),
            ("/groups/ci/tools/echo/require/0", "echo"),
            ("/grants/ci/default", ""),
            ("/default", ""),
            ("/tools", ""),
            ("other", ""),
        ] {
            assert_eq!(tool(rule).unwrap_or_default(), name, "{rule}");
        }
    }
}
