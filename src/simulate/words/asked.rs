//! The questions of the order of evaluation, each with its answer, and the conditions
//! with the values that they saw.

use super::rules::beaten_by;
use super::{Written, cut, cut_to, limits};
use crate::limits::window::Nanos;
use crate::policy::condition::{Asked, Of, One, Seen, Truth};
use crate::policy::explain::{About, Answered, Explanation};
use crate::simulate::explain::rfc3339;
use crate::simulate::tree::Tree;

/// The most conditions' values that are listed on one line.
const MAX_VALUES: usize = 4;

/// The questions up to the denial, and those behind it that would deny too.
pub(super) fn questions(written: Written<'_, impl Tree>, explanation: &Explanation) -> Vec<String> {
    let mut lines = Vec::new();
    let mut is_decided = false;
    for question in &explanation.questions {
        let denies = question.denied.is_some();
        // The entry and the limits are told apart, and a tool that nothing hides is as usual.
        let is_told = match &question.about {
            About::Limits | About::Entry { .. } => true,
            About::Hide(_) | About::Action(_) => !denies,
            _ => false,
        };
        if is_told || (is_decided && !denies) {
            is_decided |= denies;
            continue;
        }
        let mark = match (denies, is_decided) {
            (false, _) => "ok    ",
            (true, false) => "DENY  ",
            (true, true) => "(deny)",
        };
        let place = question.rule.as_deref().filter(|_| denies && is_decided);
        let place = place.and_then(|rule| written.tree.find(rule));
        let place = place.map(|place| format!(", at {}", written.at(&place))).unwrap_or_default();
        lines.push(format!("  {mark}  {}{place}", answer(question, explanation.subject())));
        lines.extend(conditions(question));
        is_decided |= denies;
    }
    if !lines.is_empty() {
        lines.insert(0, "asked, in this order".to_owned());
    }
    lines
}

/// The conditions of a check, one on each line.
fn conditions(question: &Answered) -> Vec<String> {
    let About::Check(conditions) = &question.about else { return Vec::new() };
    let mut width = 0;
    conditions.iter().for_each(|one| widen(one, 0, &mut width));
    let mut lines = Vec::new();
    conditions.iter().for_each(|one| condition(one, "            ", width, &mut lines));
    lines
}

/// Makes room for the longest condition, with the connectives before it.
fn widen(asked: &Asked, indent: usize, width: &mut usize) {
    let below = indent.saturating_add(STEP.len());
    match &asked.of {
        Of::One(one) => *width = asks(one).chars().count().saturating_add(indent).max(*width),
        Of::Not(inner) => widen(inner, below, width),
        Of::Any(inner) | Of::All(inner) => inner.iter().for_each(|one| widen(one, below, width)),
    }
}

/// A question with its answer, on one line.
fn answer(question: &Answered, subject: &str) -> String {
    let rule = question.rule.as_deref().map(cut).unwrap_or_default();
    let denies = question.denied.is_some();
    match &question.about {
        About::Hide(patterns) if patterns.is_empty() => {
            format!("{rule} does not name the {subject}")
        }
        About::Hide(patterns) => format!("{rule} hides the {subject}, by {}", list(patterns)),
        About::Locked { named: false } => format!("{rule} does not name the tool"),
        About::Locked { named: true } if denies => {
            format!("{rule} names the tool, and a list has shown another definition of it")
        }
        About::Locked { named: true } => {
            format!("{rule} names the tool, and no list has shown another definition of it")
        }
        About::Entry { .. } => "no entry matches, and `default` denies".into(),
        About::Time { from, until } => {
            let bound = |word: &str, moment: &Option<Nanos>| {
                moment.map(|moment| format!(" {word} {}", rfc3339(moment))).unwrap_or_default()
            };
            let is = if denies { "is outside of its time" } else { "is in its time" };
            format!("the entry {is},{}{}", bound("from", from), bound("until", until))
        }
        About::Action(action) => format!("{rule} is `{action}`"),
        About::Args { allowed, others } => {
            let allowed = if allowed.is_empty() { "none".into() } else { list(allowed) };
            match &**others {
                [] => format!("{rule} allows {allowed}"),
                others => format!("{rule} allows {allowed}, and not {}", list(others)),
            }
        }
        About::Schema => match &question.denied {
            None => format!("{rule} is met"),
            Some(denied) => format!("{rule} is not met: {}", cut(&denied.message)),
        },
        About::Check(_) => format!("{rule} {}", check(question)),
        About::Limits => "limits".into(),
    }
}

