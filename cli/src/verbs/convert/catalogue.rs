//! The dialect of PolicyLayer's catalogue: for each tool an `action` with a `reason`, and
//! a `rate_limit` with `max` and a `window` in seconds, directly or in a list of `rules`.
//!
//! Its pages say no more than that, so a key that they do not have may be a restriction.
//! A rule with one becomes a denial.

use super::entry::{Entry, Lost, fault, hidden, policy};
use super::intercept::star;
use super::said::{List, Topic};
use super::scalar::{elements, field, keys, members, text_of};
use crate::document::{Node, Value};

const TOP: [&str; 5] = ["version", "description", "default", "hide", "tools"];
const RULE: [&str; 6] = ["name", "action", "reason", "on_deny", "rate_limit", "rules"];

/// The policy of a file in the catalogue's dialect.
pub(super) fn convert(file: &Node, list: &mut List) -> Node {
    keys(file, &TOP, list);
    if let Some(node) = file.get("version").filter(|node| text_of(node).as_deref() != Some("1")) {
        list.error(&node.span, "the version is not `\"1\"`");
    }
    let default = match file.get("default") {
        None => {
            list.say(
                Topic::NoDefault,
                &(file.span.start..file.span.start),
                "the file has no `default`, and the catalogue's pages name both; tools that are \
                 not listed are denied here",
            );
            "deny"
        }
        Some(node) => match node.text() {
            Some("allow") => "allow",
            Some("deny") => "deny",
            _ => {
                list.error(&node.span, "`default` is neither `allow` nor `deny`");
                "deny"
            }
        },
    };
    let hide = hidden(file, list);
    let mut tools = Vec::new();
    let mut all_tools = None;
    for tool in members(file, "tools", list) {
        let mut entry = Entry::default();
        let counter = match &*tool.key {
            "*" => "calls".to_owned(),
            name => format!("{}_rate", name.to_lowercase()),
        };
        read(&tool.value, &counter, &mut entry, list);
        match &*tool.key {
            "*" => all_tools = Some(entry.for_all_tools()),
            name if name.contains('*') => star(tool, list),
            _ => tools.push((tool, entry.for_tool())),
        }
    }
    let description = field(file, "description", list);
    policy((!description.is_empty()).then_some(&*description), default, hide, tools, all_tools)
}

/// Reads a tool, or one of its rules.
fn read(node: &Node, counter: &str, entry: &mut Entry, list: &mut List) {
    if !matches!(node.value, Value::Object(_) | Value::Null) {
        list.error(&node.span, "an object is expected here");
    }
    let name = field(node, "name", list);
    let (reason, on_deny) = (field(node, "reason", list), field(node, "on_deny", list));
    let reason = [&*reason, &*on_deny].into_iter().find(|text| !text.is_empty());
    if let Err(Lost { at, words }) = rule(node, &name, reason, counter, entry, list) {
        let all = "every call that it is about is denied here";
        list.say(Topic::NoCounterpart, &at, format!("{words}; {all}"));
        entry.deny_lost(&name, reason);
    }
    for rule in elements(node, "rules", list) {
        read(rule, counter, entry, list);
    }
}

fn rule(
    node: &Node,
    name: &str,
    reason: Option<&str>,
    counter: &str,
    entry: &mut Entry,
    list: &mut List,
) -> Result<(), Lost> {
    known(node, &RULE)?;
    let action = field(node, "action", list);
    match &*action {
        "deny" => {
            entry.deny(name, reason);
            return Ok(());
        }
        "" | "allow" => {}
        "require_approval" => {
            let words = "approvals need `identity` and `settings.approvals` here, of which the \
                         file says nothing";
            return Err(Lost::new(&node.span, words));
        }
        _ => {
            let words = format!("`{action}` is neither `allow` nor `deny`");
            return Err(Lost::new(&node.span, words));
        }
    }
    let Some(rate) = node.get("rate_limit") else { return Ok(()) };
    let again = entry.limits.len();
    let counter = if again == 0 { counter.to_owned() } else { format!("{counter}_{again}") };
    entry.limits.push(limit(rate, counter, reason)?);
    list.say(
        Topic::Scope,
        &rate.span,
        "each session of an agent has its own count there; here each caller has one, and all \
         callers share it until `identity` tells them apart",
    );
    Ok(())
}

/// The limit of a `rate_limit`, which is an object or a text like `5/minute`.
fn limit(rate: &Node, counter: String, reason: Option<&str>) -> Result<Node, Lost> {
    let (window, max) = match text_of(rate) {
        Some(text) => match text.split_once('/') {
            Some((max, window)) => (Some(number_or_text(window)), Some(number_or_text(max))),
            None => (None, None),
        },
        None => (rate.get("window").cloned(), rate.get("max").cloned()),
    };
    known(rate, &["max", "window"])?;
    let made = Node::of_members([
        ("counter", Some(Node::of_text(counter))),
        ("window", window),
        ("max", max),
        ("scope", Some(Node::of_text("grant"))),
        ("on_deny", reason.map(Node::of_text)),
    ]);
    match fault("limits", &made) {
        Some(fault) => {
            Err(Lost::new(&rate.span, format!("the limit cannot be said here: {fault}")))
        }
        None => Ok(made),
    }
}

/// Checks that an object has no key other than these.
fn known(node: &Node, keys: &[&str]) -> Result<(), Lost> {
    match node.members().iter().find(|member| !keys.contains(&&*member.key)) {
        Some(member) => {
            let words = format!("the catalogue's pages do not say what `{}` asks for", member.key);
            Err(Lost::new(&member.key_span, words))
        }
        None => Ok(()),
    }
}

fn number_or_text(text: &str) -> Node {
    match text.parse::<u64>() {
        Ok(number) => Node::of_number(number),
        Err(_) => Node::of_text(text),
    }
}
