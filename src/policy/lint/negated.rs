//! Warnings of requirements that a call meets by leaving a value out: absence makes a
//! condition false, and `not` makes it true.

use super::approvals::{demanded, demands};
use crate::order;
use crate::policy::condition::{Condition, Formula, Root};
use crate::policy::document::{Check, Document, Findings, Rules, Warning};

/// Warns of conditions under `not` whose values nothing else demands: in `require`, in
/// `approver_require`, and in the `when` of a group.
pub(super) fn warnings(document: &Document, all_rules: &[&Rules], findings: &mut Findings) {
    let of_base = demanded(&document.rules.all_tools.require);
    for rules in all_rules {
        let of_base = if rules.extends { &*of_base } else { &[] };
        let common = demanded(&rules.all_tools.require);
        for (_, rule) in &rules.tools {
            let own = demanded(&rule.require);
            absent(&rule.require, &[&own, &common, of_base], findings);
        }
        absent(&rules.all_tools.require, &[&common, of_base], findings);
    }
    for group in &document.groups {
        let mut paths = Vec::new();
        group.when.iter().for_each(|when| demands(&when.condition, &mut paths));
        let own = order::sorted(paths, Ord::cmp);
        for when in &group.when {
            without(&when.condition, &when.path, &[&own], findings);
        }
    }
    if let Some(approvals) = &document.settings.approvals {
        let own = demanded(&approvals.approver_require);
        absent(&approvals.approver_require, &[&own], findings);
    }
}

fn absent(checks: &[Check], demands: &[&[&str]], findings: &mut Findings) {
    for check in checks {
        for formula in check.conditions.iter() {
            without(formula, &check.path, demands, findings);
        }
    }
}

