//! A document that comes as a `google.protobuf.Struct`. Envoy makes one of a policy that
//! is written as YAML in its own configuration.
//!
//! It is read strictly, as JSON is: what two readers of protobuf could take
//! differently is an error. The members of an object are put in the order of
//! their keys, because protobuf's maps come in any.

mod printed;

pub use printed::doubts;

use super::Findings;
use super::at::escape;
use super::tree::{MAX_DEPTH, Node};
use crate::order;
use crate::text::{MAX_NAME, start};
use crate::wire::json::of_double;
use crate::wire::protobuf::{Fields, Payload};
use std::borrow::Cow;

/// The tag of a Struct's first field, its only one: the bytes of one that has
/// members begin with it.
pub(super) const FIRST: u8 = 0x0a;
/// The first whole number that shares its double with another.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Without the number, which may stand where a secret belongs.
const ROUNDED: &str = "this may have been another number before a google.protobuf.Struct rounded \
    it, as it rounds whole numbers from 9007199254740992 on; give the policy as JSON in a \
    google.protobuf.StringValue";
const NUMBERS_AND_TEXTS: &str = "numbers and texts stand in one list, and a call's value is \
    compared with those of its own type alone: without quotes, Envoy's YAML makes a number of \
    `10`, and texts of `0.5`, `1e3` and `3000000000`; put all in quotes if they are texts, or give \
    the policy as JSON in a google.protobuf.StringValue";
const BOOLEANS_AND_TEXTS: &str = "booleans and texts stand in one list, and a call's value is \
    compared with those of its own type alone: without quotes, Envoy's YAML makes booleans of \
    `yes`, `no`, `on` and `off`; put all in quotes if they are texts, or give the policy as JSON \
    in a google.protobuf.StringValue";

/// The reason why the bytes are not a Struct, and the place.
pub(super) struct Fault {
    pub(super) path: String,
    pub(super) why: &'static str,
}

/// Reads a Struct, and notes the numbers in it that no policy can have.
///
/// # Errors
/// The bytes are not a Struct.
pub(super) fn decode(bytes: &[u8]) -> Result<(Node<'_>, Findings), Fault> {
    let mut decoder = Decoder { path: String::new(), errors: Findings::default() };
    match decoder.object(bytes, MAX_DEPTH) {
        Ok(root) => Ok((root, decoder.errors)),
        Err(why) => Err(Fault { path: decoder.path, why }),
    }
}

type Step<T> = Result<T, &'static str>;

struct Decoder {
    /// The path of the value that is read.
    path: String,
    errors: Findings,
}

