//! Warnings of requirements that a call meets by leaving a value out: absence makes a
//! condition false, and `not` makes it true.

use super::approvals::demanded;
use crate::policy::condition::{Condition, Root};
use crate::policy::document::{Check, Document, Findings, Rules, Warning, pointer};

/// Warns of conditions under `not` in `require` whose values nothing else demands.
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
}

fn absent(checks: &[Check], demands: &[&[&str]], findings: &mut Findings) {
    let mut see = |check: &Check, condition: &Condition| {
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
                (pointer(&check.pointer), message)
            });
        }
    };
    for check in checks {
        for formula in check.conditions.iter() {
            formula.visit(false, &mut |condition, negated| {
                if negated {
                    see(check, condition);
                }
            });
        }
    }
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
                "/tools/t/require/c: `not` holds for a call without `args.x`; require with `exists` that \
              it is there"
            ]
        );
        // In `deny_if` a call without it is denied.
        let denies = format!(r#", "all_tools": {{"deny_if": [{}]}}"#, check(&not(x)));
        assert!(warnings("[]", &denies).is_empty());
    }

    #[test]
    fn a_check_that_no_rule_uses_is_told() {
        let found = warnings("[]", r#", "checks": {"c": {"conditions": []}}"#);
        assert_eq!(found, ["/checks/c: no rule has a `use` of it, so it is never asked"]);
        let found = warnings(r#"[{"use": "c"}]"#, r#", "checks": {"c": {"conditions": []}}"#);
        assert!(found.is_empty());
    }
}
