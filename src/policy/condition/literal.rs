//! The values that a policy compares with.

use super::number::{Given, Number};
use super::{Truth, Why, Work};
use crate::meter;
use crate::wire::json::{Kind, Raw, Reader, Text};

/// A JSON value of a policy.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(Box<str>),
    /// A list.
    List(Vec<Literal>),
    /// An object, whose keys are all different.
    Object(Vec<(Box<str>, Literal)>),
}

impl Truth {
    /// The answer of a test that can be decided.
    pub(super) const fn decided(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }

    /// Both conditions: one that is false decides, in either order.
    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Undecidable(why), _) | (_, Self::Undecidable(why)) => Self::Undecidable(why),
            (Self::True, Self::True) => Self::True,
        }
    }

    /// At least one condition: one that is true decides.
    pub(super) const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::Undecidable(why), _) | (_, Self::Undecidable(why)) => Self::Undecidable(why),
            (Self::False, Self::False) => Self::False,
        }
    }

    /// The other answer: what is undecidable stays so.
    pub(crate) const fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            undecidable => undecidable,
        }
    }
}

impl Literal {
    /// The type's name, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }

    /// Whether the value is null, or a list or object that holds it.
    pub(super) fn holds_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::List(elements) => elements.iter().any(Self::holds_null),
            Self::Object(members) => members.iter().any(|(_, value)| value.holds_null()),
            _ => false,
        }
    }

    /// Whether one of its strings holds this text.
    pub(super) fn mentions(&self, text: &str) -> bool {
        match self {
            Self::String(value) => value.contains(text),
            Self::List(elements) => elements.iter().any(|element| element.mentions(text)),
            Self::Object(members) => members.iter().any(|(_, value)| value.mentions(text)),
            Self::Null | Self::Bool(_) | Self::Number(_) => false,
        }
    }

    /// The number of values that make it up, itself included.
    pub(super) fn parts(&self) -> usize {
        let inner: usize = match self {
            Self::List(elements) => elements.iter().map(Self::parts).sum(),
            Self::Object(members) => members.iter().map(|(_, value)| value.parts()).sum(),
            _ => 0,
        };
        inner.saturating_add(1)
    }

    /// Whether a value of the call has the same type.
    pub(super) const fn is_like(&self, raw: &Raw<'_>) -> bool {
        matches!(
            (self, &raw.kind),
            (Self::Null, Kind::Null)
                | (Self::Bool(_), Kind::Bool(_))
                | (Self::Number(_), Kind::Number)
                | (Self::String(_), Kind::String(_))
                | (Self::List(_), Kind::Array)
                | (Self::Object(_), Kind::Object)
        )
    }

    /// JSON equality: numbers by value, strings byte for byte, objects
    /// regardless of key order. Values of different types cannot be compared,
    /// for servers turn `"true"` into `true`.
    pub(super) fn equals(&self, raw: &Raw<'_>, work: &Work) -> Truth {
        let deep = self.is_like(raw) && matches!(raw.kind, Kind::Array | Kind::Object);
        // Where no work is left, the parts need not be counted.
        let has_work = || work.comparisons(1) && work.comparison_of(raw.text.len(), self.parts());
        if deep && !has_work() {
            return Truth::Undecidable(Why::Work);
        }
        self.is(raw, work)
    }

    fn is(&self, raw: &Raw<'_>, work: &Work) -> Truth {
        meter::steps(1);
        match (self, raw.kind) {
            (Self::Null, Kind::Null) => Truth::True,
            (Self::Bool(a), Kind::Bool(b)) => Truth::decided(*a == b),
            (Self::Number(number), Kind::Number) => number.equals(&Given::new(raw.text), work),
            (Self::String(a), Kind::String(_)) if !work.searching(a.len().min(raw.text.len())) => {
                Truth::Undecidable(Why::Work)
            }
            (Self::String(a), Kind::String(b)) => Truth::decided(b.is(a)),
            (Self::List(elements), Kind::Array) => list_equals(elements, raw, work),
            (Self::Object(members), Kind::Object) => object_equals(members, raw, work),
            (_, kind) => Truth::Undecidable(Why::Type(kind.name())),
        }
    }
}

fn list_equals(elements: &[Literal], raw: &Raw<'_>, work: &Work) -> Truth {
    let mut expected = elements.iter();
    let mut truth = Truth::True;
    let read = Reader::again(*raw).array(|reader| {
        let element = reader.value()?;
        let next = expected.next().map(|expected| expected.is(&element, work));
        truth = truth.and(next.unwrap_or(Truth::False));
        Ok(())
    });
    if read.is_err() || expected.next().is_some() { Truth::False } else { truth }
}

fn object_equals(members: &[(Box<str>, Literal)], raw: &Raw<'_>, work: &Work) -> Truth {
    let like = |key: Text<'_>, name: &str| key.is_but_for_case(name);
    let mut found = 0_usize;
    let mut look_alike = false;
    let mut truth = Truth::True;
    let read = Reader::again(*raw).object(|reader, key, _| {
        let value = reader.value()?;
        truth = truth.and(match members.iter().find(|(name, _)| key.is(name)) {
            Some((_, expected)) => {
                found = found.saturating_add(1);
                expected.is(&value, work)
            }
            // In JavaScript, `__proto__` can lend its members to an object.
            None if key.is("__proto__") || members.iter().any(|(name, _)| like(key, name)) => {
                look_alike = true;
                Truth::False
            }
            None => Truth::False,
        });
        Ok(())
    });
    // A reader that ignores case takes it for another object.
    if look_alike {
        return Truth::Undecidable(Why::LookAlike);
    }
    if read.is_err() || found < members.len() { Truth::False } else { truth }
}
