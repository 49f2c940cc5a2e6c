//! Decisions about calls of which not everything is known, such as those of a log.
//!
//! A record has the names of arguments, and values of few. A decision that depends on
//! any other value is not guessed: each question of the order of evaluation is asked
//! only if all that it depends on is known, and the first that cannot be asked is the
//! answer. It is not in the module.

use super::bodies::Applied;
use super::caller::Body;
use super::decide::{Asked, approve_if};
use super::{Caller, Deciding, Denial, Holders, Limit, Needed, Policy, Ruling};
use crate::limits::Charge;
use crate::policy::condition::{self, Condition, Elements, Facts, Formula, Path, Truth};
use crate::policy::document::{Check, Per};
use std::borrow::Cow;

/// A call, and the parts of it that are known.
pub trait Known<'a> {
    /// The facts, with anything in the place of a part that is not known.
    fn facts(&self) -> &Facts<'a>;

    /// Whether the facts have the name of every argument.
    fn has_all_names(&self) -> bool;

    /// Whether the facts have every argument.
    fn has_all_arguments(&self) -> bool;

    /// Shows all that the facts may be, as far as a path leads; `false` if that is not
    /// known.
    fn versions(&self, path: &Path, show: &mut dyn FnMut(&Facts<'_>)) -> bool;
}

/// A part of a call that is not known, and that a rule depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown<'p> {
    /// The rule.
    pub rule: &'p str,
    /// The path of the value, or `args` for the names of arguments.
    pub what: &'p str,
}

/// A decision by everything except for limits, as far as the call is known.
#[derive(Debug)]
pub enum Partly<'p> {
    /// No rule denies it.
    Allowed {
        /// The rule that allows it.
        rule: &'p str,
        /// The approval that it needs.
        approval: Option<Needed<'p>>,
    },
    /// A rule denies it.
    Denied(Denial<'p>),
    /// It depends on something that is not known.
    Unknown(Unknown<'p>),
}

/// The charge of one limit, as far as the call is known.
#[derive(Debug)]
pub enum Counted<'p> {
    /// The charge.
    Known(Charge),
    /// A charge of another weight, or to another holder: of this one the counter, the
    /// window and the largest weight are right.
    Unknown(Charge, Unknown<'p>),
}

/// The answer that all versions of the facts have, as far as a path leads; `None`
/// where they differ or are not known.
fn same<T: PartialEq>(
    known: &dyn Known<'_>,
    path: &Path,
    answer: impl Fn(&Facts<'_>) -> T,
) -> Option<T> {
    let (mut first, mut differ) = (None, false);
    let all = known.versions(path, &mut |facts| {
        let next = answer(facts);
        differ |= first.as_ref().is_some_and(|first| *first != next);
        first.get_or_insert(next);
    });
    first.filter(|_| all && !differ)
}

/// The reasons for which no further question is asked.
enum Stop<'p> {
    Denied(Denial<'p>),
    Unknown(Unknown<'p>),
}

impl<'p> From<Denial<'p>> for Stop<'p> {
    fn from(denial: Denial<'p>) -> Self {
        Self::Denied(denial)
    }
}

impl Policy {
    /// Decides a call as far as it is known, by everything except for limits. The
    /// charges are those of its limits, also where it may not come to them.
    pub fn decide_known<'p>(
        &'p self,
        caller: &Caller,
        session: Option<&[u8; 32]>,
        known: &dyn Known<'_>,
    ) -> (Partly<'p>, Vec<(&'p Limit, Counted<'p>)>) {
        let holders = Holders::new(&self.table, caller, session);
        let tool = known.facts().tool;
        if let Some(unknown) = self.unplaced_by(caller, known) {
            let charge =
                |limit: &'p Limit| (limit, Counted::Unknown(heaviest(limit, &holders), unknown));
            return (Partly::Unknown(unknown), self.limits_of(tool).map(charge).collect());
        }
        let Some(deciding) = self.deciding(caller, tool) else {
            return (Partly::Denied(self.unplaced(caller)), Vec::new());
        };
        let mut partly = match ask(self, &deciding, caller, known) {
            Ok(allowed) => allowed,
            Err(Stop::Denied(denial)) => return (Partly::Denied(denial), Vec::new()),
            Err(Stop::Unknown(unknown)) => Partly::Unknown(unknown),
        };
        let mut charges = Vec::new();
        for limit in deciding.limits.iter() {
            match counted(limit, &holders, known) {
                Ok(charge) => charges.push((limit, charge)),
                Err(denial) => {
                    // Whatever the other limits are, such a call is not charged.
                    if let Partly::Allowed { .. } = partly {
                        partly = Partly::Denied(denial);
                    }
                    return (partly, Vec::new());
                }
            }
        }
        (partly, charges)
    }

    /// The charges that a call of a tool may cost its caller, whoever that is: of each the
    /// counter, the window and the largest weight.
    pub fn charges_of_anybody(&self, tool: &str) -> Vec<Charge> {
        let holders = Holders::new(&self.table, &Caller::anonymous(), None);
        self.limits_of(tool).map(|limit| heaviest(limit, &holders)).collect()
    }

    /// The limits of a tool in all rules.
    fn limits_of<'p>(&'p self, tool: &str) -> impl Iterator<Item = &'p Limit> {
        let groups = self.groups.iter().map(|group| &group.rules);
        let rules = groups.chain(self.grants.values()).chain([&self.top]);
        let limits = rules.map(move |own| {
            let base = own.extends.then_some(&self.top);
            Applied { own, base }.entry(tool).1
        });
        limits.collect::<Vec<_>>().into_iter().flat_map(super::Limits::iter)
    }

    /// The first condition of a group by which it is not known whether the caller
    /// belongs to it.
    fn unplaced_by<'p>(&'p self, caller: &Caller, known: &dyn Known<'_>) -> Option<Unknown<'p>> {
        if let Body::Grant(_) | Body::Unknown = caller.body {
            return None;
        }
        let now = self.is_dated.then(|| caller.now());
        for group in &self.groups {
            if now.is_some_and(|now| !group.rules.validity.holds(now)) {
                continue;
            }
            let mut unknown = None;
            let mut is_false = false;
            for (rule, condition) in &group.when {
                match formula(condition, Elements::All, known) {
                    Ok(Truth::False) => is_false = true,
                    Ok(_) => {}
                    Err(what) => unknown = unknown.or(Some(Unknown { rule, what })),
                }
            }
            match unknown {
                _ if is_false => {}
                None => return None,
                Some(unknown) => return Some(unknown),
            }
        }
        None
    }
}

