//! Errors and warnings about rules for prompts and resources.

use super::overlaps::{Acting, overlapping};
use super::pairs::Pairs;
use super::{all_rules, base, limits};
use crate::policy::document::{
    Action, DefaultAction, Document, Findings, Group, OfferRule, Offers, Rules, Warning,
};
use crate::policy::pattern::Pattern;
use crate::wire::mcp::OfferKind;

type Entry = (Pattern, OfferRule);

/// Refuses bodies that would open what the top level closes: a body without rules for a
/// kind of offers lets all of them pass.
pub(super) fn errors(document: &Document, errors: &mut Findings) {
    for rules in all_rules(document).into_iter().skip(1) {
        for kind in OfferKind::ALL {
            let (key, what) = (kind.key(), kind.as_str());
            match (document.rules.offers(kind), rules.offers(kind)) {
                (Some(_), None) if !rules.extends => errors.error(
                    rules.path.clone(),
                    format!(
                        "`{key}` is missing: the top level has it, and without it the callers of \
                         this body would get every {what}; add it, or `\"extends\": \"top\"`"
                    ),
                ),
                (None, Some(Offers { default: None, path, .. })) => errors.error(
                    path.clone(),
                    format!("`default` is missing: the top level has no `{key}` with one"),
                ),
                _ => {}
            }
        }
    }
    for offers in all_rules(document).into_iter().flat_map(Rules::all_offers) {
        for (_, rule) in &offers.rules {
            limits::weigh_alike(&rule.limits, &[], errors);
        }
    }
}

/// The warnings about all of them.
pub(super) fn warnings(document: &Document, pairs: &mut Pairs, findings: &mut Findings) {
    for rules in all_rules(document) {
        for offers in rules.all_offers() {
            let top = base(document, rules).and_then(|top| top.offers(offers.kind));
            for (_, rule) in &offers.rules {
                unseen(rule, findings);
            }
            overlaps(offers, pairs, findings);
            if offers.kind == OfferKind::Resource {
                other_uris(offers, top, pairs, findings);
            }
        }
    }
}

fn denies((_, rule): &&Entry) -> bool {
    rule.action == DefaultAction::Deny
}

/// Parts of an entry that its action makes useless.
fn unseen(rule: &OfferRule, findings: &mut Findings) {
    if rule.reason.is_some() && rule.action == DefaultAction::Allow {
        findings.warn(
            Warning::UnseenReason,
            &[&rule.path, "/reason"],
            "is shown only with the action `deny`",
        );
    }
    if !rule.limits.is_empty() && rule.action == DefaultAction::Deny {
        findings.warn(
            Warning::NeverAsked,
            &[&rule.path],
            "denies in any case, so its limits are never asked",
        );
    }
}

fn overlaps(offers: &Offers, pairs: &mut Pairs, findings: &mut Findings) {
    let entries = offers.rules.iter().map(|(pattern, rule)| {
        let action = match rule.action {
            DefaultAction::Allow => Action::Allow,
            DefaultAction::Deny => Action::Deny,
        };
        Acting { pattern, name: &rule.name, path: &rule.path, action: (action, false) }
    });
    overlapping(entries.collect(), pairs, findings);
}

/// Denials of resources that another URI of the same resource gets past.
fn other_uris(offers: &Offers, top: Option<&Offers>, pairs: &mut Pairs, findings: &mut Findings) {
    const MESSAGE: &str = "other URIs may lead to the same resource, such as one with a query or \
                           in another case, and get past this; have `default` deny, and entries \
                           that name what is good";
    let default = offers.default.or(top.and_then(|top| top.default));
    let is_open = default == Some(DefaultAction::Allow);
    let allows: Vec<&Pattern> = offers
        .rules
        .iter()
        .chain(top.iter().flat_map(|top| &top.rules))
        .filter(|(pattern, rule)| rule.action == DefaultAction::Allow && !pattern.is_exact())
        .map(|(pattern, _)| pattern)
        .collect();
    let mut is_inside = |pattern: &Pattern| {
        is_open || allows.iter().any(|open| pairs.within(pattern, open)) && !pairs.is_spent()
    };
    if offers.hide.iter().any(&mut is_inside) {
        findings.warn(Warning::OtherNames, &[&offers.path, "/hide"], MESSAGE);
    }
    for (pattern, rule) in offers.rules.iter().filter(denies) {
        if is_inside(pattern) {
            findings.warn(Warning::OtherNames, &[&rule.path], MESSAGE);
        }
    }
}

