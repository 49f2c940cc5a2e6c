//! The rules of the policies under test, and those that the tests reached: entries,
//! checks, limits and patterns of `hide`.

use super::policies::Tested;
use crate::document::{Node, position};
use crate::explained;
use core::fmt;
use mcp_policy_filter::policy::explain::{About, Answered, Explanation};
use mcp_policy_filter::simulate::notation::Ask;
use mcp_policy_filter::simulate::stage::Stage;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The rules of all policies under test.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    policies: Vec<Covered>,
}

/// The rules of one policy.
#[derive(Debug)]
struct Covered {
    tested: Rc<Tested>,
    /// By the pointers that answers and records name. Those of `hide` have the pattern
    /// behind them, of which each is a rule by itself.
    rules: BTreeMap<String, Rule>,
}

/// A rule.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Its kind.
    pub(super) kind: Kind,
    /// The byte of it in the file.
    at: usize,
    /// Whether a call was put to it.
    pub(super) reached: bool,
    /// Whether it denied a call.
    pub(super) denied: bool,
}

/// The kinds of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An entry of `tools`.
    Entry,
    /// `args`, or a check of `require`, `deny_if` or `approve_if`.
    Check,
    /// A limit.
    Limit,
    /// A pattern of `hide`.
    Hide,
}

impl Kind {
    /// The word for it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Entry => "entry",
            Self::Check => "check",
            Self::Limit => "limit",
            Self::Hide => "hide",
        }
    }
}

/// A rule and its place, for reports.
#[derive(Debug)]
pub(super) struct Place<'c> {
    /// The file.
    pub(super) file: &'c str,
    /// The line and the column.
    pub(super) place: (usize, usize),
    /// The pointer.
    pub(super) pointer: &'c str,
    /// The rule.
    pub(super) rule: &'c Rule,
}

impl Coverage {
    /// Adds the rules of a policy.
    pub(super) fn add(&mut self, tested: &Rc<Tested>) {
        if self.policies.iter().any(|known| Rc::ptr_eq(&known.tested, tested)) {
            return;
        }
        let mut rules = BTreeMap::new();
        bodies(&tested.node, &mut |pointer, kind, at| {
            rules.insert(pointer, Rule { kind, at, reached: false, denied: false });
        });
        self.policies.push(Covered { tested: Rc::clone(tested), rules });
    }

    /// Notes the rules that a request reaches, which is sent next.
    pub(super) fn reach(&mut self, tested: &Rc<Tested>, stage: &Stage, ask: &Ask) {
        let known = self.policies.iter_mut().find(|known| Rc::ptr_eq(&known.tested, tested));
        let Some(covered) = known else { return };
        // A fault of the gateway in memory is told by the test itself.
        let told = explained::explain(&stage.policy, &stage.store, ask, stage.now());
        for message in told.map(|told| told.messages).unwrap_or_default() {
            if let Some(explanation) = message.explanation() {
                covered.reach(explanation);
            }
        }
    }

    /// All rules, in the order of their files.
    pub(super) fn rules(&self) -> Vec<Place<'_>> {
        let mut all = Vec::new();
        for Covered { tested, rules } in &self.policies {
            let mut rules: Vec<_> = rules.iter().collect();
            rules.sort_by_key(|(_, rule)| rule.at);
            all.extend(rules.into_iter().map(|(pointer, rule)| Place {
                file: &tested.source.name,
                place: position(&tested.source.text, rule.at),
                pointer,
                rule,
            }));
        }
        all
    }

    /// The numbers of rules that were reached, and of all.
    pub(super) fn count(&self) -> (usize, usize) {
        let rules = || self.policies.iter().flat_map(|known| known.rules.values());
        (rules().filter(|rule| rule.reached).count(), rules().count())
    }

    /// The share that was reached, rounded down.
    pub(super) fn percent(&self) -> u8 {
        let (reached, all) = self.count();
        let percent = reached.saturating_mul(100).checked_div(all).unwrap_or(100);
        u8::try_from(percent).unwrap_or(100)
    }
}

impl Covered {
    fn mark(&mut self, pointer: &str, denied: bool) {
        if let Some(rule) = self.rules.get_mut(pointer) {
            rule.reached = true;
            rule.denied |= denied;
        }
    }

    fn asked(&mut self, question: &Answered) {
        let Some(rule) = &question.rule else { return };
        match &question.about {
            About::Hide(patterns) => {
                for pattern in patterns {
                    self.mark(&format!("{rule}/{}", escape(pattern)), true);
                }
            }
            _ => self.mark(rule, question.denied.is_some()),
        }
    }

