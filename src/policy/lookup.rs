//! The rules that decide about a call, looked up once: for its decision, its record and the
//! bound of its result.

use super::beside::Entry;
use super::bodies::{Applied, Limits};
use super::{Caller, Policy, Rule};

/// The rules that decide about a caller's call of a tool.
#[derive(Clone, Copy, Debug)]
pub struct Deciding<'p> {
    /// All that apply to the caller.
    pub(super) rules: Applied<'p>,
    /// The entry that decides, if there is one.
    pub(super) rule: Option<&'p Rule>,
    /// The limits of the call.
    pub(super) limits: Limits<'p>,
    /// The entry in shadow that is asked, if there is one.
    pub(super) shadow: Option<&'p Entry>,
}

impl Policy {
    /// The rules that decide about a caller's call of a tool, if it is known which apply to
    /// the caller.
    pub fn deciding(&self, caller: &Caller, tool: &str) -> Option<Deciding<'_>> {
        self.known_rules(caller).map(|rules| rules.decide(tool))
    }
}

impl<'p> Applied<'p> {
    /// Those among the rules that decide about a tool.
    pub(super) fn decide(self, tool: &str) -> Deciding<'p> {
        let (rule, limits) = self.entry(tool);
        Deciding { rules: self, rule, limits, shadow: self.shadow_entry(tool) }
    }
}

impl<'p> Deciding<'p> {
    /// The entry in shadow that lets a call go on where no other entry matches.
    pub(super) const fn beside_none(&self) -> Option<&'p Entry> {
        if self.rule.is_some() { None } else { self.shadow }
    }
}
