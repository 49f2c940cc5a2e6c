//! Formulas as they were asked: each with its answer, and the values that its conditions
//! saw.

use super::seen::{of_one, seen};
use super::{Elements, Facts, Formula, Seen, Truth};

/// A formula, and its answer about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The answer; `None` if one before it decided, so that it was not asked.
    pub truth: Option<Truth>,
    /// The parts.
    pub of: Of,
}

/// The parts of a formula that was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// A condition alone.
    One(One),
    /// `any`
    Any(Vec<Asked>),
    /// `all`
    All(Vec<Asked>),
    /// `not`
    Not(Box<Asked>),
}

/// A condition, and the values that it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct One {
    /// The path, as written.
    pub path: String,
    /// The operator.
    pub op: &'static str,
    /// The policy's value, as JSON; the path of `value_from` where it has that.
    pub value: String,
    /// The value at that path.
    pub from: Option<Seen>,
    /// The values at the end of the path: one, or one for each element under `[*]`.
    pub seen: Vec<Seen>,
    /// The number of further ones.
    pub more: usize,
}

impl Asked {
    /// The answers to formulas that are asked together, until one is false.
    pub(crate) fn all<'f>(
        formulas: impl Iterator<Item = &'f Formula>,
        facts: &Facts<'_>,
        elements: Elements,
    ) -> Vec<Self> {
        Self::joined(formulas, facts, elements, Some(Truth::False)).1
    }

    /// A formula with its answer, if it is asked at all.
    fn new(formula: &Formula, facts: &Facts<'_>, elements: Elements, is_asked: bool) -> Self {
        let joined = |inner: &[Formula], deciding: Truth| {
            Self::joined(inner.iter(), facts, elements, is_asked.then_some(deciding))
        };
        match formula {
            Formula::One(condition) => {
                let truth = is_asked.then(|| condition.evaluate(facts, elements));
                let (seen, more) = seen(&condition.path, condition.of_null, facts);
                let from = condition.value_from().map(|path| of_one(path, facts));
                let (path, op) = (condition.path.as_str().to_owned(), condition.test.name());
                let one = One { path, op, value: condition.test.value(), from, seen, more };
                Self { truth, of: Of::One(one) }
            }
            Formula::Any(inner) => {
                let (truth, inner) = joined(inner, Truth::True);
                Self { truth, of: Of::Any(inner) }
            }
            Formula::All(inner) => {
                let (truth, inner) = joined(inner, Truth::False);
                Self { truth, of: Of::All(inner) }
            }
            Formula::Not(inner) => {
                let inner = Self::new(inner, facts, elements.under_not(), is_asked);
                Self { truth: inner.truth.map(Truth::not), of: Of::Not(Box::new(inner)) }
            }
        }
    }

    /// Several formulas and their answer together, which one with the answer `deciding`
    /// ends. Without that, none is asked.
    fn joined<'f>(
        formulas: impl Iterator<Item = &'f Formula>,
        facts: &Facts<'_>,
        elements: Elements,
        deciding: Option<Truth>,
    ) -> (Option<Truth>, Vec<Self>) {
        let mut truth = deciding.map(Truth::not);
        let ask = |formula: &Formula| {
            let is_asked = deciding.is_some() && truth != deciding;
            let asked = Self::new(formula, facts, elements, is_asked);
            if let (Some(next), Some(so_far)) = (asked.truth, truth) {
                let decides = Some(next) == deciding;
                let is_first = !matches!(so_far, Truth::Undecidable(_));
                if decides || (is_first && matches!(next, Truth::Undecidable(_))) {
                    truth = Some(next);
                }
            }
            asked
        };
        let asked: Vec<Self> = formulas.map(ask).collect();
        (truth, asked)
    }
}
