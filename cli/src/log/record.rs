//! The fields of a record, as the filter writes them. Texts are borrowed from the line
//! where they have no escapes, and what only some readers look at is left as it is.

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A record of one decision.
#[derive(Debug, Deserialize)]
pub(crate) struct Record<'a> {
    /// `allowed`, `denied` or `shadow`; `approved`, `denied` or `refused` of an approver.
    #[serde(borrow)]
    pub(crate) decision: Text<'a>,
    /// The reason, unless it was allowed.
    #[serde(borrow, default)]
    pub(crate) reason: Option<Text<'a>>,
    /// The rule that decided.
    #[serde(borrow, default)]
    pub(crate) rule: Option<Text<'a>>,
    /// The message for the agent.
    #[serde(borrow, default)]
    pub(crate) message: Option<Text<'a>>,
    /// The JSON-RPC method.
    #[serde(borrow, default)]
    pub(crate) method: Option<Text<'a>>,
    /// The tool.
    #[serde(borrow, default)]
    pub(crate) tool: Option<Text<'a>>,
    /// The caller.
    #[serde(borrow, default)]
    pub(crate) grant: Option<Text<'a>>,
    /// The beginning of the hash of the session.
    #[serde(borrow, default)]
    pub(crate) session: Option<Text<'a>>,
    /// The moment of the decision.
    #[serde(borrow, default)]
    pub(crate) time: Option<Text<'a>>,
    /// The names of arguments.
    #[serde(borrow, default)]
    pub(crate) arguments: Option<&'a RawValue>,
    /// The number of further names.
    #[serde(default)]
    pub(crate) more_arguments: u64,
    /// Values of arguments.
    #[serde(borrow, default)]
    pub(crate) values: Option<&'a RawValue>,
    /// The limits that the call was charged.
    #[serde(borrow, default)]
    pub(crate) limits: Vec<Left<'a>>,
    /// The rules in shadow that it did not pass.
    #[serde(borrow, default)]
    pub(crate) shadow: Vec<Beside<'a>>,
    /// The approval.
    #[serde(borrow, default)]
    pub(crate) approval: Option<Approval<'a>>,
    /// The approver, in the record of his decision alone.
    #[serde(borrow, default)]
    pub(crate) by: Option<Text<'a>>,
    /// The policy.
    #[serde(borrow, default)]
    pub(crate) policy: Option<Text<'a>>,
}

/// The rest of a limit.
#[derive(Debug, Deserialize)]
pub(crate) struct Left<'a> {
    /// The limit.
    #[serde(borrow)]
    pub(crate) rule: Text<'a>,
    /// The rest in its window.
    pub(crate) left: f64,
}

/// A rule in shadow.
#[derive(Debug, Deserialize)]
pub(crate) struct Beside<'a> {
    /// The rule.
    #[serde(borrow)]
    pub(crate) rule: Text<'a>,
    /// The reason for which the call did not pass.
    #[serde(borrow)]
    pub(crate) reason: Text<'a>,
}

/// The approval of a call.
#[derive(Debug, Deserialize)]
pub(crate) struct Approval<'a> {
    /// Its state, in the record of a call.
    #[serde(borrow, default)]
    pub(crate) state: Option<Text<'a>>,
}

/// A text, borrowed where it has no escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Read)
    }
}

impl Record<'_> {
    /// Whether it is of a person's decision about a request for approval.
    pub(crate) fn is_of_approver(&self) -> bool {
        self.by.is_some() || matches!(&*self.decision, "approved" | "refused")
    }
}
