//! Faults of an operator and its value, for the author of the policy.

use super::explain::cut;
use super::expression::MAX_REGEX_BYTES;
use core::fmt;

/// A fault in the use of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestError {
    /// The operator is unknown.
    Unknown,
    /// The operator needs a value of another type.
    Value(&'static str),
    /// Parts of the value cannot be used.
    Parts(Vec<Unusable>),
    /// The regular expression does not compile.
    Regex(String),
    /// The regular expression compiles to too much.
    RegexSize,
    /// The path always names a text.
    Text(&'static str),
    /// A claim is compared with texts, numbers or booleans, all of one type.
    Claim,
    /// The operator takes no value of the call.
    NoFrom,
    /// A value of the call is one value.
    FromEach,
    /// The time is compared with constants.
    FromTime,
    /// An order of texts.
    FromText,
    /// The hour is compared with hours.
    Hour,
    /// The weekday is compared with weekdays.
    Weekday,
    /// Membership in a list of claims is asked of a text.
    ClaimList,
}

/// A part of an operator's value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// The JSON pointer from the value to it.
    pub at: String,
    /// The text.
    pub text: Box<str>,
    /// The reason.
    pub why: &'static str,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` cannot be used: {}", cut(&self.text), self.why)
    }
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such operator"),
            Self::Value(what) => write!(f, "the operator needs {what}"),
            Self::Parts(parts) => parts.iter().try_for_each(|part| write!(f, "{part}; ")),
            Self::Regex(why) => write!(f, "the regular expression does not compile: {why}"),
            Self::RegexSize => write!(
                f,
                "the regular expression compiles to more than {MAX_REGEX_BYTES} bytes; shorten it \
                 or its repetitions"
            ),
            Self::NoFrom => {
                f.write_str("the operator takes no `value_from`; write its value as `value`")
            }
            Self::FromEach => f.write_str("`value_from` names one value; leave `[*]` out"),
            Self::FromTime => f.write_str("the time is compared with a `value` of the policy"),
            Self::FromText => f.write_str(
                "the operator compares numbers; `claims` of `value_from`, `headers`, `grant` and \
                 `tool` are texts",
            ),
            Self::Hour => f.write_str(
                "an hour is compared with whole numbers from 0 to 23, by `eq`, `neq`, `in`, \
                 `not_in`, `lt`, `lte`, `gt` or `gte`",
            ),
            Self::Weekday => f.write_str(
                "a weekday is compared with `mon`, `tue`, `wed`, `thu`, `fri`, `sat` and `sun`, by \
                 `eq`, `neq`, `in` or `not_in`",
            ),
            Self::Text(root) => write!(f, "`{root}` is a text; compare it with texts"),
            Self::ClaimList => {
                f.write_str("`contains` on a claim looks for a text in a list of texts")
            }
            Self::Claim => {
                f.write_str("a claim is compared with texts, numbers or booleans, all of one type")
            }
        }
    }
}
