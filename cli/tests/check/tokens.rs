//! The filters in front of a policy that reads verified tokens.

use super::{found, place, places, root, scratch};
use std::fs;

const OAUTH: &str = "envoy/connect/oauth.yaml";

fn shipped(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// A shipped configuration whose policy has a source of callers.
fn with(file: &str, jwt: &str) -> String {
    let text = shipped(file);
    let at = text.find("default: deny\n").unwrap();
    let indent = text[..at].rsplit('\n').next().unwrap();
    let source = format!("default: deny\n{indent}identity: [{{ jwt: {jwt} }}]\n");
    text.replacen("default: deny\n", &source, 1)
}

/// The findings about a configuration, without those about the policy alone.
fn told(text: &str) -> Vec<String> {
    let folder = scratch("tokens");
    fs::write(folder.join("x.yaml"), text).unwrap();
    let all = places(&found(&folder, &["x.yaml"]));
    all.into_iter().filter(|one| !one.ends_with("no-sign-in")).collect()
}

/// A text without the filter of a name, which ends before the next one.
fn without(text: &str, name: &str) -> String {
    let start = text.find(&format!("- name: {name}\n")).unwrap();
    let rest = &text[start + 2..];
    let end = start + 2 + rest.find("- name: envoy.filters").unwrap();
    format!("{}{}", &text[..start], &text[end..])
}

#[test]
fn a_policy_that_reads_tokens_has_a_filter_in_front_that_verifies_them() {
    for (file, jwt, codes) in [
        ("envoy/envoy.yaml", "{ claim: sub }", &["no-jwt-authn"][..]),
        (
            "envoy/envoy.yaml",
            "{ claim: sub, payload_state: a.b }",
            &["no-jwt-authn", "no-filter-state"],
        ),
        ("envoy/native/envoy.yaml", "{ claim: sub }", &["no-jwt-authn", "no-filter-state"]),
        // Istio puts its own in front.
        ("envoy/istio/envoy-filter.yaml", "{ claim: sub }", &[]),
    ] {
        let text = with(file, jwt);
        let at = place(&text, "jwt: {");
        let mut expected: Vec<_> = codes.iter().map(|code| format!("{at} {code}")).collect();
        let mut told = told(&text);
        expected.sort();
        told.sort();
        assert_eq!(told, expected, "{file} {jwt}");
    }
}

#[test]
fn the_filter_state_is_the_one_that_the_policy_reads() {
    let text = shipped(OAUTH);
    let at = place(&text, "jwt: {");
    assert_eq!(told(&text), [""; 0]);
    for (text, code) in [
        (without(&text, "envoy.filters.http.jwt_authn"), "no-jwt-authn"),
        (without(&text, "envoy.filters.http.set_filter_state"), "no-filter-state"),
        (
            text.replace("object_key: mcp_policy.jwt_payload", "object_key: other"),
            "no-filter-state",
        ),
    ] {
        let at =
            if text.len() == shipped(OAUTH).len() { at.clone() } else { place(&text, "jwt: {") };
        assert_eq!(told(&text), [format!("{at} {code}")]);
    }
}

/// The work of such a filter is told in another file.
#[test]
fn filters_that_are_discovered_may_be_there() {
    let mut text = without(&shipped(OAUTH), "envoy.filters.http.jwt_authn");
    text = without(&text, "envoy.filters.http.set_filter_state");
    for kind in ["jwt_authn.v3.JwtAuthentication", "set_filter_state.v3.Config"] {
        let kind = format!("type.googleapis.com/envoy.extensions.filters.http.{kind}");
        let discovered = format!(
            "- {{ name: x, config_discovery: {{ type_urls: [{kind}] }} }}\n                  - name: \
             envoy.filters.http.wasm\n"
        );
        assert_ne!(told(&text), [""; 0]);
        text = text.replacen("- name: envoy.filters.http.wasm\n", &discovered, 1);
    }
    assert_eq!(told(&text), [""; 0]);
}

/// It cannot read metadata, and refuses a policy that names a key of them.
#[test]
fn a_policy_that_the_native_module_refuses_has_an_error() {
    let error = |file| {
        let text = with(file, "{ claim: sub, payload: verified }");
        let at = format!("{} invalid-policy", place(&text, "payload: verified"));
        told(&text).contains(&at)
    };
    assert!(error("envoy/native/envoy.yaml"));
    assert!(!error("envoy/envoy.yaml"));
}
