//! A policy as YAML that every reader reads in the same way: texts are in double quotes,
//! which mean the same as in JSON.

use serde_json::Value;

/// Words that some readers of YAML take for something else than a text.
const WORDS: [&str; 10] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan"];

/// Whether a file has YAML by its name.
pub(in crate::verbs) fn is_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".yaml") || name.ends_with(".yml")
}

/// The text of a value as YAML.
pub(in crate::verbs) fn text(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value, 0);
    text
}

fn write(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                text.push_str(&indent);
                text.push_str(&key(name));
                text.push(':');
                behind(text, value, depth);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for element in elements {
                let mut block = String::new();
                behind(&mut block, element, depth);
                // The first member of an object comes behind the dash.
                let first = block.trim_start();
                text.push_str(&indent);
                text.push_str("- ");
                text.push_str(first);
            }
        }
        value => {
            let mut scalar = value.to_string();
            // Without a point, some readers take a number with an exponent for a text.
            if value.is_number()
                && !scalar.contains('.')
                && let Some(at) = scalar.find('e')
            {
                scalar.insert_str(at, ".0");
            }
            text.push_str(&scalar);
            text.push('\n');
        }
    }
}

/// A value behind its key or its dash.
fn behind(text: &mut String, value: &Value, depth: usize) {
    let nested = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        _ => false,
    };
    if nested {
        text.push('\n');
        write(text, value, depth.saturating_add(1));
    } else {
        text.push(' ');
        write(text, value, 0);
    }
}

fn key(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        && !WORDS.contains(&name.to_ascii_lowercase().as_str());
    if plain { name.to_owned() } else { Value::from(name).to_string() }
}

#[cfg(test)]
mod tests {
    use super::text;
    use crate::finding::Source;
    use crate::policy;
    use serde_json::{Value, json};
    use std::rc::Rc;

    #[test]
    fn what_is_written_is_read_as_the_same_policy() {
        let policy = json!({
            "version": "1",
            "default": "deny",
            "hide": ["a*", "- b", "no"],
            "tools": {
                "y": {}, "1e3": { "args": [] }, "null": {}, "github_*": { "action": "deny",
                    "reason": "It's: \"no\" # here\n\u{e9}\u{1f600}\u{7f}" },
                "x": { "limits": [
                    { "counter": "c", "window": "minute", "max": 30, "scope": "grant" },
                    { "counter": "d", "window": 60, "max": 1, "increment_from": "args.n" }
                ], "require": [ { "conditions": [
                    { "path": "args.a", "op": "in", "value": [1, 1.5, -2, 1e22, 1.5e-7, true, null, "yes"] }
                ] } ] }
            },
            "settings": { "paths": ["/mcp"], "unusual_tool_names": true }
        });
        let source = Source { name: "p.yaml".into(), text: text(&policy) };
        let loaded = policy::parse(Rc::new(source));
        let read: Value = match loaded {
            Ok(loaded) => serde_json::from_str(&loaded.json).unwrap(),
            Err(findings) => panic!("{findings:?}\n{}", text(&policy)),
        };
        assert_eq!(read, policy);
    }
}
