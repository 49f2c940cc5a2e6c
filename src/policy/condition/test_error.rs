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
    /// This part of the value cannot be used, for this reason.
    Element(Box<str>, &'static str),
    /// The regular expression does not compile.
    Regex(String),
    /// The regular expression compiles to too much.
    RegexSize,
    /// The path always names a text.
    Text(&'static str),
    /// A claim is compared with texts, numbers or booleans, all of one type.
    Claim,
    /// Membership in a list of claims is asked of a text.
    ClaimList,
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such operator"),
            Self::Value(what) => write!(f, "the operator needs {what}"),
            Self::Element(text, why) => write!(f, "`{}` cannot be used: {why}", cut(text)),
            Self::Regex(why) => write!(f, "the regular expression does not compile: {why}"),
            Self::RegexSize => write!(
                f,
                "the regular expression compiles to more than {MAX_REGEX_BYTES} bytes; shorten it \
                 or its repetitions"
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
