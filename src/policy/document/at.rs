//! A value of the document with its path: it is read as the type that belongs
//! there, or an error is noted.

mod expected;
mod hash;
mod reading;
mod shared;

use super::Findings;
use super::checks::Named;
use super::tree::{self, Node};
use super::wording::{choices, nearest, quote};
use crate::order;
use crate::policy::condition::{Literal, Number};
use crate::text::{MAX_NAME, is_name, start};
use crate::wire::json::Decimal;
use core::cell::{Cell, RefCell};
use reading::Reading;
use std::borrow::Cow;

/// A parsed document, and the errors found in it.
pub(super) struct Parsed<'a> {
    root: Node<'a>,
    errors: RefCell<Findings>,
    /// Bytes of the regular expressions so far.
    regexes: Cell<usize>,
    /// The checks that rules use by their names, in the order of these.
    checks: RefCell<Vec<Named>>,
    /// The settings that say how the rest is read.
    reading: Reading,
}

impl<'a> Parsed<'a> {
    /// # Errors
    /// The bytes are neither JSON nor a Struct, or numbers in them mean
    /// different things to different readers.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Findings> {
        tree::parse(bytes).map(|(root, errors)| Self {
            reading: Reading::new(&root),
            root,
            errors: RefCell::new(errors),
            regexes: Cell::default(),
            checks: RefCell::default(),
        })
    }

    /// The SHA-256 of the document in its canonical form.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.root.digest()
    }

    pub(super) fn root(&self) -> At<'_> {
        At { node: &self.root, path: String::new(), document: self, secret: false, named: None }
    }

    /// The errors that were found.
    pub(super) fn into_errors(self) -> Findings {
        self.errors.into_inner()
    }
}

/// The most bytes of all the regular expressions of a policy, compiled.
const MAX_REGEXES_BYTES: usize = 64 << 20;

/// A value of the document, with its path.
pub(super) struct At<'d> {
    node: &'d Node<'d>,
    path: String,
    document: &'d Parsed<'d>,
    /// Whether the value may be a credential, which is not shown.
    secret: bool,
    /// The element of a list that it belongs to, if that has a name: the length of its
    /// path, and the name.
    named: Option<(usize, &'d str)>,
}

impl<'d> At<'d> {
    /// The same value, which is not to be shown.
    pub(super) fn secret(&self) -> Self {
        Self { path: self.path.clone(), secret: true, ..*self }
    }

    /// The same value, which may be shown.
    pub(super) fn shown(&self) -> Self {
        Self { secret: false, ..self.secret() }
    }

    /// Notes an error here.
    pub(super) fn wrong(&self, message: impl Into<String>) {
        self.document.errors.borrow_mut().error(self.path.clone(), message);
    }

    /// Notes an error elsewhere.
    pub(super) fn wrong_at(&self, path: &str, message: impl Into<String>) {
        self.document.errors.borrow_mut().error(path, message);
    }

    /// Whether another expression of this many compiled bytes fits: every
    /// worker keeps them all.
    pub(super) fn has_room_for(&self, regex: usize) -> bool {
        let all = self.document.regexes.get().saturating_add(regex);
        self.document.regexes.set(all);
        all <= MAX_REGEXES_BYTES
    }

    /// The settings that say how this value is read.
    pub(super) const fn reading(&self) -> Reading {
        self.document.reading
    }

    /// The path of this value, as a JSON pointer.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The JSON pointer of this value for people, in which a name is in the place of
    /// an index.
    pub(super) fn pointer(&self) -> String {
        let named = self.named.and_then(|(length, name)| {
            let (element, rest) = self.path.split_at_checked(length)?;
            let (list, _) = element.rsplit_once('/')?;
            Some(format!("{list}/{}{rest}", escape(name)))
        });
        named.unwrap_or_else(|| self.path.clone())
    }

    fn below(&self, node: &'d Node<'d>, key: &str) -> Self {
        // All paths below a key contain it, and a key longer than any name is
        // an error anyway.
        let key = escape(start(key, 2 * MAX_NAME));
        Self { node, path: format!("{}/{key}", self.path), ..*self }
    }

    /// A number above zero and at most `most`, in millionths, with at most six
    /// decimals.
    pub(super) fn millionths(&self, most: u64) -> Option<u64> {
        let value = self.as_number().and_then(Decimal::parse).and_then(Decimal::millionths);
        let fits = value.filter(|value| (1..=most.saturating_mul(1_000_000)).contains(value));
        if fits.is_none() {
            self.expected(&format!(
                "a number above 0 and at most {most} with at most six decimals"
            ));
        }
        fits
    }

