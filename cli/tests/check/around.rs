//! The surroundings of a policy. Each case is a shipped configuration with one edit, and the
//! finding that it leads to, at its line and column.

use super::{found, place, places, root, scratch};
use std::collections::BTreeSet;
use std::fs;

const ENVOY: &[&str] = &["envoy/envoy.yaml"];
const TWO: &[&str] = &["envoy/connect/several-servers.yaml"];
const OAUTH: &[&str] = &["envoy/connect/oauth.yaml"];
const NATIVE: &[&str] = &["envoy/native/envoy.yaml"];
const PROXY: &[&str] = &["envoy/native/gateway/envoy-proxy.yaml"];
const PLUGIN: &[&str] = &["envoy/istio/wasm-plugin.yaml"];
const FILTER: &[&str] = &["envoy/istio/envoy-filter.yaml"];
const ISTIO: &[&str] = &["envoy/istio/virtual-service.yaml", "envoy/istio/wasm-plugin.yaml"];
const GATEWAY: &[&str] =
    &["envoy/gateway/extension-policy.yaml", "envoy/gateway/patch-policy.yaml"];
const EXTENSION: &[&str] = &["envoy/gateway/extension-policy.yaml"];
const EXTENSION_NATIVE: &[&str] = &["envoy/native/gateway/extension-policy.yaml"];

const GUARD: &str = r#"- { name: g, typed_config: { "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC, rules: { policies: { p: { permissions: [{ any: true }], principals: [{ filter_state: { key: wasm.mcp_policy, string_match: { exact: "yes" } } }] } } } } }
                  - name: envoy.filters.http.wasm"#;

