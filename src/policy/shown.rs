//! The tools that a caller is shown in the lists that servers send.
//!
//! A list is of the moment at which its request came: a part of a policy that is not
//! in its time then is not shown, although the list itself may come later.

use super::bodies::Applied;
use super::{Action, Caller, Conditions, Policy, Rule, Rules};
use crate::limits::window::Nanos;
use crate::policy::document::{Check, DefaultAction, Mode, ToolsList};
use crate::wire::mcp::tool_name_fault;

impl Policy {
    /// Whether there may be a tool that this caller is not shown. Where there is
    /// none, no response is touched. Shadow mode takes nothing away.
    pub fn conceals(&self, caller: &Caller) -> bool {
        self.known_rules(caller).is_none_or(|rules| rules.own.conceals)
    }

    /// Whether this caller is shown a tool: one that the lock names, and by
    /// `settings.tools_list` one that is not hidden, or one of which a call can be allowed.
    pub fn shows(&self, caller: &Caller, tool: &str) -> bool {
        let callable = self.settings.tools_list == ToolsList::Callable;
        let is_locked = self.enforced().is_none_or(|lock| lock.names(tool));
        self.known_rules(caller).is_some_and(|rules| {
            is_locked && !rules.hides(tool) && (!callable || rules.may_allow(tool, caller.now()))
        })
    }
}

impl<'p> Applied<'p> {
    pub(super) fn hides(self, tool: &str) -> bool {
        self.levels().any(|rules| rules.hide.get(tool).is_some())
    }

    /// See [`Policy::conceals`].
    pub(super) fn conceals(self, tools_list: ToolsList, locks: bool) -> bool {
        let refuses_some = || {
            let refuses = |rules: &Rules| {
                rules.deny_if.iter().any(always)
                    || rules.tools.values().iter().any(|rule| !rule.may_allow(None))
            };
            self.own.default == DefaultAction::Deny || self.levels().any(refuses)
        };
        let callable = tools_list == ToolsList::Callable;
        let hides_some = || self.levels().any(|rules| !rules.hide.is_empty());
        self.own.mode == Mode::Enforce && (locks || hides_some() || (callable && refuses_some()))
    }

    /// Whether some call of the tool, by its name alone, could go on.
    fn may_allow(self, tool: &str, now: Nanos) -> bool {
        let deciding = self.decide(tool);
        let by_entry = match deciding.rule {
            Some(rule) => rule.may_allow(Some(now)),
            None => self.own.default == DefaultAction::Allow || deciding.shadow.is_some(),
        };
        let denied = |rules: &Rules| rules.deny_if.iter().any(always);
        by_entry && !self.levels().any(denied) && tool_name_fault(tool).is_none()
    }
}

impl Rule {
    /// Whether some call could go on at a moment; without one, at any.
    fn may_allow(&self, now: Option<Nanos>) -> bool {
        match &self.action {
            Action::Deny(_) => false,
            Action::Allow(conditions) => {
                conditions.is_valid(now) && !conditions.deny_if.iter().any(always)
            }
        }
    }
}

impl Conditions {
    fn is_valid(&self, now: Option<Nanos>) -> bool {
        let dated = self.validity.as_ref();
        dated.is_none_or(|dated| now.is_some_and(|now| dated.validity.holds(now)))
    }
}

/// A check without a condition always holds.
fn always(check: &Check) -> bool {
    check.conditions.is_empty()
}
