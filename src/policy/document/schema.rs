//! `schema`: the arguments of a tool as JSON Schema 2020-12, as MCP servers write it.
//!
//! Keywords that say which values pass are read, or are errors: one that was left out of
//! account would be a control that is not there. Those that only describe are accepted.

mod untyped;

use super::at::At;
use super::wording::quote;
use crate::order;
use crate::policy::condition::{Assertion, Index, Number, Object, Order, Schema, Types};

/// Keywords that describe, and say nothing about which values pass.
const ANNOTATIONS: [&str; 10] = [
    "$schema",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
];
/// The keywords that are asserted, in the order in which they are.
const ASSERTIONS: [&str; 18] = [
    "type",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "allOf",
    "anyOf",
    "$ref",
];
/// Keywords that hold schemas for `$ref` alone; the second is what the first was called.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// The most subschemas of a schema: each worker keeps them.
const MAX_SUBSCHEMAS: usize = 4_096;
/// The largest length and number of elements.
const MAX_LENGTH: u64 = 1 << 53;

/// The parts of a schema by which fewer calls are denied than its author may think.
#[derive(Debug, Default)]
pub struct Lenient {
    /// The places of `format`, which is not asserted.
    pub formats: Vec<String>,
    /// The places of bounds that say nothing about values of other types.
    pub untyped: Vec<String>,
}

/// Reads a schema, and the parts of it that are lenient.
pub(super) fn read(at: &At<'_>) -> (Option<Schema>, Lenient) {
    let mut reading = Reading { base: at.path(), ..Reading::default() };
    reading.subschema(at);
    if reading.table.len() > MAX_SUBSCHEMAS {
        at.wrong(format!("has more than {MAX_SUBSCHEMAS} subschemas"));
    }
    reading.follow();
    reading.refuse_circles();
    let types = reading.table.first().into_iter().flatten().find_map(|assertion| match assertion {
        Assertion::Types(types) => Some(*types),
        _ => None,
    });
    if types.is_some_and(|types| !types.meets(Types::OBJECT)) {
        at.wrong("no call fits it, since arguments are an object; set `type` to `object`");
    }
    let untyped = reading.untyped();
    let Reading { table, formats, .. } = reading;
    let settings = at.reading();
    let schema = Schema {
        pointer: at.pointer(),
        table: table.into_iter().map(Vec::into_boxed_slice).collect(),
        literal: settings.literal,
        explains: settings.explains,
    };
    (Some(schema), Lenient { formats, untyped })
}

/// A schema as far as it is read.
#[derive(Default)]
struct Reading<'d> {
    /// The path of the whole.
    base: &'d str,
    table: Vec<Vec<Assertion>>,
    /// The path of each subschema.
    paths: Vec<String>,
    /// Every `$ref`: the subschema that has it, its place and its text.
    refs: Vec<(usize, At<'d>, &'d str)>,
    formats: Vec<String>,
}

impl<'d> Reading<'d> {
    /// Reads a subschema; its number.
    fn subschema(&mut self, at: &At<'d>) -> Index {
        let index = self.table.len();
        self.table.push(Vec::new());
        self.paths.push(at.path().to_owned());
        let assertions = match at.as_boolean() {
            _ if index > MAX_SUBSCHEMAS => Vec::new(),
            Some(true) => Vec::new(),
            Some(false) => vec![Assertion::Never],
            None if at.is_object() => self.keywords(index, at),
            None => {
                at.expected("a schema, which is an object or a boolean");
                Vec::new()
            }
        };
        if let Some(place) = self.table.get_mut(index) {
            *place = assertions;
        }
        Index::try_from(index).unwrap_or(Index::MAX)
    }