impl Decoder {
    /// A `google.protobuf.Struct`: a map of texts to Values.
    fn object<'a>(&mut self, bytes: &'a [u8], room: usize) -> Step<Node<'a>> {
        let room = room.checked_sub(1).ok_or("values are nested too deeply")?;
        let mut members: Vec<(Cow<'a, str>, Node<'a>)> = Vec::new();
        for field in Fields::new(bytes) {
            let (1, Payload::Bytes(entry)) = field? else {
                return Err("a field is not one of a Struct's");
            };
            members.push(self.member(entry, room)?);
        }
        Ok(Node::Object(order::sorted(members, |(a, _), (b, _)| a.cmp(b))))
    }

    fn member<'a>(&mut self, bytes: &'a [u8], room: usize) -> Step<(Cow<'a, str>, Node<'a>)> {
        let (mut key, mut value) = (None, None);
        for field in Fields::new(bytes) {
            match field? {
                (1, Payload::Bytes(text)) if key.is_none() => key = Some(string(text)?),
                (2, Payload::Bytes(inner)) if value.is_none() => value = Some(inner),
                (1 | 2, Payload::Bytes(_)) => return Err("a member has two keys or two values"),
                _ => return Err("a field is not one of a member's"),
            }
        }
        let (Some(key), Some(value)) = (key, value) else {
            return Err("a member lacks its key or its value");
        };
        let value =
            self.below(&escape(start(key, 2 * MAX_NAME)), |decoder| decoder.value(value, room))?;
        Ok((Cow::Borrowed(key), value))
    }

    /// Reads what is below this one by `step`. The path of a fault stays.
    fn below<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> Step<T>) -> Step<T> {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(step);
        let read = read(self)?;
        self.path.truncate(length);
        Ok(read)
    }

    /// A `google.protobuf.Value`: one of six fields, and that once.
    fn value<'a>(&mut self, bytes: &'a [u8], room: usize) -> Step<Node<'a>> {
        let mut fields = Fields::new(bytes);
        let Some(field) = fields.next() else { return Err("a Value has no kind") };
        let field = field?;
        if fields.next().is_some() {
            return Err("a Value has more than one kind");
        }
        match field {
            (1, Payload::Number(0)) => Ok(Node::Null),
            (2, Payload::Double(double)) => self.number(double),
            (3, Payload::Bytes(text)) => Ok(Node::String(Cow::Borrowed(string(text)?))),
            (4, Payload::Number(value @ (0 | 1))) => Ok(Node::Bool(value == 1)),
            (5, Payload::Bytes(fields)) => self.object(fields, room),
            (6, Payload::Bytes(values)) => self.list(values, room),
            _ => Err("a field is not one of a Value's"),
        }
    }

    /// A `google.protobuf.ListValue`.
    fn list<'a>(&mut self, bytes: &'a [u8], room: usize) -> Step<Node<'a>> {
        let room = room.checked_sub(1).ok_or("values are nested too deeply")?;
        let mut elements = Vec::new();
        for field in Fields::new(bytes) {
            let (1, Payload::Bytes(element)) = field? else {
                return Err("a field is not one of a ListValue's");
            };
            let index = elements.len().to_string();
            elements.push(self.below(&index, |decoder| decoder.value(element, room))?);
        }
        self.errors_here(mixed(&elements));
        Ok(Node::List(elements))
    }

    fn errors_here(&mut self, messages: impl IntoIterator<Item = &'static str>) {
        for message in messages {
            self.errors.error(self.path.clone(), message);
        }
    }

    /// A number in the spelling that JSON has for it: `10` for ten.
    fn number(&mut self, double: f64) -> Step<Node<'static>> {
        if !double.is_finite() {
            return Err("a number is NaN or infinite");
        }
        let spelt = of_double(double);
        if double.abs() >= EXACT {
            self.errors_here([ROUNDED]);
        }
        Ok(Node::Number(Cow::Owned(spelt)))
    }
}

/// The faults of a list in which Envoy's YAML may have made two types of one. A call's
/// value is compared with the elements of its own type, and would pass the others by.
fn mixed(elements: &[Node<'_>]) -> impl Iterator<Item = &'static str> {
    const WORDS: [&str; 8] = ["true", "false", "yes", "no", "on", "off", "y", "n"];
    let has = |kind: fn(&Node<'_>) -> bool| elements.iter().any(kind);
    let has_text = |quoted: fn(&str) -> bool| {
        elements.iter().any(|node| matches!(node, Node::String(text) if !quoted(text)))
    };
    // What would be of the other type without quotes was put in quotes.
    let whole = |text: &str| text.parse::<i32>().is_ok_and(|n| n.to_string() == text);
    let word = |text: &str| WORDS.iter().any(|word| word.eq_ignore_ascii_case(text));
    let numbers = has(|node| matches!(node, Node::Number(_))) && has_text(whole);
    let booleans = has(|node| matches!(node, Node::Bool(_))) && has_text(word);
    let faults = [numbers.then_some(NUMBERS_AND_TEXTS), booleans.then_some(BOOLEANS_AND_TEXTS)];
    faults.into_iter().flatten()
}

fn string(bytes: &[u8]) -> Step<&str> {
    core::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8")
}

#[cfg(test)]
mod tests;
