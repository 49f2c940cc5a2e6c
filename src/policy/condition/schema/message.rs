//! The message for arguments that do not fit a schema: the place and what is asked there.
//! It holds no value of the call, and no name that the schema does not have.

use super::{Assertion, Object, Order, Raw, Run, Step, Types};
use core::fmt::Write;

impl Types {
    fn shown(self) -> String {
        let words = Self::WORDS.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1);
        words.map(|(_, word)| *word).collect::<Vec<_>>().join(" or ")
    }
}

impl<'p, 'a> Run<'p, '_, 'a> {
    /// The first name that is required and not there.
    pub(super) fn first_missing(&self, object: &'p Object, raw: Raw<'a>) -> Option<&'p str> {
        let names = object.names.iter().filter(|(.., needed)| *needed);
        let mut names = names.map(|(name, ..)| &**name);
        let work = self.facts.work;
        names.find(|name| work.reading(raw.text.len()) && raw.member(name).is_none())
    }

    /// The path of the value that the fault is about.
    pub(super) fn place(&self) -> String {
        let mut place = String::from("args");
        for step in self.steps.iter().rev() {
            match step {
                Step::Name(name) if is_plain(name) => place.extend([".", name]),
                // Writing to a string cannot fail.
                Step::Name(name) => drop(write!(place, "[{name:?}]")),
                Step::Element(at) => drop(write!(place, "[{at}]")),
                Step::Other => place.push_str(".*"),
            }
        }
        place
    }

    /// The message for arguments that do not fit: the place, and never the value.
    pub(super) fn unmet(&mut self) -> String {
        let mut message = String::from("The arguments do not fit the policy's schema");
        let Some(fault) = self.fault.filter(|_| self.schema.explains) else { return message + "." };
        if let Some(missing) = self.missing {
            self.steps.insert(0, Step::Name(missing));
        }
        message.extend([": ", &self.place(), " "]);
        // Writing to a string cannot fail.
        let _ = match fault {
            Assertion::Members(_) if self.missing.is_some() => write!(message, "is missing"),
            Assertion::Members(_) => write!(message, "lacks what the schema requires"),
            Assertion::Types(types) => write!(message, "must be of the type {}", types.shown()),
            Assertion::Bound(order, bound) => {
                write!(message, "must be {} {}", words(*order), bound.shown())
            }
            Assertion::Length(order, bound) => {
                write!(message, "must have {} {bound} characters", words(*order))
            }
            Assertion::Items(order, bound) => {
                write!(message, "must have {} {bound} elements", words(*order))
            }
            Assertion::Values(_) => write!(message, "must be a value that the schema lists"),
            Assertion::Never => write!(message, "is not allowed"),
            Assertion::AnyOf(_) | Assertion::AllOf(_) | Assertion::Each(_) => {
                write!(message, "has none of the forms that the schema allows")
            }
        };
        message + "."
    }
}

const fn words(order: Order) -> &'static str {
    match order {
        Order::Less => "less than",
        Order::LessOrEqual => "at most",
        Order::Greater => "more than",
        Order::GreaterOrEqual => "at least",
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}
