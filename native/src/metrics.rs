//! Metrics, under the names of the wasm shell, with labels where that writes words into
//! the names.

use crate::abi::{Definitions, Envoy, MainThread};
use mcp_policy_filter::shell::metrics::Family;
use mcp_policy_filter::shell::metrics::by_rule::{ByRule, Labels, Outcome};
use std::cell::RefCell;
use std::rc::Rc;

/// The metrics of one configuration. Envoy finds those of the one before by their
/// names, and goes on counting.
#[derive(Debug)]
pub(crate) struct Metrics {
    families: [Option<usize>; Family::ALL.len()],
    /// Calls whose rule is that of a tool, and others: these have no such label.
    of_tools: Option<usize>,
    others: Option<usize>,
}

/// The labels of calls by their rule.
#[derive(Debug)]
struct Calls {
    decision: &'static str,
    reason: &'static str,
    rule: String,
    tool: Option<String>,
}

thread_local! {
    /// The labels that this worker has used.
    static CALLS: RefCell<ByRule<Rc<Calls>>> = RefCell::default();
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
        Self { families, of_tools, others }
    }

    /// Counts one more of a family, under one of its words.
    pub(crate) fn count(&self, envoy: &Envoy, family: Family, word: &str) {
        let Some(Some(id)) = self.families.get(family as usize) else { return };
        // A count that Envoy refuses is only a wrong figure.
        let _ = match family.label() {
            Some(_) => envoy.increment(*id, [word]),
            None => envoy.increment(*id, []),
        };
    }

    /// Counts one more of a family that has no label, without a stream.
    pub(crate) fn count_alone(&self, main: &mut MainThread, family: Family) {
        if let Some(Some(id)) = self.families.get(family as usize) {
            // As for the others.
            let _ = main.increment(*id);
        }
    }

    /// Counts a call by a rule and its outcome.
    pub(crate) fn count_call(&self, envoy: &Envoy, rule: &str, outcome: Outcome) {
        let define = |Labels { decision, reason, rule }: Labels<'_>| {
            Rc::new(Calls {
                decision,
                reason,
                rule: rule.into(),
                tool: tool(rule).map(str::to_owned),
            })
        };
        let calls =
            CALLS.with(|calls| Some(calls.try_borrow_mut().ok()?.id(rule, outcome, define)));
        let Some(calls) = calls else { return };
        // As for the families.
        let _ = match (&*calls, self.of_tools, self.others) {
            (Calls { decision, reason, rule, tool: Some(tool) }, Some(id), _) => {
                envoy.increment(id, [decision, reason, rule, tool])
            }
            (Calls { decision, reason, rule, tool: None }, _, Some(id)) => {
                envoy.increment(id, [decision, reason, rule])
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