/// The charge of a limit for a call, as far as it is known.
fn counted<'p>(
    limit: &'p Limit,
    holders: &Holders<'_>,
    known: &dyn Known<'_>,
) -> Result<Counted<'p>, Denial<'p>> {
    match unknown_of(limit, known) {
        Some(what) => {
            let unknown = Unknown { rule: &limit.pointer, what };
            Ok(Counted::Unknown(heaviest(limit, holders), unknown))
        }
        None => limit.charge(holders, known.facts()).map(Counted::Known),
    }
}

/// The largest charge that any call can be.
fn heaviest(limit: &Limit, holders: &Holders<'_>) -> Charge {
    Charge { weight: limit.max, ..limit.plain(holders) }
}

/// The first value that a charge depends on and that is not known.
fn unknown_of<'p>(limit: &'p Limit, known: &dyn Known<'_>) -> Option<&'p str> {
    let per = limit.per().iter().filter(|per| match per {
        Per::Call => !known.has_all_arguments(),
        Per::Value { path, literal } => {
            let text = |facts: &Facts<'_>| {
                condition::text(path, *literal, facts).ok().map(Cow::into_owned)
            };
            same(known, path, text).is_none()
        }
    });
    let weight = limit.increment_from();
    let weight = weight
        .filter(|path| same(known, path, |facts| condition::weight(path, facts).ok()).is_none());
    per.map(Per::as_str).chain(weight.map(Path::as_str)).next()
}

