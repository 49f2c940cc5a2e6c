//! PolicyLayer's `policy.json`, the dialect that this language has grown from. It stays
//! as it is, except for names that would be patterns here.

use super::entry::hidden;
use super::intercept::star;
use super::said::{List, Topic};
use crate::document::{Member, Node, Value};

const TOP: [&str; 7] =
    ["$schema", "version", "description", "default", "hide", "tools", "all_tools"];
const TOOL: [&str; 6] = ["action", "reason", "require", "deny_if", "limits", "rate_limit"];

/// The policy of a file in PolicyLayer's dialect.
pub(super) fn convert(file: &Node, list: &mut List) -> Node {
    known(file, &TOP, list);
    let members = file.members().iter().map(|member| {
        let value = match &*member.key {
            "hide" if matches!(member.value.value, Value::List(_)) => {
                Node::of_list(hidden(file, list))
            }
            "tools" => tools(&member.value, list),
            "all_tools" => rule(&member.value, &TOOL, list),
            _ => member.value.clone(),
        };
        Member { value, ..member.clone() }
    });
    Node { span: file.span.clone(), value: Value::Object(members.collect()) }
}

fn tools(node: &Node, list: &mut List) -> Node {
    let Value::Object(members) = &node.value else { return node.clone() };
    let mut kept = Vec::new();
    for member in members {
        let value = rule(&member.value, &TOOL, list);
        if member.key == "*" {
            let words = "PolicyLayer does not document `*` as a tool; write `all_tools` for every \
                         call, or `default` for the tools that are not listed";
            list.error(&member.key_span, words);
        } else if member.key.contains('*') {
            star(member, list);
        } else {
            kept.push(Member { value, ..member.clone() });
        }
    }
    Node { span: node.span.clone(), value: Value::Object(kept) }
}

/// Says what is different about a tool's rule. The rule stays as it is.
fn rule(node: &Node, keys: &[&str], list: &mut List) -> Node {
    known(node, keys, list);
    let conditions = |key: &str| {
        let checks = node.get(key).map_or(&[][..], Node::elements).iter();
        checks.flat_map(|check| check.get("conditions").map_or(&[][..], Node::elements))
    };
    for condition in conditions("deny_if") {
        if condition.get("op").and_then(Node::text) != Some("exists") {
            list.say(
                Topic::NegativeRule,
                &condition.span,
                "PolicyLayer does not document what `deny_if` makes of an argument that is missing \
                 or of another type; here a missing one does not deny, and another type does",
            );
        }
    }
    for condition in conditions("require") {
        if condition.get("op").and_then(Node::text).is_some_and(is_equality) {
            list.say(
                Topic::TextEquality,
                &condition.span,
                "PolicyLayer does not document whether 5 and \"5\" are equal, nor what passes \
                 `neq` and `not_in`; here a value of another type than the policy's is denied",
            );
        }
    }
    for limit in node.get("limits").map_or(&[][..], Node::elements) {
        let scope = limit.get("scope").and_then(Node::text);
        if scope.is_none_or(|scope| scope == "grant") {
            list.say(
                Topic::Scope,
                &limit.span,
                "each grant of PolicyLayer has its own count; here all callers share it until \
                 `identity` tells them apart",
            );
        }
    }
    node.clone()
}

fn is_equality(op: &str) -> bool {
    matches!(op, "eq" | "neq" | "in" | "not_in" | "contains")
}

/// An unknown key may be a restriction, so it is an error.
fn known(node: &Node, keys: &[&str], list: &mut List) {
    for member in node.members().iter().filter(|member| !keys.contains(&&*member.key)) {
        let words = format!("PolicyLayer does not document the key `{}` here", member.key);
        list.error(&member.key_span, words);
    }
}
