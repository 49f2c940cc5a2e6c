//! Intercept's dialect: YAML in which each tool has `rules`, and all of them must pass.
//!
//! Its semantics are those of its reference (`POLICY.md`) and of the evaluator that the
//! reference describes: `internal/engine` for conditions, `internal/proxy` for counters.
//! A rule that cannot be said here becomes a denial, so that nothing passes by it.

mod condition;
mod counter;

use super::entry::{Entry, Lost, named};
use super::said::{List, Topic};
use super::scalar::{elements, field, keys, members, text_of};
use crate::document::{Member, Node, Value};

/// The tool whose rules are about every call.
const EVERY_TOOL: &str = "*";

const TOP: [&str; 5] = ["version", "description", "default", "hide", "tools"];
const TOOL: [&str; 1] = ["rules"];
const RULE: [&str; 6] = ["name", "action", "rate_limit", "conditions", "on_deny", "state"];

/// The policy of a file in Intercept's dialect.
pub(super) fn convert(file: &Node, list: &mut List) -> Node {
    keys(file, &TOP, list);
    if field(file, "version", list) != "1" {
        let at = file.get("version").map_or(&file.span, |node| &node.span);
        list.error(at, "the version is not `\"1\"`, the only one that Intercept has");
    }
    let default = field(file, "default", list);
    let default = match &*default {
        // Its default for `default`.
        "" | "allow" => "allow",
        "deny" => "deny",
        _ => {
            let at = file.get("default").map_or(&file.span, |node| &node.span);
            list.error(at, "`default` is neither `allow` nor `deny`");
            "deny"
        }
    };
    let hide = super::entry::hidden(file, list);
    let mut tools = Vec::new();
    let mut all_tools = None;
    for tool in members(file, "tools", list) {
        keys(&tool.value, &TOOL, list);
        let rules = elements(&tool.value, "rules", list);
        if tool.key == EVERY_TOOL {
            let mut reader = Reader { file, scope: "_global", list };
            all_tools = Some(reader.entry(rules).for_all_tools());
        } else if tool.key.contains('*') {
            star(tool, list);
        } else {
            let mut reader = Reader { file, scope: &tool.key, list };
            tools.push((tool, reader.entry(rules).for_tool()));
        }
    }
    let description = field(file, "description", list);
    let description = (!description.is_empty()).then_some(&*description);
    super::entry::policy(description, default, hide, tools, all_tools)
}

/// A name of a tool with a `*`, which matches no tool there.
pub(super) fn star(tool: &Member, list: &mut List) {
    let words = format!(
        "`{}` is a name there, which no tool has, and would be a pattern here; the entry is left \
         out, so write it into the policy if you meant a pattern",
        tool.key
    );
    list.say(Topic::Star, &tool.key_span, words);
}

/// The rules of one tool, being read.
struct Reader<'f, 'l> {
    /// The whole file.
    file: &'f Node,
    /// The scope of its counters.
    scope: &'f str,
    list: &'l mut List,
}

/// One rule.
struct Rule<'f> {
    node: &'f Node,
    name: &'f str,
    on_deny: Option<&'f str>,
    conditions: &'f [Node],
    state: Option<&'f Node>,
}

impl Reader<'_, '_> {
    fn entry(&mut self, rules: &[Node]) -> Entry {
        let mut entry = Entry::default();
        let mut counters: Vec<String> = Vec::new();
        for node in rules {
            let name = field(node, "name", self.list);
            let on_deny = field(node, "on_deny", self.list);
            let rule = Rule {
                node,
                name: &name,
                on_deny: (!on_deny.is_empty()).then_some(&*on_deny),
                conditions: elements(node, "conditions", self.list),
                state: node.get("state").filter(|state| !matches!(state.value, Value::Null)),
            };
            if let Err(Lost { at, words }) = self.rule(&rule, &mut entry, &mut counters) {
                let all = "every call that the rule is about is denied here";
                self.list.say(Topic::NoCounterpart, &at, format!("{words}; {all}"));
                entry.deny_lost(rule.name, rule.on_deny);
            }
        }
        entry
    }

    fn rule(
        &mut self,
        rule: &Rule<'_>,
        entry: &mut Entry,
        counters: &mut Vec<String>,
    ) -> Result<(), Lost> {
        keys(rule.node, &RULE, self.list);
        let action = field(rule.node, "action", self.list);
        let short = rule.node.get("rate_limit");
        let short = short.filter(|node| text_of(node).is_none_or(|text| !text.is_empty()));
        match (&*action, short) {
            ("" | "evaluate", Some(limit)) => {
                if !rule.conditions.is_empty() || rule.state.is_some() {
                    let words = "Intercept refuses `rate_limit` beside `conditions` or `state`";
                    self.list.error(&limit.span, words);
                    return Ok(());
                }
                entry.limits.extend(self.rate_limit(limit, rule.on_deny, counters)?);
                Ok(())
            }
            ("" | "evaluate", None) => {
                if rule.conditions.is_empty() {
                    self.list.error(&rule.node.span, "the rule has neither conditions nor a limit");
                }
                self.evaluate(rule, entry, counters)
            }
            ("deny", None) if rule.conditions.is_empty() => {
                if let Some(state) = rule.state {
                    let words = "a rule that denies counts nothing; its counter is left out";
                    self.list.say(Topic::NoEffect, &state.span, words);
                }
                entry.deny(rule.name, rule.on_deny);
                Ok(())
            }
            ("deny", _) => {
                let words = "Intercept refuses a `deny` with conditions or a limit";
                self.list.error(&rule.node.span, words);
                Ok(())
            }
            ("require_approval", _) => Err(Lost::new(
                &rule.node.span,
                "approvals need `identity` and `settings.approvals` here, of which the file says \
                 nothing",
            )),
            _ => {
                let words = format!("`{action}` is not an action of Intercept");
                self.list.error(&rule.node.span, words);
                Ok(())
            }
        }
    }

    fn evaluate(
        &mut self,
        rule: &Rule<'_>,
        entry: &mut Entry,
        counters: &mut Vec<String>,
    ) -> Result<(), Lost> {
        let mut asked = Vec::new();
        let mut counted = Vec::new();
        for condition in rule.conditions {
            let path = field(condition, "path", self.list).into_owned();
            if path.starts_with("args.") {
                asked.push(condition::convert(condition, &path, self.list)?);
            } else if path.starts_with("state.") {
                counted.push((path, condition));
            } else {
                let words = format!("the path `{path}` begins with neither `args.` nor `state.`");
                self.list.error(&condition.span, words);
            }
        }
        let limit = self.counter(rule, &counted, counters)?;
        if !asked.is_empty() {
            let name = named(rule.name, &entry.require, &rule.node.span, self.list);
            entry.require.push(Node::of_members([
                ("name", name),
                ("conditions", Some(Node::of_list(asked))),
                ("on_deny", rule.on_deny.map(Node::of_text)),
            ]));
        }
        entry.limits.extend(limit);
        Ok(())
    }
}