/// Asks one question after the other, up to the first that is failed or not known.
fn ask<'p>(
    policy: &'p Policy,
    deciding: &Deciding<'p>,
    caller: &Caller,
    known: &dyn Known<'_>,
) -> Result<Partly<'p>, Stop<'p>> {
    let facts = known.facts();
    let mut holding = Vec::new();
    deciding.ask(policy.enforced(), caller.now(), |question| {
        match question.0 {
            Asked::Args(names) => {
                // A name that is not allowed denies, whatever the others are.
                names.check(facts)?;
                if !known.has_all_names() {
                    return Err(Stop::Unknown(Unknown { rule: &names.pointer, what: "args" }));
                }
            }
            Asked::Schema(schema) if !known.has_all_arguments() => {
                return Err(Stop::Unknown(Unknown { rule: &schema.pointer, what: "args" }));
            }
            Asked::Require(check) => is_known(check, Elements::All, known)?,
            Asked::DenyIf(check) => is_known(check, Elements::Any, known)?,
            Asked::ApproveIf(check) => {
                is_known(check, Elements::Any, known)?;
                holding.extend(approve_if(check, facts)?.then_some(check));
            }
            Asked::Hidden(_)
            | Asked::Locked(_)
            | Asked::Entry(..)
            | Asked::Validity(..)
            | Asked::Action(_)
            | Asked::Schema(_)
            | Asked::Limits => {}
        }
        Ok(question.answer(facts.tool, facts)?)
    })?;
    let Ruling { rule, approval, .. } = deciding.allowed(&holding);
    Ok(Partly::Allowed { rule, approval })
}

/// Whether what is known decides a check: a condition that is false does, whatever the
/// others are.
fn is_known<'p>(check: &'p Check, each: Elements, known: &dyn Known<'_>) -> Result<(), Stop<'p>> {
    let mut unknown = None;
    for condition in check.conditions.iter() {
        match formula(condition, each, known) {
            Ok(Truth::False) => return Ok(()),
            Ok(_) => {}
            Err(what) => {
                unknown = unknown.or(Some(Unknown { rule: &check.pointer, what }));
            }
        }
    }
    unknown.map_or(Ok(()), |unknown| Err(Stop::Unknown(unknown)))
}

/// The answer of a formula, if what is known decides it.
///
/// # Errors
/// The path of the first value that it depends on and that is not known.
fn formula<'p>(
    formula: &'p Formula,
    each: Elements,
    known: &dyn Known<'_>,
) -> Result<Truth, &'p str> {
    match formula {
        Formula::One(condition) => answer(condition, each, known).ok_or_else(|| {
            let mut paths = condition.paths();
            let unknown = paths.find(|path| same(known, path, |_| ()).is_none());
            unknown.unwrap_or(&condition.path).as_str()
        }),
        Formula::Any(inner) => joined(inner, each, known, Truth::True),
        Formula::All(inner) => joined(inner, each, known, Truth::False),
        Formula::Not(inner) => self::formula(inner, each.under_not(), known).map(Truth::not),
    }
}

/// The same of several together: one with the answer `deciding` does, whatever the
/// others are.
fn joined<'p>(
    formulas: &'p [Formula],
    each: Elements,
    known: &dyn Known<'_>,
    deciding: Truth,
) -> Result<Truth, &'p str> {
    let mut joined = Ok(deciding.not());
    for one in formulas {
        match (formula(one, each, known), joined) {
            (Ok(truth), _) if truth == deciding => return Ok(truth),
            (Err(what), Ok(_)) => joined = Err(what),
            (Ok(Truth::Undecidable(why)), Ok(Truth::True | Truth::False)) => {
                joined = Ok(Truth::Undecidable(why));
            }
            _ => {}
        }
    }
    joined
}

/// The answer of a condition, if what is known decides it.
fn answer(condition: &Condition, each: Elements, known: &dyn Known<'_>) -> Option<Truth> {
    let decided = |facts: &Facts<'_>| match condition.evaluate(facts, each) {
        Truth::True => Some(true),
        Truth::False => Some(false),
        // For another reason it would be undecidable too.
        Truth::Undecidable(_) => None,
    };
    if let Some(from) = condition.value_from() {
        same(known, from, decided)?;
        // Of two values with several versions each, not all pairs are shown.
        let count = |path| {
            let mut versions = 0_usize;
            known.versions(path, &mut |_| versions = versions.saturating_add(1));
            versions
        };
        if count(from) > 1 && count(&condition.path) > 1 {
            return None;
        }
    }
    same(known, &condition.path, decided)?;
    Some(condition.evaluate(known.facts(), each))
}