/// A part of a group that denies prompts or resources which the top level does not, and
/// its path.
pub(super) fn narrows(
    top: &Rules,
    group: &Group,
    pairs: &mut Pairs,
) -> Option<(String, &'static str)> {
    group.rules.all_offers().find_map(|own| {
        let top = top.offers(own.kind);
        let is_open = top.is_none_or(|top| top.default == Some(DefaultAction::Allow));
        if is_open && own.default == Some(DefaultAction::Deny) {
            return Some((format!("{}/default", own.path), "denies by default"));
        }
        let hidden = top.map(|top| &*top.hide).unwrap_or_default();
        if own.hide.iter().any(|one| !hidden.iter().any(|all| pairs.within(one, all))) {
            return Some((format!("{}/hide", own.path), "hides some"));
        }
        let rules = top.map(|top| &*top.rules).unwrap_or_default();
        let mut allowed = |pattern: &Pattern| {
            let mut allowing = rules.iter().filter(|entry| !denies(entry));
            let mut denying = rules.iter().filter(denies);
            allowing.any(|(other, _)| pairs.overlap(pattern, other))
                || (is_open && !denying.any(|(other, _)| pairs.within(pattern, other)))
        };
        let denied = own.rules.iter().filter(denies).find(|(pattern, _)| allowed(pattern));
        denied.map(|(_, rule)| (rule.path.clone(), "denies some"))
    })
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The places and beginnings of the warnings about a policy with these keys.
    fn warnings(rest: &str) -> Vec<String> {
        let policy = format!(
            r#"{{"version": "1", "default": "deny", "identity": [{{"header": "x-id"}}],
            "settings": {{"paths": ["/mcp"]}}, {rest}}}"#
        );
        let policy = Policy::parse(policy.as_bytes(), "");
        let policy = policy.unwrap_or_else(|errors| panic!("{errors:?}"));
        let told = |one: &crate::policy::document::Finding| {
            let words: Vec<&str> = one.message.split(' ').take(2).collect();
            format!("{}: {}", one.path, words.join(" "))
        };
        policy.warnings.iter().map(told).collect()
    }

    #[test]
    fn what_an_action_makes_useless_is_told() {
        let rest = r#""prompts": {"default": "deny", "rules": {
            "a": {"reason": "r"}, "b": {"action": "deny", "rate_limit": "1/minute"},
            "c*": {}, "*d": {"action": "deny", "reason": "r"}, "e": {"rate_limit": "1/day"}}}"#;
        assert_eq!(
            warnings(rest),
            [
                "/prompts/rules/e/rate_limit: a window",
                "/prompts/rules/a/reason: is shown",
                "/prompts/rules/b: denies in",
                "/prompts/rules/c*: overlaps with",
            ]
        );
        let rest = r#""prompts": {"default": "allow", "rules": {"a": {"limits": [
            {"counter": "c", "window": "minute", "max": 1, "per": ["headers.x-a"]}]}}}"#;
        assert_eq!(warnings(rest), ["/prompts/rules/a/limits/0/per: a client"]);
    }

    #[test]
    fn a_denial_of_a_resource_within_what_is_allowed_is_told() {
        for (offers, expected) in [
            (
                r#""default": "deny", "hide": ["a:*"], "rules": {"b:*": {"action": "deny"}}"#,
                &[][..],
            ),
            (
                r#""default": "deny", "rules": {"b:*": {}, "b:c": {"action": "deny"}}"#,
                &["rules/b:c"],
            ),
            (r#""default": "deny", "rules": {"b:c": {}, "b:*": {"action": "deny"}}"#, &[]),
            (r#""default": "deny", "hide": ["b:c"], "rules": {"b:*": {}}"#, &["hide"]),
            (r#""default": "allow", "hide": ["b:c"]"#, &["hide"]),
            (r#""default": "allow", "rules": {"b:c": {"action": "deny"}}"#, &["rules/b:c"]),
        ] {
            let expected: Vec<String> =
                expected.iter().map(|place| format!("/resources/{place}: other URIs")).collect();
            assert_eq!(warnings(&format!(r#""resources": {{{offers}}}"#)), expected, "{offers}");
            // Of prompts there is one name each.
            assert_eq!(warnings(&format!(r#""prompts": {{{offers}}}"#)), [""; 0], "{offers}");
        }
    }

    #[test]
    fn a_group_that_denies_what_the_top_does_not_is_told() {
        let top =
            r#""default": "deny", "hide": ["h*"], "rules": {"a": {}, "b": {"action": "deny"}}"#;
        for (top, group, expected) in [
            ("", r#""default": "deny""#, Some("default")),
            ("", r#""default": "allow""#, None),
            ("", r#""default": "allow", "hide": ["x"]"#, Some("hide")),
            ("", r#""default": "allow", "rules": {"x": {"action": "deny"}}"#, Some("rules/x")),
            (top, r#""default": "deny""#, None),
            (top, r#""default": "deny", "hide": ["ha"]"#, None),
            (top, r#""default": "deny", "hide": ["x"]"#, Some("hide")),
            (top, r#""default": "deny", "rules": {"b": {"action": "deny"}}"#, None),
            (top, r#""default": "deny", "rules": {"a": {"action": "deny"}}"#, Some("rules/a")),
        ] {
            let top = match top {
                "" => String::new(),
                top => format!(r#""prompts": {{{top}}}, "#),
            };
            let rest = format!(
                r#"{top}"groups": [{{"name": "g", "default": "deny", "prompts": {{{group}}},
                "when": [{{"path": "claims.team", "op": "eq", "value": "a"}}]}}]"#
            );
            let all = warnings(&rest);
            let found: Vec<&str> = all
                .iter()
                .filter_map(|line| line.strip_prefix("/groups/0/prompts/")?.split(':').next())
                .collect();
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{top} {group}");
        }
    }
}