    fn keywords(&mut self, index: usize, at: &At<'d>) -> Vec<Assertion> {
        let members = at.entries();
        let mut assertions = Vec::new();
        let mut object = Object::default();
        for (key, at) in &members {
            match *key {
                "format" => self.formats.push(at.path().to_owned()),
                key if DEFINITIONS.contains(&key) => {
                    at.entries().iter().for_each(|(_, at)| {
                        self.subschema(at);
                    });
                }
                // For keys that are given twice.
                key if ANNOTATIONS.contains(&key) => drop(at.literal()),
                key if ASSERTIONS.contains(&key) => {}
                _ => at.wrong(
                    "is not a keyword that can be asserted; leave it out, and ask for what it says in \
                     `require`",
                ),
            }
        }
        // Not in the order of the document: nothing may depend on that.
        for keyword in ASSERTIONS {
            let member = members.iter().find(|(key, _)| *key == keyword);
            let Some((_, at)) = member else { continue };
            assertions.extend(match keyword {
                "type" => types(at).map(Assertion::Types),
                "enum" => Some(Assertion::Values(at.each(At::literal).into())),
                "const" => at.literal().map(|value| Assertion::Values([value].into())),
                "minimum" => bound(at, Order::GreaterOrEqual),
                "maximum" => bound(at, Order::LessOrEqual),
                "exclusiveMinimum" => bound(at, Order::Greater),
                "exclusiveMaximum" => bound(at, Order::Less),
                "minLength" => length(at, Order::GreaterOrEqual, Assertion::Length),
                "maxLength" => length(at, Order::LessOrEqual, Assertion::Length),
                "minItems" => length(at, Order::GreaterOrEqual, Assertion::Items),
                "maxItems" => length(at, Order::LessOrEqual, Assertion::Items),
                "items" => Some(Assertion::Each(self.subschema(at))),
                "allOf" => Some(Assertion::AllOf(self.all(at))),
                "anyOf" => Some(Assertion::AnyOf(self.all(at))),
                "properties" => {
                    for (name, at) in at.entries() {
                        object.names.push((name.into(), Some(self.subschema(&at)), false));
                    }
                    None
                }
                "required" => {
                    at.each(At::string).into_iter().for_each(|name| require(&mut object, name));
                    None
                }
                "additionalProperties" => {
                    object.others = Some(self.subschema(at));
                    None
                }
                _ => {
                    self.refs.extend(at.string().map(|text| (index, at.shown(), text)));
                    None
                }
            });
        }
        if !object.names.is_empty() || object.others.is_some() {
            object.required = object.names.iter().filter(|(.., required)| *required).count();
            object.names = order::sorted(object.names, |(a, ..), (b, ..)| a.cmp(b));
            assertions.push(Assertion::Members(Box::new(object)));
        }
        assertions
    }

    fn all(&mut self, at: &At<'d>) -> Box<[Index]> {
        let elements = at.elements();
        if elements.is_empty() && at.is_list() {
            at.wrong("expected at least one schema");
        }
        elements.iter().map(|at| self.subschema(at)).collect()
    }

    /// Finds the subschema that each `$ref` names.
    fn follow(&mut self) {
        for (index, at, text) in &self.refs {
            let target = text.strip_prefix('#').filter(|text| !text.contains('%'));
            let target = target.map(|pointer| format!("{}{pointer}", self.base));
            let found =
                target.and_then(|target| self.paths.iter().position(|path| *path == target));
            match (found.and_then(|found| Index::try_from(found).ok()), self.table.get_mut(*index)) {
                (Some(found), Some(assertions)) => assertions.push(Assertion::AllOf([found].into())),
                _ => at.wrong(format!(
                    "{} names no schema within this one; write `#/$defs/NAME`, or `#` for all of it",
                    quote(text)
                )),
            }
        }
    }

    /// Refuses subschemas that ask themselves about the same value, which has no end.
    fn refuse_circles(&self) {
        let mut ends = vec![false; self.table.len()];
        let is_end = |ends: &[bool], index: &Index| {
            usize::try_from(*index).ok().and_then(|index| ends.get(index)) != Some(&false)
        };
        loop {
            let mut any = false;
            for (index, assertions) in self.table.iter().enumerate() {
                let all = |inner: &[Index]| inner.iter().all(|inner| is_end(&ends, inner));
                let done = assertions.iter().all(|assertion| match assertion {
                    Assertion::AllOf(inner) | Assertion::AnyOf(inner) => all(inner),
                    _ => true,
                });
                if let Some(end) = ends.get_mut(index).filter(|end| done && !**end) {
                    (*end, any) = (true, true);
                }
            }
            if !any {
                break;
            }
        }
        for (index, at, _) in &self.refs {
            if ends.get(*index) == Some(&false) {
                at.wrong(
                    "leads back to itself without a step into the arguments; have `properties` or \
                     `items` between",
                );
            }
        }
    }
}

fn require(object: &mut Object, name: &str) {
    match object.names.iter_mut().find(|(other, ..)| **other == *name) {
        Some((_, _, required)) => *required = true,
        None => object.names.push((name.into(), None, true)),
    }
}

fn types(at: &At<'_>) -> Option<Types> {
    let words: Vec<(&'static str, u8)> = Types::WORDS.into_iter().zip(0..).collect();
    let one = |at: &At<'_>| at.choice(&words).map(|bit| 1_u8 << bit);
    if !at.is_list() {
        return one(at).map(Types);
    }
    Some(Types(at.each(one).into_iter().fold(0, |all, one| all | one)))
}

fn bound(at: &At<'_>, order: Order) -> Option<Assertion> {
    let number = at.as_number().and_then(Number::parse);
    if number.is_none() {
        at.expected("a number");
    }
    number.map(|number| Assertion::Bound(order, number))
}

fn length(at: &At<'_>, order: Order, assertion: fn(Order, u64) -> Assertion) -> Option<Assertion> {
    at.whole(0, MAX_LENGTH).map(|length| assertion(order, length))
}
