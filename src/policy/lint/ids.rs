//! Comparisons of a caller's id with another value of the call, where it is not the name
//! that a caller has elsewhere.

use super::conditions;
use crate::policy::condition::{Root, Test};
use crate::policy::document::{Document, Findings, Warning};

/// Warns of `value_from` with `grant` on either side, where callers have no ids, or ids
/// that begin with their source.
pub(super) fn warnings(document: &Document, findings: &mut Findings) {
    let message = match document.identity.len() {
        0 => {
            "every caller is `anonymous` without `identity`, so the id tells nobody apart; say in \
             `identity` who is calling"
        }
        1 => return,
        _ => {
            "with several sources of `identity` an id begins with its own, as in `jwt:ann`, and \
             equals no bare name; compare with a claim"
        }
    };
    for placed in conditions(document) {
        let condition = placed.condition;
        let is_of_id = condition.paths().any(|path| path.root == Root::Grant);
        if is_of_id && matches!(condition.test, Test::From(_)) {
            findings
                .warning(Warning::ComparedId, &|| (placed.path() + "/value_from", message.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::Policy;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn an_id_that_is_not_a_name_is_told() {
        let with = |identity: &str, path: &str, from: &str| {
            let policy = format!(
                r#"{{"version": "1", "default": "deny", "settings": {{"paths": ["/mcp"]}},
                "identity": [{identity}], "tools": {{"t": {{"require": [{{"conditions": [
                {{"not": {{"path": "{path}", "op": "eq", "{from}}}}},
                {{"path": "args.a", "op": "exists", "value": true}}]}}]}}}}}}"#
            );
            let policy = policy.replace(r#""identity": [], "#, "");
            let policy = Policy::parse(policy.as_bytes(), "");
            let warnings = policy.unwrap_or_else(|errors| panic!("{errors:?}")).warnings;
            warnings.lines().collect::<Vec<String>>()
        };
        let (id, by_name) = (r#"value_from": "grant""#, r#"value_from": "args.a""#);
        let (jwt, mtls) = (r#"{"jwt": {"claim": "sub"}}"#, r#"{"mtls": "uri_san"}"#);
        let both = format!("{jwt}, {mtls}");
        let place = "/tools/t/require/0/conditions/0/not/value_from: ";
        let nobody = [format!(
            "{place}every caller is `anonymous` without `identity`, so the id tells nobody apart; \
             say in `identity` who is calling"
        )];
        let several = [format!(
            "{place}with several sources of `identity` an id begins with its own, as in `jwt:ann`, \
             and equals no bare name; compare with a claim"
        )];
        assert_eq!(with("", "args.a", id), nobody);
        assert_eq!(with("", "grant", by_name), nobody);
        assert_eq!(with(&both, "args.a", id), several);
        for (identity, path, from) in [
            (jwt, "args.a", id),
            (jwt, "grant", by_name),
            (&both, "grant", r#"value": "jwt:ann""#),
            ("", "args.a", r#"value_from": "args.a""#),
        ] {
            assert_eq!(with(identity, path, from), [] as [&str; 0], "{identity} {path} {from}");
        }
    }
}
