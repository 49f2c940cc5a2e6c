//! Errors and warnings about the bodies of a policy: which of them applies, and with
//! which others.

use super::limits::{MAX_ASKED, too_many};
use super::pairs::Pairs;
use crate::order;
use crate::policy::condition::Root;
use crate::policy::document::{
    Action, AllTools, DefaultAction, Document, Findings, Group, Limit, Rules, ToolRule, Warning,
    pointer, shorten,
};
use crate::policy::pattern::Pattern;

/// A limit, with the entry of `tools` that has it: none where it is one of all tools.
type InEntry<'d> = (&'d Limit, Option<&'d Entry>);
type Entry = (Pattern, ToolRule);

/// The limits of the top-level rules, ordered once for all bodies that extend them.
pub(super) struct Base<'d> {
    rules: &'d Rules,
    /// By their counters.
    limits: Vec<InEntry<'d>>,
    /// Those with the most limits first.
    entries: Vec<&'d Entry>,
}

impl<'d> Base<'d> {
    pub(super) fn new(rules: &'d Rules) -> Self {
        let entries: Vec<_> =
            rules.tools.iter().filter(|(_, rule)| !rule.limits.is_empty()).collect();
        let limits = placed(entries.iter().copied(), &rules.all_tools.limits);
        Self {
            rules,
            limits: order::sorted(limits, |(a, _), (b, _)| a.counter.cmp(&b.counter)),
            entries: order::sorted(entries, |(_, a), (_, b)| b.limits.len().cmp(&a.limits.len())),
        }
    }
}

/// Refuses what a body and the top-level rules that it extends cannot be together: a
/// call that two counters of one name count, or that has too many limits.
pub(super) fn extending(rules: &Rules, base: &Base<'_>, pairs: &mut Pairs, errors: &mut Findings) {
    // Of many bodies, most have no limit. Then the limits are those of the top level.
    if super::limits(rules).is_empty() {
        return;
    }
    // An entry in shadow replaces one in shadow alone.
    let replaced = order::sorted(rules.tools.iter().map(key).collect(), Ord::cmp);
    let is_replaced = |entry: &Entry| replaced.binary_search(&key(entry)).is_ok();
    for limit in placed(rules.tools.iter(), &rules.all_tools.limits) {
        same_name(limit, &base.limits, &is_replaced, pairs, errors);
    }
    let inherited = base.entries.iter().find(|entry| !is_replaced(entry));
    let asked = inherited.map(|(_, rule)| rule.limits.len()).unwrap_or_default();
    let common = base.rules.all_tools.limits.len();
    let asked = asked.saturating_add(rules.all_tools.limits.len()).saturating_add(common);
    if asked > MAX_ASKED {
        errors.error(rules.path.clone(), too_many(asked));
    }
}

fn key((pattern, rule): &Entry) -> (&Pattern, bool) {
    (pattern, rule.shadow)
}

/// The limits of entries, after those of all tools.
fn placed<'d>(entries: impl Iterator<Item = &'d Entry>, all: &'d [Limit]) -> Vec<InEntry<'d>> {
    let own = entries.flat_map(|entry| entry.1.limits.iter().map(move |one| (one, Some(entry))));
    all.iter().map(|limit| (limit, None)).chain(own).collect()
}

