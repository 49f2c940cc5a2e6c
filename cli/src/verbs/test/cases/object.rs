//! Objects of a file of cases, whose keys are all known.

use crate::document::{Node, Value};
use mcp_policy_filter::simulate::notation::{header_name, is_value};

/// A fault at a place.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The byte of it.
    pub(super) at: usize,
    /// The fault, and the remedy.
    pub(super) message: String,
}

impl Wrong {
    /// A fault of a node.
    pub(super) fn new(node: &Node, message: impl Into<String>) -> Self {
        Self { at: node.span.start, message: message.into() }
    }
}

impl From<Wrong> for Vec<Wrong> {
    fn from(wrong: Wrong) -> Self {
        vec![wrong]
    }
}

/// An object that has known keys, each once.
pub(super) struct Object<'n>(&'n Node);

impl<'n> Object<'n> {
    /// The object of a node.
    ///
    /// # Errors
    /// It is not one, or has a key that is not known, or one twice.
    pub(super) fn new(node: &'n Node, keys: &[&[&str]]) -> Result<Self, Vec<Wrong>> {
        let Value::Object(members) = &node.value else {
            return Err(Wrong::new(node, "expected an object").into());
        };
        let mut wrong = Vec::new();
        for (index, member) in members.iter().enumerate() {
            let at = member.key_span.start;
            let known = || keys.iter().copied().flatten();
            if !known().any(|key| *key == member.key) {
                let known: Vec<String> = known().map(|key| format!("`{key}`")).collect();
                let message =
                    format!("unknown key `{}`; expected {}", member.key, known.join(", "));
                wrong.push(Wrong { at, message });
            }
            if members.iter().take(index).any(|other| other.key == member.key) {
                wrong.push(Wrong { at, message: format!("the key `{}` is twice", member.key) });
            }
        }
        if wrong.is_empty() { Ok(Self(node)) } else { Err(wrong) }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.0.get(key)
    }

    /// The text of a key.
    ///
    /// # Errors
    /// It is not a text.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'n str>, Wrong> {
        let Some(node) = self.get(key) else { return Ok(None) };
        match node.text() {
            Some(text) => Ok(Some(text)),
            None => Err(Wrong::new(node, format!("`{key}` is a text; put it in quotes"))),
        }
    }

    /// The text of a key, and its place.
    ///
    /// # Errors
    /// It is not a text.
    pub(super) fn text_at(&self, key: &str) -> Result<Option<(&'n Node, &'n str)>, Wrong> {
        Ok(self.get(key).zip(self.text(key)?))
    }

    /// Whether a key is `true`.
    ///
    /// # Errors
    /// It is not a boolean.
    pub(super) fn is(&self, key: &str) -> Result<bool, Wrong> {
        match self.get(key).map(|node| (node, &node.value)) {
            None => Ok(false),
            Some((_, Value::Bool(value))) => Ok(*value),
            Some((node, _)) => Err(Wrong::new(node, format!("`{key}` is true or false"))),
        }
    }
}

/// A whole number from 0.
pub(super) fn number(node: &Node) -> Option<u64> {
    match &node.value {
        Value::Number(number) => number.parse().ok(),
        _ => None,
    }
}

/// Bytes: a text, or a list of texts, of `{"hex": ..}` and of `{"repeat": .., "times": ..}`.
///
/// # Errors
/// It is none of them.
pub(super) fn bytes(node: &Node) -> Result<Vec<u8>, Vec<Wrong>> {
    /// The most bytes of a body: more than any policy lets pass.
    const MOST: usize = 64 << 20;
    let wrong = || {
        let words = "expected a text, or a list of texts, `{\"hex\": ..}` and \
                     `{\"repeat\": TEXT, \"times\": N}`";
        vec![Wrong::new(node, words)]
    };
    match &node.value {
        Value::Text(text) => Ok(text.clone().into_bytes()),
        Value::List(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(bytes(part)?);
                if all.len() > MOST {
                    return Err(Wrong::new(part, "more than 64 MiB").into());
                }
            }
            Ok(all)
        }
        Value::Object(_) if node.get("hex").is_some() => {
            let object = Object::new(node, &[&["hex"]])?;
            let digits = object.text("hex")?.unwrap_or_default();
            let digits: Option<Vec<u32>> = digits
                .chars()
                .filter(|digit| !digit.is_whitespace())
                .map(|digit| digit.to_digit(16))
                .collect();
            let byte = |pair: &[u32]| match pair {
                [high, low] => u8::try_from(high.checked_shl(4)? | low).ok(),
                _ => None,
            };
            digits.and_then(|digits| digits.chunks(2).map(byte).collect()).ok_or_else(wrong)
        }
        Value::Object(_) => {
            let object = Object::new(node, &[&["repeat", "times"]])?;
            let text = object.text("repeat")?.ok_or_else(wrong)?;
            let times = object.get("times").and_then(number).ok_or_else(wrong)?;
            let times = usize::try_from(times).unwrap_or(usize::MAX);
            if text.len().saturating_mul(times) > MOST {
                return Err(Wrong::new(node, "more than 64 MiB").into());
            }
            Ok(text.repeat(times).into_bytes())
        }
        _ => Err(wrong()),
    }
}

/// Headers: an object of names to a text, to a list of texts for several lines, or to
/// null for a header that is not sent.
///
/// # Errors
/// It is not such an object.
pub(super) fn headers(node: &Node) -> Result<Vec<(String, Vec<String>)>, Vec<Wrong>> {
    let wrong = |node: &Node| {
        let words = "headers are an object of names to a text, a list of texts, or null";
        Wrong::new(node, words)
    };
    let Value::Object(members) = &node.value else { return Err(wrong(node).into()) };
    let mut headers = Vec::new();
    for member in members {
        let text = |node: &Node| node.text().map(str::to_owned).ok_or_else(|| wrong(node));
        let values = match &member.value.value {
            Value::Null => Vec::new(),
            Value::List(lines) => lines.iter().map(text).collect::<Result<_, _>>()?,
            _ => vec![text(&member.value)?],
        };
        let name = header_name(&member.key);
        match name.filter(|_| values.iter().all(|value| is_value(value))) {
            Some(name) => headers.push((name, values)),
            None => {
                let words = format!("`{}` is not a header on one line", member.key);
                return Err(Wrong::new(&member.value, words).into());
            }
        }
    }
    Ok(headers)
}
