//! The tools that a caller is shown in the lists that servers send.

use super::{Action, Caller, Policy, Rule, Rules};
use crate::policy::document::{Check, DefaultAction, Mode, ToolsList};
use crate::wire::mcp::tool_name_fault;

impl Policy {
    /// Whether there may be a tool that this caller is not shown. Where there is
    /// none, no response is touched. Shadow mode takes nothing away.
    pub fn conceals(&self, caller: &Caller) -> bool {
        self.rules(caller).conceals
    }

    /// Whether this caller is shown a tool: by `settings.tools_list`, one that is
    /// not hidden, or one of which a call can be allowed.
    pub fn shows(&self, caller: &Caller, tool: &str) -> bool {
        let rules = self.rules(caller);
        rules.hide.get(tool).is_none()
            && (self.settings.tools_list == ToolsList::Hide || rules.may_allow(tool))
    }
}

impl Rules {
    /// See [`Policy::conceals`].
    pub(super) fn conceals(&self, tools_list: ToolsList) -> bool {
        let refuses_some = || {
            self.default == DefaultAction::Deny
                || self.deny_if.iter().any(always)
                || self.tools.values().iter().any(|rule| !rule.may_allow())
        };
        let callable = tools_list == ToolsList::Callable;
        self.mode == Mode::Enforce && (!self.hide.is_empty() || (callable && refuses_some()))
    }

    /// Whether some call of the tool, by its name alone, could go on.
    fn may_allow(&self, tool: &str) -> bool {
        let by_entry = match self.tools.get(tool) {
            Some(rule) => rule.may_allow(),
            None => self.default == DefaultAction::Allow || self.shadow_entry(tool).is_some(),
        };
        by_entry && !self.deny_if.iter().any(always) && tool_name_fault(tool).is_none()
    }
}

impl Rule {
    fn may_allow(&self) -> bool {
        match &self.action {
            Action::Deny(_) => false,
            Action::Allow(conditions) => !conditions.deny_if.iter().any(always),
        }
    }
}

/// A check without a condition always holds.
fn always(check: &Check) -> bool {
    check.conditions.is_empty()
}
