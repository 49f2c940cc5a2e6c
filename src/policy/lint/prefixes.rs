//! Warnings of paths and URLs that are compared by their first characters.

use super::{Placed, conditions};
use crate::policy::condition::{Path, Root, Test};
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
    for check in conditions(document).chunk_by(|one, other| one.of == other.of) {
        let held: Vec<_> = check.iter().filter_map(held).collect();
        for placed in check {
            let path = &placed.condition.path;
            let start = placed.condition.test.start().filter(|_| path.root == Root::Args);
            if let Some(message) = start.and_then(misled)
                && !held.contains(&(path, message))
            {
                let place = || (placed.path() + "/op", message.into());
                findings.warning(Warning::PlaceByStart, &place);
            }
        }
    }
}

/// The path of a condition by which a call is denied whose value leads elsewhere, and the
/// warning that it makes needless. In `deny_if` there is none: a condition beside it that
/// is false lets the call pass.
fn held<'c>(placed: &Placed<'c>) -> Option<(&'c Path, &'static str)> {
    let is_required = placed.of.rsplit('/').nth(1) == Some("require");
    let is_asked = !placed.inner.contains("/any/") && !placed.inner.contains("/not");
    let message = match placed.condition.test {
        Test::Within(_) => PATH,
        Test::HostIn(_) => HOST,
        _ => return None,
    };
    (is_required && is_asked).then_some((&placed.condition.path, message))
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
        warnings_under("require", condition)
    }

    fn warnings_under(key: &str, condition: &str) -> Vec<String> {
        let policy = format!(
            r#"{{"version": "1", "default": "deny", "identity": [{{"jwt": {{"claim": "sub"}}}}],
            "settings": {{"paths": ["/mcp"]}},
            "tools": {{"t": {{"{key}": [{{"conditions": [{condition}]}}]}}}}}}"#
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
        for (more, is_told) in [
            (r#"{"path": "args.x", "op": "within", "value": ["/srv"]}"#, false),
            (r#"{"all": [{"path": "args.x", "op": "within", "value": ["/srv"]}]}"#, false),
            (r#"{"any": [{"path": "args.x", "op": "within", "value": ["/srv"]}]}"#, true),
            (r#"{"path": "args.y", "op": "within", "value": ["/srv"]}"#, true),
            (r#"{"path": "args.x", "op": "host_in", "value": ["a.b"]}"#, true),
        ] {
            let start = r#"{"path": "args.x", "op": "starts_with", "value": "/srv/a"}"#;
            let told =
                |conditions: &str| warnings(conditions).iter().any(|one| one.ends_with(PATH));
            assert_eq!(told(&format!("{start}, {more}")), is_told, "{more}");
            assert_eq!(told(&format!("{more}, {start}")), is_told, "{more}");
            // Without the start, a path that leads there is not denied.
            let under = warnings_under("deny_if", &format!("{start}, {more}"));
            assert!(under.iter().any(|one| one.ends_with(PATH)), "{under:?}");
        }
        // A tool may have the name of a key.
        let of_require = r#"{"version": "1", "default": "deny", "tools": {"require": {"deny_if": [
            {"conditions": [{"path": "args.x", "op": "starts_with", "value": "/srv/a"},
                            {"path": "args.x", "op": "within", "value": ["/srv"]}]}]}}}"#;
        let policy = Policy::parse(of_require.as_bytes(), "");
        let policy = policy.unwrap_or_else(|errors| panic!("{errors:?}"));
        let told = format!("/tools/require/deny_if/0/conditions/0/op: {PATH}");
        assert!(policy.warnings.iter().any(|one| one.to_string() == told));
        let each = r#"{"any": [{"path": "args.a[*]", "op": "starts_with", "value": "/srv/"}]}"#;
        let told = format!("/tools/t/require/0/conditions/0/any/0/op: {PATH}");
        assert_eq!(warnings(each), [told]);
    }
}
