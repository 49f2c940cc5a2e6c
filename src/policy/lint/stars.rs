//! Warnings of values that are written as patterns, which no operator knows.

use super::conditions;
use crate::policy::document::{Document, Findings, Warning};

const TEXT: &str = "`*` is itself here, and not any text; leave it out, or use `starts_with`, \
                    `within` or `regex`";

const EXPRESSION: &str = "in a regular expression, `/*` is any number of slashes; for all that is in \
                          a folder, use `within`";

pub(super) fn warnings(document: &Document, findings: &mut Findings) {
    for placed in conditions(document) {
        let test = &placed.condition.test;
        let text = test.is_starred().then_some(TEXT);
        if let Some(message) = text.or(test.is_starred_expression().then_some(EXPRESSION)) {
            findings.warning(Warning::Star, &|| (placed.path() + "/value", message.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::warned;
    use super::{EXPRESSION, TEXT};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_star_that_stands_for_any_text_is_told() {
        for (op, value, told) in [
            ("eq", r#""release/*""#, Some(TEXT)),
            ("neq", r#""*.example.com""#, Some(TEXT)),
            ("eq", r#""a*b""#, None),
            ("eq", "1", None),
            ("in", r#"["main", "release/*"]"#, Some(TEXT)),
            ("not_in", r#"["*"]"#, None),
            ("in", r#"["* * * * *", "*/5 * * * *", "*/*"]"#, None),
            ("eq", r#""files:*""#, None),
            ("eq", r#""a**""#, Some(TEXT)),
            ("in", r#"["main"]"#, None),
            ("starts_with", r#"".github/*""#, Some(TEXT)),
            ("starts_with", r#""SELECT *""#, None),
            ("starts_with", r#""*/x""#, None),
            ("starts_with", r#""/*""#, None),
            ("starts_with", r#""**""#, None),
            ("ends_with", r#""*/""#, None),
            ("ends_with", r#""*.md""#, Some(TEXT)),
            ("ends_with", r#""x*""#, None),
            ("within", r#"["/srv/data/**"]"#, Some(TEXT)),
            ("within", r#"["/srv/data"]"#, None),
            ("contains", r#""*""#, None),
            ("regex", r#""^src/*""#, Some(EXPRESSION)),
            ("regex", r#""^src/*$""#, None),
            ("regex", r#""^src/.*$""#, None),
        ] {
            let condition = format!(r#"{{"path": "args.x", "op": "{op}", "value": {value}}}"#);
            let tools =
                format!(r#""tools": {{"t": {{"deny_if": [{{"conditions": [{condition}]}}]}}}}"#);
            let place = "/tools/t/deny_if/0/conditions/0/value: ";
            let found = warned::of("deny", &tools);
            let lines: Vec<_> = found.iter().filter_map(|line| line.strip_prefix(place)).collect();
            assert_eq!(lines, Vec::from_iter(told), "{op} {value}: {found:?}");
        }
    }
}
