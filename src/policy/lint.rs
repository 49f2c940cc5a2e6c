//! Errors that only show when the parts of a document are seen together;
//! `lint/warnings.rs` has the warnings.

mod approvals;
mod warnings;

pub(super) use warnings::warnings;

use crate::limits::window::{ONE_CALL, Scope};
use crate::order;
use crate::policy::condition::{Condition, Path};
use crate::policy::document::{
    Check, Document, Findings, Grant, Limit, Per, Rules, Settings, Source, escape, pointer, shorten,
};
use crate::policy::pattern::Pattern;
use std::vec::IntoIter;

/// The most limits that one call may have.
const MAX_ASKED: usize = 256;
/// The most limits of a policy, counting those of all tools for each tool.
const MAX_STORED: usize = 100_000;

/// All errors between the parts of a document.
pub(super) fn errors(document: &Document) -> Findings {
    let mut errors = Findings::default();
    let all_rules = all_rules(document);
    let everywhere = all_rules.iter().flat_map(|rules| limits(rules));
    let global: Vec<&Limit> = everywhere.filter(|limit| limit.scope == Scope::Global).collect();
    let mut global = first_of_each(&global).into_iter();
    let mut stored = 0;
    for rules in all_rules {
        agree(rules, &mut global, &mut errors);
        bound_sessions(rules, &mut errors);
        weigh_once(rules, &mut errors);
        few_enough(rules, &mut stored, &mut errors);
    }
    if document.identity.iter().any(|source| matches!(source, Source::Bearer(_))) {
        keep_tokens(document, &mut errors);
    }
    reach_grants(document, &mut errors);
    approvals::errors(document, &self::all_rules(document), &mut errors);
    errors
}

fn all_rules(document: &Document) -> Vec<&Rules> {
    let mut all_rules = vec![&document.rules];
    all_rules.extend(document.grants.iter().map(|(_, grant)| &grant.rules));
    all_rules
}

fn limits(rules: &Rules) -> Vec<&Limit> {
    let mut limits = Vec::new();
    for (_, rule) in &rules.tools {
        limits.extend(&rule.limits);
    }
    limits.extend(&rules.all_tools.limits);
    limits
}

/// For each limit, the first one that has the same counter.
fn first_of_each<'c>(limits: &[&'c Limit]) -> Vec<&'c Limit> {
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
fn agree<'c>(rules: &'c Rules, global: &mut IntoIter<&'c Limit>, errors: &mut Findings) {
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
        (" the mode", mode(a), mode(b)),
    ];
    all.into_iter().filter(|(_, here, there)| here != there).collect()
}

