//! Warnings of rules that deny every call that comes to them, and of entries to which no
//! call comes.

use super::pairs::Pairs;
use super::{all_rules, base};
use crate::policy::condition::{Condition, Formula, Root, Step, Test};
use crate::policy::document::{Action, Check, Document, Findings, Rules, ToolRule, Warning};

const ALWAYS: &str = "has no conditions, so it always holds, and every call is denied";

const HIDDEN: &str = "`hide` denies these calls before this entry is looked at";

pub(super) fn warnings(document: &Document, pairs: &mut Pairs, findings: &mut Findings) {
    for rules in all_rules(document) {
        always(&rules.all_tools.deny_if, findings);
        for (_, rule) in rules.tools.iter().filter(|(_, rule)| rule.action != Action::Deny) {
            if !rule.shadow {
                always(&rule.deny_if, findings);
                unlisted(rule, &rules.all_tools.require, findings);
            }
        }
        hidden(rules, base(document, rules), pairs, findings);
    }
}

/// Warns of checks that always hold, but not of one with words of its own: it is meant.
fn always(checks: &[Check], findings: &mut Findings) {
    let is_always =
        |check: &&Check| check.conditions.is_empty() && check.on_deny.is_none() && !check.shadow;
    for check in checks.iter().filter(is_always) {
        findings.warn(Warning::NeverPasses, &[&check.path], ALWAYS);
    }
}

/// Warns of an argument that a call must have by `require`, and must not have by `args`.
fn unlisted(rule: &ToolRule, common: &[Check], findings: &mut Findings) {
    let Some(args) = &rule.args else { return };
    for check in rule.require.iter().chain(common).filter(|check| !check.shadow) {
        if let Some(condition) = check.conditions.iter().find_map(|one| outside(one, args)) {
            findings.warning(Warning::NeverPasses, &|| {
                let message = format!(
                    "does not list what `{}` in {} asks for, so every call is denied",
                    condition.path.as_str(),
                    check.path
                );
                (format!("{}/args", rule.path), message)
            });
        }
    }
}

/// The condition of a formula that only holds for a call with an argument that is not
/// among these.
fn outside<'f>(formula: &'f Formula, args: &[Box<str>]) -> Option<&'f Condition> {
    match formula {
        Formula::One(condition) => {
            let is_of_args = condition.path.root == Root::Args;
            let Some(Step::Key(name)) = condition.path.steps.first().filter(|_| is_of_args) else {
                return None;
            };
            let is_met = args.contains(name) || matches!(condition.test, Test::Exists(false));
            (!is_met).then_some(condition)
        }
        Formula::All(inner) => inner.iter().find_map(|one| outside(one, args)),
        Formula::Any(_) | Formula::Not(_) => None,
    }
}

/// Warns of entries that allow what is hidden.
fn hidden(rules: &Rules, base: Option<&Rules>, pairs: &mut Pairs, findings: &mut Findings) {
    for (pattern, rule) in rules.tools.iter().filter(|(_, rule)| rule.action != Action::Deny) {
        let mut hide = rules.hide.iter().chain(base.into_iter().flat_map(|base| &base.hide));
        if hide.any(|hidden| pairs.within(pattern, hidden)) && !pairs.is_spent() {
            findings.warn(Warning::NeverAsked, &[&rule.path], HIDDEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::warned::{self, WHEN};
    use super::{ALWAYS, HIDDEN};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_check_that_always_holds_is_told() {
        let always = |keys: &str| {
            let found = warned::of("deny", keys);
            let ends = found.iter().filter_map(|line| line.strip_suffix(ALWAYS));
            ends.map(str::to_owned).collect::<Vec<_>>()
        };
        let empty = r#"[{"conditions": []}]"#;
        let tool = |keys: &str| format!(r#""tools": {{"t": {{{keys}}}}}"#);
        assert_eq!(always(&tool(&format!(r#""deny_if": {empty}"#))), ["/tools/t/deny_if/0: "]);
        let all = format!(r#""all_tools": {{"deny_if": {empty}}}"#);
        assert_eq!(always(&all), ["/all_tools/deny_if/0: "]);
        let shadow = r#""deny_if": [{"conditions": [], "mode": "shadow"}]"#;
        for harmless in [
            format!(r#""require": {empty}"#),
            shadow.to_owned(),
            format!(r#""deny_if": {empty}, "action": "deny""#),
            format!(r#""deny_if": {empty}, "mode": "shadow""#),
            r#""deny_if": [{"conditions": [], "on_deny": "Ask ops."}]"#.to_owned(),
        ] {
            assert!(always(&tool(&harmless)).is_empty(), "{harmless}");
        }
    }

    #[test]
    fn an_argument_that_a_call_must_and_must_not_have_is_told() {
        let one = |path: &str| format!(r#"{{"path": "{path}", "op": "eq", "value": 1}}"#);
        let gone = r#"{"path": "args.content", "op": "exists", "value": false}"#.to_owned();
        for (condition, told) in [
            (one("args.contents"), Some("args.contents")),
            (one("args.path.x"), None),
            (one(r#"args[\"a b\"].x"#), Some(r#"args["a b"].x"#)),
            (one("claims.team"), None),
            (one("args[*]"), None),
            (gone, None),
            (format!(r#"{{"all": [{}]}}"#, one("args.contents")), Some("args.contents")),
            (format!(r#"{{"any": [{}]}}"#, one("args.contents")), None),
            (format!(r#"{{"not": {}}}"#, one("args.contents")), None),
        ] {
            let require = format!(r#""require": [{{"conditions": [{condition}]}}]"#);
            let args = r#""args": ["path"]"#;
            for (keys, of) in [
                (format!(r#""tools": {{"t": {{{args}, {require}}}}}"#), "/tools/t"),
                (
                    format!(r#""tools": {{"t": {{{args}}}}}, "all_tools": {{{require}}}"#),
                    "/all_tools",
                ),
            ] {
                let found = warned::of("deny", &keys);
                let place = "/tools/t/args: ";
                let lines = found.iter().filter_map(|line| line.strip_prefix(place));
                let expected = told.map(|path| {
                    format!(
                        "does not list what `{path}` in {of}/require/0 asks for, so every call is denied"
                    )
                });
                assert_eq!(lines.collect::<Vec<_>>(), Vec::from_iter(expected), "{keys}");
            }
        }
    }

    #[test]
    fn an_entry_for_what_is_hidden_is_told() {
        let hidden = |keys: &str| {
            let found = warned::of("deny", keys);
            let ends = found.iter().filter_map(|line| line.strip_suffix(HIDDEN));
            ends.map(str::to_owned).collect::<Vec<_>>()
        };
        let hide = r#""hide": ["delete_*"]"#;
        let with = |name: &str, entry: &str| format!(r#"{hide}, "tools": {{"{name}": {entry}}}"#);
        assert_eq!(hidden(&with("delete_file", "{}")), ["/tools/delete_file: "]);
        assert_eq!(hidden(&with("delete_*", "{}")), ["/tools/delete_*: "]);
        for other in
            [with("*", "{}"), with("read", "{}"), with("delete_file", r#"{"action": "deny"}"#)]
        {
            assert!(hidden(&other).is_empty(), "{other}");
        }
        let body = format!(
            r#"{hide}, "groups": [{{"name": "g", "extends": "top", {WHEN}, "tools": {{"delete_x": {{}}}}}}]"#
        );
        assert_eq!(hidden(&body), ["/groups/0/tools/delete_x: "]);
    }
}
