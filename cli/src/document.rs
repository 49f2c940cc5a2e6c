//! JSON and YAML as trees whose every node knows its place in the file.
//!
//! Envoy, Kubernetes and this command have readers of YAML of their own, by two
//! versions of the language. A scalar that they read to different values (`yes`, `010`,
//! `1_000`) is kept with the [`Doubt`], which is an error where it is a part of a policy.

mod json;
pub(crate) mod print;
mod protobuf;
mod yaml;

use crate::secrets;
use core::ops::Range;
use mcp_policy_filter::policy::document::escape;
use mcp_policy_filter::simulate::tree::Tree;
use std::borrow::Cow;

pub(crate) use mcp_policy_filter::text::{position, positions};
pub(crate) use protobuf::is_number_in_envoy;

/// The deepest nesting of a file.
const MAX_DEPTH: usize = 128;

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The bytes of the file that hold it.
    pub(crate) span: Range<usize>,
    /// The value.
    pub(crate) value: Value,
}

/// A value of JSON. Numbers keep their spelling, objects their duplicate keys.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number as spelt in the file, which is a number of JSON.
    Number(String),
    /// A text.
    Text(String),
    /// A scalar of YAML that readers differ about, as spelt in the file.
    Doubtful(String, Doubt),
    /// A list.
    List(Vec<Node>),
    /// An object, in the order of the file.
    Object(Vec<Member>),
}

/// The reason why readers differ about a scalar or a key, with the remedy.
pub(crate) type Doubt = Cow<'static, str>;

/// A scalar or a key in doubt, and its place.
#[derive(Debug)]
pub(crate) struct Doubted<'n> {
    /// The bytes of the file that hold it.
    pub(crate) span: Range<usize>,
    /// The JSON pointer to it.
    pub(crate) pointer: String,
    /// The spelling.
    text: &'n str,
    doubt: &'n Doubt,
}

impl Doubted<'_> {
    /// The spelling, the reason and the remedy.
    pub(crate) fn message(&self) -> String {
        match secrets::names_one(&self.pointer) {
            true => "a value that readers of YAML differ on; put it in quotes".to_owned(),
            false => format!("`{}`: {}", self.text, self.doubt),
        }
    }
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    /// The key, decoded.
    pub(crate) key: String,
    /// The bytes of the file that hold the key.
    pub(crate) key_span: Range<usize>,
    /// The reason why readers differ about the key.
    pub(crate) doubt: Option<Doubt>,
    /// The value.
    pub(crate) value: Node,
}

/// A fault that keeps a file from being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The byte at which reading stopped.
    pub(crate) at: usize,
    /// The fault, and the remedy.
    pub(crate) message: String,
}

/// The languages of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// JSON, one document.
    Json,
    /// YAML, any number of documents.
    Yaml,
}

/// The documents of a file, and its language: by the ending of its name, or else
/// whatever it can be read as.
///
/// # Errors
/// The file is neither.
pub(crate) fn read(name: &str, text: &str) -> Result<(Language, Vec<Node>), Fault> {
    let as_json = || Ok((Language::Json, vec![json::read(text)?]));
    let as_yaml = || Ok((Language::Yaml, yaml::read(text)?));
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("json") => as_json(),
        Some("yaml" | "yml") => as_yaml(),
        _ => as_json().or_else(|fault| match text.trim_start().starts_with(['{', '[']) {
            true => as_yaml().map_err(|_| fault),
            false => as_yaml(),
        }),
    }
}

