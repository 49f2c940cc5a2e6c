//! The manifests of `envoy/istio` and `envoy/gateway`, against what their kinds
//! may say (`tests/data/crds`), and against what makes them safe. What the real
//! filter makes of their policies is in `tests/e2e/mesh.rs`.

mod duration;
mod of_native;
mod of_replicas;

use crate::config::{files, root};
use crate::yaml::documents;
use boon::{Compiler, Schemas};
use duration::milliseconds;
use mcp_policy_filter::policy::Policy;
use serde_json::{Value, json};
use std::path::PathBuf;

/// The manifests of a folder, each with its file's name.
fn manifests(folder: &str) -> Vec<(String, Value)> {
    // A list of the others, for kustomize, and no manifest.
    let is_list = |file: &PathBuf| file.ends_with("kustomization.yaml");
    let files = files(folder, "yaml").into_iter().filter(|file| !is_list(file));
    let named = files.map(|file| file.strip_prefix(root()).unwrap().display().to_string());
    let all = named.flat_map(|file| documents(&file).into_iter().map(move |d| (file.clone(), d)));
    all.collect()
}

/// The one manifest of a kind.
fn manifest(folder: &str, kind: &str) -> Value {
    let mut found = manifests(folder).into_iter().filter(|(_, document)| document["kind"] == kind);
    let (_, document) = found.next().unwrap_or_else(|| panic!("no {kind} in {folder}"));
    assert!(found.next().is_none(), "two of {kind} in {folder}");
    document
}

/// The fault of a manifest by the schema and the rules of its kind.
pub fn fault(crds: &Value, manifest: &Value) -> Option<String> {
    let kind = manifest["kind"].as_str().unwrap_or_default();
    let Some(crd) = crds.get(kind) else { return Some(format!("no kind `{kind}`")) };
    if manifest["apiVersion"] != crd["apiVersion"] {
        return Some(format!("{kind} is in {}", crd["apiVersion"]));
    }
    let name = manifest["metadata"]["name"].as_str().unwrap_or_default();
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b"-.".contains(&b)) {
        return Some(format!("`{name}` is no name"));
    }
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.add_resource("urn:crd", crd["spec"].clone()).unwrap();
    let schema = compiler.compile("urn:crd", &mut schemas).unwrap();
    if let Err(error) = schemas.validate(&manifest["spec"], schema) {
        return Some(format!("{error:#}"));
    }
    let broken = rules(kind, &manifest["spec"]).into_iter().find(|(_, holds)| !holds);
    broken.map(|(rule, _)| rule.to_owned())
}

