//! Conditions joined by `any`, `all` and `not`.
//!
//! Absence is false, as ever, so `not` makes it true. What is undecidable stays so
//! under `not`, since the server may read the call in either way.

use super::{Condition, Elements, Facts, Path, Truth};

/// The most connectives around a condition.
pub const MAX_NESTING: usize = 8;

/// A condition, or several joined by a connective.
#[derive(Debug)]
pub enum Formula {
    /// A condition alone.
    One(Condition),
    /// `any`: at least one holds.
    Any(Vec<Formula>),
    /// `all`: each holds.
    All(Vec<Formula>),
    /// `not`: it does not hold.
    Not(Box<Formula>),
}

/// An answer, and the condition that it is due to: the first that is undecidable, or
/// one that decides alone.
pub(super) type Answer<'f> = (Truth, Option<&'f Condition>);

impl Elements {
    /// The quantifier under `not`: that not every element is so says that one is not.
    pub(crate) const fn under_not(self) -> Self {
        match self {
            Self::All => Self::Any,
            Self::Any => Self::All,
        }
    }
}

impl Formula {
    /// The answer about a call.
    pub fn evaluate(&self, facts: &Facts<'_>, each: Elements) -> Answer<'_> {
        let (truth, by) = match self {
            Self::One(condition) => return (condition.evaluate(facts, each), Some(condition)),
            Self::Any(inner) => join(inner, facts, each, Truth::True),
            Self::All(inner) => join(inner, facts, each, Truth::False),
            Self::Not(inner) => {
                let (truth, by) = inner.evaluate(facts, each.under_not());
                (truth.not(), by)
            }
        };
        (truth, by.filter(|_| matches!(truth, Truth::Undecidable(_))))
    }

    /// Visits its conditions in the order of the document, each with whether it is
    /// under an odd number of `not`s.
    pub fn visit<'f>(&'f self, negated: bool, see: &mut dyn FnMut(&'f Condition, bool)) {
        match self {
            Self::One(condition) => see(condition, negated),
            Self::Any(inner) | Self::All(inner) => {
                inner.iter().for_each(|one| one.visit(negated, see));
            }
            Self::Not(inner) => inner.visit(!negated, see),
        }
    }

    /// All paths that it looks at.
    pub fn paths(&self) -> Vec<&Path> {
        let mut paths = Vec::new();
        self.visit(false, &mut |condition, _| paths.extend(condition.paths()));
        paths
    }
}

/// The answer of several formulas together. The first with the answer `deciding` ends
/// it, in any order, and otherwise one that is undecidable does.
pub fn join<'f>(
    formulas: &'f [Formula],
    facts: &Facts<'_>,
    each: Elements,
    deciding: Truth,
) -> Answer<'f> {
    let mut joined = (deciding.not(), None);
    for formula in formulas {
        let (truth, by) = formula.evaluate(facts, each);
        if truth == deciding {
            return (truth, by);
        }
        if joined.1.is_none() && matches!(truth, Truth::Undecidable(_)) {
            joined = (truth, by);
        }
    }
    joined
}
