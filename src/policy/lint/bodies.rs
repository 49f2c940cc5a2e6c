//! Errors and warnings about the bodies of a policy: which of them applies, and with
//! which others.

use super::{MAX_ASKED, too_many};
use crate::order;
use crate::policy::condition::Root;
use crate::policy::document::{
    Action, AllTools, DefaultAction, Document, Findings, Grant, Group, Limit, Rules, ToolRule,
    Warning, pointer, shorten,
};
use crate::policy::pattern::Pattern;

/// Refuses what a body and the top-level rules that it extends cannot be together: a
/// call that two counters of one name count, or that has too many limits.
pub(super) fn extending(rules: &Rules, base: &Rules, errors: &mut Findings) {
    let replaced =
        order::sorted(rules.tools.iter().map(|(pattern, _)| pattern).collect(), Ord::cmp);
    let inherited = || {
        let tools = base.tools.iter();
        tools.filter(|(pattern, _)| replaced.binary_search(&pattern).is_err()).map(|(_, rule)| rule)
    };
    let all = &rules.all_tools.limits;
    let common = &base.all_tools.limits;
    let mut names: Vec<&Limit> = inherited().flat_map(|rule| &rule.limits).collect();
    names.extend(common);
    same_name(all, &by_counter(names), errors);
    let common_names = by_counter(common.iter().collect());
    for (_, rule) in &rules.tools {
        same_name(&rule.limits, &common_names, errors);
    }
    let asked = inherited().map(|rule| rule.limits.len()).max().unwrap_or_default();
    let asked = asked.saturating_add(all.len()).saturating_add(common.len());
    if asked > MAX_ASKED {
        errors.error(rules.path.clone(), too_many(asked));
    }
}

fn by_counter(limits: Vec<&Limit>) -> Vec<&Limit> {
    order::sorted(limits, |a, b| a.counter.cmp(&b.counter))
}

fn same_name(limits: &[Limit], others: &[&Limit], errors: &mut Findings) {
    for limit in limits {
        let found = others.binary_search_by(|other| other.counter.cmp(&limit.counter));
        if let Some(other) = found.ok().and_then(|at| others.get(at)) {
            errors.error(
                limit.path.clone(),
                format!(
                    "the counter `{}` is also one at {}, which this body extends, and a call could \
                     be under both; give this one another name",
                    shorten(&limit.counter),
                    pointer(&other.path)
                ),
            );
        }
    }
}

/// Refuses groups that no caller comes to.
pub(super) fn reach_groups(document: &Document, errors: &mut Findings) {
    let all = document
        .grants
        .iter()
        .find(|(pattern, grant)| pattern.as_str() == "*" && !grant.rules.validity.is_bounded());
    if let Some((_, grant)) = all.filter(|_| !document.groups.is_empty()) {
        errors.error(
            grant.rules.path.clone(),
            "matches every caller, so no group is ever asked; make its rules those of the top \
             level",
        );
    }
}

/// The warnings about bodies.
pub(super) fn warnings(document: &Document, findings: &mut Findings) {
    let allows =
        |rules: &Rules| rules.default.or(document.rules.default) == Some(DefaultAction::Allow);
    for (pattern, grant) in &document.grants {
        if grant.rules.validity.ends() {
            let next = || after_grant(document, pattern, grant, &allows);
            ends_open(&grant.rules, next, findings);
        }
    }
    for (number, group) in document.groups.iter().enumerate() {
        if group.rules.validity.ends() {
            let later = document.groups.iter().skip(number.saturating_add(1));
            ends_open(&group.rules, || after(document, later, &allows), findings);
        }
    }
    for when in document.groups.iter().flat_map(|group| &group.when) {
        if when.condition.path.root == Root::Headers {
            findings.warning(Warning::GroupByHeader, &|| {
                let message = "a client that can send the header chooses whether it belongs to the \
                               group; have a proxy in front set it, and remove it from what clients \
                               send";
                (when.path.clone(), message.into())
            });
        }
    }
    for group in &document.groups {
        if let Some((path, what)) = narrows(&document.rules, group) {
            findings.warning(Warning::GroupNarrows, &|| {
                let message = format!(
                    "{what}, and the top level does not: a caller without what `when` asks for is \
                     not under it; have the top level deny, and groups allow"
                );
                (path.clone(), message)
            });
        }
    }
}

/// Warns of a body after whose time its callers come under one that allows by default.
fn ends_open(rules: &Rules, next: impl FnOnce() -> Option<String>, findings: &mut Findings) {
    if let Some(next) = next() {
        findings.warning(Warning::EndsOpen, &|| {
            let message = format!(
                "after this, its callers are under {next}, which allows by default; have that \
                 deny, or leave the time out"
            );
            (format!("{}/valid_until", rules.path), message)
        });
    }
}

/// A body with the default `allow` that some callers of a grant come under after its
/// time.
fn after_grant(
    document: &Document,
    pattern: &Pattern,
    grant: &Grant,
    allows: &dyn Fn(&Rules) -> bool,
) -> Option<String> {
    let others = || document.grants.iter().filter(|(_, other)| !core::ptr::eq(other, grant));
    let open = others().find(|(other, next)| allows(&next.rules) && pattern.overlaps(other));
    if let Some((_, next)) = open {
        return Some(format!("`{}`", pointer(&next.rules.path)));
    }
    let covered =
        others().any(|(other, next)| pattern.is_within(other) && !next.rules.validity.is_bounded());
    if covered { None } else { after(document, document.groups.iter(), allows) }
}

/// A body with the default `allow` that callers come under whom these groups alone may
/// have.
fn after<'d>(
    document: &Document,
    mut groups: impl Iterator<Item = &'d Group>,
    allows: &dyn Fn(&Rules) -> bool,
) -> Option<String> {
    match groups.find(|group| allows(&group.rules)) {
        Some(group) => Some(format!("the group `{}`", shorten(&group.name))),
        None => allows(&document.rules).then(|| "the top-level rules".into()),
    }
}

/// A part of a group that denies what the top level does not, and its path.
fn narrows(top: &Rules, group: &Group) -> Option<(String, &'static str)> {
    let Group { rules, .. } = group;
    let path = &rules.path;
    let top_allows = top.default == Some(DefaultAction::Allow);
    if top_allows && rules.default == Some(DefaultAction::Deny) {
        return Some((format!("{path}/default"), "denies by default"));
    }
    let hidden = rules.hide.iter().find(|hidden| !top.hide.iter().any(|all| hidden.is_within(all)));
    if hidden.is_some() {
        return Some((format!("{path}/hide"), "hides tools"));
    }
    let denies = |rule: &ToolRule| rule.action == Action::Deny;
    let allowed = |pattern: &Pattern| {
        let within = top.tools.iter().any(|(all, rule)| denies(rule) && pattern.is_within(all));
        let open = top.tools.iter().any(|(other, rule)| !denies(rule) && pattern.overlaps(other));
        open || (top_allows && !within)
    };
    let denied = rules.tools.iter().find(|(pattern, rule)| denies(rule) && allowed(pattern));
    if let Some((_, rule)) = denied {
        return Some((rule.path.clone(), "denies calls"));
    }
    let AllTools { require, deny_if, approve_if, limits } = &rules.all_tools;
    let asks = !(require.is_empty() && deny_if.is_empty() && approve_if.is_empty());
    let adds = rules.extends && (asks || !limits.is_empty());
    adds.then(|| (format!("{path}/all_tools"), "asks more of every call"))
}