    /// Marks the rules of a call, up to the first that it fails.
    fn reach(&mut self, explanation: &Explanation) {
        let deciding = explanation.entries.iter().filter(|entry| entry.beaten.is_none());
        for entry in deciding.chain(explanation.shadow.entries.first()) {
            self.mark(&entry.pointer, false);
        }
        let mut passes = true;
        for question in &explanation.questions {
            let denied = question.denied.is_some();
            self.asked(question);
            if denied {
                passes = false;
                break;
            }
        }
        if passes {
            let full = explanation.refused.map(|refused| refused.index());
            for (index, limit) in explanation.limits.iter().enumerate() {
                self.mark(&limit.rule, limit.counted.is_err() || full == Some(index));
            }
        }
        explanation.shadow.questions.iter().for_each(|question| self.asked(question));
        for limit in &explanation.shadow.limits {
            let has_room = limit.counted.as_ref().is_ok_and(|counted| counted.refused.is_none());
            self.mark(&limit.rule, !has_room);
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (reached, all) = self.count();
        write!(f, "{reached} of {all} rules reached ({} %)", self.percent())
    }
}

/// The rules of a policy, body by body, each with the pointer that the core gives it: a
/// name is in the place of an index.
fn bodies(policy: &Node, add: &mut dyn FnMut(String, Kind, usize)) {
    body(policy, "", add);
    for grant in policy.get("grants").map(Node::members).unwrap_or_default() {
        body(&grant.value, &format!("/grants/{}", escape(&grant.key)), add);
    }
    let groups = policy.get("groups").map(Node::elements).unwrap_or_default();
    for (index, group) in groups.iter().enumerate() {
        let name = group.get("name").and_then(Node::text);
        body(group, &format!("/groups/{}", name.map_or(index.to_string(), escape)), add);
    }
}

fn body(node: &Node, pointer: &str, add: &mut dyn FnMut(String, Kind, usize)) {
    for key in ["prompts", "resources"] {
        if let Some(offers) = node.get(key) {
            let pointer = format!("{pointer}/{key}");
            hidden(offers, &pointer, add);
            entries(offers, "rules", &pointer, add);
        }
    }
    hidden(node, pointer, add);
    entries(node, "tools", pointer, add);
    if let Some(all) = node.get("all_tools") {
        checks(all, &format!("{pointer}/all_tools"), add);
    }
}

fn hidden(node: &Node, pointer: &str, add: &mut dyn FnMut(String, Kind, usize)) {
    for hidden in node.get("hide").map(Node::elements).unwrap_or_default() {
        let pattern = escape(hidden.text().unwrap_or_default());
        add(format!("{pointer}/hide/{pattern}"), Kind::Hide, hidden.span.start);
    }
}

fn entries(node: &Node, list: &str, pointer: &str, add: &mut dyn FnMut(String, Kind, usize)) {
    for entry in node.get(list).map(Node::members).unwrap_or_default() {
        let pointer = format!("{pointer}/{list}/{}", escape(&entry.key));
        add(pointer.clone(), Kind::Entry, entry.key_span.start);
        checks(&entry.value, &pointer, add);
        for (key, kind) in
            [("args", Kind::Check), ("schema", Kind::Check), ("rate_limit", Kind::Limit)]
        {
            if let Some(member) = entry.value.member(key) {
                add(format!("{pointer}/{key}"), kind, member.key_span.start);
            }
        }
    }
}

fn checks(node: &Node, pointer: &str, add: &mut dyn FnMut(String, Kind, usize)) {
    for list in ["require", "deny_if", "approve_if"] {
        let checks = node.get(list).map(Node::elements).unwrap_or_default();
        for (index, check) in checks.iter().enumerate() {
            let name = check.get("use").or(check.get("name")).and_then(Node::text);
            let name = name.map_or(index.to_string(), escape);
            add(format!("{pointer}/{list}/{name}"), Kind::Check, check.span.start);
        }
    }
    for limit in node.get("limits").map(Node::elements).unwrap_or_default() {
        let counter = limit.get("counter").and_then(Node::text).unwrap_or_default();
        add(format!("{pointer}/limits/{}", escape(counter)), Kind::Limit, limit.span.start);
    }
}

/// A key as a step of a JSON pointer.
fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