/// Files, a text in them, the text in its place, the text at which there is a finding,
/// and its code.
const EDITS: [(&[&str], &str, &str, &str, &str); 68] = [
    (
        ENVOY,
        "failure_policy: FAIL_RELOAD",
        "failure_policy: FAIL_OPEN",
        "failure_policy: F",
        "fail-open",
    ),
    (ENVOY, "failure_policy: FAIL_RELOAD", "fail_open: true", "fail_open: t", "fail-open"),
    (ENVOY, "failure_policy: FAIL_RELOAD", "failure_policy: 3", "failure_policy: 3", "fail-open"),
    (ENVOY, "failure_policy: FAIL_RELOAD", "failOpen: yes", "failOpen: y", "fail-open"),
    (
        ENVOY,
        "failure_policy: FAIL_RELOAD",
        "failure_policy: FAIL_CLOSED",
        "failure_policy: F",
        "no-reload",
    ),
    (
        ENVOY,
        "failure_policy: FAIL_RELOAD",
        "",
        "config:\n                        name",
        "no-reload",
    ),
    (
        ENVOY,
        "allow_on_headers_stop_iteration: true",
        "",
        "hold_request_headers: true",
        "hold-alone",
    ),
    (
        ENVOY,
        "allow_on_headers_stop_iteration: true",
        "allowOnHeadersStopIteration: false",
        "hold_request_headers: true",
        "hold-alone",
    ),
    (
        ENVOY,
        "hold_request_headers: true",
        "hold_request_headers: false",
        "allow_on_headers_stop_iteration: true",
        "flag-alone",
    ),
    (ENVOY, "vm_id: mcp-policy", "", "vm_config:", "no-vm-id"),
    (ENVOY, "vm_id: mcp-policy", "vm_id: ''", "vm_config:", "no-vm-id"),
    (
        ENVOY,
        "local:\n                              filename: target/mcp_policy_filter.wasm",
        "remote: { http_uri: { uri: x } }",
        "remote:",
        "no-digest",
    ),
    (ENVOY, "key: wasm.mcp_policy", "key: wasm.other", "mark_requests: true", "no-guard"),
    (
        ENVOY,
        "mark_requests: true",
        "mark_requests: false",
        "name: envoy.filters.http.rbac",
        "guard-alone",
    ),
    (ENVOY, "- name: envoy.filters.http.wasm", GUARD, "{ name: g", "guard-in-front"),
    (
        ENVOY,
        "timeout: 0s",
        "timeout: 0s\n                            retry_policy: { retry_on: 5xx }",
        "retry_policy",
        "retries",
    ),
    (
        ENVOY,
        "timeout: 0s",
        "timeout: 0s\n                            hedge_policy: { hedge_on_per_try_timeout: true }",
        "hedge_policy",
        "retries",
    ),
    (
        ENVOY,
        "domains: [\"*\"]",
        "domains: [\"*\"]\n                      retryPolicy: { retryOn: 'connect-failure,reset' }",
        "retryPolicy",
        "retries",
    ),
    (
        ENVOY,
        "domains: [\"*\"]",
        "domains: [\"*\"]\n                      request_mirror_policies: [{ cluster: x }]",
        "request_mirror_policies",
        "retries",
    ),
    (
        ENVOY,
        "- x-envoy-retry-on\n",
        "- x-other\n",
        "name: mcp\n                      domains",
        "client-retries",
    ),
    (ENVOY, "timeout: 0s", "timeout: 15s", "timeout: 15s", "route-timeout"),
    (ENVOY, "timeout: 0s", "", "route:\n                            cluster", "route-timeout"),
    (ENVOY, "stream_idle_timeout: 3600s", "", "http_filters:", "idle-timeout"),
    (
        ENVOY,
        "stream_idle_timeout: 3600s",
        "stream_idle_timeout: 60s",
        "stream_idle_timeout",
        "idle-timeout",
    ),
    (ENVOY, "request_timeout: 30s", "", "http_filters:", "request-timeout"),
    (
        ENVOY,
        "request_timeout: 30s",
        "request_timeout: 0s",
        "request_timeout: 0s",
        "request-timeout",
    ),
    (
        ENVOY,
        "timeout: 0s",
        "timeout: 0s\n                          typed_per_filter_config: { envoy.filters.http.wasm: { disabled: true } }",
        "envoy.filters.http.wasm: {",
        "switched-off",
    ),
    (
        ENVOY,
        "- name: envoy.filters.http.wasm\n",
        "- name: envoy.filters.http.wasm\n                    disabled: true\n",
        "disabled: true",
        "switched-off",
    ),
    (
        ENVOY,
        "timeout: 0s",
        "timeout: 0s\n                            weighted_clusters: { clusters: [{ typed_per_filter_config: { envoy.filters.http.wasm: { disabled: true } } }] }",
        "envoy.filters.http.wasm: {",
        "switched-off",
    ),
    (ENVOY, "rules:\n", "shadow_rules:\n", "mark_requests: true", "no-guard"),
    (
        ENVOY,
        "- name: envoy.filters.http.rbac\n",
        "- name: envoy.filters.http.rbac\n                    disabled: true\n",
        "disabled: true",
        "no-guard",
    ),
    // No route turns it on.
    (
        TWO,
        "                            notes:\n",
        "                            other:\n",
        "disabled: true",
        "switched-off",
    ),
    (
        ENVOY,
        "configuration:\n",
        "other:\n",
        "config:\n                        name",
        "no-configuration",
    ),
    (
        ENVOY,
        "google.protobuf.Struct\n",
        "google.protobuf.BytesValue\n",
        "\"@type\": type.googleapis.com/google.protobuf.B",
        "configuration-type",
    ),
    (ENVOY, "max: 10,", "max: -1,", "max: -1", "invalid-policy"),
    (
        ENVOY,
        "default: deny",
        "default: no",
        "no\n                            tools",
        "ambiguous-yaml",
    ),
    (ENVOY, "paths: [/mcp]", "", "settings:", "any-path"),
    (ENVOY, "filters.http.wasm.v3.Wasm", "filters.http.lua.v3.Lua", "admin:", "no-policy"),
    (ENVOY, "\n    - name: mcp\n", "\n    - [\n", "- filters:", "unreadable"),
    (NATIVE, "do_not_close: true", "", "dynamic_module_config:", "closes"),
    (NATIVE, "module: { local:", "module: { remote:", "remote: { filename", "remote-module"),
    (NATIVE, "key: wasm.mcp_policy", "key: wasm.other", "mark_requests: true", "no-guard"),
    (PROXY, "type: Local", "type: Remote", "type: Remote", "remote-module"),
    (PROXY, "doNotClose: true", "", "name: mcp-policy\n      source", "closes"),
    (PROXY, "v1.39.3", "v1.38.2", "docker.io/", "envoy-version"),
    (
        PLUGIN,
        "failStrategy: FAIL_RELOAD",
        "failStrategy: FAIL_OPEN",
        "failStrategy: F",
        "fail-open",
    ),
    (
        PLUGIN,
        "failStrategy: FAIL_RELOAD",
        "failStrategy: FAIL_CLOSE",
        "failStrategy: F",
        "no-reload",
    ),
    (PLUGIN, "failStrategy: FAIL_RELOAD", "", "spec:", "no-reload"),
    (PLUGIN, "registry.example.com", "example.org", "\"00000", "no-digest"),
    (PLUGIN, "sha256: \"", "other: \"", "url: oci", "no-digest"),
    (
        PLUGIN,
        "paths: [/mcp]",
        "paths: [/mcp]\n      hold_request_headers: true",
        "hold_request_headers: t",
        "hold-alone",
    ),
    (
        PLUGIN,
        "paths: [/mcp]",
        "paths: [/mcp]\n      mark_requests: true",
        "mark_requests: t",
        "no-guard",
    ),
    (PLUGIN, "phase: AUTHZ", "phase: AUTHN", "phase: AUTHN", "phase"),
    (FILTER, "key: wasm.mcp_policy", "key: wasm.other", "mark_requests: true", "no-guard"),
    (
        FILTER,
        "mark_requests: true",
        "mark_requests: false",
        "name: mcp-policy-guard",
        "guard-alone",
    ),
    (FILTER, "registry.example.com", "example.org", "\"00000", "no-digest"),
    (FILTER, "sha256: \"", "other: \"", "remote:", "no-digest"),
    (ISTIO, "attempts: 0", "attempts: 2", "retries:", "retries"),
    (
        ISTIO,
        "      retries:\n        attempts: 0\n",
        "",
        "name: mcp\n      # MCP's path",
        "retries",
    ),
    (ISTIO, "retries:", "timeout: 15s\n      retries:", "timeout: 15s", "route-timeout"),
    (
        GATEWAY,
        "path: /allow_on_headers_stop_iteration",
        "path: /other",
        "hold_request_headers: true",
        "hold-alone",
    ),
    (GATEWAY, "key: wasm.mcp_policy", "key: wasm.other", "mark_requests: true", "no-guard"),
    (GATEWAY, "failOpen: false", "failOpen: true", "failOpen: true", "fail-open"),
    (GATEWAY, "registry.example.com", "example.org", "\"00000", "no-digest"),
    (GATEWAY, "sha256: \"", "other: \"", "url: registry", "no-digest"),
    (GATEWAY, "---\n", ROUTE, "request: 15s", "route-timeout"),
    (GATEWAY, "---\n", TRAFFIC, "retry: {", "retries"),
    (
        EXTENSION_NATIVE,
        "paths: [/mcp]",
        "paths: [/mcp]\n          mark_requests: true",
        "mark_requests: t",
        "no-guard",
    ),
];

