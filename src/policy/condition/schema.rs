//! Schemas of arguments: JSON Schema 2020-12, as far as its keywords say which values pass.
//!
//! A schema is compiled into a flat table of subschemas, each a list of assertions, and one
//! interpreter runs it on the undecoded text. An answer is yes or no, and nothing is
//! coerced: a text is not a number. Where readers may differ on the call, there is none,
//! and the call is denied whatever other parts of the schema say.
//!
//! The keywords only ever narrow what passes: there is no `not`. So an assertion that is
//! false for one reader and true for the filter's is the only way round a schema, and each
//! such place is an error here.

mod message;

use super::number::Given;
use super::test::among;
use super::{Facts, Literal, Number, Order, Truth, Why, length};
use crate::wire::json::{Decimal, JsonError, Kind, Members, Raw, Reader, Text};

/// The number of a subschema in its table.
pub type Index = u32;

/// A compiled schema.
#[derive(Debug)]
pub struct Schema {
    /// The pointer of the rule.
    pub pointer: String,
    /// The subschemas, of which the first is the whole.
    pub table: Box<[Box<[Assertion]>]>,
    /// Whether no text of the arguments is read as JSON.
    pub literal: bool,
    /// Whether a denial says what is asked for.
    pub explains: bool,
}

/// One assertion of a subschema.
#[derive(Debug)]
pub enum Assertion {
    /// `false`
    Never,
    /// `type`
    Types(Types),
    /// `minimum`, `maximum` and the two without the bound itself
    Bound(Order, Number),
    /// `minLength`, `maxLength`
    Length(Order, u64),
    /// `minItems`, `maxItems`
    Items(Order, u64),
    /// `items`
    Each(Index),
    /// `enum`, `const`
    Values(Box<[Literal]>),
    /// `properties`, `required`, `additionalProperties`
    Members(Box<Object>),
    /// `anyOf`
    AnyOf(Box<[Index]>),
    /// `allOf`, `$ref`
    AllOf(Box<[Index]>),
}

/// The members of an object.
#[derive(Debug, Default)]
pub struct Object {
    /// The names of `properties` and `required`: each with its subschema, and whether it
    /// is required.
    pub names: Vec<(Box<str>, Option<Index>, bool)>,
    /// The number of those that are required.
    pub required: usize,
    /// `additionalProperties`
    pub others: Option<Index>,
}

/// A set of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Types(pub u8);

impl Types {
    /// The words of `type`, of which each has a bit.
    pub const WORDS: [&'static str; 7] =
        ["null", "boolean", "object", "array", "number", "string", "integer"];
    /// An object alone.
    pub const OBJECT: Self = Self(1 << 2);
    const STRING: Self = Self(1 << 5);
    const NUMBER: u8 = 1 << 4;
    const INTEGER: u8 = 1 << 6;

    /// Whether it has a type of another set.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The most evaluations within one another: more take too much of the stack.
const MAX_DEPTH: usize = 256;

/// The reason for which arguments do not pass a schema, as a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// They do not fit.
    Unmet(String),
    /// Readers may differ on whether they do.
    Unclear(String),
}

/// A step from a value to a part of it.
#[derive(Clone, Copy)]
enum Step<'p> {
    /// A member that the schema names.
    Name(&'p str),
    /// An element.
    Element(usize),
    /// Any other member, whose name is the client's.
    Other,
}

/// One evaluation.
struct Run<'p, 'f, 'a> {
    schema: &'p Schema,
    facts: &'f Facts<'a>,
    /// The assertion that is false, and the steps to its value, the last one first.
    fault: Option<&'p Assertion>,
    steps: Vec<Step<'p>>,
    /// The name that is missing, where that is the fault.
    missing: Option<&'p str>,
    room: usize,
}

type Fits = Result<bool, Why>;