    /// A string.
    pub(super) fn string(&self) -> Option<&'d str> {
        if let Node::String(text) = self.node {
            return Some(text);
        }
        self.expected("a string");
        None
    }

    /// A string that can name `what`.
    pub(super) fn name(&self, what: &str) -> Option<&'d str> {
        let name = self.string()?;
        if !is_name(name) {
            self.unnamable(name, what);
            return None;
        }
        Some(name)
    }

    /// Notes that a text cannot name `what`.
    pub(super) fn unnamable(&self, name: &str, what: &str) {
        self.wrong(format!(
            "{} cannot name {what}: 1 to {MAX_NAME} bytes without control characters",
            quote(name)
        ));
    }

    /// The string, if the value is one; anything else is not an error.
    pub(super) fn as_string(&self) -> Option<&'d str> {
        match self.node {
            Node::String(text) => Some(text),
            _ => None,
        }
    }

    /// The spelling of the number, if the value is one; anything else is not an
    /// error.
    pub(super) fn as_number(&self) -> Option<&'d str> {
        match self.node {
            Node::Number(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean, if the value is one; anything else is not an error.
    pub(super) const fn as_boolean(&self) -> Option<bool> {
        match self.node {
            Node::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether the value is an object.
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
        self.expected_one_of(words.iter().map(|(word, _)| *word).collect());
        None
    }

    /// Notes that one of these words was expected. It is apart from
    /// [`Self::choice`], which is compiled for each type of value.
    fn expected_one_of(&self, words: Vec<&str>) {
        let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        self.expected(&choices(words.iter().map(String::as_str)));
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> Vec<At<'d>> {
        let Node::List(elements) = self.node else {
            self.expected("a list");
            return Vec::new();
        };
        let element = |(index, node): (usize, _)| self.below(node, &index.to_string());
        elements.iter().enumerate().map(element).collect()
    }

    /// The elements of a list, each read by `read`.
    pub(super) fn each<T>(&self, read: impl Fn(&At<'d>) -> Option<T>) -> Vec<T> {
        let mut found = Vec::new();
        // Less code for each type than `collect` would be.
        for value in self.elements().iter().filter_map(read) {
            found.push(value);
        }
        found
    }

    /// Whether the value is a list.
    pub(super) fn is_list(&self) -> bool {
        matches!(self.node, Node::List(_))
    }

    /// Any JSON value.
    pub(super) fn literal(&self) -> Option<Literal> {
        Some(match self.node {
            Node::Null => Literal::Null,
            Node::Bool(value) => Literal::Bool(*value),
            Node::Number(text) => Literal::Number(Number::parse(text)?),
            Node::String(text) => Literal::String((&**text).into()),
            Node::List(_) => Literal::List(self.each(Self::literal)),
            Node::Object(_) => {
                let members = self.entries().into_iter();
                Literal::Object(
                    members.filter_map(|(key, at)| Some((key.into(), at.literal()?))).collect(),
                )
            }
        })
    }

    /// The members of a map whose keys are the author's own.
    pub(super) fn entries(&self) -> Vec<(&'d str, At<'d>)> {
        let Node::Object(members) = self.node else {
            self.expected("an object");
            return Vec::new();
        };
        let keys: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
        for pair in order::sorted(keys, |a, b| a.cmp(b)).windows(2) {
            if let [a, b] = pair
                && a == b
            {
                self.wrong(if self.secret {
                    "a key is given twice".into()
                } else {
                    format!("the key {} is given twice", quote(a))
                });
            }
        }
        members.iter().map(|(key, node)| (&**key, self.below(node, key))).collect()
    }

    /// An object of the language. Keys that are not `known` are errors.
    pub(super) fn object(&self, known: &[&'static str]) -> Option<Object<'d>> {
        if !self.is_object() {
            self.expected("an object");
            return None;
        }
        let members = self.entries();
        for (key, at) in &members {
            if known.contains(key) {
                continue;
            }
            at.wrong(if let Some(word) = nearest(key, known) {
                format!("unknown key; did you mean `{word}`?")
            } else {
                format!("unknown key; expected {}", choices(known.iter().copied()))
            });
        }
        Some(Object { members, path: self.path.clone(), document: self.document })
    }
}

/// The members of an object of the language.
pub(super) struct Object<'d> {
    members: Vec<(&'d str, At<'d>)>,
    path: String,
    document: &'d Parsed<'d>,
}

impl<'d> Object<'d> {
    pub(super) fn get(&self, key: &str) -> Option<&At<'d>> {
        self.members.iter().find(|(name, _)| *name == key).map(|(_, at)| at)
    }

    /// The same, as an element with this name.
    pub(super) fn named(mut self, name: &'d str) -> Self {
        let length = self.path.len();
        self.members.iter_mut().for_each(|(_, at)| at.named = Some((length, name)));
        self
    }

    /// Its path, as a JSON pointer.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Whether it has one member.
    pub(super) fn is_alone(&self) -> bool {
        self.members.len() == 1
    }

    /// Whether it has no members at all.
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(super) fn required(&self, key: &str) -> Option<&At<'d>> {
        let found = self.get(key);
        if found.is_none() {
            self.document
                .errors
                .borrow_mut()
                .error(self.path.clone(), format!("`{key}` is missing"));
        }
        found
    }
}

/// A key as a reference token of a JSON pointer (RFC 6901).
pub fn escape(key: &str) -> Cow<'_, str> {
    if key.contains(['~', '/']) {
        Cow::Owned(key.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(key)
    }
}
