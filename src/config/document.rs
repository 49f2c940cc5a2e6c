//! A document as a tree, and a place in it that can complain.

use super::error::{Errors, choices, nearest, quote};
use crate::json::{Decimal, Fault, FaultKind, Kind, Reader};
use core::cell::RefCell;
use std::borrow::Cow;

/// Deeper documents are refused; the language itself needs ten levels.
const MAX_DEPTH: usize = 64;

/// A JSON value. Numbers keep their spelling, objects their duplicate keys.
#[derive(Debug)]
enum Node<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// A parsed document and what has been found wrong with it.
pub(super) struct Document<'a> {
    root: Node<'a>,
    errors: RefCell<Errors>,
}

impl<'a> Document<'a> {
    /// # Errors
    /// The text is not JSON, or numbers in it mean different things to
    /// different readers.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, Errors> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err(Errors::one("", "the plugin has no configuration; give it a policy"));
        }
        if text.len() > super::MAX_POLICY_BYTES {
            let message = format!(
                "the policy has {} bytes, of {} at most",
                text.len(),
                super::MAX_POLICY_BYTES
            );
            return Err(Errors::one("", message));
        }
        let read = || {
            let mut reader = Reader::new(text, MAX_DEPTH)?;
            let root = node(&mut reader)?;
            reader.end()?;
            match reader.ambiguity() {
                // Duplicate keys are reported by their path.
                Some(fault) if fault.kind != FaultKind::DuplicateKey => Err(fault),
                _ => Ok(root),
            }
        };
        match read() {
            Ok(root) => Ok(Self { root, errors: RefCell::default() }),
            Err(fault) => Err(Errors::one(position(text, fault), fault.kind.to_string())),
        }
    }

    pub(super) fn root(&self) -> At<'_> {
        At { node: &self.root, path: String::new(), errors: &self.errors }
    }

    /// What was found wrong, or else what `found` says.
    pub(super) fn into_errors(self) -> Outcome {
        Outcome(self.errors.into_inner())
    }
}

/// The end of reading a document.
pub(super) struct Outcome(Errors);

impl Outcome {
    /// The value, unless something was wrong.
    pub(super) fn or<T>(self, value: Option<T>) -> Result<T, Errors> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(self.0),
        }
    }
}

fn node<'a>(reader: &mut Reader<'a>) -> Result<Node<'a>, Fault> {
    match reader.peek() {
        Some(b'{') => {
            let mut members = Vec::new();
            reader.object(|reader, key, _| {
                members.push((key.decode(), node(reader)?));
                Ok(())
            })?;
            Ok(Node::Object(members))
        }
        Some(b'[') => {
            let mut elements = Vec::new();
            reader.array(|reader| {
                elements.push(node(reader)?);
                Ok(())
            })?;
            Ok(Node::List(elements))
        }
        _ => {
            let raw = reader.value()?;
            Ok(match raw.kind {
                Kind::Bool(value) => Node::Bool(value),
                Kind::Number => Node::Number(raw.text),
                Kind::String(text) => Node::String(text.decode()),
                // Lists and objects were read above.
                Kind::Null | Kind::Array | Kind::Object => Node::Null,
            })
        }
    }
}

/// "line 3 column 7", counted from one.
fn position(text: &[u8], fault: Fault) -> String {
    let before = text.get(..fault.at).unwrap_or(text);
    let line = before.iter().filter(|&&byte| byte == b'\n').count().saturating_add(1);
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at.saturating_add(1));
    let column = fault.at.saturating_sub(start).saturating_add(1);
    format!("line {line} column {column}")
}

/// A value of the document, with its path.
pub(super) struct At<'d> {
    node: &'d Node<'d>,
    path: String,
    errors: &'d RefCell<Errors>,
}

impl<'d> At<'d> {
    /// Notes that something is wrong here.
    pub(super) fn wrong(&self, message: impl Into<String>) {
        self.errors.borrow_mut().push(self.path.clone(), message);
    }

