//! The filters that refuse what carries no mark, as they may be written.

use super::{found, place, places, root, scratch};
use std::fs;

/// The rules of the shipped guard.
const RULES: &str = r#"                        policies:
                          judged:
                            permissions: [{ any: true }]
                            principals:
                              - filter_state:
                                  key: wasm.mcp_policy
                                  string_match: { exact: "yes" }
"#;
const MARK: &str = r#"{ filter_state: { key: wasm.mcp_policy, string_match: { exact: "yes" } } }"#;

/// The shipped configuration.
fn shipped() -> String {
    fs::read_to_string(root().join("envoy/envoy.yaml")).unwrap()
}

/// The findings about a configuration.
fn told(text: &str) -> Vec<String> {
    let folder = scratch("guards");
    fs::write(folder.join("x.yaml"), text).unwrap();
    places(&found(&folder, &["x.yaml"]))
}

#[test]
fn a_guard_may_allow_the_mark_or_deny_its_absence() {
    let shipped = shipped();
    assert!(shipped.contains(RULES));
    let no_mark = format!("{{ not_id: {MARK} }}");
    for (action, principal, is_guard) in [
        ("", MARK, true),
        ("action: ALLOW, ", MARK, true),
        ("action: 0, ", MARK, true),
        ("action: DENY, ", &no_mark, true),
        ("action: 1, ", &no_mark, true),
        ("action: DENY, ", &format!("{{ andIds: {{ ids: [{{ notId: {MARK} }}] }} }}"), true),
        // These deny exactly what the filter has judged.
        ("action: DENY, ", MARK, false),
        ("action: 1, ", MARK, false),
        ("action: LOG, ", MARK, false),
        ("action: LOG, ", &no_mark, false),
        ("action: 2, ", MARK, false),
        ("action: 2, ", &no_mark, false),
    ] {
        let policies = format!(
            "policies: {{ p: {{ permissions: [{{ any: true }}], principals: [{principal}] }} }}"
        );
        let rules = format!("                        {{ {action}{policies} }}\n");
        let text = shipped.replacen(RULES, &rules, 1);
        let lacks = format!("{} no-guard", place(&text, "mark_requests: true"));
        let expected = if is_guard { vec![] } else { vec![lacks] };
        assert_eq!(told(&text), expected, "{rules}");
    }
}

#[test]
fn a_route_may_have_a_guard_of_its_own() {
    const PER_ROUTE: &str =
        "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute";
    const WRAPPED: &str = "type.googleapis.com/envoy.config.route.v3.FilterConfig";
    let shipped = shipped();
    let policies = |principal: &str| {
        format!(
            "policies: {{ p: {{ permissions: [{{ any: true }}], principals: [{principal}] }} }}"
        )
    };
    let own = |rbac: &str| format!("{{ \"@type\": {PER_ROUTE}, rbac: {{ {rbac} }} }}");
    let asks = own(&format!("rules: {{ {} }}", policies(MARK)));
    let wrapped = |more: &str| format!("{{ \"@type\": {WRAPPED}, {more}config: {asks} }}");
    for (words, is_guard) in [
        (asks.clone(), true),
        (wrapped(""), true),
        (wrapped("disabled: true, "), false),
        (own(&format!("rules: {{ {} }}", policies("{ any: true }"))), false),
        (own(&format!("rules: {{ action: LOG, {} }}", policies(MARK))), false),
        (own(&format!("shadow_rules: {{ {} }}", policies(MARK))), false),
        (own(""), false),
    ] {
        let line = "                      domains: [\"*\"]\n";
        assert!(shipped.contains(line));
        let filters = "typed_per_filter_config: { envoy.filters.http.rbac: ";
        let text = shipped.replacen(
            line,
            &format!("{line}                      {filters}{words} }}\n"),
            1,
        );
        let lacks = format!("{} no-guard", place(&text, "envoy.filters.http.rbac: {"));
        let expected = if is_guard { vec![] } else { vec![lacks] };
        assert_eq!(told(&text), expected, "{words}");
    }
}
