//! Errors between limits: those that share a counter, are too many, or leave a caller
//! without bounds.

use super::limits;
use crate::limits::window::{ONE_CALL, Scope};
use crate::order;
use crate::policy::document::{Findings, Limit, Rules, pointer, shorten};
use crate::policy::limit::decimal;
use std::vec::IntoIter;

/// The most limits that one call may have.
pub(super) const MAX_ASKED: usize = 256;
/// The most limits of a policy, counting those of all tools for each tool.
const MAX_STORED: usize = 100_000;

/// For each limit, the first one that has the same counter.
pub(super) fn first_of_each<'c>(limits: &[&'c Limit]) -> Vec<&'c Limit> {
    let counter = |number: usize| limits.get(number).map(|limit| &limit.counter);
    let mut firsts = limits.to_vec();
    let mut first: Option<&Limit> = None;
    for number in order::indexes(limits.len(), &|a, b| counter(a).cmp(&counter(b))) {
        match (first, firsts.get_mut(number)) {
            (Some(first), Some(limit)) if first.counter == limit.counter => *limit = first,
            (_, limit) => first = limit.copied(),
        }
    }
    firsts
}

/// Refuses limits that share a counter and count differently: within one set of
/// rules, and for `global` ones in all of them. `global` gives, for each of
/// those in turn, the first of the document.
pub(super) fn agree<'c>(rules: &'c Rules, global: &mut IntoIter<&'c Limit>, errors: &mut Findings) {
    let limits = limits(rules);
    for (limit, first) in limits.iter().zip(first_of_each(&limits)) {
        let mut others = vec![first];
        if limit.scope == Scope::Global {
            others.extend(global.next());
        }
        others.dedup_by(|a, b| core::ptr::eq(*a, *b));
        for other in others {
            for (what, here, there) in differences(limit, other) {
                errors.error(
                    limit.path.clone(),
                    format!(
                        "the counter `{}` has{what} {here} here and {there} at {}; limits that \
                         share a counter must agree",
                        limit.counter,
                        pointer(&other.path)
                    ),
                );
            }
        }
    }
}

fn differences(a: &Limit, b: &Limit) -> Vec<(&'static str, String, String)> {
    let increment = |limit: &Limit| if limit.increment_from.is_some() { "an" } else { "no" };
    let mode = |limit: &Limit| if limit.shadow { "`shadow`" } else { "`enforce`" }.to_owned();
    let per = |limit: &Limit| match &*limit.per {
        [] => "no `per`".to_owned(),
        _ => format!("`per` {}", shorten(&limit.per_text())),
    };
    let all = [
        (" the window", format!("`{}`", a.window), format!("`{}`", b.window)),
        (" the scope", format!("`{}`", a.scope.as_str()), format!("`{}`", b.scope.as_str())),
        (
            " the algorithm",
            format!("`{}`", a.algorithm.as_str()),
            format!("`{}`", b.algorithm.as_str()),
        ),
        (
            "",
            format!("{} `increment_from`", increment(a)),
            format!("{} `increment_from`", increment(b)),
        ),
        ("", per(a), per(b)),
        (" `across`", format!("`{}`", a.across.as_str()), format!("`{}`", b.across.as_str())),
        (" the unit", format!("`{}`", decimal(a.unit)), format!("`{}`", decimal(b.unit))),
        (" the mode", mode(a), mode(b)),
    ];
    all.into_iter().filter(|(_, here, there)| here != there).collect()
}

/// Refuses two weights of one counter in one call, which charges it only once.
pub(super) fn weigh_once(rules: &Rules, errors: &mut Findings) {
    let all = &rules.all_tools.limits;
    let own = rules.tools.iter().map(|(_, rule)| &rule.limits);
    for limits in own.chain([all]) {
        let others = if core::ptr::eq(limits, all) { &[] } else { &**all };
        weigh_alike(limits, others, errors);
    }
}

/// The same for the limits of one call: its own, and `all` those of all tools.
pub(super) fn weigh_alike(limits: &[Limit], all: &[Limit], errors: &mut Findings) {
    for (at, limit) in limits.iter().enumerate() {
        let others = limits.iter().take(at).chain(all);
        for other in others.filter(|other| other.counter == limit.counter) {
            if !weighs_alike(limit, other) {
                errors.error(
                    limit.path.clone(),
                    format!(
                        "the counter `{}` is charged once for a call, with the weight `{}` here \
                         and `{}` at {}; give one of them another counter",
                        limit.counter,
                        weight(limit),
                        weight(other),
                        pointer(&other.path)
                    ),
                );
            }
        }
    }
}

