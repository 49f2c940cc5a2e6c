//! Warnings of paths and URLs that are compared by their first characters.

use super::conditions;
use crate::policy::condition::Root;
use crate::policy::document::{Document, Findings, Warning};

/// The warning about the start of a path.
const PATH: &str = "compares texts, and `..` in a path leads away from this start; compare paths \
                    with `within`";

/// The warning about the start of a URL without the end of its host.
const HOST: &str = "compares texts, and the name of another host can begin so, as `a.b.c` begins \
                    with `a.b`; compare hosts with `host_in`";

/// Warns of `starts_with` on an argument that is compared with the start of a path, or
/// with a URL up to some part of its host.
pub(super) fn warnings(document: &Document, findings: &mut Findings) {
    for placed in conditions(document) {
        let start =
            placed.condition.test.start().filter(|_| placed.condition.path.root == Root::Args);
        if let Some(message) = start.and_then(misled) {
            findings.warning(Warning::PlaceByStart, &|| (placed.path() + "/op", message.into()));
        }
    }
}

/// The warning about a start of texts, if it is that of a place.
fn misled(start: &str) -> Option<&'static str> {
    if start.len() > 1 && start.starts_with('/') && !start.contains(char::is_whitespace) {
        return Some(PATH);
    }
    let (_, rest) = start.split_once("://")?;
    (!rest.is_empty() && !rest.contains(['/', '?', '#'])).then_some(HOST)
}

#[cfg(test)]
mod tests {
    use super::{HOST, PATH};
    use crate::policy::Policy;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn warnings(condition: &str) -> Vec<String> {
        let policy = format!(
            r#"{{"version": "1", "default": "deny", "identity": [{{"jwt": {{"claim": "sub"}}}}],
            "settings": {{"paths": ["/mcp"]}},
            "tools": {{"t": {{"require": [{{"conditions": [{condition}]}}]}}}}}}"#
        );
        let policy = Policy::parse(policy.as_bytes(), "");
        let policy = policy.unwrap_or_else(|errors| panic!("{errors:?}"));
        policy.warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_place_by_its_start_is_told() {
        for (value, told) in [
            ("/srv/files/", Some(PATH)),
            ("/srv", Some(PATH)),
            ("https://example.com", Some(HOST)),
            ("https://example.com/", None),
            ("https://", None),
            ("https://example.com?x", None),
            ("/deploy now", None),
            ("/", None),
            ("", None),
            ("agents/", None),
        ] {
            let condition = |path: &str, op: &str| {
                format!(r#"{{"path": "{path}", "op": "{op}", "value": "{value}"}}"#)
            };
            let told: Vec<String> = told
                .map(|told| format!("/tools/t/require/0/conditions/0/op: {told}"))
                .into_iter()
                .collect();
            assert_eq!(warnings(&condition("args.x", "starts_with")), told, "{value}");
            assert!(warnings(&condition("args.x", "ends_with")).is_empty(), "{value}");
            assert!(warnings(&condition("claims.x", "starts_with")).is_empty(), "{value}");
        }
        let each = r#"{"any": [{"path": "args.a[*]", "op": "starts_with", "value": "/srv/"}]}"#;
        let told = format!("/tools/t/require/0/conditions/0/any/0/op: {PATH}");
        assert_eq!(warnings(each), [told]);
    }
}
