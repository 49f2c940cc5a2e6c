//! Errors that only show when the parts of a document are seen together;
//! `lint/warnings.rs` has the warnings.

mod approvals;
mod bodies;
mod ending;
mod futile;
mod ids;
mod limits;
mod locked;
mod misread;
mod names;
mod negated;
mod offers;
mod overlaps;
mod pairs;
mod prefixes;
mod replicas;
mod results;
mod stars;
#[cfg(test)]
mod warned;
mod warnings;

pub(super) use warnings::warnings;

use super::caller::ANONYMOUS;
use crate::limits::window::Scope;
use crate::order;
use crate::policy::condition::{Condition, Formula, Path};
use crate::policy::document::{
    Check, Document, Findings, Limit, Per, Rules, Source, ToolRule, escape,
};
use crate::policy::pattern::Pattern;
use pairs::Pairs;

/// All errors between the parts of a document.
pub(super) fn errors(document: &Document) -> Findings {
    let mut errors = Findings::default();
    let all_rules = all_rules(document);
    let everywhere = all_rules.iter().flat_map(|rules| limits(rules));
    let global: Vec<&Limit> = everywhere.filter(|limit| limit.scope == Scope::Global).collect();
    let mut global = limits::first_of_each(&global).into_iter();
    let too_many = |rules: &Rules, stored: &mut usize, errors: &mut Findings| {
        limits::few_enough(rules, base(document, rules), stored, errors);
    };
    let (mut stored, mut many) = (0, Findings::default());
    all_rules.iter().for_each(|rules| too_many(rules, &mut stored, &mut many));
    let top = bodies::Base::new(&document.rules);
    let mut pairs = Pairs::new();
    stored = 0;
    for rules in &all_rules {
        limits::agree(rules, &mut global, &mut errors);
        // The limits of a call are compared with each other, if there are few enough.
        if many.is_empty() {
            limits::bound_sessions(rules, base(document, rules), &mut errors);
            limits::weigh_once(rules, &mut errors);
        }
        too_many(rules, &mut stored, &mut errors);
        if rules.extends {
            bodies::extending(rules, &top, &mut pairs, &mut errors);
        }
    }
    if document.identity.iter().any(|source| matches!(source, Source::Bearer(_))) {
        keep_tokens(document, &mut errors);
    }
    reach_grants(document, &mut pairs, &mut errors);
    bodies::reach_groups(document, &mut errors);
    offers::errors(document, &mut errors);
    approvals::errors(document, &all_rules, &mut errors);
    replicas::errors(document, &mut errors);
    errors
}

fn all_rules(document: &Document) -> Vec<&Rules> {
    let mut all_rules = vec![&document.rules];
    all_rules.extend(document.grants.iter().map(|(_, grant)| &grant.rules));
    all_rules.extend(document.groups.iter().map(|group| &group.rules));
    all_rules
}

/// The rules that a body extends.
fn base<'d>(document: &'d Document, rules: &Rules) -> Option<&'d Rules> {
    rules.extends.then_some(&document.rules)
}

fn limits(rules: &Rules) -> Vec<&Limit> {
    let mut limits = Vec::new();
    for (_, rule) in &rules.tools {
        limits.extend(&rule.limits);
    }
    limits.extend(&rules.all_tools.limits);
    for offers in rules.all_offers() {
        limits.extend(offers.rules.iter().flat_map(|(_, rule)| &rule.limits));
    }
    limits
}

/// The patterns of all who may approve something. An entry in shadow asks nobody.
pub(super) fn approvers(document: &Document) -> Vec<Pattern> {
    let own = all_rules(document)
        .into_iter()
        .flat_map(|rules| &rules.tools)
        .filter(|(_, rule)| !rule.shadow)
        .map(|(_, rule)| &rule.approval);
    let common = document.settings.approvals.iter().map(|all| &all.terms);
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

/// Whether the answers of servers have a bound.
pub(super) fn bounds_results(document: &Document) -> bool {
    document.settings.max_result_bytes.is_some() || bounded(document).is_some()
}

/// The first entry that bounds its tool's results.
fn bounded(document: &Document) -> Option<&ToolRule> {
    let entries = all_rules(document).into_iter().flat_map(|rules| &rules.tools);
    entries.map(|(_, rule)| rule).find(|rule| rule.max_result_bytes.is_some())
}

/// Whether a call may meet checks of `approve_if` of another body than its entry's.
pub(super) fn shares_approvals(document: &Document) -> bool {
    let all_rules = all_rules(document);
    all_rules.iter().any(|rules| rules.extends)
        && all_rules.iter().any(|rules| !rules.all_tools.approve_if.is_empty())
}

/// Every path to a value that decides about calls or callers, with the place of its
/// check, its limit or its group.
pub(super) fn paths(document: &Document) -> Vec<(&str, &Path)> {
    let conditions = conditions(document).into_iter();
    let mut paths: Vec<(&str, &Path)> = conditions
        .flat_map(|placed| placed.condition.paths().map(move |path| (placed.of, path)))
        .collect();
    for limit in all_rules(document).into_iter().flat_map(limits) {
        paths.extend(limit.per.iter().filter_map(|per| match per {
            Per::Value { path, .. } => Some((&*limit.path, path)),
            Per::Call => None,
        }));
    }
    paths
}

/// Whether any part of a policy applies for a time only.
pub(super) fn is_dated(document: &Document) -> bool {
    let by_tool = |rules: &Rules| rules.tools.iter().any(|(_, rule)| rule.validity.is_bounded());
    all_rules(document).into_iter().any(|rules| rules.validity.is_bounded() || by_tool(rules))
}

/// Whether any body has rules for prompts or resources.
pub(super) fn has_offers(document: &Document) -> bool {
    all_rules(document).into_iter().any(|rules| rules.all_offers().next().is_some())
}

/// A condition, and its place.
pub(super) struct Placed<'c> {
    /// The path of the check that it belongs to, or its own in a group.
    of: &'c str,
    /// The number in that check of the formula that it is in.
    index: Option<usize>,
    /// The path from there, through connectives.
    inner: String,
    pub(super) condition: &'c Condition,
}