/// The rules that the CRDs have in CEL, in the words of their messages. Of the
/// kinds that a rule names, `ListenerSet` is left out: older releases have none.
fn rules(kind: &str, spec: &Value) -> Vec<(&'static str, bool)> {
    let has = |key: &str| spec.get(key).is_some();
    let one_of = |keys: &[&str]| keys.iter().filter(|key| has(key)).count();
    let list = |key: &str| spec[key].as_array().map_or(&[][..], Vec::as_slice);
    match kind {
        "WasmPlugin" => {
            let url = spec["url"].as_str().unwrap_or_default();
            let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
            vec![
                (
                    "only one of targetRefs or selector can be set",
                    one_of(&["selector", "targetRef", "targetRefs"]) <= 1,
                ),
                (
                    "url must have schema one of [http, https, file, oci]",
                    ["", "http", "https", "file", "oci"].contains(&scheme),
                ),
                (
                    "wildcard not allowed in label match, key must not be empty",
                    labels(&spec["selector"]["matchLabels"]).all(|(key, value)| {
                        !key.is_empty() && !key.contains('*') && !value.contains('*')
                    }),
                ),
            ]
        }
        "EnvoyFilter" => vec![
            (
                "only one of targetRefs or workloadSelector can be set",
                one_of(&["targetRefs", "workloadSelector"]) <= 1,
            ),
            (
                "wildcard is not supported in selector",
                labels(&spec["workloadSelector"]["labels"]).all(|(_, value)| !value.contains('*')),
            ),
            (
                "only support waypointMatch when context is WAYPOINT",
                list("configPatches").iter().map(|patch| &patch["match"]).all(|place| {
                    (place["context"] == "WAYPOINT") == place.get("waypoint").is_some()
                }),
            ),
        ],
        "VirtualService" => {
            let http = list("http");
            let retries = http.iter().map(|route| &route["retries"]);
            let tries = retries.flat_map(|retry| [&retry["backoff"], &retry["perTryTimeout"]]);
            let mut durations = http.iter().map(|route| &route["timeout"]).chain(tries);
            vec![(
                "must be a valid duration greater than 1ms",
                durations.all(|value| value.is_null() || milliseconds(value) >= Some(1.0)),
            )]
        }
        "EnvoyExtensionPolicy" => {
            let routes = ["HTTPRoute", "GRPCRoute", "UDPRoute", "TCPRoute", "TLSRoute"];
            let is_route = |target: &&Value| routes.iter().any(|kind| target["kind"] == *kind);
            let of_api = |target: &&Value| target["group"] == "gateway.networking.k8s.io";
            let targets = || spec.get("targetRef").into_iter().chain(list("targetRefs"));
            let selectors = list("targetSelectors");
            vec![
                (
                    "either targetRef or targetRefs must be used",
                    one_of(&["targetRef", "targetRefs"]) == 1 || !selectors.is_empty(),
                ),
                (
                    "this policy can only have a targetRefs[*].group of gateway.networking.k8s.io",
                    targets().all(|target| of_api(&target)),
                ),
                (
                    "this policy can only have a targetRefs[*].kind of Gateway or a route",
                    targets().all(|target| target["kind"] == "Gateway" || is_route(&target)),
                ),
                (
                    "group must be gateway.networking.k8s.io",
                    selectors.iter().all(|all| all.get("group").is_none() || of_api(&all)),
                ),
                (
                    "mergeType can only be used with xRoute targets",
                    !has("mergeType") || targets().chain(selectors).all(|all| is_route(&all)),
                ),
                (
                    "Replace is not a valid MergeType for EnvoyExtensionPolicy",
                    spec["mergeType"] != "Replace",
                ),
                (
                    "If type is HTTP, http field needs to be set; if Image, image",
                    list("wasm").iter().map(|wasm| &wasm["code"]).all(|code| {
                        [("HTTP", "http"), ("Image", "image")]
                            .iter()
                            .all(|(kind, key)| (code["type"] == *kind) == code.get(key).is_some())
                    }),
                ),
                (
                    "only support Secret kind.",
                    list("wasm")
                        .iter()
                        .map(|wasm| &wasm["code"]["image"]["pullSecretRef"])
                        .all(|secret| secret.get("kind").is_none_or(|kind| kind == "Secret")),
                ),
            ]
        }
        "EnvoyPatchPolicy" => vec![
            (
                "exactly one of targetRef or targetRefs must be set",
                has("targetRef") == list("targetRefs").is_empty(),
            ),
            // The CRD leaves this to whoever applies the patch.
            (
                "a patch of op add needs a value, and a path or a jsonPath",
                list("jsonPatches").iter().map(|patch| &patch["operation"]).all(|patch| {
                    patch.get("path").or(patch.get("jsonPath")).is_some()
                        && (patch["op"] != "add" || patch.get("value").is_some())
                }),
            ),
        ],
        _ => of_native::rules(kind, spec),
    }
}

/// The labels of a selector. The schema has seen to it that they are texts.
fn labels(labels: &Value) -> impl Iterator<Item = (&str, &str)> {
    let labels = labels.as_object().into_iter().flatten();
    labels.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()))
}

pub fn crds(file: &str) -> Value {
    documents(&format!("tests/data/crds/{file}.yaml")).remove(0)
}

fn are_allowed(crds: &Value, folder: &str) {
    for (name, manifest) in manifests(folder) {
        assert_eq!(fault(crds, &manifest), None, "{name}");
        assert_eq!(manifest["metadata"]["namespace"], "mcp", "{name}");
    }
}

#[test]
fn manifests_are_what_their_kinds_allow() {
    for (folder, file) in [("envoy/istio", "istio"), ("envoy/gateway", "gateway")] {
        let crds = crds(file);
        are_allowed(&crds, folder);
        // Every kind that is described is there, so none is described in vain.
        for kind in crds.as_object().unwrap().keys().filter(|kind| *kind != "EnvoyProxy") {
            manifest(folder, kind);
        }
    }
}

