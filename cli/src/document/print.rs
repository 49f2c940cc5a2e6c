//! Trees as text that people read: JSON over several lines, and YAML in blocks.

use super::{Member, Node, Value};
use core::fmt::Write as _;
use mcp_policy_filter::text::disturbs;

/// The widest line that holds a list or an object whole.
const WIDTH: usize = 96;

/// The deepest list or object that is on one line.
const DEPTH: usize = 2;

impl Node {
    /// A node that is in no file.
    pub(crate) fn new(value: Value) -> Self {
        Self { span: 0..0, value }
    }

    /// A text that is in no file.
    pub(crate) fn of_text(text: impl Into<String>) -> Self {
        Self::new(Value::Text(text.into()))
    }

    /// A number that is in no file.
    pub(crate) fn of_number(number: impl ToString) -> Self {
        Self::new(Value::Number(number.to_string()))
    }

    /// A list that is in no file.
    pub(crate) fn of_list(elements: Vec<Self>) -> Self {
        Self::new(Value::List(elements))
    }

    /// An object that is in no file, of the members that there are.
    pub(crate) fn of_members<'k>(
        members: impl IntoIterator<Item = (&'k str, Option<Self>)>,
    ) -> Self {
        let members = members.into_iter().filter_map(|(key, value)| Some(member(key, value?)));
        Self::new(Value::Object(members.collect()))
    }

    /// The value as JSON over several lines, with a newline at its end.
    pub(crate) fn to_pretty_json(&self) -> String {
        let mut text = String::new();
        self.pretty(&mut text, 0, 0);
        text.push('\n');
        text
    }

    fn pretty(&self, text: &mut String, indent: usize, before: usize) {
        let (open, close) = match &self.value {
            Value::List(elements) if !elements.is_empty() => ('[', ']'),
            Value::Object(members) if !members.is_empty() => ('{', '}'),
            Value::Text(value) | Value::Doubtful(value, _) => return json_text(text, value),
            _ => return text.push_str(&self.to_json()),
        };
        // The top level is never on one line.
        let line = if indent == 0 { None } else { self.on_one_line() };
        let wide = before.saturating_add(line.as_deref().map_or(0, str::len));
        if let Some(line) = line.filter(|_| wide <= WIDTH) {
            return text.push_str(&line);
        }
        text.push(open);
        let inner = indent.saturating_add(2);
        let pad = " ".repeat(inner);
        let mut comma = "";
        for (key, value) in self.entries() {
            text.push_str(comma);
            text.push('\n');
            text.push_str(&pad);
            let mut before = inner;
            if let Some(key) = key {
                let start = text.len();
                json_text(text, key);
                text.push_str(": ");
                before = before.saturating_add(text.len().saturating_sub(start));
            }
            value.pretty(text, inner, before);
            comma = ",";
        }
        text.push('\n');
        text.push_str(&" ".repeat(indent));
        text.push(close);
    }

    /// The elements, or the members with their keys.
    fn entries(&self) -> Vec<(Option<&str>, &Self)> {
        let members = self.members().iter().map(|one| (Some(one.key.as_str()), &one.value));
        members.chain(self.elements().iter().map(|one| (None, one))).collect()
    }

    /// The value on one line with space inside of its brackets, if it is not too deep.
    fn on_one_line(&self) -> Option<String> {
        (self.depth() <= DEPTH).then(|| self.spaced(json_text))
    }

    /// The value on one line, with texts and keys written by `scalar`. A list of scalars
    /// has no space inside of its brackets.
    fn spaced(&self, scalar: fn(&mut String, &str)) -> String {
        let mut text = String::new();
        let close = match &self.value {
            Value::Text(value) | Value::Doubtful(value, _) => {
                scalar(&mut text, value);
                return text;
            }
            Value::List(elements) if elements.iter().all(|one| one.depth() == 0) => {
                text.push('[');
                "]"
            }
            Value::List(_) => {
                text.push_str("[ ");
                " ]"
            }
            Value::Object(members) if members.is_empty() => return "{}".to_owned(),
            Value::Object(_) => {
                text.push_str("{ ");
                " }"
            }
            _ => return self.to_json(),
        };
        let mut comma = "";
        for (key, value) in self.entries() {
            text.push_str(comma);
            if let Some(key) = key {
                scalar(&mut text, key);
                text.push_str(": ");
            }
            text.push_str(&value.spaced(scalar));
            comma = ", ";
        }
        text.push_str(close);
        text
    }

    /// The value as YAML in blocks, each line behind `indent` spaces and with a newline
    /// at its end.
    pub(crate) fn to_yaml(&self, indent: usize) -> String {
        let mut text = String::new();
        self.block(&mut text, indent, false);
        text
    }

