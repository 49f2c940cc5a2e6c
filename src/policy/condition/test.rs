//! Operators with the values that they compare with, checked when the policy is
//! read: no request can meet a bad one.

use super::expression;
use super::host_in::Hosts;
use super::number::Given;
use super::within::Folders;
use super::{Literal, Number, Operand, Root, TestError, Truth, WEEKDAYS, Why, Work, length};
use crate::meter;
use crate::wire::json::{Kind, Raw, Reader};
use core::cmp::Ordering;
use regex_lite::Regex;

/// The longest text that a regular expression is run on.
const MAX_REGEX_TEXT: usize = 1 << 16;
/// An operator and its value.
#[derive(Debug)]
pub enum Test {
    /// `eq`
    Eq(Literal),
    /// `neq`
    Neq(Literal),
    /// `in`
    In(Vec<Literal>),
    /// `not_in`
    NotIn(Vec<Literal>),
    /// `lt`, `lte`, `gt`, `gte`
    Order(Order, Number),
    /// `regex`, with its size in bytes.
    Regex(Regex, usize),
    /// `starts_with`
    StartsWith(Box<str>),
    /// `ends_with`
    EndsWith(Box<str>),
    /// `contains`
    Contains(Literal),
    /// `exists`
    Exists(bool),
    /// `length_lte`, `length_gte`
    Length(Order, u64),
    /// An operator with a value of the call, which takes the place of another test.
    From(Box<Operand>),
    /// `within`
    Within(Folders),
    /// `host_in`
    HostIn(Box<Hosts>),
}

/// The relation of a number to the policy's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// `lt`
    Less,
    /// `lte`
    LessOrEqual,
    /// `gt`
    Greater,
    /// `gte`
    GreaterOrEqual,
}

