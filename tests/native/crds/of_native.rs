//! The manifests of `envoy/native`, for Istio and Envoy Gateway. What the real module
//! makes of them is in `tests/e2e/native_shipped.rs`.

use super::{are_allowed, crds, fault, manifest};
use mcp_policy_filter::policy::Policy;
use serde_json::{Value, json};

const GATEWAY: &str = "envoy/native/gateway";
const ISTIO: &str = "envoy/native/istio";

/// The rules that the CRD of EnvoyProxy has in CEL.
pub fn rules(kind: &str, spec: &Value) -> Vec<(&'static str, bool)> {
    if kind != "EnvoyProxy" {
        return Vec::new();
    }
    let modules = spec["dynamicModules"].as_array().map_or(&[][..], Vec::as_slice);
    let sources = || modules.iter().map(|module| &module["source"]);
    let remote = |source: &Value| source["type"] == "Remote";
    vec![
        (
            "If type is Remote, remote field needs to be set.",
            sources().all(|source| remote(source) == source.get("remote").is_some()),
        ),
        (
            "If type is Local, local field needs to be set; if Remote, it must not be set.",
            sources().all(|source| {
                (source["type"] != "Local" || source.get("local").is_some())
                    && !(remote(source) && source.get("local").is_some())
            }),
        ),
    ]
}

#[test]
fn native_manifests_are_what_their_kinds_allow() {
    for (folder, file, kinds) in [
        (ISTIO, "istio", &["EnvoyFilter"][..]),
        (GATEWAY, "gateway", &["EnvoyProxy", "EnvoyExtensionPolicy"]),
    ] {
        are_allowed(&crds(file), folder);
        kinds.iter().for_each(|kind| drop(manifest(folder, kind)));
    }
}

#[test]
fn native_manifests_that_their_kinds_forbid_are_found() {
    let (istio, gateway) = (crds("istio"), crds("gateway"));
    let module = "/spec/dynamicModules/0";
    for (crds, folder, kind, pointer, value) in [
        (&istio, ISTIO, "EnvoyFilter", "/spec/configPatches/0/applyTo", json!("HTTP")),
        (&gateway, GATEWAY, "EnvoyProxy", &format!("{module}/name"), json!("mcp_policy")),
        (&gateway, GATEWAY, "EnvoyProxy", &format!("{module}/doNotClose"), json!("yes")),
        (&gateway, GATEWAY, "EnvoyProxy", &format!("{module}/source/type"), json!("File")),
        (&gateway, GATEWAY, "EnvoyProxy", &format!("{module}/source/local"), json!({})),
        (
            &gateway,
            GATEWAY,
            "EnvoyProxy",
            &format!("{module}/source"),
            // Where Envoy Gateway was before 1.8.
            json!({ "local": { "libraryName": "mcp_policy_filter" } }),
        ),
        (&gateway, GATEWAY, "EnvoyProxy", &format!("{module}/source"), json!({ "type": "Local" })),
        (&gateway, GATEWAY, "EnvoyProxy", &format!("{module}/source/type"), json!("Remote")),
        (&gateway, GATEWAY, "EnvoyProxy", "/spec/provider/type", json!("Docker")),
        (&gateway, GATEWAY, "EnvoyExtensionPolicy", "/spec/dynamicModule/0/name", json!("")),
        (&gateway, GATEWAY, "EnvoyExtensionPolicy", "/spec/dynamicModule", json!({})),
        (
            &gateway,
            GATEWAY,
            "EnvoyExtensionPolicy",
            "/spec/dynamicModule/0",
            json!({ "name": "mcp-policy", "module": "mcp-policy" }),
        ),
    ] {
        let mut manifest = manifest(folder, kind);
        let place = manifest.pointer_mut(pointer).unwrap_or_else(|| panic!("{kind} {pointer}"));
        assert_ne!(*place, value);
        *place = value;
        assert!(fault(crds, &manifest).is_some(), "{kind} {pointer}");
    }
}

/// A remote module that cannot be fetched judges nothing, and a module that is closed
/// forgets its counts.
#[test]
fn native_modules_are_files_that_stay_loaded() {
    let proxy = manifest(GATEWAY, "EnvoyProxy");
    let entry = &proxy["spec"]["dynamicModules"][0];
    assert_eq!((&entry["source"]["type"], &entry["doNotClose"]), (&json!("Local"), &json!(true)));
    assert!(entry["source"].get("remote").is_none());
    // The file is where the volume is.
    let deployment = &proxy["spec"]["provider"]["kubernetes"]["envoyDeployment"];
    let mount = &deployment["container"]["volumeMounts"][0];
    assert_eq!(mount["name"], deployment["pod"]["volumes"][0]["name"]);
    let path = entry["source"]["local"]["path"].as_str().unwrap();
    assert!(path.starts_with(&format!("{}/", mount["mountPath"].as_str().unwrap())));

    let [istio, envoy] = [istios(), envoys()];
    for config in [&istio, &envoy] {
        let module = &config["dynamic_module_config"];
        assert_eq!(module["do_not_close"], true);
        let file = module["module"]["local"]["filename"].as_str().unwrap();
        assert!(file.ends_with("/libmcp_policy_filter.so"), "{file}");
        // The names of metrics are then those of the other shell.
        assert!(module.get("metrics_namespace").is_none());
    }
}

fn istios() -> Value {
    let filter = manifest(ISTIO, "EnvoyFilter");
    filter["spec"]["configPatches"][0]["patch"]["value"]["typed_config"].clone()
}

fn envoys() -> Value {
    let envoy = crate::yaml::documents("envoy/native/envoy.yaml").remove(0);
    let listener = &envoy["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
    listener["typed_config"]["http_filters"][0]["typed_config"].clone()
}

/// The policy of a shell's manifest, without what only that shell has.
fn plain(mut policy: Value) -> Value {
    let parsed = Policy::parse(policy.to_string().as_bytes(), "crds");
    assert!(parsed.is_ok(), "{:?}", parsed.err().map(|e| e.lines().collect::<Vec<_>>()));
    policy["settings"].as_object_mut().unwrap().remove("hold_request_headers");
    policy["settings"].as_object_mut().unwrap().remove("mark_requests");
    policy
}

#[test]
fn both_shells_are_shipped_with_one_policy() {
    let wasm = manifest("envoy/istio", "EnvoyFilter");
    let wasm = &wasm["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]["config"];
    let gateway = manifest(GATEWAY, "EnvoyExtensionPolicy");
    let native = [
        plain(istios()["filter_config"]["value"].clone()),
        plain(gateway["spec"]["dynamicModule"][0]["config"].clone()),
    ];
    assert_eq!(native[0], plain(wasm["configuration"]["value"].clone()));
    assert_eq!(native[0], native[1]);
}

/// The two complete configurations of Envoy differ in the filter, and in what a
/// statistic without labels needs.
#[test]
fn the_complete_configurations_differ_in_the_filter_alone() {
    let [mut wasm, mut native] = ["envoy/envoy.yaml", "envoy/native/envoy.yaml"]
        .map(|file| crate::yaml::documents(file).remove(0));
    assert!(wasm.as_object_mut().unwrap().remove("stats_config").is_some());
    let filter =
        "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0";
    let [wasm_filter, native_filter] =
        [&mut wasm, &mut native].map(|envoy| envoy.pointer_mut(filter).unwrap().take());
    assert_eq!(wasm, native);
    assert_eq!(
        plain(wasm_filter["typed_config"]["config"]["configuration"]["value"].clone()),
        plain(native_filter["typed_config"]["filter_config"]["value"].clone())
    );
}