#[test]
fn manifests_that_their_kinds_forbid_are_found() {
    let istio = crds("istio");
    let gateway = crds("gateway");
    let cases = [
        (&istio, "envoy/istio", "WasmPlugin", "/spec/phase", json!("AUTH")),
        (&istio, "envoy/istio", "WasmPlugin", "/spec/sha256", json!("sha256:00")),
        (&istio, "envoy/istio", "WasmPlugin", "/spec/failStrategy", json!("FAIL_CLOSED")),
        (&istio, "envoy/istio", "WasmPlugin", "/spec/url", json!("ftp://example.com/plugin.wasm")),
        (&istio, "envoy/istio", "WasmPlugin", "/spec/pluginConfig", json!("{}")),
        (&istio, "envoy/istio", "WasmPlugin", "/spec/match/0", json!({ "modes": "SERVER" })),
        (&istio, "envoy/istio", "WasmPlugin", "/spec/selector/matchLabels/app", json!("mcp-*")),
        (&istio, "envoy/istio", "WasmPlugin", "/apiVersion", json!("extensions.istio.io/v1")),
        (&istio, "envoy/istio", "WasmPlugin", "/metadata/name", json!("mcp_policy")),
        (
            &istio,
            "envoy/istio",
            "EnvoyFilter",
            "/spec/configPatches/0/patch/operation",
            json!("PUT"),
        ),
        (&istio, "envoy/istio", "EnvoyFilter", "/spec/configPatches/0/applyTo", json!("HTTP")),
        (
            &istio,
            "envoy/istio",
            "EnvoyFilter",
            "/spec/configPatches/0/match/context",
            json!("WAYPOINT"),
        ),
        (&istio, "envoy/istio", "EnvoyFilter", "/spec/workloadSelector/labels/app", json!("*")),
        (&istio, "envoy/istio", "VirtualService", "/spec/http/0/retries", json!({ "attempt": 0 })),
        (
            &istio,
            "envoy/istio",
            "VirtualService",
            "/spec/http/0/match/0/uri",
            json!({ "path": "/mcp" }),
        ),
        (
            &gateway,
            "envoy/gateway",
            "EnvoyExtensionPolicy",
            "/spec/targetRefs/0/kind",
            json!("Service"),
        ),
        (&gateway, "envoy/gateway", "EnvoyExtensionPolicy", "/spec/targetRefs/0/group", json!("")),
        (
            &gateway,
            "envoy/gateway",
            "EnvoyExtensionPolicy",
            "/spec/wasm/0/code/type",
            json!("HTTP"),
        ),
        (&gateway, "envoy/gateway", "EnvoyExtensionPolicy", "/spec/wasm/0/failOpen", json!("no")),
        (&gateway, "envoy/gateway", "EnvoyExtensionPolicy", "/spec/targetRefs", json!([{}])),
        (
            &gateway,
            "envoy/gateway",
            "EnvoyExtensionPolicy",
            "/spec/wasm/0/code/type",
            json!("ConfigMap"),
        ),
        (&gateway, "envoy/gateway", "EnvoyPatchPolicy", "/spec/type", json!("Merge")),
        (
            &gateway,
            "envoy/gateway",
            "EnvoyPatchPolicy",
            "/spec/jsonPatches/0/type",
            json!("Listener"),
        ),
        (
            &gateway,
            "envoy/gateway",
            "EnvoyPatchPolicy",
            "/spec/jsonPatches/0/operation",
            json!({ "op": "add" }),
        ),
    ];
    for (crds, folder, kind, pointer, value) in cases {
        let mut manifest = manifest(folder, kind);
        let place = manifest.pointer_mut(pointer).unwrap_or_else(|| panic!("{kind} {pointer}"));
        assert_ne!(*place, value);
        *place = value;
        assert!(fault(crds, &manifest).is_some(), "{kind} {pointer}");
    }
    // What is not there, and must not be.
    let target = json!({ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "mcp" });
    let cases = [
        (&istio, "envoy/istio", "WasmPlugin", "/spec", "targetRefs", json!([])),
        (&istio, "envoy/istio", "VirtualService", "/spec/http/0", "timeout", json!("0s")),
        (&istio, "envoy/istio", "VirtualService", "/spec/http/0", "timeout", json!("1d")),
        (
            &istio,
            "envoy/istio",
            "VirtualService",
            "/spec/http/0/retries",
            "perTryTimeout",
            json!("0.5ms"),
        ),
        (&gateway, "envoy/gateway", "EnvoyExtensionPolicy", "/spec", "targetRef", target.clone()),
        (&gateway, "envoy/gateway", "EnvoyExtensionPolicy", "/spec", "mergeType", json!("Replace")),
        (
            &gateway,
            "envoy/gateway",
            "EnvoyExtensionPolicy",
            "/spec/wasm/0/code",
            "http",
            json!({ "url": "https://example.com/plugin.wasm" }),
        ),
        (&gateway, "envoy/gateway", "EnvoyPatchPolicy", "/spec", "targetRefs", json!([target])),
    ];
    for (crds, folder, kind, pointer, key, value) in cases {
        let mut manifest = manifest(folder, kind);
        let place = manifest.pointer_mut(pointer).unwrap_or_else(|| panic!("{kind} {pointer}"));
        assert!(place.get(key).is_none(), "{kind} {pointer} {key}");
        place[key] = value;
        assert!(fault(crds, &manifest).is_some(), "{kind} {pointer} {key}");
    }
    // And what may be.
    let mut service = manifest("envoy/istio", "VirtualService");
    for timeout in ["1ms", "0.5s", "1m30s", "2h"] {
        service["spec"]["http"][0]["timeout"] = timeout.into();
        assert_eq!(fault(&istio, &service), None, "{timeout}");
    }
}

