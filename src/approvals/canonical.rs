//! The canonical text of a call's parameters: one spelling for all that a server
//! cannot tell apart, and several for what some server may.
//!
//! - The members of `params` and of `arguments` are sorted by the bytes of their
//!   names. Deeper objects keep their order: some servers read meaning into it, as
//!   MongoDB does into a command's first key.
//! - There is no white space. In strings, `"`, `\` and U+0000 to U+001F are escaped,
//!   and nothing else. No text is normalised.
//! - Numbers keep their spelling: some servers tell `1` from `1.0`.
//! - `name` is bound by itself. `_meta` and `task` change with every attempt of a
//!   client, and so does a plain answer to the filter's own question in
//!   `inputResponses`; they are left out. With anything besides its action, an answer
//!   is bound like any other, since no approver would see it.

use crate::order;
use crate::wire::json::{JsonError, Kind, Raw, Reader, Text};
use crate::wire::mcp::is_plain_answer;
use std::borrow::Cow;

/// The filter's own key in `inputRequests`, and in the `inputResponses` of the client.
pub const OWN_RESPONSE: &str = "mcp-policy-filter.approval";
/// The fewest bytes of a member in the text: `"":0,`.
const LEAST_MEMBER: usize = 4;

/// A call's parameters are longer than an approver can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

/// The parameters of a call in their canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    text: String,
    arguments: (usize, usize),
}

impl Call {
    /// The canonical form of `params`, which a strict reader let pass.
    ///
    /// # Errors
    /// The text is longer than `max` bytes.
    pub fn new(params: Option<Raw<'_>>, max: usize) -> Result<Self, TooLarge> {
        let mut out = Out { text: String::new(), max, is_full: false };
        let mut arguments = (0, 0);
        let mut members = out.members(params)?;
        members.retain(|(key, value)| match &**key {
            "name" | "_meta" | "task" => false,
            "arguments" => !matches!(value.kind, Kind::Null),
            _ => true,
        });
        out.push("{");
        let mut first = true;
        for (key, value) in members {
            let before = (out.text.len(), out.is_full);
            out.key(&key, first);
            let start = out.text.len();
            let written = match (&*key, value.kind) {
                ("arguments", Kind::Object) => {
                    let members = out.members(Some(value))?;
                    out.object(members)
                }
                ("inputResponses", Kind::Object) => {
                    let mut members = out.listed(value)?;
                    members.retain(|(key, value)| key != OWN_RESPONSE || !is_plain_answer(*value));
                    out.object(members)
                }
                _ => {
                    out.value(value);
                    true
                }
            };
            if key == "arguments" {
                arguments = (start, out.text.len());
            }
            if written || key == "arguments" {
                first = false;
            } else {
                // An object from which everything was left out is left out too.
                out.text.truncate(before.0);
                out.is_full = before.1;
            }
        }
        out.push("}");
        if out.is_full { Err(TooLarge) } else { Ok(Self { text: out.text, arguments }) }
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of the arguments, if there are any.
    pub fn arguments(&self) -> Option<&str> {
        let (start, end) = self.arguments;
        self.text.get(start..end).filter(|text| !text.is_empty())
    }
}

/// The canonical form of a call's arguments by themselves. A call without any has
/// that of an empty object. `None` if they cannot be read.
pub fn arguments(arguments: Option<Raw<'_>>) -> Option<String> {
    let Some(arguments) = arguments else { return Some("{}".into()) };
    // At most: `\n` becomes `\u000a`.
    let max = arguments.text.len().saturating_mul(3);
    let mut out = Out { text: String::new(), max, is_full: false };
    let members = out.members(Some(arguments)).ok()?;
    out.object(members);
    (!out.is_full).then_some(out.text)
}

type Members<'a> = Vec<(Cow<'a, str>, Raw<'a>)>;

/// The text as far as it is written. Once it is full, nothing is added.
struct Out {
    text: String,
    max: usize,
    is_full: bool,
}

impl Out {
    /// The members of an object, sorted.
    fn members<'a>(&self, object: Option<Raw<'a>>) -> Result<Members<'a>, TooLarge> {
        let Some(object) = object else { return Ok(Vec::new()) };
        let members = self.listed(object)?;
        let key = |at: usize| members.get(at).map(|(key, _)| key.as_bytes());
        let sorted = order::indexes(members.len(), &|a, b| key(a).cmp(&key(b)));
        Ok(sorted.into_iter().filter_map(|at| members.get(at).cloned()).collect())
    }

    /// The members of an object in its order, unless they are too many to be shown.
    fn listed<'a>(&self, object: Raw<'a>) -> Result<Members<'a>, TooLarge> {
        let most = self.max / LEAST_MEMBER;
        let mut members = Vec::new();
        let mut count = 0_usize;
        let read = Reader::again(object).object(|reader, key, _| {
            let value = reader.value()?;
            count = count.saturating_add(1);
            if count <= most {
                members.push((key.decode(), value));
            }
            Ok(())
        });
        if read.is_err() || count > most { Err(TooLarge) } else { Ok(members) }
    }

    fn push(&mut self, text: &str) {
        if self.text.len().saturating_add(text.len()) > self.max {
            self.is_full = true;
        } else if !self.is_full {
            self.text.push_str(text);
        }
    }

    fn key(&mut self, key: &str, first: bool) {
        self.push(if first { "\"" } else { ",\"" });
        self.escaped(key.chars());
        self.push("\":");
    }

    /// Writes an object; whether any of its members was written.
    fn object(&mut self, members: Members<'_>) -> bool {
        self.push("{");
        let mut first = true;
        for (key, value) in members {
            self.key(&key, first);
            self.value(value);
            first = false;
        }
        self.push("}");
        !first
    }

    fn value(&mut self, value: Raw<'_>) {
        // It was read once; a second reading finds no fault.
        let _read = self.copy(&mut Reader::again(value));
    }

    fn copy<'a>(&mut self, reader: &mut Reader<'a>) -> Result<(), JsonError> {
        match reader.peek() {
            Some(b'{') => {
                self.push("{");
                let mut first = true;
                reader.object(|reader, key, _| {
                    self.push(if first { "\"" } else { ",\"" });
                    self.text(key);
                    self.push("\":");
                    first = false;
                    self.copy(reader)
                })?;
                self.push("}");
            }
            Some(b'[') => {
                self.push("[");
                let mut first = true;
                reader.array(|reader| {
                    if !first {
                        self.push(",");
                    }
                    first = false;
                    self.copy(reader)
                })?;
                self.push("]");
            }
            _ => {
                let value = reader.value()?;
                match value.kind {
                    Kind::String(text) => {
                        self.push("\"");
                        self.text(text);
                        self.push("\"");
                    }
                    _ => self.push(value.text),
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, text: Text<'_>) {
        if text.is_escaped() {
            self.escaped(text.chars());
        } else {
            // Without escapes, nothing in it needs one.
            self.push(text.raw());
        }
    }

    fn escaped(&mut self, chars: impl Iterator<Item = char>) {
        let mut buffer = [0; 4];
        for c in chars {
            match c {
                '"' => self.push("\\\""),
                '\\' => self.push("\\\\"),
                '\0'..='\u{1f}' => self.push(&format!("\\u{:04x}", u32::from(c))),
                c => self.push(c.encode_utf8(&mut buffer)),
            }
            if self.is_full {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
