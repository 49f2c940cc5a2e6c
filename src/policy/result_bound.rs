//! Bounds of the size of servers' answers.
//!
//! They are looked up when a call is judged, and hold for its answer, which may come
//! after another policy is in force: so each is owned.

use super::document::Mode;
use super::{Caller, Deciding, Policy, Rules};
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

    /// Takes each of some others that is less; whether any is.
    pub fn lower(&mut self, others: Self) -> bool {
        ResultBound::lower(&mut self.enforced, others.enforced)
            | ResultBound::lower(&mut self.shadow, others.shadow)
    }

    /// The same under rules of this mode: in shadow, none is enforced.
    fn under(self, mode: Mode) -> Self {
        match mode {
            Mode::Enforce => self,
            Mode::Shadow => {
                let mut least = self.enforced;
                ResultBound::lower(&mut least, self.shadow);
                Self { enforced: None, shadow: least }
            }
        }
    }
}

impl Rules {
    /// The least bounds of all its entries.
    pub(super) fn least_bounds(&self) -> ResultBounds {
        let mut least = ResultBounds::default();
        for rule in self.tools.values() {
            ResultBound::lower(&mut least.enforced, rule.result.clone());
        }
        for entry in self.shadows.iter().flat_map(|shadows| shadows.entries.values()) {
            ResultBound::lower(&mut least.shadow, entry.result.clone());
        }
        least
    }
}

impl Policy {
    /// Whether any answers are bounded.
    pub const fn bounds_results(&self) -> bool {
        self.bounds_results
    }

    /// The bounds of the answer to a caller's call, or to another request. That of the
    /// deciding entry comes before that of `settings`.
    pub fn result_bounds(&self, caller: &Caller, deciding: Option<&Deciding<'_>>) -> ResultBounds {
        let own = deciding.and_then(|deciding| deciding.rule?.result.clone());
        let shadow = deciding.and_then(|deciding| deciding.shadow?.result.clone());
        ResultBounds { enforced: own.or_else(|| self.result.clone()), shadow }
            .under(self.mode(caller))
    }

    /// The bounds of an answer that may be the result of an earlier call of a caller, of
    /// which the tool is not known: the least of all that can apply to its calls, by
    /// whichever rules it made them.
    pub fn task_bounds(&self, caller: &Caller) -> ResultBounds {
        let mut bounds = ResultBounds { enforced: self.result.clone(), shadow: None };
        for rules in self.candidates(&caller.id) {
            for level in rules.levels() {
                bounds.lower(level.results.clone().under(rules.own.mode));
            }
        }
        bounds.under(self.mode(caller))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::window::Nanos;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const POLICY: &str = r#"{"version": "1", "default": "deny", "identity": [{"header": "x-id"}],
        "tools": {"a": {"max_result_bytes": 900}, "b": {"max_result_bytes": 700},
            "c": {"mode": "shadow", "max_result_bytes": 600}},
        "grants": {
            "own": {"default": "deny", "tools": {"a": {"max_result_bytes": 500}}},
            "more": {"extends": "top", "tools": {"d": {"max_result_bytes": 800}}},
            "shadow": {"extends": "top", "mode": "shadow"},
            "late": {"default": "deny", "valid_from": "2000-01-01T00:00:00Z",
                "tools": {"a": {"max_result_bytes": 400}}}},
        "groups": [{"name": "ops", "default": "deny", "tools": {"a": {"max_result_bytes": 650}},
            "when": [{"path": "headers.x-team", "op": "eq", "value": "ops"}]}],
        "settings": {"max_result_bytes": 1000}}"#;

    fn told(bounds: ResultBounds) -> [Option<(usize, String)>; 2] {
        [bounds.enforced, bounds.shadow]
            .map(|bound| bound.map(|bound| (bound.most, (*bound.rule).to_owned())))
    }

    #[test]
    fn the_result_of_a_task_has_the_least_bound_of_all_rules_that_its_call_may_have_met() {
        let policy = Policy::parse(POLICY.as_bytes(), "").unwrap();
        let bounds = |id: &str| told(policy.task_bounds(&policy.caller(id, Nanos(0))));
        let rule = |most: usize, rule: &str| Some((most, format!("{rule}/max_result_bytes")));
        let c = || rule(600, "/tools/c");
        assert_eq!(bounds("own"), [rule(500, "/grants/own/tools/a"), None]);
        assert_eq!(bounds("more"), [rule(700, "/tools/b"), c()]);
        assert_eq!(bounds("shadow"), [None, c()]);
        // The grant may have applied before its end, as the group and the top level may.
        assert_eq!(bounds("late"), [rule(400, "/grants/late/tools/a"), c()]);
        assert_eq!(bounds("else"), [rule(650, "/groups/ops/tools/a"), c()]);
    }

    #[test]
    fn the_result_of_a_call_has_the_bound_of_its_entry() {
        let policy = Policy::parse(POLICY.as_bytes(), "").unwrap();
        let bounds = |id: &str, tool: &str| {
            let caller = policy.caller(id, Nanos(0));
            let deciding = policy.deciding(&caller, tool).unwrap();
            told(policy.result_bounds(&caller, Some(&deciding))).map(|bound| bound.map(|one| one.0))
        };
        assert_eq!(bounds("else", "a"), [Some(900), None]);
        assert_eq!(bounds("else", "c"), [Some(1000), Some(600)]);
        assert_eq!(bounds("own", "b"), [Some(1000), None]);
        assert_eq!(bounds("shadow", "a"), [None, Some(900)]);
        assert_eq!(bounds("shadow", "c"), [None, Some(600)]);
    }
}