/// Holding takes two settings that are far apart; with one, requests hang or
/// headers leave.
#[test]
fn headers_are_held_by_both_sides_or_by_neither() {
    let holds = |policy: &Value| policy["settings"]["hold_request_headers"] == true;
    let plugin = manifest("envoy/istio", "WasmPlugin");
    assert!(!holds(&plugin["spec"]["pluginConfig"]), "a WasmPlugin has no other side");

    let filter = manifest("envoy/istio", "EnvoyFilter");
    let config = &filter["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]["config"];
    let policy = config["configuration"]["value"].clone();
    assert!(holds(&policy) && config["allow_on_headers_stop_iteration"] == true);

    let extension = manifest("envoy/gateway", "EnvoyExtensionPolicy");
    let patch = manifest("envoy/gateway", "EnvoyPatchPolicy");
    assert!(holds(&extension["spec"]["wasm"][0]["config"]));
    let patches = patch["spec"]["jsonPatches"].as_array().unwrap();
    assert!(patches.iter().any(|patch| {
        let patch = &patch["operation"];
        patch["path"] == "/allow_on_headers_stop_iteration" && patch["value"] == true
    }));

    // One policy, in three places.
    let mut policies = [
        plugin["spec"]["pluginConfig"].clone(),
        policy,
        extension["spec"]["wasm"][0]["config"].clone(),
    ];
    for policy in &mut policies {
        let parsed = Policy::parse(policy.to_string().as_bytes(), "crds");
        assert!(parsed.is_ok(), "{:?}", parsed.err().map(|e| e.lines().collect::<Vec<_>>()));
        policy.as_object_mut().unwrap().remove("settings");
    }
    assert_eq!(policies[0], policies[1]);
    assert_eq!(policies[0], policies[2]);
}

#[test]
fn a_module_that_fails_never_opens_the_way() {
    let plugin = manifest("envoy/istio", "WasmPlugin");
    assert_eq!(plugin["spec"]["failStrategy"], "FAIL_RELOAD");
    assert_eq!(plugin["spec"]["phase"], "AUTHZ", "callers are known from there on");
    let filter = manifest("envoy/istio", "EnvoyFilter").to_string();
    assert!(filter.contains(r#""failure_policy":"FAIL_RELOAD""#), "{filter}");
    let extension = manifest("envoy/gateway", "EnvoyExtensionPolicy");
    assert_eq!(extension["spec"]["wasm"][0]["failOpen"], false);
}

/// Istio ignores every other operation on what it sends by ECDS (istio/api
/// issue 3034), and a filter that names no such resource never gets one.
#[test]
fn the_envoy_filter_adds_what_its_other_half_names() {
    let filter = manifest("envoy/istio", "EnvoyFilter");
    let patches = filter["spec"]["configPatches"].as_array().unwrap();
    let [extension, place, guard, streams] = &**patches else { panic!("{filter}") };
    assert_eq!(extension["applyTo"], "EXTENSION_CONFIG");
    assert_eq!(extension["patch"]["operation"], "ADD");
    assert_eq!(place["applyTo"], "HTTP_FILTER");
    assert_eq!(extension["match"]["context"], place["match"]["context"]);
    assert_eq!(extension["patch"]["value"]["name"], place["patch"]["value"]["name"]);
    let kind = &extension["patch"]["value"]["typed_config"]["@type"];
    assert_eq!(place["patch"]["value"]["config_discovery"]["type_urls"], json!([kind]));
    // Each goes directly before the router, so this one behind the filter.
    assert_eq!((&guard["applyTo"], &guard["match"]), (&place["applyTo"], &place["match"]));
    assert_eq!(streams["applyTo"], "NETWORK_FILTER");
    let manager = &streams["patch"]["value"]["typed_config"];
    assert_eq!(manager["http2_protocol_options"]["max_concurrent_streams"], 100);
}
