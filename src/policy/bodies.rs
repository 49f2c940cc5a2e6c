//! The rules of a body, with those of the top level where the body extends them.
//!
//! Both are looked up for each call, and none is copied into the other: so a rule of
//! the top level keeps its pointer and its counters in every body, and a policy with
//! many bodies is not larger for it.

use super::limit::{Holders, Limit};
use super::{Denial, Rule, Rules};
use crate::limits::Charge;
use crate::policy::condition::Facts;

/// The rules that apply to a caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct Applied<'p> {
    /// Those of the body.
    pub(super) own: &'p Rules,
    /// Those of the top level, if the body extends them.
    pub(super) base: Option<&'p Rules>,
}

/// The limits of a call: those of one body, then those of the other.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'p>([&'p [Limit]; 2]);

impl<'p> Applied<'p> {
    /// The rules themselves, and those that they extend.
    pub(super) fn levels(self) -> impl Iterator<Item = &'p Rules> {
        core::iter::once(self.own).chain(self.base)
    }

    /// The entry that decides about a tool, and the limits of its calls: the entries of both
    /// bodies compete, and of two with one pattern the body's own is the only one.
    pub(super) fn entry(self, tool: &str) -> (Option<&'p Rule>, Limits<'p>) {
        let Self { own, base } = self;
        let Some(base) = base else {
            let rule = own.tools.get(tool);
            return (rule, Limits([limits(own, rule), &[]]));
        };
        match own.tools.get_over(&base.tools, tool, Rule::rank) {
            Some((rule, false)) => (Some(rule), Limits([limits(base, Some(rule)), &own.limits])),
            found => {
                let rule = found.map(|(rule, _)| rule);
                (rule, Limits([limits(own, rule), &base.limits]))
            }
        }
    }

    /// A part of the top-level rules that the body extends, empty if it does not.
    pub(super) fn inherited<T>(self, part: impl Fn(&'p Rules) -> &'p [T]) -> &'p [T] {
        self.base.map(part).unwrap_or_default()
    }
}

fn limits<'p>(body: &'p Rules, rule: Option<&'p Rule>) -> &'p [Limit] {
    rule.and_then(Rule::conditions).map_or(&body.limits, |own| &own.limits)
}

impl<'p> Limits<'p> {
    /// Those of one list.
    pub(super) const fn of_one(limits: &'p [Limit]) -> Self {
        Self([limits, &[]])
    }

    /// All of them, in the order of their charges.
    pub fn iter(self) -> impl Iterator<Item = &'p Limit> {
        let [first, second] = self.0;
        first.iter().chain(second)
    }

    /// The charges of a call, one for each limit.
    ///
    /// # Errors
    /// See [`Limit::charge`].
    pub fn charges(
        self,
        holders: &Holders<'_>,
        facts: &Facts<'_>,
    ) -> Result<Vec<Charge>, Denial<'p>> {
        let mut charges = Vec::with_capacity(self.len());
        // Two loops, since the link of a chained iterator is a branch for every limit.
        for limits in self.0 {
            for limit in limits {
                charges.push(limit.charge(holders, facts)?);
            }
        }
        Ok(charges)
    }

    /// The limit of this number.
    pub fn get(self, index: usize) -> Option<&'p Limit> {
        let [first, second] = self.0;
        match index.checked_sub(first.len()) {
            None => first.get(index),
            Some(rest) => second.get(rest),
        }
    }

    /// The number of them.
    pub const fn len(self) -> usize {
        let [first, second] = self.0;
        first.len().saturating_add(second.len())
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}
