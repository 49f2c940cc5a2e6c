//! Errors and warnings about the bodies of a policy: which of them applies, and with
//! which others.

use super::limits::{MAX_ASKED, too_many};
use crate::order;
use crate::policy::caller::ANONYMOUS;
use crate::policy::condition::Root;
use crate::policy::document::{
    Action, AllTools, DefaultAction, Document, Findings, Grant, Group, Limit, Mode, Rules,
    ToolRule, Warning, pointer, shorten,
};
use crate::policy::pattern::Pattern;

/// A limit, with the entry of `tools` that has it: none where it is one of all tools.
type InEntry<'d> = (&'d Limit, Option<&'d (Pattern, ToolRule)>);

/// Refuses what a body and the top-level rules that it extends cannot be together: a
/// call that two counters of one name count, or that has too many limits.
pub(super) fn extending(rules: &Rules, base: &Rules, errors: &mut Findings) {
    // Of many bodies, most have no limit. Then the limits are those of the top level.
    if super::limits(rules).is_empty() {
        return;
    }
    // An entry in shadow replaces one in shadow alone.
    let replaced = order::sorted(rules.tools.iter().map(key).collect(), Ord::cmp);
    let inherited =
        || base.tools.iter().filter(|entry| replaced.binary_search(&key(entry)).is_err());
    let others = placed(inherited(), &base.all_tools.limits);
    let others = order::sorted(others, |(a, _), (b, _)| a.counter.cmp(&b.counter));
    for limit in placed(rules.tools.iter(), &rules.all_tools.limits) {
        same_name(limit, &others, errors);
    }
    let asked = inherited().map(|(_, rule)| rule.limits.len()).max().unwrap_or_default();
    let all = rules.all_tools.limits.len().saturating_add(base.all_tools.limits.len());
    let asked = asked.saturating_add(all);
    if asked > MAX_ASKED {
        errors.error(rules.path.clone(), too_many(asked));
    }
}

fn key((pattern, rule): &(Pattern, ToolRule)) -> (&Pattern, bool) {
    (pattern, rule.shadow)
}

/// The limits of entries, after those of all tools.
fn placed<'d>(
    entries: impl Iterator<Item = &'d (Pattern, ToolRule)>,
    all: &'d [Limit],
) -> Vec<InEntry<'d>> {
    let own = entries.flat_map(|entry| entry.1.limits.iter().map(move |one| (one, Some(entry))));
    all.iter().map(|limit| (limit, None)).chain(own).collect()
}

