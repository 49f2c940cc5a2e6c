//! Denials of paths and hosts, which the same file or server by another name gets past.

use super::all_rules;
use crate::policy::condition::Formula;
use crate::policy::document::{Check, Document, Findings, Warning};

/// Warns of `within` and `host_in` where a call is the freer, the less they hold: in
/// `deny_if` and `approve_if`, and under a `not` in `require`.
pub(super) fn warnings(document: &Document, findings: &mut Findings) {
    for rules in all_rules(document) {
        for (_, rule) in &rules.tools {
            by_name(&rule.require, true, findings);
            by_name(&rule.deny_if, false, findings);
            by_name(&rule.approve_if, false, findings);
        }
        by_name(&rules.all_tools.require, true, findings);
        by_name(&rules.all_tools.deny_if, false, findings);
        by_name(&rules.all_tools.approve_if, false, findings);
    }
}

/// Warns of the conditions on places of one list of checks; `required` if they must hold.
fn by_name(checks: &[Check], required: bool, findings: &mut Findings) {
    for check in checks {
        for (index, formula) in check.conditions.iter().enumerate() {
            let mut told = false;
            formula.visit(required, &mut |condition, holds_for_free| {
                told |= condition.test.is_about_place() && !holds_for_free;
            });
            if told {
                findings.warning(Warning::OtherNames, &|| {
                    let message = "the same place has other names, such as a link, another case \
                                   or an address, and a call by one of these gets past this; have \
                                   a `require` name the places that are good";
                    let path = match formula {
                        _ if check.is_shared => check.path.clone(),
                        Formula::One(_) => format!("{}/conditions/{index}/op", check.path),
                        _ => format!("{}/conditions/{index}", check.path),
                    };
                    (path, message.into())
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

    #[test]
    fn a_denial_by_not_or_by_name_is_told_too() {
        let policy = r#"{"version":"1","default":"deny","settings":{"paths":["/mcp"]},
            "checks":{"inside":{"conditions":[{"path":"args.a","op":"within","value":["/a"]}]}},
            "tools":{"t":{"require":[{"conditions":[
                {"path":"args.a","op":"exists","value":true},
                {"not":{"path":"args.a","op":"within","value":["/etc"]}}]}]},
            "u":{"deny_if":[{"use":"inside"}]},"v":{"require":[{"use":"inside"}]},
            "w":{"deny_if":[{"name":"out","conditions":[{"path":"args.a","op":"exists","value":true},
                {"not":{"path":"args.a","op":"within","value":["/a"]}}]}]}}}"#;
        let policy = Policy::parse(policy.as_bytes(), "").unwrap();
        let paths: Vec<&str> = policy.warnings.iter().map(|warning| &*warning.path).collect();
        assert_eq!(paths, ["/tools/t/require/0/conditions/1", "/tools/u/deny_if/0"]);
    }

    #[test]
    fn a_denial_of_a_place_is_told_and_a_requirement_is_not() {
        let policy = r#"{"version":"1","default":"deny","settings":{"paths":["/mcp"]},"tools":{
            "deny_if":{"require":[{"conditions":[{"path":"args.a","op":"within","value":["/a"]}]}]},
            "b":{"deny_if":[{"name":"no","conditions":[{"path":"args.a","op":"exists","value":false},
                {"path":"args.a","op":"within","value":["/a"]}]}]}},
            "all_tools":{"deny_if":[{"conditions":[{"path":"args.u","op":"host_in","value":["a.b"]}]}]}}"#;
        let warnings: Vec<String> =
            Policy::parse(policy.as_bytes(), "").unwrap().warnings.lines().collect();
        assert_eq!(
            warnings,
            [
                "/tools/b/deny_if/0/conditions/1/op: the same place has other names, such as a link, \
              another case or an address, and a call by one of these gets past this; have a \
              `require` name the places that are good (and 1 more of this kind)"
            ]
        );
    }
}