/// Warns of one formula, which is part of what is at `place`.
fn without(formula: &Formula, place: &str, demands: &[&[&str]], findings: &mut Findings) {
    let mut see = |condition: &Condition| {
        let path = condition.path.as_str();
        // Where the list is there, so is each of its elements.
        let value = path.strip_suffix("[*]").unwrap_or(path);
        let can_be_absent =
            matches!(condition.path.root, Root::Args | Root::Claims | Root::Headers);
        let is_in = |paths: &[&str], one: &str| paths.binary_search(&one).is_ok();
        let demanded = demands.iter().any(|paths| is_in(paths, path) || is_in(paths, value));
        if can_be_absent && !demanded && !condition.test.is_about_presence() {
            findings.warning(Warning::NegatedAbsence, &|| {
                let message = format!(
                    "`not` holds for a call without `{path}`; require with `exists` that it is there"
                );
                (place.to_owned(), message)
            });
        }
    };
    formula.visit(false, &mut |condition, negated| {
        if negated {
            see(condition);
        }
    });
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// The warnings about a tool with these requirements, in a policy with these keys too.
    fn warnings(require: &str, rest: &str) -> Vec<String> {
        let policy = format!(
            r#"{{"version": "1", "default": "deny", "settings": {{"paths": ["/mcp"]}},
            "tools": {{"t": {{"require": {require}}}}}{rest}}}"#
        );
        let policy = Policy::parse(policy.as_bytes(), "");
        let policy = policy.unwrap_or_else(|errors| panic!("{errors:?}"));
        policy.warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_requirement_that_absence_meets_is_told() {
        let x = r#"{"path": "args.x", "op": "eq", "value": 1}"#;
        let tool = r#"{"path": "tool", "op": "eq", "value": "u"}"#;
        let there = r#"{"path": "args.x", "op": "exists", "value": true}"#;
        let gone = r#"{"not": {"path": "args.x", "op": "exists", "value": true}}"#;
        let not = |inner: &str| format!(r#"{{"not": {inner}}}"#);
        let check = |inner: &str| format!(r#"{{"conditions": [{inner}]}}"#);
        let all = |inner: &str| format!(r#", "all_tools": {{"require": [{}]}}"#, check(inner));
        let any = format!(r#"{{"any": [{}, {there}]}}"#, not(x));
        let every = format!(r#"{{"all": [{}, {there}]}}"#, not(x));
        for (conditions, rest, told) in [
            (x.to_owned(), String::new(), false),
            (not(x), String::new(), true),
            (not(&not(x)), String::new(), false),
            (not(&format!(r#"{{"all": [{x}, {tool}]}}"#)), String::new(), true),
            (not(tool), String::new(), false),
            (gone.to_owned(), String::new(), false),
            (any, String::new(), true),
            (every, String::new(), false),
            (not(x), all(there), false),
            (not(x), all(&there.replace("true", "false")), true),
            (format!("{there}, {}", not(&x.replace("args.x", "args.x[*]"))), String::new(), false),
            (format!("{there}, {}", not(&x.replace("args.x", "args.x[*].y"))), String::new(), true),
        ] {
            let found = warnings(&format!("[{}]", check(&conditions)), &rest);
            assert_eq!(!found.is_empty(), told, "{conditions} {rest}: {found:?}");
            assert!(found.iter().all(|line| line.starts_with("/tools/t/require/0: `not` holds")));
        }
        let shared = format!(r#", "checks": {{"c": {}}}"#, check(&not(x)));
        let found = warnings(r#"[{"use": "c"}]"#, &shared);
        assert_eq!(
            found,
            [
                "/tools/t/require/0: `not` holds for a call without `args.x`; require with `exists` that \
              it is there"
            ]
        );
        // In `deny_if` a call without it is denied.
        let denies = format!(r#", "all_tools": {{"deny_if": [{}]}}"#, check(&not(x)));
        assert!(warnings("[]", &denies).is_empty());
    }

    #[test]
    fn who_belongs_to_a_group_or_approves_by_not_having_a_claim_is_told() {
        let not = r#"{"not": {"path": "claims.team", "op": "eq", "value": "guests"}}"#;
        let place = r#"{"not": {"path": "headers.x-a", "op": "within", "value": ["/srv"]}}"#;
        let there = |path: &str| format!(r#"{{"path": "{path}", "op": "exists", "value": true}}"#);
        let with = |conditions: &str| {
            let rest = format!(
                r#", "identity": [{{"jwt": {{"claim": "sub"}}}}],
                "groups": [{{"name": "staff", "extends": "top", "when": [{conditions}]}}]"#
            );
            let settings = format!(
                r#""paths": ["/mcp"], "approvals": {{"path": "/approvals", "approvers": ["ann"],
                "approver_require": [{{"conditions": [{conditions}]}}]}}"#
            );
            let policy = format!(
                r#"{{"version": "1", "default": "deny", "settings": {{{settings}}},
                "tools": {{"t": {{"action": "require_approval"}}}}{rest}}}"#
            );
            let policy = Policy::parse(policy.as_bytes(), "");
            let policy = policy.unwrap_or_else(|errors| panic!("{errors:?}"));
            let lines = policy.warnings.iter().map(ToString::to_string);
            lines.filter(|line| !line.contains("header")).collect::<Vec<_>>()
        };
        assert_eq!(
            with(not),
            [
                "/groups/0/when/0: `not` holds for a call without `claims.team`; require with \
                 `exists` that it is there",
                "/settings/approvals/approver_require/0: `not` holds for a call without \
                 `claims.team`; require with `exists` that it is there",
            ]
        );
        assert!(with(&format!("{}, {not}", there("claims.team"))).is_empty());
        let gone = there("claims.team").replace("true", "false");
        assert_eq!(with(&format!("{gone}, {not}")).len(), 2);
        let told = with(&format!("{}, {place}", there("headers.x-a")));
        let paths = ["/settings/approvals/approver_require/0/conditions/1", "/groups/0/when/1"];
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            paths.iter().all(|path| told.iter().any(|line| line.starts_with(path))),
            "{told:?}"
        );
        assert!(told.iter().all(|line| line.contains("the same place has other names")));
    }

    #[test]
    fn a_check_that_no_rule_uses_is_told() {
        let found = warnings("[]", r#", "checks": {"c": {"conditions": []}}"#);
        assert_eq!(found, ["/checks/c: no rule has a `use` of it, so it is never asked"]);
        let found = warnings(r#"[{"use": "c"}]"#, r#", "checks": {"c": {"conditions": []}}"#);
        assert!(found.is_empty());
    }
}