impl Order {
    pub(super) const fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Test {
    /// Every operator's name.
    pub const NAMES: [&'static str; 17] = [
        "eq",
        "neq",
        "in",
        "not_in",
        "lt",
        "lte",
        "gt",
        "gte",
        "regex",
        "starts_with",
        "ends_with",
        "contains",
        "exists",
        "length_lte",
        "length_gte",
        "within",
        "host_in",
    ];

    /// Puts an operator and its value together, for a path with this root.
    ///
    /// # Errors
    /// The two, or the root, do not fit.
    pub fn new(name: &str, value: Literal, root: Root) -> Result<Self, TestError> {
        let order = |order, value| match value {
            Literal::Number(number) => Ok(Self::Order(order, number)),
            _ => Err(TestError::Value("a number")),
        };
        let text = |value| match value {
            Literal::String(text) => Ok(text),
            _ => Err(TestError::Value("a string")),
        };
        let list = |value| match value {
            Literal::List(elements) => Ok(elements),
            _ => Err(TestError::Value("a list")),
        };
        let length = |order, value| match value {
            Literal::Number(number) => number.whole().map(|bound| Self::Length(order, bound)),
            _ => None,
        };
        let length = |order, value| {
            length(order, value).ok_or(TestError::Value("a whole number that is not negative"))
        };
        let test = match name {
            "eq" => Self::Eq(value),
            "neq" => Self::Neq(value),
            "in" => Self::In(list(value)?),
            "not_in" => Self::NotIn(list(value)?),
            "lt" => order(Order::Less, value)?,
            "lte" => order(Order::LessOrEqual, value)?,
            "gt" => order(Order::Greater, value)?,
            "gte" => order(Order::GreaterOrEqual, value)?,
            "regex" => {
                let (regex, size) = expression::compile(&text(value)?)?;
                Self::Regex(regex, size)
            }
            "starts_with" => Self::StartsWith(text(value)?),
            "ends_with" => Self::EndsWith(text(value)?),
            "contains" => Self::Contains(value),
            "exists" => match value {
                Literal::Bool(value) => Self::Exists(value),
                _ => return Err(TestError::Value("`true` or `false`")),
            },
            "length_lte" => length(Order::LessOrEqual, value)?,
            "length_gte" => length(Order::GreaterOrEqual, value)?,
            "within" => Self::Within(Folders::new(value)?),
            "host_in" => Self::HostIn(Box::new(Hosts::new(value)?)),
            _ => return Err(TestError::Unknown),
        };
        test.fit(root)?;
        Ok(test)
    }

    /// Refuses what could never be decided for values of this root.
    fn fit(&self, root: Root) -> Result<(), TestError> {
        let texts = |name, values: &[Literal]| {
            let all = values.iter().all(|value| matches!(value, Literal::String(_)));
            if all { Ok(()) } else { Err(TestError::Text(name)) }
        };
        let name = match root {
            Root::Args => return Ok(()),
            Root::Claims => return self.fit_claim(),
            Root::Hour | Root::Weekday => return self.fit_time(root),
            Root::Headers => "headers",
            Root::Grant => "grant",
            Root::Tool => "tool",
        };
        match self {
            Self::Eq(value) | Self::Neq(value) | Self::Contains(value) => {
                texts(name, core::slice::from_ref(value))
            }
            Self::In(values) | Self::NotIn(values) => texts(name, values),
            Self::Order(..) | Self::From(_) => Err(TestError::Text(name)),
            Self::Regex(..)
            | Self::StartsWith(_)
            | Self::EndsWith(_)
            | Self::Exists(_)
            | Self::Length(..)
            | Self::Within(_)
            | Self::HostIn(_) => Ok(()),
        }
    }

    fn fit_time(&self, root: Root) -> Result<(), TestError> {
        let (error, orders) = match root {
            Root::Hour => (TestError::Hour, true),
            _ => (TestError::Weekday, false),
        };
        let is_hour = |number: &Number| number.whole().is_some_and(|hour| hour < 24);
        let fits = |value: &Literal| match value {
            Literal::Number(number) => orders && is_hour(number),
            Literal::String(day) => !orders && WEEKDAYS.contains(&&**day),
            _ => false,
        };
        let good = match self {
            Self::Eq(value) | Self::Neq(value) => fits(value),
            Self::In(values) | Self::NotIn(values) => values.iter().all(fits),
            Self::Order(_, number) => orders && is_hour(number),
            _ => false,
        };
        if good { Ok(()) } else { Err(error) }
    }

    fn fit_claim(&self) -> Result<(), TestError> {
        let scalar = |value: &Literal| {
            matches!(value, Literal::Bool(_) | Literal::Number(_) | Literal::String(_))
        };
        if let Self::Contains(value) = self
            && !matches!(value, Literal::String(_))
        {
            return Err(TestError::ClaimList);
        }
        let good = match self {
            Self::Eq(value) | Self::Neq(value) => scalar(value),
            Self::In(values) | Self::NotIn(values) => match values.split_first() {
                Some((first, others)) => {
                    scalar(first) && others.iter().all(|other| other.kind() == first.kind())
                }
                None => true,
            },
            _ => true,
        };
        if good { Ok(()) } else { Err(TestError::Claim) }
    }

    /// The compiled size of the expression, if the test has one.
    pub fn regex_bytes(&self) -> Option<usize> {
        match self {
            Self::Regex(_, size) => Some(*size),
            _ => None,
        }
    }

    /// Whether the test is about there being a value.
    pub const fn is_about_presence(&self) -> bool {
        matches!(self, Self::Exists(_))
    }

    /// Whether the test is about a place that a text names, and that may have other
    /// names.
    pub const fn is_about_place(&self) -> bool {
        matches!(self, Self::Within(_) | Self::HostIn(_))
    }

    /// The text with which a value has to begin.
    pub fn start(&self) -> Option<&str> {
        match self {
            Self::StartsWith(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this text is somewhere in the policy's value.
    pub fn mentions(&self, text: &str) -> bool {
        match self {
            Self::Eq(value) | Self::Neq(value) | Self::Contains(value) => value.mentions(text),
            Self::In(values) | Self::NotIn(values) => {
                values.iter().any(|value| value.mentions(text))
            }
            Self::Regex(regex, _) => regex.as_str().contains(text),
            Self::StartsWith(value) | Self::EndsWith(value) => value.contains(text),
            Self::Within(folders) => folders.0.iter().any(|folder| folder.mentions(text)),
            // No host has any character but letters, digits and `*-_.`.
            Self::Order(..)
            | Self::Exists(_)
            | Self::HostIn(_)
            | Self::Length(..)
            | Self::From(_) => false,
        }
    }

    /// Whether a null is a value to this test, and not the absence of one.
    pub(super) fn speaks_of_null(&self) -> bool {
        match self {
            Self::Eq(value) | Self::Neq(value) | Self::Contains(value) => value.holds_null(),
            Self::In(values) | Self::NotIn(values) => values.iter().any(Literal::holds_null),
            _ => false,
        }
    }

    /// The answer where there is no value.
    pub(super) const fn of_absent(&self) -> Truth {
        match self {
            Self::Exists(expected) => Truth::decided(!*expected),
            _ => Truth::False,
        }
    }

    /// The answer about a value of the call. `of_null` says whether a null is a
    /// value to this test.
    pub(super) fn of_value(&self, raw: &Raw<'_>, of_null: bool, work: &Work) -> Truth {
        const SPENT: Truth = Truth::Undecidable(Why::Work);
        meter::steps(1);
        if !work.comparisons(1) {
            return SPENT;
        }
        match (self, raw.kind) {
            (_, Kind::Null) if !of_null => self.of_absent(),
            (Self::Exists(expected), _) => Truth::decided(*expected),
            (Self::Eq(value), _) => value.equals(raw, work),
            (Self::Neq(value), _) => value.equals(raw, work).not(),
            (Self::In(values), _) => among(values, raw, work),
            (Self::NotIn(values), _) => among(values, raw, work).not(),
            (Self::Order(order, number), Kind::Number) => {
                number.orders(*order, &Given::new(raw.text), work)
            }
            (Self::Contains(value), Kind::Array) => contains(value, raw, work),
            (Self::Length(order, bound), Kind::Array) => length::of_list(raw, *order, *bound, work),
            (_, Kind::String(text)) if text.is_escaped() && !work.decoding(raw.text.len()) => SPENT,
            (_, Kind::String(text)) => self.of_text(&text.decode(), work),
            (_, kind) => Truth::Undecidable(Why::Type(kind.name())),
        }
    }

    /// The answer about a text.
    pub(super) fn of_text(&self, text: &str, work: &Work) -> Truth {
        let wrong = Truth::Undecidable(Why::Type("a string"));
        let spent = Truth::Undecidable(Why::Work);
        let equals = |value: &Literal| match value {
            Literal::String(value) if value.len() != text.len() => Truth::False,
            Literal::String(_) if !work.searching(text.len()) => spent,
            Literal::String(value) => Truth::decided(**value == *text),
            _ => wrong,
        };
        let among = |values: &[Literal]| {
            if !work.comparisons(values.len()) {
                return spent;
            }
            let texts = values.iter().filter(|value| matches!(value, Literal::String(_)));
            let truth = texts.map(equals).reduce(Truth::or);
            truth.unwrap_or(if values.is_empty() { Truth::False } else { wrong })
        };
        match self {
            Self::Eq(value) => equals(value),
            Self::Neq(value) => equals(value).not(),
            Self::In(values) => among(values),
            Self::NotIn(values) => among(values).not(),
            Self::Regex(_, size) if text.len() > Work::longest_text(*size).min(MAX_REGEX_TEXT) => {
                Truth::Undecidable(Why::Length)
            }
            Self::Regex(_, size) if !work.match_of(text.len(), *size) => spent,
            Self::Regex(regex, size) => {
                meter::steps(text.len().saturating_add(1).saturating_mul(*size) / 2);
                Truth::decided(regex.is_match(text))
            }
            Self::StartsWith(part) => Truth::decided(text.starts_with(&**part)),
            Self::EndsWith(part) => Truth::decided(text.ends_with(&**part)),
            Self::Contains(Literal::String(_)) if !work.searching(text.len()) => spent,
            Self::Contains(Literal::String(part)) => {
                meter::steps(text.len());
                Truth::decided(text.contains(&**part))
            }
            Self::Exists(expected) => Truth::decided(*expected),
            Self::Length(order, bound) => length::of_text(text, *order, *bound, work),
            Self::Within(folders) => folders.hold(text, work),
            Self::HostIn(hosts) => hosts.hold(text, work),
            Self::Order(..) | Self::Contains(_) | Self::From(_) => wrong,
        }
    }
}

/// Whether a value is equal to one of the policy's. Those of other types are passed
/// over; where all are, nothing can be decided.
pub(super) fn among(values: &[Literal], raw: &Raw<'_>, work: &Work) -> Truth {
    if !work.comparisons(values.len()) {
        return Truth::Undecidable(Why::Work);
    }
    let like = values.iter().filter(|value| value.is_like(raw));
    // A number is read once for all that it is compared with.
    let number = Given::new(if matches!(raw.kind, Kind::Number) { raw.text } else { "" });
    let equals = |value: &Literal| match value {
        Literal::Number(value) => value.equals(&number, work),
        _ => value.equals(raw, work),
    };
    let truth = like.map(equals).reduce(Truth::or);
    truth.unwrap_or(if values.is_empty() {
        Truth::False
    } else {
        Truth::Undecidable(Why::Type(raw.kind.name()))
    })
}

/// Whether a list holds an equal element. An element of another type is undecidable,
/// since a server might turn it into an equal one. A null is passed over.
fn contains(value: &Literal, list: &Raw<'_>, work: &Work) -> Truth {
    let mut truth = Truth::False;
    if !work.reading(list.text.len()) {
        return Truth::Undecidable(Why::Work);
    }
    let read = Reader::again(*list).array(|reader| {
        let element = reader.value()?;
        truth = truth.or(match element.kind {
            _ if !work.comparisons(1) => Truth::Undecidable(Why::Work),
            Kind::Null if !value.holds_null() => Truth::False,
            _ => value.equals(&element, work),
        });
        Ok(())
    });
    if read.is_err() { Truth::False } else { truth }
}
