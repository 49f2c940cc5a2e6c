//! Bounds of the size of servers' answers.
//!
//! They are looked up when a call is judged, and hold for its answer, which may come
//! after another policy is in force: so each is owned.

use super::document::Mode;
use super::{Caller, Policy};
use std::sync::Arc;

/// A bound, and the rule that sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultBound {
    /// The most bytes.
    pub most: usize,
    /// The rule's pointer.
    pub rule: Arc<str>,
}

/// The bounds of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultBounds {
    /// The one beyond which nothing of it goes on.
    pub enforced: Option<ResultBound>,
    /// The one beyond which that is recorded.
    pub shadow: Option<ResultBound>,
}

impl ResultBound {
    /// The bound that the object with this pointer sets.
    pub(super) fn new(object: &str, most: Option<usize>) -> Option<Self> {
        most.map(|most| Self { most, rule: format!("{object}/max_result_bytes").into() })
    }

    /// Takes another one if that is less; whether it did.
    pub fn lower(least: &mut Option<Self>, other: Option<Self>) -> bool {
        let lower = other
            .as_ref()
            .is_some_and(|other| least.as_ref().is_none_or(|least| other.most < least.most));
        if lower {
            *least = other;
        }
        lower
    }
}

impl ResultBounds {
    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.enforced.is_none() && self.shadow.is_none()
    }
}

impl Policy {
    /// Whether any answers are bounded.
    pub const fn bounds_results(&self) -> bool {
        self.bounds_results
    }

    /// The bounds of the answer to a caller's call of a tool, or to another request. That
    /// of the deciding entry comes before that of `settings`.
    pub fn result_bounds(&self, caller: &Caller, tool: Option<&str>) -> ResultBounds {
        let found = tool.zip(self.rules(caller).ok());
        let own = found.and_then(|(tool, rules)| rules.decide(tool).rule?.result.clone());
        let beside = found.and_then(|(tool, rules)| rules.shadow_entry(tool)?.result.clone());
        let bound = own.or_else(|| self.result.clone());
        if !self.is_shadow(caller) {
            return ResultBounds { enforced: bound, shadow: beside };
        }
        let mut shadow = bound;
        ResultBound::lower(&mut shadow, beside);
        ResultBounds { enforced: None, shadow }
    }

    /// The bounds of an answer that may be the result of an earlier call of a caller, of
    /// which the tool is not known: the least of all that can apply to its calls, by
    /// whichever rules it made them.
    pub fn task_bounds(&self, caller: &Caller) -> ResultBounds {
        let mut bounds = ResultBounds { enforced: self.result.clone(), shadow: None };
        let bodies = self.candidates(&caller.id).into_iter();
        for (mode, level) in bodies.flat_map(|all| all.levels().map(move |one| (all.own.mode, one)))
        {
            let least = match mode {
                Mode::Enforce => &mut bounds.enforced,
                Mode::Shadow => &mut bounds.shadow,
            };
            for rule in level.tools.values() {
                ResultBound::lower(least, rule.result.clone());
            }
            for entry in level.shadows.iter().flat_map(|shadows| shadows.entries.values()) {
                ResultBound::lower(&mut bounds.shadow, entry.result.clone());
            }
        }
        if self.is_shadow(caller) {
            ResultBound::lower(&mut bounds.shadow, bounds.enforced.take());
        }
        bounds
    }
}
