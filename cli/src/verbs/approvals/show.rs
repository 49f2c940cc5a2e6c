//! A request as a person is shown it: nothing in it can hide, turn or forge what is
//! around it.

use super::request::{Decided, Request, Summary};
use crate::document::{self, Node, Value};
use mcp_policy_filter::policy::duration;
use mcp_policy_filter::text::{disturbs, hides};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The most characters beyond ASCII that are named.
const MAX_NAMED: usize = 32;

/// A text on one line, in which every character can be seen: those that hide or disturb
/// are written as their number, and of several spaces each but the first.
pub(super) fn visible(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    let mut after_space = false;
    for c in text.chars() {
        let is_space = c == ' ';
        if disturbs(c) || hides(c) || (is_space && after_space) {
            // Writing to a string cannot fail.
            let _ = write!(seen, "\\u{{{:x}}}", u32::from(c));
        } else {
            seen.push(c);
        }
        after_space = is_space;
    }
    seen
}

/// A line of a list.
pub(super) fn summary(one: &Summary) -> String {
    let Summary { id, state, caller, tool, rule, need, approved_by, expires_in } = one;
    format!(
        "{}  {}, for another {}\n    {} by {}\n    rule {}{}\n",
        visible(id),
        visible(state),
        duration(*expires_in),
        visible(tool),
        visible(caller),
        visible(rule),
        approvals(*need, approved_by, "\n    "),
    )
}

/// A request, whole.
pub(super) fn request(request: &Request) -> String {
    let Request { id, state, caller, tool, need, approved_by, .. } = request;
    let mut text = String::new();
    let left = duration(request.expires_in);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "request  {}, {}, for another {left}", visible(id), visible(state));
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<7}  {}", visible(value));
    };
    line("caller", caller);
    line("tool", tool);
    line("host", &request.authority);
    line("path", &request.path);
    if !request.route.is_empty() {
        line("route", &request.route);
    }
    for rule in &request.rules {
        line("rule", rule);
    }
    line("policy", &request.policy);
    if let Some(reason) = request.reason.as_deref().filter(|reason| !reason.is_empty()) {
        line("reason", reason);
    }
    text.push_str(approvals(*need, approved_by, "").trim_start());
    if *need > 1 || !approved_by.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "digest   {}", visible(&request.digest));
    if request.is_over() {
        text.push_str("\nIts arguments are no longer kept.\n");
        return text;
    }
    text.push_str("\nWritten by the agent, and so are host and path:\n");
    match document::read("params.json", &request.params) {
        Ok((_, documents)) => documents.iter().for_each(|node| write(&mut text, node, 1, None)),
        Err(_) => text.extend([&visible(&request.params), "\n"]),
    }
    let strange: BTreeSet<char> =
        [&request.params, caller, tool, &request.authority, &request.path]
            .into_iter()
            .flat_map(|text| text.chars().filter(|c| !c.is_ascii()))
            .collect();
    if !strange.is_empty() {
        text.push_str("\nBeyond ASCII, which may look like other characters:\n ");
        for c in strange.iter().take(MAX_NAMED) {
            let _ = match disturbs(*c) || hides(*c) {
                true => write!(text, "  U+{:04X}", u32::from(*c)),
                false => write!(text, "  {c} U+{:04X}", u32::from(*c)),
            };
        }
        text.push_str(if strange.len() > MAX_NAMED { "  …\n" } else { "\n" });
    }
    text
}

/// An answer of the gateway as JSON, in which every character can be seen.
pub(super) fn json(value: &serde_json::Value) -> String {
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut seen = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && (disturbs(c) || hides(c)) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(seen, "\\u{unit:04x}");
            }
        } else {
            seen.push(c);
        }
    }
    seen.push('\n');
    seen
}

/// The outcome of a decision.
pub(super) fn decided(decided: &Decided) -> String {
    let Decided { id, state, approved_by } = decided;
    let by = approved_by.iter().map(|who| visible(who)).collect::<Vec<_>>().join(", ");
    let by = if by.is_empty() { String::new() } else { format!(", approved by {by}") };
    let more = if state == "pending" { "; others have to approve it too" } else { "" };
    format!("{}  {}{by}{more}", visible(id), visible(state))
}

fn approvals(need: u64, approved_by: &[String], before: &str) -> String {
    if need <= 1 && approved_by.is_empty() {
        return String::new();
    }
    let by = approved_by.iter().map(|who| visible(who)).collect::<Vec<_>>().join(", ");
    let by = if by.is_empty() { "nobody".into() } else { by };
    format!("{before}needs    {need} approvals; has that of {by}")
}

/// Writes JSON, a member or an element on each line.
fn write(text: &mut String, node: &Node, depth: usize, key: Option<&str>) {
    let indent = "  ".repeat(depth);
    text.push_str(&indent);
    if let Some(key) = key {
        text.extend([&quoted(key), ": "]);
    }
    let within = depth.saturating_add(1);
    match &node.value {
        Value::Object(members) if !members.is_empty() => {
            text.push_str("{\n");
            for member in members {
                write(text, &member.value, within, Some(&member.key));
            }
            text.extend([&indent, "}\n"]);
        }
        Value::List(elements) if !elements.is_empty() => {
            text.push_str("[\n");
            for element in elements {
                write(text, element, within, None);
            }
            text.extend([&indent, "]\n"]);
        }
        Value::Number(number) => {
            text.push_str(&visible(number));
            // `1e3` is read more easily as what it is.
            if number.contains(['e', 'E'])
                && let Ok(value) = number.parse::<f64>()
                && value.abs() < 1e15
            {
                let _ = write!(text, "  (that is {value})");
            }
            text.push('\n');
        }
        Value::Text(one) | Value::Doubtful(one, _) => text.extend([&quoted(one), "\n"]),
        Value::Object(_) => text.push_str("{}\n"),
        Value::List(_) => text.push_str("[]\n"),
        Value::Bool(value) => text.push_str(if *value { "true\n" } else { "false\n" }),
        Value::Null => text.push_str("null\n"),
    }
}

/// A text as JSON has it, with every character to be seen. A `\` of the agent's is two.
fn quoted(text: &str) -> String {
    visible(&serde_json::to_string(text).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{quoted, visible};

    #[test]
    fn nothing_hides() {
        assert_eq!(
            visible("a\u{200b}b\u{202e}c\u{e0041}\n"),
            "a\\u{200b}b\\u{202e}c\\u{e0041}\\u{a}"
        );
        assert_eq!(visible("a  b   c d"), "a \\u{20}b \\u{20}\\u{20}c d");
        assert_eq!(visible("a\u{a0}b\u{1b}[2J"), "a\\u{a0}b\\u{1b}[2J");
        assert_eq!(quoted("\\u{200b}\u{200b}\"\t"), "\"\\\\u{200b}\\u{200b}\\\"\\t\"");
    }
}
