//! Rules in shadow: asked beside those that decide, and recorded.
//!
//! A body keeps them apart from its other rules, and they are asked after those, with
//! a budget of work of their own. So none can take the place of a rule that denies,
//! spend the work of its conditions, or fill the room of its limits.

use super::bodies::Applied;
use super::decide::{approve_if, deny_if, fits, require};
use super::{Caller, Dated, Deciding, Limit, Names, Policy, Reason, ResultBound, Rule, Rules};
use crate::policy::condition::{Facts, Path, Schema};
use crate::policy::document::Check;
use crate::policy::pattern::PatternMap;

/// The rules in shadow of one body.
#[derive(Debug)]
pub(super) struct Shadows {
    /// Entries of `tools`. Of those that match a tool, the one is asked that would
    /// decide if there were no others.
    pub(super) entries: PatternMap<Entry>,
    /// Checks and limits of all tools.
    pub(super) all: Beside,
}

/// An entry of `tools` in shadow.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) pointer: String,
    /// The time in which it would allow calls, if it is bounded.
    pub(super) validity: Option<Box<Dated>>,
    pub(super) beside: Beside,
    /// The arguments whose values are recorded.
    pub(super) record: Box<[Path]>,
    /// The bound of the results.
    pub(super) result: Option<ResultBound>,
    /// The rank among entries whose patterns do not nest.
    pub(super) rank: u8,
}

/// Checks and limits in shadow.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) questions: Vec<Question>,
    pub(super) limits: Vec<Limit>,
}

/// A question about a call.
#[derive(Debug)]
pub(super) enum Question {
    /// An action that no call passes, and its pointer.
    Action(String, Reason),
    Args(Names),
    Schema(Box<Schema>),
    Require(Check),
    DenyIf(Check),
    ApproveIf(Check),
}

/// The rules in shadow that concern a call.
#[derive(Debug, Default)]
pub struct Shadowed<'p> {
    /// The rules that the call does not pass, each with its reason.
    pub found: Vec<(&'p str, Reason)>,
    /// The limits to charge as far as they have room.
    pub limits: Vec<&'p Limit>,
}

impl Policy {
    /// Asks the rules in shadow about a call; `None` if its caller has none.
    pub fn beside<'p>(
        &'p self,
        caller: &Caller,
        deciding: &Deciding<'p>,
        facts: &Facts<'_>,
    ) -> Option<Box<Shadowed<'p>>> {
        if !self.has_shadows || deciding.rules.levels().all(|rules| rules.shadows.is_none()) {
            return None;
        }
        let mut shadowed = Box::<Shadowed<'_>>::default();
        for beside in deciding.besides() {
            beside.ask(facts, &mut shadowed.found);
            shadowed.limit(&beside.limits);
        }
        if let Some(entry) = deciding.shadow {
            let before = shadowed.found.len();
            entry.ask(caller, facts, &mut shadowed.found);
            // A call that it would deny costs nothing.
            if shadowed.found.len() == before {
                shadowed.limit(&entry.beside.limits);
            }
        }
        Some(shadowed)
    }
}

impl<'p> Deciding<'p> {
    /// The checks and limits in shadow of the deciding entry, then those of all tools.
    pub(super) fn besides(self) -> impl Iterator<Item = &'p Beside> {
        let own = self.rule.and_then(Rule::conditions).map(|own| &own.beside);
        let common = self.rules.levels().filter_map(|rules| rules.shadows.as_ref());
        own.into_iter().chain(common.map(|shadows| &shadows.all))
    }
}

impl<'p> Applied<'p> {
    /// The entry in shadow that is asked about a tool: those of both bodies compete, as
    /// the entries that decide do among themselves.
    pub(super) fn shadow_entry(self, tool: &str) -> Option<&'p Entry> {
        let entries = |rules: &'p Rules| rules.shadows.as_ref().map(|shadows| &shadows.entries);
        match (entries(self.own), self.base.and_then(entries)) {
            (Some(own), Some(base)) => {
                own.get_over(base, tool, Entry::rank).map(|(entry, _)| entry)
            }
            (one, other) => one.or(other)?.get(tool),
        }
    }
}

impl Entry {
    /// The rank among entries whose patterns do not nest.
    pub(super) const fn rank(&self) -> u8 {
        self.rank
    }

    /// Asks everything except for the limits. Outside of its time an entry denies, so
    /// nothing else is asked.
    fn ask<'p>(&'p self, caller: &Caller, facts: &Facts<'_>, found: &mut Vec<(&'p str, Reason)>) {
        let dated = self.validity.as_deref();
        match dated.map_or(Ok(()), |dated| dated.check(facts.tool, caller.now())) {
            Ok(()) => self.beside.ask(facts, found),
            Err(denial) => found.push((denial.rule, denial.reason)),
        }
    }
}

impl<'p> Shadowed<'p> {
    /// Adds limits. A counter is charged once, under the smaller `max`.
    fn limit(&mut self, limits: &'p [Limit]) {
        for limit in limits {
            match self.limits.iter_mut().find(|other| other.tag == limit.tag) {
                Some(other) if limit.max < other.max => *other = limit,
                Some(_) => {}
                None => self.limits.push(limit),
            }
        }
    }
}

impl Beside {
    /// Takes the checks and limits in shadow out of others.
    pub(super) fn take(
        require: &mut Vec<Check>,
        deny_if: &mut Vec<Check>,
        approve_if: &mut Vec<Check>,
    ) -> Self {
        let mut questions = Vec::new();
        let mut take = |checks: &mut Vec<Check>, question: fn(Check) -> Question| {
            for check in core::mem::take(checks) {
                if check.shadow {
                    questions.push(question(check));
                } else {
                    checks.push(check);
                }
            }
        };
        take(require, Question::Require);
        take(deny_if, Question::DenyIf);
        take(approve_if, Question::ApproveIf);
        Self { questions, limits: Vec::new() }
    }

    /// Whether there is nothing to ask and nothing to charge.
    pub(super) const fn is_empty(&self) -> bool {
        self.questions.is_empty() && self.limits.is_empty()
    }

    fn ask<'p>(&'p self, facts: &Facts<'_>, found: &mut Vec<(&'p str, Reason)>) {
        found.extend(self.questions.iter().filter_map(|question| question.fails(facts)));
    }
}

impl Question {
    /// The rule and the reason, if a call does not pass.
    pub(super) fn fails(&self, facts: &Facts<'_>) -> Option<(&str, Reason)> {
        let answer = match self {
            Self::Action(pointer, reason) => return Some((pointer, *reason)),
            Self::Args(names) => names.check(facts),
            Self::Schema(schema) => fits(schema, facts),
            Self::Require(check) => require(check, facts),
            Self::DenyIf(check) => deny_if(check, facts),
            Self::ApproveIf(check) => match approve_if(check, facts) {
                Ok(true) => return Some((&check.pointer, Reason::ApprovalRequired)),
                other => other.map(drop),
            },
        };
        answer.err().map(|denial| (denial.rule, denial.reason))
    }
}
