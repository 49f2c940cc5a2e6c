//! The tools that a policy shows.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn nothing_is_looked_at_where_nothing_is_hidden() {
    let conceals = |policy: &str| {
        let policy = Policy::parse(policy.as_bytes(), "test").unwrap();
        policy.conceals(&policy.caller("anonymous", Nanos(0)))
    };
    let callable = r#""settings": {"tools_list": "callable"}"#;
    for (policy, expected) in [
        (r#"{"version": "1", "default": "deny"}"#.to_owned(), false),
        (r#"{"version": "1", "default": "allow", "hide": ["x"]}"#.into(), true),
        (r#"{"version": "1", "default": "allow", "hide": ["x"], "mode": "shadow"}"#.into(), false),
        (format!(r#"{{"version": "1", "default": "deny", {callable}}}"#), true),
        (format!(r#"{{"version": "1", "default": "allow", {callable}}}"#), false),
        (
            format!(
                r#"{{"version": "1", "default": "allow", "tools": {{"x": {{"action": "deny"}}}}, {callable}}}"#
            ),
            true,
        ),
        (
            format!(
                r#"{{"version": "1", "default": "allow", "tools": {{"x": {{"deny_if": [{{"conditions": []}}]}}}}, {callable}}}"#
            ),
            true,
        ),
    ] {
        assert_eq!(conceals(&policy), expected, "{policy}");
    }
}

#[test]
fn callable_shows_what_some_call_could_reach() {
    let policy = r#"{"version": "1", "default": "deny", "hide": ["h"],
        "tools": {"h": {}, "a": {}, "d": {"action": "deny"}, "g_*": {}, "g_x": {"action": "deny"},
                  "r": {"rate_limit": "1/day"}, "n": {"deny_if": [{"conditions": []}]}},
        "settings": {"tools_list": "callable"}}"#;
    let policy = Policy::parse(policy.as_bytes(), "test").unwrap();
    let shown = ["h", "a", "d", "g_a", "g_x", "r", "n", "other", "", "a\u{1}"];
    let shown =
        shown.into_iter().filter(|tool| policy.shows(&policy.caller("anonymous", Nanos(0)), tool));
    assert_eq!(shown.collect::<Vec<_>>(), ["a", "g_a", "r"]);
}
