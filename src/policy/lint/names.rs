//! Denials of paths and hosts, which the same file or server by another name gets past.

use super::conditions;
use crate::policy::document::{Document, Findings, Warning};

/// Warns of `within` and `host_in` where a call is the freer, the less they hold.
pub(super) fn warnings(document: &Document, findings: &mut Findings) {
    for placed in conditions(document) {
        // The list that the check is in.
        let list = placed.of.rsplit('/').nth(1);
        if placed.condition.test.is_about_place() && matches!(list, Some("deny_if" | "approve_if"))
        {
            findings.warning(Warning::OtherNames, &|| {
                let message = "the same place has other names, such as a link, another case or an \
                               address, and a call by one of these gets past this; have a `require` \
                               name the places that are good";
                (format!("{}/op", placed.path()), message.into())
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;

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
