//! Conditions on a call: a path to a value, an operator, and a value to compare
//! with.
//!
//! A condition is true, false or undecidable ([`Truth`]). It is undecidable
//! where another program could read the same call to another result: a number
//! in a string, a key in another case, an integer that a double cannot hold. An
//! unreadable call must not be a way round a rule, so every use of an
//! undecidable condition denies.
//!
//! Values are found in the undecoded text of the arguments; nothing is decoded
//! that no condition names.

mod address;
#[cfg(any(test, not(target_os = "wasi")))]
mod asked;
mod claim;
mod evaluate;
mod explain;
mod expression;
mod find;
mod formula;
mod host_in;
mod json_text;
mod length;
mod literal;
mod moment;
mod number;
mod operand;
mod path;
mod payload;
mod schema;
#[cfg(any(test, not(target_os = "wasi")))]
mod seen;
mod star;
mod test;
mod test_error;
mod value;
mod within;
mod work;

#[cfg(any(test, not(target_os = "wasi")))]
pub use asked::{Asked, Of, One};
pub use claim::{Claim, Claims, NoClaims, Untyped};
pub use find::{recorded, weight};
pub use formula::{Formula, MAX_NESTING, join};
pub(in crate::policy) use host_in::is_plain_authority;
pub use json_text::JsonTexts;
pub use literal::Literal;
pub use moment::{Moment, WEEKDAYS};
pub use number::Number;
pub use operand::Operand;
pub use path::{Path, PathError, Root, Step, is_header};
pub use payload::Payload;
pub use schema::{Assertion, Index, Misfit, Object, Schema, Types};
#[cfg(any(test, not(target_os = "wasi")))]
pub use seen::Seen;
pub use test::{Order, Test};
pub use test_error::{TestError, Unusable};
pub use value::text;
pub use work::Work;

use crate::wire::json::{Members, Raw};
use core::fmt;

/// One condition.
#[derive(Debug)]
pub struct Condition {
    /// The path to a value.
    pub path: Path,
    /// The test of that value.
    pub test: Test,
    /// Whether a null is a value to the test, and not the absence of one.
    of_null: bool,
    /// Whether an argument that is a text is nothing else, also one that is JSON.
    pub literal: bool,
}

impl Condition {
    /// A condition of a path and a test that fit each other.
    pub fn new(path: Path, test: Test) -> Self {
        let of_null = test.speaks_of_null();
        Self { path, test, of_null, literal: false }
    }

    /// The path of the value that it is compared with, if that is one of the call.
    pub fn value_from(&self) -> Option<&Path> {
        match &self.test {
            Test::From(operand) => Some(&operand.path),
            _ => None,
        }
    }

    /// All paths that it looks at.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        core::iter::once(&self.path).chain(self.value_from())
    }
}

/// The answer of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// The condition holds.
    True,
    /// The condition does not hold.
    False,
    /// The condition cannot be decided.
    Undecidable(Why),
}

/// The reason why a condition cannot be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The operator does not apply to a value of this type.
    Type(&'static str),
    /// A step leads into a value of this type, which has no such parts.
    Into(&'static str),
    /// Another key differs only by case.
    LookAlike,
    /// The number as written and the double nearest to it compare differently.
    Double,
    /// The number has a fraction, and some servers make the policy's whole number
    /// of it.
    Fraction,
    /// The text is longer than a regular expression is run on.
    Length,
    /// Readers count the characters of the text differently, and it matters.
    Units,
    /// The conditions together ask for more work than a call may cost.
    Work,
    /// A text that some servers read as JSON.
    Json,
    /// The path or the URL is not in a form that all servers read alike.
    Form(&'static str),
    /// The header has several lines, is not UTF-8 or is too long.
    Header,
    /// The claim is not of the type that is asked for.
    Claim,
    /// The number has more than six decimals, is negative or too large.
    Weight,
    /// The value is missing where one must be.
    Absent,
    /// The value to compare with is missing, or is not one that can be compared with.
    Operand,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type(kind) => return write!(f, "{kind} cannot be compared in this way"),
            Self::Into(kind) => return write!(f, "the path leads into {kind}"),
            Self::Form(why) => why,
            Self::LookAlike => "another key differs from the path only by case",
            Self::Double => "readers disagree on a number this long",
            Self::Fraction => "some servers turn the number into a whole one",
            Self::Work => "the call takes too long to be checked",
            Self::Length => "the text is too long to be matched",
            Self::Units => "readers count its characters differently",
            Self::Json => "some servers would parse this text as JSON",
            Self::Header => "the header has several lines, is not UTF-8 or is too long",
            Self::Claim => "the claim is not of the type that the policy expects",
            Self::Weight => "the number is negative, or has more than six decimals",
            Self::Absent => "there is no such value",
            Self::Operand => "`value_from` names no value that it can be compared with",
        })
    }
}

/// The quantifier of a path with `[*]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elements {
    /// All elements: an empty list satisfies it.
    All,
    /// At least one element.
    Any,
}

/// The facts of a call that conditions look at.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// `params.arguments`, if there is an object.
    pub arguments: Option<Raw<'a>>,
    /// The members of the arguments, where they were remembered.
    pub members: Option<&'a Members<'a>>,
    /// The headers that the policy names.
    pub headers: &'a [(String, Line)],
    /// The claims of a verified token.
    pub claims: &'a dyn Claims,
    /// The caller's id.
    pub caller_id: &'a str,
    /// The tool.
    pub tool: &'a str,
    /// The moment of the call.
    pub moment: Moment,
    /// The work that its conditions may still cost.
    pub work: &'a Work,
    /// The arguments that were read as JSON.
    pub texts: &'a JsonTexts<'a>,
}

/// A header that a policy looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The header is absent.
    Absent,
    /// The header's one value.
    Text(String),
    /// The header is there twice, is not text, or is too long to be kept.
    Unclear,
}

#[cfg(test)]
mod tests;