impl Node {
    /// The value of a key; the last of several.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.member(key).map(|member| &member.value)
    }

    /// The member with a key; the last of several.
    pub(crate) fn member(&self, key: &str) -> Option<&Member> {
        self.members().iter().rev().find(|member| member.key == key)
    }

    /// The member of a message of protobuf, by its name or by the same in camel case.
    pub(crate) fn field(&self, name: &str) -> Option<&Member> {
        self.member(name).or_else(|| {
            let mut camel = String::with_capacity(name.len());
            for word in name.split('_') {
                match word.chars().next().filter(|_| !camel.is_empty()) {
                    Some(first) => {
                        camel.push(first.to_ascii_uppercase());
                        camel.extend(word.chars().skip(1));
                    }
                    None => camel.push_str(word),
                }
            }
            self.member(&camel)
        })
    }

    /// The value behind such names, each a field of the one before it.
    pub(crate) fn at(&self, names: &[&str]) -> Option<&Self> {
        names.iter().try_fold(self, |node, name| node.field(name).map(|member| &member.value))
    }

    /// Whether it is true, in any word that a reader of YAML takes for that.
    pub(crate) fn is_true(&self) -> bool {
        match &self.value {
            Value::Bool(value) => *value,
            Value::Text(text) | Value::Doubtful(text, _) => {
                ["true", "yes", "on", "y"].iter().any(|word| text.eq_ignore_ascii_case(word))
            }
            _ => false,
        }
    }

    /// Whether it is a number that is written so.
    pub(crate) fn is_number(&self, written: &str) -> bool {
        matches!(&self.value, Value::Number(number) if **number == *written)
    }

    /// The members of an object; none of anything else.
    pub(crate) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements of a list; none of anything else.
    pub(crate) fn elements(&self) -> &[Self] {
        match &self.value {
            Value::List(elements) => elements,
            _ => &[],
        }
    }

    /// The levels of lists and objects in it.
    pub(crate) fn depth(&self) -> usize {
        let members = self.members().iter().map(|member| &member.value);
        let below = self.elements().iter().chain(members).map(Self::depth).max();
        let is_level = matches!(self.value, Value::List(_) | Value::Object(_));
        below.unwrap_or(0).saturating_add(usize::from(is_level))
    }

    /// The text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The place that a JSON pointer leads to, as far as there is something.
    pub(crate) fn place(&self, pointer: &str) -> Range<usize> {
        self.lookup(pointer).0
    }

    /// The same with other places.
    pub(crate) fn moved(&self, to: &dyn Fn(usize) -> usize) -> Self {
        let range = |span: &Range<usize>| to(span.start)..to(span.end).max(to(span.start));
        let value = match &self.value {
            Value::List(elements) => {
                Value::List(elements.iter().map(|element| element.moved(to)).collect())
            }
            Value::Object(members) => {
                let moved = |member: &Member| Member {
                    key: member.key.clone(),
                    key_span: range(&member.key_span),
                    doubt: member.doubt.clone(),
                    value: member.value.moved(to),
                };
                Value::Object(members.iter().map(moved).collect())
            }
            other => other.clone(),
        };
        Self { span: range(&self.span), value }
    }

    /// The value as JSON, on one line, with the spelling of numbers and every duplicate
    /// key.
    pub(crate) fn to_json(&self) -> String {
        let mut json = String::new();
        self.write(&mut json);
        json
    }

    fn write(&self, json: &mut String) {
        match &self.value {
            Value::Null => json.push_str("null"),
            Value::Bool(value) => json.push_str(if *value { "true" } else { "false" }),
            Value::Number(number) => json.push_str(number),
            Value::Text(text) | Value::Doubtful(text, _) => quote(json, text),
            Value::List(elements) => {
                json.push('[');
                for (index, element) in elements.iter().enumerate() {
                    if index > 0 {
                        json.push_str(", ");
                    }
                    element.write(json);
                }
                json.push(']');
            }
            Value::Object(members) => {
                json.push('{');
                for (index, member) in members.iter().enumerate() {
                    if index > 0 {
                        json.push_str(", ");
                    }
                    quote(json, &member.key);
                    json.push_str(": ");
                    member.value.write(json);
                }
                json.push('}');
            }
        }
    }

    /// The value as a `google.protobuf.Struct` in its wire format, as Envoy hands over
    /// an object of YAML: numbers as doubles.
    pub(crate) fn to_struct(&self) -> Vec<u8> {
        protobuf::object(self)
    }

    /// The doubts within.
    pub(crate) fn doubts(&self) -> Vec<Doubted<'_>> {
        let mut found = Vec::new();
        self.collect(&mut String::new(), &mut found);
        found
    }

    /// Collects the doubts within a value that is at this pointer.
    fn collect<'n>(&'n self, at: &mut String, found: &mut Vec<Doubted<'n>>) {
        let doubted = |span: &Range<usize>, at: &str, text: &'n str, doubt: &'n Doubt| Doubted {
            span: span.clone(),
            pointer: at.to_owned(),
            text,
            doubt,
        };
        if let Value::Doubtful(text, doubt) = &self.value {
            found.push(doubted(&self.span, at, text, doubt));
        }
        let above = at.len();
        for (index, element) in self.elements().iter().enumerate() {
            at.push_str(&format!("/{index}"));
            element.collect(at, found);
            at.truncate(above);
        }
        for member in self.members() {
            at.push('/');
            at.push_str(&escape(&member.key));
            if let Some(doubt) = &member.doubt {
                found.push(doubted(&member.key_span, at, &member.key, doubt));
            }
            member.value.collect(at, found);
            at.truncate(above);
        }
    }
}

impl Tree for Node {
    fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    fn member(&self, key: &str) -> Option<(Range<usize>, &Self)> {
        self.member(key).map(|member| (member.key_span.clone(), &member.value))
    }

    fn elements(&self) -> &[Self] {
        self.elements()
    }

    fn text(&self) -> Option<&str> {
        self.text()
    }
}

/// Whether a number keeps its value as a double, and as the decimal of that double.
pub(crate) fn survives(number: &str) -> bool {
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0');
    // Every decimal of 15 digits comes back from the nearest double, unless it is so close
    // to 0 that a double has fewer digits or none.
    match digits.count() {
        0 => true,
        count => count <= 15 && number.parse::<f64>().is_ok_and(f64::is_normal),
    }
}

/// Writes a text as JSON.
fn quote(json: &mut String, text: &str) {
    // The serializer of a text cannot fail.
    json.push_str(&serde_json::to_string(text).unwrap_or_default());
}