fn same_name((limit, entry): InEntry<'_>, others: &[InEntry<'_>], errors: &mut Findings) {
    let first = others.partition_point(|(other, _)| other.counter < limit.counter);
    let mut same =
        others.iter().skip(first).take_while(|(other, _)| other.counter == limit.counter);
    if let Some((other, _)) = same.find(|(_, other)| meet(entry, *other)) {
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

/// Whether a call may come under the limits of an entry of a body and of one that it
/// inherits: only if one of them is in shadow, since one alone decides.
fn meet(own: Option<&(Pattern, ToolRule)>, inherited: Option<&(Pattern, ToolRule)>) -> bool {
    match (own, inherited) {
        (Some((own, rule)), Some((other, inherited))) => {
            rule.shadow != inherited.shadow && own.overlaps(other)
        }
        _ => true,
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
pub(super) fn warnings(document: &Document, findings: &mut Findings) {
    let allows = |rules: &Rules| match rules.default.or(document.rules.default) {
        Some(DefaultAction::Allow) => Some("allows by default"),
        _ => (rules.mode == Mode::Shadow).then_some("is in shadow mode"),
    };
    for (pattern, grant) in &document.grants {
        if grant.rules.validity.ends() {
            ends_open(&grant.rules, after_grant(document, pattern, grant, &allows), findings);
        }
    }
    for (number, group) in document.groups.iter().enumerate() {
        if group.rules.validity.ends() {
            let later = document.groups.iter().skip(number.saturating_add(1));
            ends_open(&group.rules, after(document, later, &allows), findings);
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

/// A body that lets calls go on by default, and the reason for which it does.
type Open = (String, &'static str);
/// A search for that reason.
type Opens<'a> = dyn Fn(&Rules) -> Option<&'static str> + 'a;

/// Warns of a body after whose time its callers come under an open one.
fn ends_open(rules: &Rules, next: Option<Open>, findings: &mut Findings) {
    if let Some((next, why)) = next {
        findings.warning(Warning::EndsOpen, &|| {
            let message = format!(
                "after this, its callers are under {next}, which {why}; have that deny, or leave \
                 the time out"
            );
            (format!("{}/valid_until", rules.path), message)
        });
    }
}

/// An open body that some callers of a grant come under after its time.
fn after_grant(
    document: &Document,
    pattern: &Pattern,
    grant: &Grant,
    allows: &Opens<'_>,
) -> Option<Open> {
    // Those without a credential are under no pattern of another grant.
    let is_of_strangers = document.settings.admits_anonymous && pattern.as_str() == ANONYMOUS;
    let others = || {
        let grants = document.grants.iter().filter(|_| !is_of_strangers);
        grants.filter(|(_, other)| !core::ptr::eq(other, grant))
    };
    let mut open = others().filter_map(|(other, next)| Some((other, next, allows(&next.rules)?)));
    if let Some((_, next, why)) = open.find(|(other, ..)| pattern.overlaps(other)) {
        return Some((format!("`{}`", pointer(&next.rules.path)), why));
    }
    let covered =
        others().any(|(other, next)| pattern.is_within(other) && !next.rules.validity.is_bounded());
    if covered { None } else { after(document, document.groups.iter(), allows) }
}

/// An open body that callers come under whom these groups alone may have.
fn after<'d>(
    document: &Document,
    groups: impl Iterator<Item = &'d Group>,
    allows: &Opens<'_>,
) -> Option<Open> {
    let mut open = groups.filter_map(|group| Some((group, allows(&group.rules)?)));
    match open.next() {
        Some((group, why)) => Some((format!("the group `{}`", shorten(&group.name)), why)),
        None => Some(("the top-level rules".into(), allows(&document.rules)?)),
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
    // One in shadow denies nothing, and lets calls go on that no other matches.
    let denies = |rule: &ToolRule| rule.action == Action::Deny && !rule.shadow;
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
    let mut checks = require.iter().chain(deny_if).chain(approve_if);
    let asks = checks.any(|check| !check.shadow) || limits.iter().any(|limit| !limit.shadow);
    let adds = rules.extends && asks;
    adds.then(|| (format!("{path}/all_tools"), "asks more of every call"))
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The warnings about a policy with this default and these other keys.
    fn warnings(default: &str, rest: &str) -> Vec<String> {
        let policy = format!(
            r#"{{"version": "1", "default": "{default}", "identity": [{{"header": "x-id"}}],
            "settings": {{"paths": ["/mcp"]}}, {rest}}}"#
        );
        let policy = Policy::parse(policy.as_bytes(), "");
        let policy = policy.unwrap_or_else(|errors| panic!("{errors:?}"));
        policy.warnings.iter().map(ToString::to_string).collect()
    }

    const END: &str = r#""valid_until": "2030-01-01T00:00:00Z""#;
    const WHEN: &str = r#""when": [{"path": "claims.team", "op": "eq", "value": "a"}]"#;

    #[test]
    fn a_body_that_ends_is_told_where_what_follows_is_open() {
        let other = |name: &str, rest: &str| {
            format!(
                r#""grants": {{"ci-main": {{"default": "deny", {END}}}, "{name}": {{{rest}}}}}"#
            )
        };
        let group = |default: &str| {
            format!(r#", "groups": [{{"name": "g", {WHEN}, "default": "{default}"}}]"#)
        };
        let deny = r#""default": "deny""#;
        let allow = r#""default": "allow""#;
        let top = "the top-level rules";
        for (default, rest, next) in [
            ("deny", other("x", deny), None),
            ("allow", other("x", deny), Some(top)),
            ("deny", other("x", allow), None),
            ("deny", other("ci-*", allow), Some("`/grants/ci-*`")),
            ("deny", other("*n", allow), Some("`/grants/*n`")),
            ("allow", other("ci-*", deny), None),
            ("allow", other("ci-*", r#""extends": "top""#), Some("`/grants/ci-*`")),
            ("allow", other("ci-*", &format!("{deny}, {END}")), Some(top)),
            ("deny", other("x", deny) + &group("allow"), Some("the group `g`")),
            ("deny", other("x", deny) + &group("deny"), None),
            ("allow", other("*", &format!("{deny}, {END}")) + &group("deny"), Some(top)),
        ] {
            let all = warnings(default, &rest);
            let found =
                all.iter().find_map(|line| line.strip_prefix("/grants/ci-main/valid_until: "));
            let expected = next.map(|next| {
                format!(
                    "after this, its callers are under {next}, which allows by default; have that \
                     deny, or leave the time out"
                )
            });
            assert_eq!(found.map(str::to_owned), expected, "{default} {rest}");
        }
    }

    #[test]
    fn a_body_that_ends_is_told_where_what_follows_is_in_shadow_mode() {
        let grants = |mode: &str| {
            format!(
                r#""mode": "{mode}", "grants": {{"a": {{"default": "deny", "mode": "enforce", {END}}}}}"#
            )
        };
        assert!(warnings("deny", &grants("enforce")).is_empty());
        assert_eq!(
            warnings("deny", &grants("shadow")),
            [
                "/grants/a/valid_until: after this, its callers are under the top-level rules, which \
              is in shadow mode; have that deny, or leave the time out"
            ]
        );
    }

    #[test]
    fn those_without_a_credential_are_under_no_pattern_of_grants() {
        let policy = |name: &str| {
            // They come to a group behind a grant for everybody else.
            let policy = format!(
                r#"{{"version": "1", "default": "allow", "identity": [{{"header": "x-id"}}],
                "settings": {{"paths": ["/mcp"], "anonymous": "allow"}},
                "grants": {{"*": {{"default": "deny"}}, "{name}": {{"default": "deny", {END}}}}},
                "groups": [{{"name": "g", {WHEN}, "default": "allow"}}]}}"#
            );
            let policy = Policy::parse(policy.as_bytes(), "").unwrap();
            policy.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            policy("anonymous"),
            ["/grants/anonymous/valid_until: after this, its callers are under the group `g`, \
                 which allows by default; have that deny, or leave the time out"]
        );
        assert!(policy("ann").is_empty());
    }

    #[test]
    fn a_group_that_ends_is_told_by_the_groups_behind_it() {
        let groups = |first: &str, second: &str| {
            format!(
                r#""groups": [{{"name": "a", {WHEN}, "default": "{first}"}},
                {{"name": "b", {WHEN}, "default": "deny", {END}}},
                {{"name": "c", {WHEN}, "default": "{second}"}}]"#
            )
        };
        assert!(warnings("deny", &groups("allow", "deny")).is_empty());
        assert_eq!(
            warnings("deny", &groups("deny", "allow")),
            [
                "/groups/1/valid_until: after this, its callers are under the group `c`, which allows \
              by default; have that deny, or leave the time out"
            ]
        );
    }

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