fn check(question: &Answered) -> &'static str {
    match (question.asked, question.about.truth()) {
        (_, Some(Truth::Undecidable(_))) => "cannot be decided, and then denies",
        ("require", Some(Truth::True)) => "is met",
        ("require", _) => "is not met: every condition has to be true",
        ("approve_if", Some(Truth::True)) => "holds: a person has to approve",
        ("approve_if", _) => "does not hold: nobody has to approve",
        (_, Some(Truth::True)) => "holds, and denies",
        _ => "does not hold",
    }
}

/// The indent of what a connective joins.
const STEP: &str = "  ";

/// A condition, its answer, and the values that it saw; of a connective the answer, and
/// the conditions that it joins. The first part has this width.
pub(super) fn condition(asked: &Asked, indent: &str, width: usize, lines: &mut Vec<String>) {
    let truth = match asked.truth {
        Some(Truth::True) => "true ",
        Some(Truth::False) => "false",
        Some(Truth::Undecidable(_)) => "?    ",
        None => "-    ",
    };
    let why = match asked.truth {
        Some(Truth::Undecidable(why)) => format!(": {why}"),
        None => "; not asked, one before decides".into(),
        _ => String::new(),
    };
    let inner = match &asked.of {
        Of::One(one) => {
            let (asks, saw) = (asks(one), saw(one));
            lines.push(format!("{indent}{truth}  {asks:width$}  saw {saw}{why}"));
            return;
        }
        Of::Any(inner) | Of::All(inner) => &**inner,
        Of::Not(inner) => core::slice::from_ref(&**inner),
    };
    lines.push(format!("{indent}{truth}  {}{why}", word(asked)));
    let (indent, width) = (format!("{indent}{STEP}"), width.saturating_sub(STEP.len()));
    inner.iter().for_each(|one| condition(one, &indent, width, lines));
}

/// The connective, or the condition.
pub(super) fn word(asked: &Asked) -> String {
    match &asked.of {
        Of::One(one) => asks(one),
        Of::Any(_) => "any".into(),
        Of::All(_) => "all".into(),
        Of::Not(_) => "not".into(),
    }
}

/// The path, the operator and the policy's value.
pub(super) fn asks(asked: &One) -> String {
    format!("{} {} {}", cut(&asked.path), asked.op, cut_to(&asked.value, 60))
}

/// The values that a condition saw.
pub(super) fn saw(asked: &One) -> String {
    let values: Vec<String> = asked.seen.iter().take(MAX_VALUES).map(value).collect();
    let from = asked.from.as_ref().map(|seen| format!(", and {} of `value_from`", value(seen)));
    let from = from.unwrap_or_default();
    match asked.seen.len().saturating_add(asked.more).saturating_sub(values.len()) {
        _ if values.is_empty() => format!("no element{from}"),
        0 => format!("{}{from}", values.join(", ")),
        more => format!("{}, and {more} more{from}", values.join(", ")),
    }
}

fn value(seen: &Seen) -> String {
    match seen {
        Seen::Value(text) => cut_to(text, 60),
        Seen::Absent => "nothing".into(),
        Seen::Unclear(_) => "a value that readers may differ on".into(),
        Seen::Secret => "a credential (not shown)".into(),
    }
}

/// The rules in shadow.
pub(super) fn shadow(explanation: &Explanation) -> Vec<String> {
    let shadow = &explanation.shadow;
    if shadow.questions.is_empty() && shadow.limits.is_empty() && shadow.entries.is_empty() {
        return Vec::new();
    }
    let mut lines = vec!["in shadow, recorded and not carried out".to_owned()];
    for entry in &shadow.entries {
        let (pointer, action) = (cut(&entry.pointer), entry.action);
        let why = entry.beaten.as_ref().map(|why| format!(": not asked, {}", beaten_by(why)));
        lines.push(format!("  entry   {pointer} ({action}){}", why.unwrap_or_default()));
    }
    for question in &shadow.questions {
        let mark = if question.denied.is_some() { "(deny)" } else { "ok    " };
        lines.push(format!("  {mark}  {}", answer(question, explanation.subject())));
        lines.extend(conditions(question));
    }
    lines.extend(shadow.limits.iter().flat_map(|limit| limits::limit(limit, true)));
    lines
}

fn list(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| cut_to(name, 60)).collect();
    names.join(", ")
}