impl<'c> Placed<'c> {
    /// The path of the condition.
    fn path(&self) -> String {
        match self.index {
            Some(index) => format!("{}/conditions/{index}{}", self.of, self.inner),
            None => format!("{}{}", self.of, self.inner),
        }
    }

    /// The conditions of a formula.
    fn all(of: &'c str, index: Option<usize>, formula: &'c Formula, placed: &mut Vec<Self>) {
        fn below<'c>(
            formula: &'c Formula,
            inner: String,
            see: &mut dyn FnMut(&'c Condition, String),
        ) {
            let (word, formulas) = match formula {
                Formula::One(condition) => return see(condition, inner),
                Formula::Not(formula) => return below(formula, inner + "/not", see),
                Formula::Any(formulas) => ("/any/", formulas),
                Formula::All(formulas) => ("/all/", formulas),
            };
            for (index, formula) in formulas.iter().enumerate() {
                below(formula, [&inner, word, &index.to_string()].concat(), see);
            }
        }
        below(formula, String::new(), &mut |condition, inner| {
            placed.push(Placed { of, index, inner, condition });
        });
    }
}

/// Every condition.
pub(super) fn conditions<'c>(document: &'c Document) -> Vec<Placed<'c>> {
    let mut conditions = Vec::new();
    let mut extend = |checks: &'c Vec<Check>| {
        for check in checks.iter().filter(|check| !check.is_shared) {
            for (index, formula) in check.conditions.iter().enumerate() {
                Placed::all(&check.path, Some(index), formula, &mut conditions);
            }
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
    for check in &document.checks {
        for (index, formula) in check.conditions.iter().enumerate() {
            Placed::all(&check.path, Some(index), formula, &mut conditions);
        }
    }
    for when in document.groups.iter().flat_map(|group| &group.when) {
        Placed::all(&when.path, None, &when.condition, &mut conditions);
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
fn reach_grants(document: &Document, pairs: &mut Pairs, errors: &mut Findings) {
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
    if document.settings.admits_anonymous
        && let [Source::Bearer(bearer)] = &*document.identity
        && bearer.tokens.iter().any(|(_, name)| name == ANONYMOUS)
    {
        errors.error(
            "/identity/0/bearer/tokens/anonymous",
            "names those without a token, whom `settings` admit as `anonymous`; give it another \
             name",
        );
    }
    let names: Vec<Pattern> = match &*document.identity {
        [Source::Bearer(bearer)] => {
            let names = bearer.tokens.iter().map(|(_, name)| Pattern::new(name));
            order::sorted(names.collect(), Ord::cmp)
        }
        _ => Vec::new(),
    };
    for (pattern, grant) in &document.grants {
        let path = format!("/grants/{}", escape(&grant.name));
        if document.settings.admits_anonymous && grant.name == ANONYMOUS {
            continue;
        }
        match &*document.identity {
            [Source::Bearer(_)] => {
                if names.binary_search(pattern).is_ok() {
                    continue;
                }
                let start = pattern.as_str().split('*').next().unwrap_or_default();
                let first = names.partition_point(|name| name.as_str() < start);
                let names = names.iter().skip(first);
                let mut near = names.take_while(|name| name.as_str().starts_with(start));
                if !near.any(|name| pairs.within(name, pattern)) {
                    errors.error(path, "no token of `identity` names a caller that this matches");
                } else if pairs.is_spent() {
                    errors.error(
                        path,
                        "there are too many callers to find one that this matches; have the \
                         patterns of grants begin as the names do",
                    );
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