pub(super) fn too_many(asked: usize) -> String {
    format!(
        "a call has at most {MAX_ASKED} limits, with those of `all_tools`; one of this would have \
         {asked}"
    )
}

/// Whether every call has the same weight under two limits. Where only one of them
/// has `increment_from`, there is another error.
fn weighs_alike(one: &Limit, other: &Limit) -> bool {
    match (&one.increment_from, &other.increment_from) {
        (Some(one), Some(other)) => one.steps == other.steps,
        (None, None) => one.weight == other.weight,
        _ => true,
    }
}

/// The weight of a call, as the author wrote it.
fn weight(limit: &Limit) -> String {
    match &limit.increment_from {
        Some(path) => shorten(path.as_str()),
        None => (limit.weight / ONE_CALL).to_string(),
    }
}

/// Refuses too many limits. Those of a call are charged in one go, and every
/// worker stores those of all tools with each tool.
pub(super) fn few_enough(
    rules: &Rules,
    base: Option<&Rules>,
    stored: &mut usize,
    errors: &mut Findings,
) {
    let all = &rules.all_tools.limits;
    // A tool that no entry names has these limits alone.
    if let Some((list, _)) = all.first().and_then(|limit| limit.path.rsplit_once('/'))
        && all.len() > MAX_ASKED
    {
        errors.error(list, too_many(all.len()));
        return;
    }
    let inherited = base.map_or(0, |base| base.all_tools.limits.len());
    let tools = rules
        .tools
        .iter()
        .map(|(_, rule)| (&rule.path, rule.limits.len().saturating_add(all.len()), inherited));
    let offers = rules.all_offers().flat_map(|offers| &offers.rules);
    let offers = offers.map(|(_, rule)| (&rule.path, rule.limits.len(), 0));
    for (path, stores, inherited) in tools.chain(offers) {
        let asked = stores.saturating_add(inherited);
        let before = *stored;
        *stored = before.saturating_add(stores);
        if asked > MAX_ASKED {
            errors.error(path.clone(), too_many(asked));
        }
        if (before..*stored).contains(&MAX_STORED) {
            let message = format!(
                "from here on the policy has more than {MAX_STORED} limits, counting those of \
                 `all_tools` for each tool; have fewer, or name tools by patterns"
            );
            errors.error(path.clone(), message);
        }
    }
}

/// Refuses a limit by session without another limit: a client makes as many
/// sessions as it likes. A budget does not help, since calls may weigh nothing.
pub(super) fn bound_sessions(rules: &Rules, base: Option<&Rules>, errors: &mut Findings) {
    unbounded(rules, base, |limit| limit.scope == Scope::Session, &mut |limit| {
        errors.error(
            limit.path.clone(),
            "a client can open any number of sessions; give the same calls a limit with the scope \
             `grant` or `global` and without `increment_from`, `per` or shadow mode too",
        );
    });
}

/// Tells of the limits of a kind whose calls have no limit that bounds their caller.
/// Those of all tools at the top level bound the calls of a body that extends it.
pub(super) fn unbounded<'d>(
    rules: &'d Rules,
    base: Option<&Rules>,
    is_meant: fn(&Limit) -> bool,
    tell: &mut dyn FnMut(&'d Limit),
) {
    let all = &rules.all_tools.limits;
    let inherited = base.map(|base| &*base.all_tools.limits).unwrap_or_default();
    let bounded = all.iter().chain(inherited).any(Limit::bounds_caller);
    let own = rules.tools.iter().map(|(_, rule)| &rule.limits);
    let tools = own.chain([all]).filter(|_| !bounded);
    // They have no limit besides their own.
    let offers = rules.all_offers().flat_map(|offers| &offers.rules);
    let offers = offers.map(|(_, rule)| &rule.limits);
    for limits in tools.chain(offers).filter(|limits| !limits.iter().any(Limit::bounds_caller)) {
        limits.iter().filter(|limit| is_meant(limit)).for_each(&mut *tell);
    }
}