const ROUTE: &str = "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: mcp, namespace: mcp }
spec: { rules: [{ timeouts: { request: 15s } }] }
---
";

const TRAFFIC: &str = "---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: { name: x, namespace: mcp }
spec: { targetRefs: [{ kind: HTTPRoute, name: mcp }], retry: { numRetries: 2 } }
---
";

/// Files of the repository as the documents of one.
fn joined(files: &[&str]) -> String {
    let text = |file: &&str| fs::read_to_string(root().join(file)).unwrap();
    files.iter().map(text).collect::<Vec<_>>().join("---\n")
}

#[test]
fn each_edit_of_a_shipped_configuration_has_its_finding() {
    let folder = scratch("around");
    let mut wrong = Vec::new();
    for (files, old, new, at, code) in EDITS {
        let text = joined(files);
        assert!(text.contains(old), "{files:?} has no `{old}`");
        let mut text = text.replacen(old, new, 1);
        if code == "phase" {
            let identity = "identity: [{ jwt: { claim: sub } }]";
            text = text.replacen("default: deny", &format!("default: deny\n    {identity}"), 1);
        }
        fs::write(folder.join("x.yaml"), &text).unwrap();
        let places = places(&found(&folder, &["x.yaml"]));
        // The policy of this one has a warning of its own.
        let places: Vec<_> = places.iter().filter(|one| !one.ends_with("no-sign-in")).collect();
        let expected = format!("{} {code}", place(&text, at));
        if places != [&expected] {
            wrong.push(format!("{files:?} {old} -> {new}: {expected}, found {places:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn shipped_configurations_have_no_finding() {
    let folder = scratch("around-shipped");
    let several = [ENVOY, NATIVE, PROXY, PLUGIN, FILTER, ISTIO, GATEWAY, EXTENSION_NATIVE];
    for files in several.into_iter().chain([TWO, OAUTH]) {
        fs::write(folder.join("x.yaml"), joined(files)).unwrap();
        assert_eq!(places(&found(&folder, &["x.yaml"])), [""; 0], "{files:?}");
    }
    // Without its patch, this one lacks two things.
    fs::write(folder.join("x.yaml"), joined(EXTENSION)).unwrap();
    let found = found(&folder, &["x.yaml"]);
    assert_eq!(found["findings"].as_array().unwrap().len(), 2);
    assert_eq!(found["errors"], 0);
}

#[test]
fn routes_of_other_policies_are_nobodys_business() {
    let folder = scratch("around-others");
    let other = ROUTE.replace("name: mcp,", "name: other,");
    let unmarred = ROUTE.replace("15s", "0s");
    for more in [other, unmarred, TRAFFIC.replace("name: mcp }", "name: other }")] {
        fs::write(folder.join("x.yaml"), joined(GATEWAY) + &more).unwrap();
        assert_eq!(places(&found(&folder, &["x.yaml"])), [""; 0], "{more}");
    }
    let service =
        joined(&["envoy/istio/virtual-service.yaml"]).replace("attempts: 0", "attempts: 1");
    fs::write(folder.join("x.yaml"), service).unwrap();
    assert_eq!(places(&found(&folder, &["x.yaml"])), [""; 0]);
}

#[test]
fn two_filters_with_one_set_of_counters_are_told() {
    let folder = scratch("around-shared");
    let text = joined(&["envoy/istio/envoy-filter.yaml", "envoy/istio/envoy-filter.yaml"]);
    fs::write(folder.join("x.yaml"), &text).unwrap();
    assert_eq!(places(&found(&folder, &["x.yaml"])), [""; 0]);
    let text = text.replacen("max: 10,", "max: 11,", 1);
    fs::write(folder.join("x.yaml"), &text).unwrap();
    let found = places(&found(&folder, &["x.yaml"]));
    assert_eq!(found.len(), 1);
    assert!(found[0].ends_with(" shared-counts"), "{found:?}");
}

/// The codes in the source of the rules, and of the core's warnings.
fn codes() -> BTreeSet<String> {
    let rules = fs::read_to_string(root().join("cli/src/verbs/check/rules.rs")).unwrap();
    let findings = fs::read_to_string(root().join("src/policy/document/finding.rs")).unwrap();
    let finding = fs::read_to_string(root().join("cli/src/finding.rs")).unwrap();
    let is_code = |word: &&str| {
        word.len() > 4 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    };
    let ruled = rules.split("Rule = Rule::").skip(1).filter_map(|rule| rule.split('"').nth(1));
    let warned = findings.split("=> \"").skip(1).filter_map(|arm| arm.split('"').next());
    let named = finding.split("&str = \"").skip(1).filter_map(|code| code.split('"').next());
    ruled.chain(warned).chain(named).filter(is_code).map(str::to_owned).collect()
}

#[test]
fn each_code_has_a_case_and_a_row_on_the_page() {
    let page = fs::read_to_string(root().join("docs/command/check.md")).unwrap();
    let rules = fs::read_to_string(root().join("cli/src/verbs/check/rules.rs")).unwrap();
    let codes = codes();
    assert!(codes.len() > 40, "{codes:?}");
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "the page does not name {code}");
        let is_ruled = rules.contains(&format!("\"{code}\""));
        let elsewhere = ["shared-counts", "no-jwt-authn", "no-filter-state"];
        let cased = EDITS.iter().any(|edit| edit.4 == code) || elsewhere.contains(&&*code);
        assert!(!is_ruled || cased, "no case has {code}");
    }
}