    /// The path of this value, as a JSON pointer.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    fn below(&self, node: &'d Node<'d>, key: &str) -> Self {
        Self { node, path: format!("{}/{}", self.path, escape(key)), errors: self.errors }
    }

    /// Names what stands here, for messages.
    fn found(&self) -> String {
        match self.node {
            Node::Null => "null".into(),
            Node::Bool(value) => format!("`{value}`"),
            Node::Number(text) => quote(text),
            Node::String(text) => quote(&format!("\"{text}\"")),
            Node::List(_) => "a list".into(),
            Node::Object(_) => "an object".into(),
        }
    }

    /// Notes that something else was expected here.
    pub(super) fn expected(&self, what: &str) {
        self.wrong(format!("expected {what}, found {}", self.found()));
    }

    /// A string.
    pub(super) fn string(&self) -> Option<&'d str> {
        if let Node::String(text) = self.node {
            return Some(text);
        }
        self.expected("a string");
        None
    }

    /// The string here, if one is; anything else is no error.
    pub(super) fn as_string(&self) -> Option<&'d str> {
        match self.node {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    /// The spelling of the number here, if one is; anything else is no error.
    pub(super) fn as_number(&self) -> Option<&'d str> {
        match self.node {
            Node::Number(text) => Some(text),
            _ => None,
        }
    }

    /// Whether an object stands here.
    pub(super) fn is_object(&self) -> bool {
        matches!(self.node, Node::Object(_))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Option<bool> {
        if let Node::Bool(value) = self.node {
            return Some(*value);
        }
        self.expected("`true` or `false`");
        None
    }

    /// A whole number within bounds, however spelt: Istio turns `1000000` into
    /// `1e+06`.
    pub(super) fn whole(&self, least: u64, most: u64) -> Option<u64> {
        let value = self.as_number().and_then(Decimal::parse).and_then(Decimal::whole);
        let fits = value.filter(|value| (least..=most).contains(value));
        if fits.is_none() {
            self.expected(&format!("a whole number from {least} to {most}"));
        }
        fits
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.as_string();
        if let Some((_, value)) = words.iter().find(|(word, _)| text == Some(*word)) {
            return Some(*value);
        }
        let words: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.expected(&choices(words.iter().map(String::as_str)));
        None
    }

    /// The elements of a list, each read by `read`.
    pub(super) fn each<T>(&self, read: impl Fn(&At<'d>) -> Option<T>) -> Vec<T> {
        let Node::List(elements) = self.node else {
            self.expected("a list");
            return Vec::new();
        };
        let place = |(index, node): (usize, _)| self.below(node, &index.to_string());
        elements.iter().enumerate().map(place).filter_map(|at| read(&at)).collect()
    }

    /// The members of a map whose keys are the author's own.
    pub(super) fn entries(&self) -> Vec<(&'d str, At<'d>)> {
        let Node::Object(members) = self.node else {
            self.expected("an object");
            return Vec::new();
        };
        let mut keys: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        for pair in keys.windows(2) {
            if let [a, b] = pair
                && a == b
            {
                self.wrong(format!("the key {} is given twice", quote(a)));
            }
        }
        members.iter().map(|(key, node)| (&**key, self.below(node, key))).collect()
    }

    /// An object of the language. Keys that are in neither list are errors;
    /// those of `reserved` are errors that say so.
    pub(super) fn object(&self, known: &[&'static str], reserved: &[&str]) -> Option<Object<'d>> {
        if !self.is_object() {
            self.expected("an object");
            return None;
        }
        let members = self.entries();
        for (key, at) in &members {
            if known.contains(key) {
                continue;
            }
            at.wrong(if reserved.contains(key) {
                "this key is not supported by this version of the filter".into()
            } else if let Some(word) = nearest(key, known) {
                format!("unknown key; did you mean `{word}`?")
            } else {
                format!("unknown key; here may stand {}", choices(known.iter().copied()))
            });
        }
        Some(Object { members, path: self.path.clone(), errors: self.errors })
    }
}

/// The members of an object of the language.
pub(super) struct Object<'d> {
    members: Vec<(&'d str, At<'d>)>,
    path: String,
    errors: &'d RefCell<Errors>,
}

impl<'d> Object<'d> {
    pub(super) fn get(&self, key: &str) -> Option<&At<'d>> {
        self.members.iter().find(|(name, _)| *name == key).map(|(_, at)| at)
    }

    pub(super) fn required(&self, key: &str) -> Option<&At<'d>> {
        let found = self.get(key);
        if found.is_none() {
            self.errors.borrow_mut().push(self.path.clone(), format!("`{key}` is missing"));
        }
        found
    }
}

/// A key as a reference token of a JSON pointer (RFC 6901).
pub(super) fn escape(key: &str) -> Cow<'_, str> {
    if key.contains(['~', '/']) {
        Cow::Owned(key.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(key)
    }
}