impl Schema {
    /// Whether the arguments of a call fit.
    ///
    /// # Errors
    /// They do not, or readers may differ: with the message.
    pub fn check(&self, facts: &Facts<'_>) -> Result<(), Misfit> {
        let none = Raw { text: "{}", at: 0, kind: Kind::Object };
        let mut run = Run {
            schema: self,
            facts,
            fault: None,
            steps: Vec::new(),
            missing: None,
            room: MAX_DEPTH,
        };
        match run.fits(0, facts.arguments.unwrap_or(none), true) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Misfit::Unmet(run.unmet())),
            Err(why) => {
                let place = run.place();
                Err(Misfit::Unclear(format!("The policy cannot decide about {place}: {why}.")))
            }
        }
    }

    /// Whether a subschema says of itself that its values are texts, and nothing else.
    fn is_of_texts(&self, index: Index) -> bool {
        self.assertions(index).iter().any(|assertion| match assertion {
            Assertion::Types(types) => *types == Types::STRING,
            Assertion::AllOf(all) => all.iter().any(|one| self.is_of_texts(*one)),
            _ => false,
        })
    }

    fn assertions(&self, index: Index) -> &[Assertion] {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        self.table.get(index).map(|assertions| &**assertions).unwrap_or_default()
    }
}

impl<'p, 'a> Run<'p, '_, 'a> {
    /// Whether a value fits a subschema; `is_whole` of the arguments themselves.
    fn fits(&mut self, index: Index, raw: Raw<'a>, is_whole: bool) -> Fits {
        self.room = self.room.checked_sub(1).ok_or(Why::Work)?;
        let schema = self.schema;
        for assertion in schema.assertions(index) {
            if !self.holds(assertion, raw, is_whole)? {
                if self.fault.is_none() {
                    self.fault = Some(assertion);
                }
                return Ok(false);
            }
        }
        self.room = self.room.saturating_add(1);
        Ok(true)
    }

    fn holds(&mut self, assertion: &'p Assertion, raw: Raw<'a>, is_whole: bool) -> Fits {
        let work = self.facts.work;
        if !work.comparisons(1) {
            return Err(Why::Work);
        }
        match (assertion, raw.kind) {
            (Assertion::Never, _) => Ok(false),
            (Assertion::Types(types), _) => self.is_of(*types, raw),
            (Assertion::Bound(order, bound), Kind::Number) => {
                decided(bound.orders(*order, &Given::new(raw.text), work))
            }
            (Assertion::Length(order, bound), Kind::String(text)) => {
                if text.is_escaped() && !work.decoding(text.raw().len()) {
                    return Err(Why::Work);
                }
                decided(length::of_text(&text.decode(), *order, *bound, work))
            }
            (Assertion::Items(order, bound), Kind::Array) => {
                decided(length::of_list(&raw, *order, *bound, work))
            }
            (Assertion::Each(index), Kind::Array) => self.each(*index, raw),
            (Assertion::Members(object), Kind::Object) => self.members(object, raw, is_whole),
            (Assertion::Values(values), _) => decided(among(values, &raw, work)),
            (Assertion::AnyOf(all), _) => {
                for one in all {
                    let (room, steps) = (self.room, self.steps.len());
                    if self.fits(*one, raw, is_whole)? {
                        return Ok(true);
                    }
                    // The place is that of the whole, and not of the last that was tried.
                    (self.room, self.fault, self.missing) = (room, None, None);
                    self.steps.truncate(steps);
                }
                Ok(false)
            }
            (Assertion::AllOf(all), _) => {
                for one in all {
                    if !self.fits(*one, raw, is_whole)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            // An assertion about values of another type.
            _ => Ok(true),
        }
    }

    fn is_of(&self, types: Types, raw: Raw<'a>) -> Fits {
        let bit = match raw.kind {
            Kind::Null => 0,
            Kind::Bool(_) => 1,
            Kind::Object => 2,
            Kind::Array => 3,
            Kind::Number if types.0 & Types::NUMBER != 0 => 4,
            Kind::Number if types.0 & Types::INTEGER != 0 => return self.is_whole(raw.text),
            Kind::Number => 4,
            Kind::String(_) => 5,
        };
        Ok(types.0 >> bit & 1 == 1)
    }

    /// Whether a number is whole: exactly, and as a double.
    fn is_whole(&self, text: &str) -> Fits {
        let exact = Decimal::parse(text).ok_or(Why::Double)?;
        if exact.is_whole() {
            return Ok(true);
        }
        // With fewer digits a double has a fraction too.
        if exact.precision() > 15 {
            if !self.facts.work.double(exact.precision()) {
                return Err(Why::Work);
            }
            if text.parse().is_ok_and(|double: f64| double.fract() == 0.0) {
                return Err(Why::Double);
            }
        }
        Ok(false)
    }

    fn each(&mut self, index: Index, raw: Raw<'a>) -> Fits {
        if !self.facts.work.reading(raw.text.len()) {
            return Err(Why::Work);
        }
        let (mut fits, mut at) = (Ok(true), 0_usize);
        // The text was read before.
        let _read = Reader::again(raw).array(|reader| {
            let element = reader.value()?;
            if fits == Ok(true) {
                fits = self.fits(index, element, false);
                if fits != Ok(true) {
                    self.steps.push(Step::Element(at));
                }
            }
            at = at.saturating_add(1);
            Ok(())
        });
        fits
    }

    fn members(&mut self, object: &'p Object, raw: Raw<'a>, is_whole: bool) -> Fits {
        if !self.facts.work.reading(raw.text.len()) {
            return Err(Why::Work);
        }
        let (mut fits, mut required) = (Ok(true), 0_usize);
        let remembered = self.facts.members.and_then(Members::all).filter(|_| is_whole);
        let mut see = |key: Text<'a>, value: Raw<'a>| {
            if fits == Ok(true) {
                fits = self.member(object, (key, value), is_whole, &mut required);
            }
        };
        match remembered {
            Some(members) => members.iter().for_each(|(key, value)| see(*key, *value)),
            None => {
                // The text was read before.
                let _read: Result<(), JsonError> = Reader::again(raw).object(|reader, key, _| {
                    see(key, reader.value()?);
                    Ok(())
                });
            }
        }
        if fits? && required < object.required {
            self.missing = self.first_missing(object, raw);
            return Ok(false);
        }
        fits
    }

    /// Whether one member fits; counts it if it is required.
    fn member(
        &mut self,
        object: &'p Object,
        (key, value): (Text<'a>, Raw<'a>),
        is_whole: bool,
        required: &mut usize,
    ) -> Fits {
        let known = object.names.iter().find(|(name, ..)| key.is(name));
        // A price for looking through the names.
        if !self.facts.work.comparisons(object.names.len()) {
            return Err(Why::Work);
        }
        let (index, step) = match known {
            Some((name, index, needed)) => {
                *required = required.saturating_add(usize::from(*needed));
                (index.or(object.others), Step::Name(name))
            }
            None => {
                let alike = |name: &str| key.is_but_for_case(name);
                if !self
                    .facts
                    .work
                    .comparisons(object.names.len().saturating_mul(key.raw().len() / 64))
                {
                    return Err(Why::Work);
                }
                if key.is("__proto__") || object.names.iter().any(|(name, ..)| alike(name)) {
                    return Err(Why::LookAlike);
                }
                (object.others, Step::Other)
            }
        };
        let Some(index) = index else { return Ok(true) };
        let mut fits = self.fits(index, value, false);
        if let (Ok(true), true, false, Kind::String(text)) =
            (fits, is_whole, self.schema.literal, value.kind)
            && !self.schema.assertions(index).is_empty()
            && !self.schema.is_of_texts(index)
        {
            let facts = self.facts;
            let as_json = |_: &Raw<'_>| Truth::False;
            fits = decided(facts.texts.agree(value.at, text, facts.work, Truth::True, as_json));
        }
        if fits != Ok(true) {
            self.steps.push(step);
        }
        fits
    }
}

/// An answer of a test: a value of another type fails, also one of which servers may make
/// the right type, since nothing that fails goes on.
fn decided(truth: Truth) -> Fits {
    match truth {
        Truth::True => Ok(true),
        Truth::False | Truth::Undecidable(Why::Type(_) | Why::Fraction) => Ok(false),
        Truth::Undecidable(why) => Err(why),
    }
}

#[cfg(test)]
mod tests;
