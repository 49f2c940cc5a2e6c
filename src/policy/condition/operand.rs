//! Another value of the call in the place of the policy's: `value_from`.
//!
//! It is read once for each condition, and becomes a value like the policy's own. Where
//! readers may differ on it, or where there is nothing to compare with, the condition
//! cannot be decided.

use super::find::{Found, find_argument};
use super::value::{scalar, text};
use super::{Elements, Facts, Literal, Number, Path, Root, Step, Test, TestError, Truth, Why};
use crate::wire::json::{Kind, Raw};

/// A value of the call that another is compared with.
#[derive(Debug)]
pub struct Operand {
    /// The operator, one of [`Operand::NAMES`].
    pub op: &'static str,
    /// The path to the value.
    pub path: Path,
}

impl Operand {
    /// The operators that take one.
    pub const NAMES: [&'static str; 9] =
        ["eq", "neq", "lt", "lte", "gt", "gte", "starts_with", "ends_with", "contains"];

    /// Puts an operator and the path of its value together, for a path with this root.
    ///
    /// # Errors
    /// They do not fit.
    pub fn new(name: &str, from: Path, root: Root) -> Result<Self, TestError> {
        let op = Self::NAMES.into_iter().find(|op| *op == name).ok_or(TestError::NoFrom)?;
        let orders = matches!(op, "lt" | "lte" | "gt" | "gte");
        match (root, from.root) {
            _ if from.has_each() => Err(TestError::FromEach),
            (Root::Hour | Root::Weekday, _) | (_, Root::Hour | Root::Weekday) => {
                Err(TestError::FromTime)
            }
            (Root::Headers | Root::Grant | Root::Tool, _) if orders => Err(TestError::FromText),
            (_, Root::Headers | Root::Grant | Root::Tool | Root::Claims) if orders => {
                Err(TestError::FromText)
            }
            _ => Ok(Self { op, path: from }),
        }
    }

    /// The test with the value that the call has. With `literal`, no text of the
    /// arguments is read as JSON.
    ///
    /// # Errors
    /// There is no such value, or none that can be compared with.
    pub(super) fn test(&self, root: Root, literal: bool, facts: &Facts<'_>) -> Result<Test, Why> {
        let value = match self.path.root {
            Root::Args => self.argument(literal, facts),
            Root::Claims => self.claim(facts),
            Root::Headers | Root::Grant | Root::Tool => {
                text(&self.path, literal, facts).map(|text| Literal::String(text.into()))
            }
            // Not for a path of `value_from`.
            Root::Hour | Root::Weekday => Err(Why::Operand),
        };
        match value {
            Err(Why::Work) => Err(Why::Work),
            Ok(Literal::String(text)) if text.is_empty() => Err(Why::Operand),
            Err(_) => Err(Why::Operand),
            Ok(value) => Test::new(self.op, value, root).map_err(|_| Why::Operand),
        }
    }

    fn argument(&self, literal: bool, facts: &Facts<'_>) -> Result<Literal, Why> {
        let mut value = Err(Why::Operand);
        let Some(arguments) = facts.arguments else { return value };
        // A text deeper in the arguments is read as JSON by no server.
        let literal = literal || self.path.steps.len() > 1;
        find_argument(facts, arguments, &self.path.steps, Elements::Any, &mut |found| {
            value = match found {
                Found::Value(raw) => read(&raw, literal, facts),
                Found::Absent => Err(Why::Operand),
                Found::Unclear(why) => Err(why),
            };
            // Without `[*]` there is one answer, and nothing to join it with.
            Truth::decided(value.is_ok())
        });
        value
    }

    fn claim(&self, facts: &Facts<'_>) -> Result<Literal, Why> {
        if !facts.work.reading(facts.claims.size()) {
            return Err(Why::Work);
        }
        let names: Vec<_> = self.path.steps.iter().map(Step::name).collect();
        let names: Vec<&str> = names.iter().map(|name| &**name).collect();
        let text = facts.claims.claim(&names).into_text();
        text.map(|text| Literal::String(text.into())).ok_or(Why::Operand)
    }
}

fn read<'a>(raw: &Raw<'a>, literal: bool, facts: &Facts<'a>) -> Result<Literal, Why> {
    match raw.kind {
        Kind::Bool(value) => Ok(Literal::Bool(value)),
        Kind::Number if !facts.work.double(raw.text.len()) => Err(Why::Work),
        Kind::Number => Number::of_call(raw.text).map(Literal::Number).ok_or(Why::Operand),
        Kind::String(_) => scalar(raw, literal, facts).map(|text| Literal::String(text.into())),
        Kind::Null | Kind::Array | Kind::Object => Err(Why::Operand),
    }
}