    /// Writes lines; the first without its indent where it goes on behind a `- `.
    fn block(&self, text: &mut String, indent: usize, mut behind: bool) {
        for (key, value) in self.entries() {
            if !behind {
                text.push_str(&" ".repeat(indent));
            }
            behind = false;
            let inner = indent.saturating_add(2);
            match key {
                Some(key) => {
                    plain_or_quoted(text, key);
                    text.push(':');
                    match value.flow(inner.saturating_add(key.len())) {
                        Some(line) => {
                            text.push(' ');
                            text.push_str(&line);
                            text.push('\n');
                        }
                        None => {
                            text.push('\n');
                            value.block(text, inner, false);
                        }
                    }
                }
                None => {
                    text.push_str("- ");
                    match value.flow(inner) {
                        Some(line) => {
                            text.push_str(&line);
                            text.push('\n');
                        }
                        None => value.block(text, inner, true),
                    }
                }
            }
        }
    }

    /// The value on the line of its key: a scalar, nothing, or what is short and flat.
    fn flow(&self, before: usize) -> Option<String> {
        let line = self.spaced(plain_or_quoted);
        let fits = before.saturating_add(line.len()) <= WIDTH;
        (self.depth() == 0 || self.entries().is_empty() || (self.depth() == 1 && fits))
            .then_some(line)
    }
}

fn member(key: &str, value: Node) -> Member {
    Member { key: key.to_owned(), key_span: 0..0, doubt: None, value }
}

/// Writes a text of YAML: in quotes unless every reader takes it for a text without.
fn plain_or_quoted(yaml: &mut String, text: &str) {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./ ".contains(&byte);
    let is_plain =
        text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'/')
            && text.bytes().all(inner)
            && !text.ends_with(' ')
            && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        yaml.push_str(text);
    } else {
        yaml_text(yaml, text);
    }
}

/// Writes a text of JSON, with an escape for every character that would disturb a
/// terminal.
fn json_text(json: &mut String, text: &str) {
    escaped(json, text, |json, c| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            _ = write!(json, "\\u{unit:04x}");
        }
    });
}

/// Writes a text of YAML in quotes, in the same way. YAML joins no surrogates.
pub(crate) fn yaml_text(yaml: &mut String, text: &str) {
    escaped(yaml, text, |yaml, c| _ = write!(yaml, "\\U{:08x}", u32::from(c)));
}

fn escaped(out: &mut String, text: &str, escape: impl Fn(&mut String, char)) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if disturbs(c) || c.is_control() => escape(out, c),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// The words that some reader takes for something else than a text.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

#[cfg(test)]
mod tests {
    use crate::document::{Node, read};

    const POLICY: &str = r#"{"version": "1", "hide": [], "tools": {"a": {}, "*": {"limits": [{"counter": "c", "max": 1.50}]}, "no": {"require": [{"conditions": [{"path": "args.x", "op": "in", "value": ["é", "-"]}]}]}}}"#;

    fn node(name: &str, text: &str) -> Node {
        read(name, text).unwrap().1.remove(0)
    }

    #[test]
    fn short_and_flat_things_are_on_one_line() {
        let pretty = node("x.json", POLICY).to_pretty_json();
        assert_eq!(
            pretty,
            r#"{
  "version": "1",
  "hide": [],
  "tools": {
    "a": {},
    "*": { "limits": [ { "counter": "c", "max": 1.50 } ] },
    "no": {
      "require": [
        {
          "conditions": [ { "path": "args.x", "op": "in", "value": ["é", "-"] } ]
        }
      ]
    }
  }
}
"#
            .replace(
                r#""*": { "limits": [ { "counter": "c", "max": 1.50 } ] }"#,
                "\"*\": {\n      \"limits\": [ { \"counter\": \"c\", \"max\": 1.50 } ]\n    }"
            )
            .replace(
                r#"{
          "conditions": [ { "path": "args.x", "op": "in", "value": ["é", "-"] } ]
        }"#,
                "{\n          \"conditions\": [\n            { \"path\": \"args.x\", \"op\": \"in\", \"value\": [\"é\", \"-\"] }\n          ]\n        }"
            )
        );
        assert_eq!(node("x.json", &pretty).to_json(), node("x.json", POLICY).to_json());
    }

    #[test]
    fn what_disturbs_a_terminal_is_an_escape_in_both() {
        let node = Node::of_list(vec![Node::of_text("a\u{1b}\"\\\n\u{202e}é😀")]);
        let (json, yaml) = (node.to_pretty_json(), node.to_yaml(0));
        assert_eq!(json, "[\n  \"a\\u001b\\\"\\\\\\n\\u202eé😀\"\n]\n");
        assert_eq!(yaml, "- \"a\\U0000001b\\\"\\\\\\n\\U0000202eé😀\"\n");
        for (name, text) in [("x.json", json), ("x.yaml", yaml)] {
            let read = super::super::read(name, &text).unwrap().1.remove(0);
            assert_eq!(read.to_json(), node.to_json(), "{name}");
        }
    }

    #[test]
    fn yaml_is_read_back_as_what_it_was() {
        let policy = node("x.json", POLICY);
        let yaml = policy.to_yaml(0);
        assert_eq!(
            yaml,
            "version: \"1\"\nhide: []\ntools:\n  a: {}\n  \"*\":\n    limits:\n      - { counter: c, max: 1.50 }\n  \"no\":\n    require:\n      - conditions:\n          - path: args.x\n            op: in\n            value: [\"é\", \"-\"]\n"
        );
        assert_eq!(node("x.yaml", &yaml).to_json(), policy.to_json());
    }
}