fn same_name(
    (limit, entry): InEntry<'_>,
    others: &[InEntry<'_>],
    is_replaced: &dyn Fn(&Entry) -> bool,
    pairs: &mut Pairs,
    errors: &mut Findings,
) {
    let first = others.partition_point(|(other, _)| other.counter < limit.counter);
    let mut same =
        others.iter().skip(first).take_while(|(other, _)| other.counter == limit.counter);
    let met = same.find(|(_, other)| match other {
        Some(other) => meet(entry, other, pairs) && (pairs.is_spent() || !is_replaced(other)),
        None => true,
    });
    let Some((other, _)) = met else { return };
    let (counter, other) = (shorten(&limit.counter), pointer(&other.path));
    let message = match pairs.is_spent() {
        false => format!(
            "the counter `{counter}` is also one at {other}, which this body extends, and a call \
             could be under both; give this one another name"
        ),
        true => format!(
            "the counter `{counter}` is also one at {other}, which this body extends, and there \
             are too many of that name to compare their tools; give this one another name"
        ),
    };
    errors.error(limit.path.clone(), message);
}

/// Whether a call may come under the limits of an entry of a body and of one that it
/// inherits: only if one of them is in shadow, since one alone decides. All may once the
/// budget is spent.
fn meet(own: Option<&Entry>, (other, inherited): &Entry, pairs: &mut Pairs) -> bool {
    match own {
        Some((_, rule)) if rule.shadow == inherited.shadow => !pairs.take(1),
        Some((own, _)) => pairs.overlap(own, other),
        None => true,
    }
}

/// Refuses groups that no caller comes to. Those without a credential come to them
/// past every pattern of grants.
pub(super) fn reach_groups(document: &Document, errors: &mut Findings) {
    if document.settings.admits_anonymous {
        return;
    }
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
pub(super) fn warnings(document: &Document, pairs: &mut Pairs, findings: &mut Findings) {
    super::ending::warnings(document, pairs, findings);
    for when in document.groups.iter().flat_map(|group| &group.when) {
        if when.condition.paths().iter().any(|path| path.root == Root::Headers) {
            let message = "a client that can send the header chooses whether it belongs to the \
                           group; have a proxy in front set it, and remove it from what clients \
                           send";
            findings.warn(Warning::GroupByHeader, &[&when.path], message);
        }
    }
    for group in &document.groups {
        let tools = narrows(&document.rules, group, pairs);
        let narrows = tools.or_else(|| super::offers::narrows(&document.rules, group, pairs));
        if let Some((path, what)) = narrows
            && !pairs.is_spent()
        {
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

/// A part of a group that denies what the top level does not, and its path. Nothing is
/// meant where the budget is spent.
fn narrows(top: &Rules, group: &Group, pairs: &mut Pairs) -> Option<(String, &'static str)> {
    let Group { rules, .. } = group;
    let path = &rules.path;
    let top_allows = top.default == Some(DefaultAction::Allow);
    if top_allows && rules.default == Some(DefaultAction::Deny) {
        return Some((format!("{path}/default"), "denies by default"));
    }
    let mut shows = |hidden: &Pattern| !top.hide.iter().any(|all| pairs.within(hidden, all));
    if rules.hide.iter().any(&mut shows) {
        return Some((format!("{path}/hide"), "hides tools"));
    }
    // One in shadow denies nothing, and lets calls go on that no other matches.
    let denies = |rule: &ToolRule| rule.action == Action::Deny && !rule.shadow;
    let mut allowed = |pattern: &Pattern| {
        let mut all = top.tools.iter();
        let open = all.any(|(other, rule)| match denies(rule) {
            true => !pairs.take(1),
            false => pairs.overlap(pattern, other),
        });
        let mut all = top.tools.iter();
        open || (top_allows && !all.any(|(all, rule)| denies(rule) && pairs.within(pattern, all)))
    };
    let denied = rules.tools.iter().find(|(pattern, rule)| denies(rule) && allowed(pattern));
    if let Some((_, rule)) = denied {
        return Some((rule.path.clone(), "denies calls"));
    }
    let AllTools { require, deny_if, approve_if, limits } = &rules.all_tools;
    let mut checks = require.iter().chain(deny_if).chain(approve_if);
    let asks = checks.any(|check| !check.shadow) || limits.iter().any(|limit| !limit.shadow);
    let adds = rules.extends && asks;
    adds.then(|| (format!("{path}/all_tools"), "asks more of every call"))
}

#[cfg(test)]
mod tests {
    use crate::policy::lint::warned::{WHEN, of as warnings};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_group_that_is_narrower_than_the_top_is_told() {
        let top = r#""hide": ["h*"], "tools": {"a": {}, "d*": {"action": "deny"}, "da": {}}"#;
        let check = r#"[{"conditions": []}]"#;
        for (default, group, place) in [
            ("deny", r#""default": "deny""#.to_owned(), None),
            ("allow", r#""default": "deny""#.into(), Some("default")),
            ("allow", r#""extends": "top""#.into(), None),
            ("deny", r#""default": "allow", "hide": ["ha", "h*b"]"#.into(), None),
            ("deny", r#""default": "allow", "hide": ["ha", "a"]"#.into(), Some("hide")),
            ("deny", r#""extends": "top", "tools": {"x": {"action": "deny"}}"#.into(), None),
            (
                "deny",
                r#""extends": "top", "tools": {"a": {"action": "deny"}}"#.into(),
                Some("tools/a"),
            ),
            (
                "deny",
                r#""extends": "top", "tools": {"*": {"action": "deny"}}"#.into(),
                Some("tools/*"),
            ),
            ("deny", r#""extends": "top", "tools": {"db": {"action": "deny"}}"#.into(), None),
            ("allow", r#""extends": "top", "tools": {"db": {"action": "deny"}}"#.into(), None),
            (
                "allow",
                r#""extends": "top", "tools": {"x": {"action": "deny"}}"#.into(),
                Some("tools/x"),
            ),
            (
                "deny",
                format!(r#""extends": "top", "all_tools": {{"deny_if": {check}}}"#),
                Some("all_tools"),
            ),
            ("deny", format!(r#""default": "deny", "all_tools": {{"deny_if": {check}}}"#), None),
        ] {
            let rest = format!(r#"{top}, "groups": [{{"name": "g", {WHEN}, {group}}}]"#);
            let all = warnings(default, &rest);
            let found = all.iter().find(|line| line.contains("and the top level does not"));
            let found = found.and_then(|line| line.strip_prefix("/groups/0/")?.split(':').next());
            assert_eq!(found, place, "{default} {group}");
        }
    }
}