/// Refuses two weights of one counter in one call, which charges it only once.
fn weigh_once(rules: &Rules, errors: &mut Findings) {
    let all = &rules.all_tools.limits;
    let own = rules.tools.iter().map(|(_, rule)| &rule.limits);
    for limits in own.chain([all]) {
        for (at, limit) in limits.iter().enumerate() {
            let others =
                limits.iter().take(at).chain(all.iter().filter(|_| !core::ptr::eq(limits, all)));
            for other in others.filter(|other| other.counter == limit.counter) {
                if !weighs_alike(limit, other) {
                    errors.error(
                        limit.path.clone(),
                        format!(
                            "the counter `{}` is charged once for a call, with the weight `{}` \
                             here and `{}` at {}; give one of them another counter",
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
fn few_enough(rules: &Rules, stored: &mut usize, errors: &mut Findings) {
    let all = &rules.all_tools.limits;
    let too_many = |asked: usize| {
        format!(
            "a call has at most {MAX_ASKED} limits, with those of `all_tools`; one of this would \
             have {asked}"
        )
    };
    // A tool that no entry names has these limits alone.
    if let Some((list, _)) = all.first().and_then(|limit| limit.path.rsplit_once('/'))
        && all.len() > MAX_ASKED
    {
        errors.error(list, too_many(all.len()));
        return;
    }
    for (_, rule) in &rules.tools {
        let asked = rule.limits.len().saturating_add(all.len());
        let before = *stored;
        *stored = before.saturating_add(asked);
        if asked > MAX_ASKED {
            errors.error(rule.pointer.clone(), too_many(asked));
        }
        if (before..*stored).contains(&MAX_STORED) {
            let message = format!(
                "from here on the policy has more than {MAX_STORED} limits, counting those of \
                 `all_tools` for each tool; have fewer, or name tools by patterns"
            );
            errors.error(rule.pointer.clone(), message);
        }
    }
}

/// Refuses a limit by session without another limit: a client makes as many
/// sessions as it likes. A budget does not help, since calls may weigh nothing.
fn bound_sessions(rules: &Rules, errors: &mut Findings) {
    unbounded(rules, |limit| limit.scope == Scope::Session, &mut |limit| {
        errors.error(
            limit.path.clone(),
            "a client can open any number of sessions; give the same calls a limit with the scope \
             `grant` or `global` and without `increment_from`, `per` or shadow mode too",
        );
    });
}

/// Tells of the limits of a kind whose calls have no limit that bounds their caller.
fn unbounded<'d>(rules: &'d Rules, is_meant: fn(&Limit) -> bool, tell: &mut dyn FnMut(&'d Limit)) {
    let all = &rules.all_tools.limits;
    if all.iter().any(Limit::bounds_caller) {
        return;
    }
    let own = rules.tools.iter().map(|(_, rule)| &rule.limits);
    for limits in own.chain([all]).filter(|limits| !limits.iter().any(Limit::bounds_caller)) {
        limits.iter().filter(|limit| is_meant(limit)).for_each(&mut *tell);
    }
}

/// The patterns of all who may approve something.
pub(super) fn approvers(
    top: &Rules,
    grants: &[(Pattern, Grant)],
    settings: &Settings,
) -> Vec<Pattern> {
    let all_rules = core::iter::once(top).chain(grants.iter().map(|(_, grant)| &grant.rules));
    let own = all_rules.flat_map(|rules| &rules.tools).map(|(_, rule)| &rule.approval);
    let common = settings.approvals.iter().map(|all| &all.terms);
    let texts = own.chain(common).flat_map(|terms| terms.approvers.iter().flatten());
    let mut patterns = order::sorted(texts.map(|text| Pattern::new(text)).collect(), Ord::cmp);
    patterns.dedup();
    patterns
}

/// Whether any values of arguments are recorded.
pub(super) fn records(document: &Document) -> bool {
    let by_tool = |rules: &Rules| rules.tools.iter().any(|(_, rule)| !rule.record.is_empty());
    !document.settings.record.is_empty() || all_rules(document).into_iter().any(by_tool)
}

/// Every path to a value that decides about calls, with the place of its check or
/// limit.
pub(super) fn paths(document: &Document) -> Vec<(&str, &Path)> {
    let conditions = conditions_at(document).into_iter();
    let mut paths: Vec<(&str, &Path)> =
        conditions.map(|(check, _, condition)| (&*check.path, &condition.path)).collect();
    for limit in all_rules(document).into_iter().flat_map(limits) {
        paths.extend(limit.per.iter().filter_map(|per| match per {
            Per::Value { path, .. } => Some((&*limit.path, path)),
            Per::Call => None,
        }));
    }
    paths
}

/// Every condition, with its check and its place there.
fn conditions_at<'c>(document: &'c Document) -> Vec<(&'c Check, usize, &'c Condition)> {
    let mut conditions = Vec::new();
    let mut extend = |checks: &'c Vec<Check>| {
        for check in checks {
            let all = check.conditions.iter().enumerate();
            conditions.extend(all.map(|(index, condition)| (check, index, condition)));
        }
    };
    for rules in all_rules(document) {
        for (_, rule) in &rules.tools {
            extend(&rule.require);
            extend(&rule.deny_if);
            extend(&rule.approve_if);
        }
        extend(&rules.all_tools.require);
        extend(&rules.all_tools.deny_if);
        extend(&rules.all_tools.approve_if);
    }
    if let Some(approvals) = &document.settings.approvals {
        extend(&approvals.approver_require);
    }
    conditions
}

/// Refuses conditions on the tokens that this filter keeps: they could be used
/// to guess one.
fn keep_tokens(document: &Document, errors: &mut Findings) {
    for (place, path) in paths(document) {
        if path.header() == Some("authorization") {
            errors.error(
                place,
                "`headers.authorization` holds the callers' tokens; use `grant`, which says whose \
                 it is",
            );
        }
    }
}

/// Refuses a grant that no caller's id can match: its callers would be under
/// the top-level rules.
fn reach_grants(document: &Document, errors: &mut Findings) {
    let kinds: Vec<String> = document
        .identity
        .iter()
        .map(|source| match source {
            Source::Jwt { .. } => "jwt:*".into(),
            Source::Mtls(_) => "mtls:*".into(),
            Source::Bearer(_) => "bearer:*".into(),
            Source::Header(_) => "header:*".into(),
        })
        .collect();
    for (pattern, grant) in &document.grants {
        let path = format!("/grants/{}", escape(&grant.name));
        match &*document.identity {
            [Source::Bearer(bearer)] => {
                if !bearer.tokens.iter().any(|(_, name)| pattern.matches(name)) {
                    errors.error(path, "no token of `identity` names a caller that this matches");
                }
            }
            [] | [_] => {}
            _ => {
                if !kinds.iter().any(|kind| Pattern::new(kind).overlaps(pattern)) {
                    let kinds = kinds.join("`, `");
                    errors.error(
                        path,
                        format!(
                            "matches no caller: with several sources, ids are of the form `{kinds}`"
                        ),
                    );
                }
            }
        }
    }
}
