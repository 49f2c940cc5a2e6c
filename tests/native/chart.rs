//! The chart, and the bases of kustomize: both make the shipped manifests, of which other
//! tests show what the filter and Envoy make of them.
//!
//! `tests/data/chart` has values, and what the chart makes of them. Where
//! `scripts/helm` found helm and kubectl (`HELM`), they are asked to make it again;
//! `UPDATE_GOLDEN=1` writes it anew.

use crate::config::{files, root};
use crate::crds::{crds, fault};
use crate::yaml::documents;
use mcp_policy_filter::policy::Policy;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CHART: &str = "charts/mcp-policy";

/// The values, the group of kinds, and the manifests that they stand for.
const CASES: [(&str, &str, &[&str]); 5] = [
    ("istio", "istio", &["envoy/istio/envoy-filter.yaml", "envoy/istio/virtual-service.yaml"]),
    (
        "istio-plugin",
        "istio",
        &["envoy/istio/wasm-plugin.yaml", "envoy/istio/virtual-service.yaml"],
    ),
    (
        "istio-native",
        "istio",
        &["envoy/native/istio/envoy-filter.yaml", "envoy/istio/virtual-service.yaml"],
    ),
    (
        "gateway",
        "gateway",
        &["envoy/gateway/extension-policy.yaml", "envoy/gateway/patch-policy.yaml"],
    ),
    (
        "gateway-native",
        "gateway",
        &["envoy/native/gateway/extension-policy.yaml", "envoy/native/gateway/envoy-proxy.yaml"],
    ),
];

/// The folder with helm and kubectl, or a line that says that there is none.
fn programs() -> Option<PathBuf> {
    let folder = env::var_os("HELM").filter(|folder| !folder.is_empty());
    if folder.is_none() {
        let told = "no helm and kubectl (HELM, from scripts/helm): the chart is not made by them";
        let _ = writeln!(std::io::stderr(), "{told}");
    }
    folder.map(PathBuf::from)
}

fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    let program = programs()?.join(program);
    // No repositories and no cluster of whoever runs the tests.
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("helm");
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .env("HOME", &home)
        .env("XDG_CONFIG_HOME", &home)
        .env("XDG_CACHE_HOME", &home)
        .env("KUBECONFIG", home.join("none"))
        .output();
    Some(output.unwrap())
}

/// The output of a program, which has to be content.
fn printed(program: &str, arguments: &[&str]) -> Option<String> {
    let output = run(program, arguments)?;
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {log}");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn values(case: &str) -> String {
    format!("tests/data/chart/{case}.values.yaml")
}

/// The arguments that have helm make the objects of a case.
fn template<'a>(values: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["template", "mcp-policy", CHART, "--namespace", "mcp", "--values", values];
    all.extend(more);
    all
}

fn golden(case: &str) -> String {
    format!("tests/data/chart/{case}.yaml")
}

/// Whether the chart takes the arguments of a page: values that it has, and files that are
/// there or are the reader's. Where they are all that it needs, helm makes the objects.
pub fn takes(chart: &str, arguments: &[&str]) -> Result<(), String> {
    let values = documents(&format!("{chart}/values.yaml")).remove(0);
    let is_there = |file: &str| root().join(file).is_file() || file.starts_with("my-");
    let mut whole = !arguments.contains(&"--reuse-values");
    for pair in arguments.windows(2) {
        let (name, value) = pair[1].split_once('=').unwrap_or((pair[1], ""));
        let known = || values.pointer(&format!("/{}", name.replace('.', "/"))).is_some();
        let holds = match pair[0] {
            "--set" => known() && !value.is_empty(),
            "--set-file" => known() && is_there(value),
            "--values" => is_there(name),
            _ => true,
        };
        if !holds {
            return Err(format!("the chart does not take `{} {}`", pair[0], pair[1]));
        }
        whole &= pair[0] != "--values";
    }
    if whole {
        printed("helm", &[&["template", "mcp-policy", chart], arguments].concat());
    }
    Ok(())
}

/// A manifest without what the release adds, and without the digest that a user puts.
fn bare(manifest: &Value) -> Value {
    let text = manifest.to_string().replace(&"0".repeat(64), &"1".repeat(64));
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    manifest["metadata"].as_object_mut().unwrap().remove("labels");
    manifest
}

fn sorted(manifests: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut all: Vec<_> = manifests.collect();
    all.sort_by_key(|one| one["kind"].as_str().unwrap().to_owned());
    all
}

#[test]
fn the_chart_makes_the_shipped_manifests() {
    for (case, kinds, shipped) in CASES {
        if let Some(made) = printed("helm", &template(&values(case), &[])) {
            let golden = root().join(golden(case));
            if env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&golden, &made).unwrap();
            }
            assert_eq!(fs::read_to_string(&golden).unwrap_or_default(), made, "{case}");
        }
        let made = documents(&golden(case));
        for manifest in &made {
            assert_eq!(fault(&crds(kinds), manifest), None, "{case}");
            let labels = &manifest["metadata"]["labels"];
            assert_eq!(labels["app.kubernetes.io/instance"], "mcp-policy", "{case}");
        }
        let shipped = shipped.iter().flat_map(|file| documents(file));
        let shipped = sorted(shipped.map(|one| bare(&one)));
        assert_eq!(sorted(made.iter().map(bare)), shipped, "{case}");
    }
}

/// One proxy can have the releases of two namespaces: by one name they would share counters
/// and approvals.
#[test]
fn two_namespaces_share_no_counters() {
    for (case, key) in
        [("istio", "vm_id"), ("istio-native", "filter_name"), ("gateway-native", "filterName")]
    {
        let values = values(case);
        for namespace in ["one", "two"] {
            let more = ["--namespace", namespace];
            let Some(made) = printed("helm", &template(&values, &more)) else { return };
            let expected = format!("{key}: {namespace}.mcp-policy\n");
            assert_eq!(made.matches(&expected).count(), 1, "{case}: {made}");
            assert_eq!(made.matches(&format!("{key}: ")).count(), 1, "{case}: {made}");
        }
    }
}

#[test]
fn every_case_has_its_files() {
    let found: BTreeSet<_> = files("tests/data/chart", "yaml")
        .iter()
        .map(|file| file.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    let cases = CASES.iter().map(|(case, ..)| case);
    let expected = cases.flat_map(|case| [format!("{case}.values.yaml"), format!("{case}.yaml")]);
    assert_eq!(found, expected.collect());
}

#[test]
fn a_policy_may_be_a_file_of_its_own() {
    let file = "envoy/policies/library/github/policy.yaml";
    let set = format!("policyText={file}");
    let values = values("istio");
    let more = ["--set", "policy=null", "--set-file", &set];
    let Some(made) = printed("helm", &template(&values, &more)) else { return };
    let made: Vec<Value> = made
        .split("\n---\n")
        .map(|text| serde_json::to_value(yaml_serde::from_str::<Value>(text).unwrap()).unwrap())
        .collect();
    let filter = made.iter().find(|one| one["kind"] == "EnvoyFilter").unwrap();
    let config = &filter["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]["config"];
    let mut expected = documents(file).remove(0);
    expected["settings"]["hold_request_headers"] = true.into();
    expected["settings"]["mark_requests"] = true.into();
    assert_eq!(config["configuration"]["value"], expected);
    assert!(Policy::parse(expected.to_string().as_bytes(), "chart").is_ok());
}

#[test]
fn helm_lint_is_content() {
    for (case, ..) in CASES {
        let values = values(case);
        let lint = ["lint", "--strict", CHART, "--values", &values];
        let Some(said) = printed("helm", &lint) else { return };
        assert!(said.contains("1 chart(s) linted, 0 chart(s) failed"), "{case}: {said}");
    }
}

/// Values that would leave a server without a policy, or hang it, are refused with a remedy.
#[test]
fn the_chart_refuses_what_is_not_safe() {
    let digest = format!("image.sha256={}", "0".repeat(64));
    for (case, more, expected) in [
        ("istio", &["--set", "policy=null"][..], "without one everything would be refused"),
        ("istio", &["--set", "policyText=version"], "set policy or policyText, and not both"),
        ("istio", &["--set", "policy.version=null"], "the policy has no version"),
        ("istio", &["--set", "policy.default=null"], "the policy has no default"),
        ("istio", &["--set", "policy.settings=null"], "the policy has no settings.paths"),
        ("istio", &["--set", "image.reference="], "set image.reference"),
        ("istio", &["--set", "image.sha256="], "set image.sha256"),
        ("istio", &["--set-string", &digest], "put the digest that your registry gave"),
        ("istio", &["--set", "image.sha256=sha256:00"], "does not match pattern"),
        ("istio", &["--set", "image.reference=oci://a/b:1"], "does not match pattern"),
        ("istio", &["--set", "platform=nginx"], "must be one of"),
        ("istio", &["--set", "module=lua"], "must be one of"),
        ("istio", &["--set", "istio.froms=wasmPlugin"], "additional properties"),
        ("istio", &["--set", "istio.virtualService.paths={/other}"], "make them equal"),
        (
            "istio-plugin",
            &["--set", "policy.settings.hold_request_headers=true"],
            "it has to be false here",
        ),
        ("istio", &["--set", "policy.settings.mark_requests=false"], "it has to be true here"),
        (
            "gateway",
            &["--set", "gateway.patch.enabled=false,policy.settings.mark_requests=true"],
            "it has to be false here",
        ),
        ("gateway-native", &["--set", "native.folder=relative"], "does not match pattern"),
    ] {
        let values = values(case);
        let Some(output) = run("helm", &template(&values, more)) else { return };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{case} {more:?}");
        assert!(said.contains(expected), "{case} {more:?}: {said}");
    }
}

/// Without its patch, Envoy Gateway neither holds headers nor has a guard.
#[test]
fn what_has_no_other_side_is_not_asked_for() {
    let values = values("gateway");
    let more = ["--set", "gateway.patch.enabled=false"];
    let Some(made) = printed("helm", &template(&values, &more)) else { return };
    assert!(!made.contains("EnvoyPatchPolicy"), "{made}");
    assert!(!made.contains("hold_request_headers") && !made.contains("mark_requests"), "{made}");
}

/// The names of a schema and those of the values are the same, all the way down.
fn same_names(schema: &Value, values: &Value, place: &str) {
    let Some(properties) = schema["properties"].as_object() else { return };
    assert_eq!(schema["additionalProperties"], false, "{place}");
    let global = |name: &&String| *name != "global";
    let known: BTreeSet<_> = properties.keys().filter(global).collect();
    assert_eq!(known, values.as_object().unwrap().keys().collect(), "{place}");
    for (name, schema) in properties.iter().filter(|(name, _)| global(name)) {
        same_names(schema, &values[name], &format!("{place}/{name}"));
    }
}

#[test]
fn every_value_has_its_type_and_its_meaning() {
    let values = documents(&format!("{CHART}/values.yaml")).remove(0);
    let schema = fs::read_to_string(root().join(CHART).join("values.schema.json")).unwrap();
    same_names(&serde_json::from_str(&schema).unwrap(), &values, "");
    let text = fs::read_to_string(root().join(CHART).join("values.yaml")).unwrap();
    let mut explained = false;
    for line in text.lines() {
        let bare = line.trim_start();
        let opens = bare.ends_with(':');
        // An entry of the user's own, under a name that is explained.
        let is_users = bare.starts_with("app:");
        let pair = ["port:", "name:"].iter().any(|key| bare.starts_with(key));
        let told = bare.is_empty() || bare.starts_with('#') || opens || is_users || pair;
        assert!(told || explained, "values.yaml does not explain `{bare}`");
        explained = bare.starts_with('#') || (explained && (opens || bare.starts_with("gateway:")));
    }
}

#[test]
fn the_chart_has_the_version_of_the_module() {
    let chart = documents(&format!("{CHART}/Chart.yaml")).remove(0);
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

/// The bases of kustomize, and the manifests beside them that they leave out.
const BASES: [(&str, &[&str]); 4] = [
    ("envoy/istio", &["wasm-plugin.yaml"]),
    ("envoy/gateway", &[]),
    ("envoy/native/istio", &[]),
    ("envoy/native/gateway", &[]),
];

#[test]
fn each_base_has_its_manifests() {
    for (folder, left_out) in BASES {
        let base = documents(&format!("{folder}/kustomization.yaml")).remove(0);
        let listed = base["resources"].as_array().unwrap().iter();
        let listed: BTreeSet<_> = listed.map(|name| name.as_str().unwrap().to_owned()).collect();
        let beside = files(folder, "yaml");
        let beside = beside.iter().map(|file| file.file_name().unwrap().to_str().unwrap());
        let expected =
            beside.filter(|name| *name != "kustomization.yaml" && !left_out.contains(name));
        assert_eq!(listed, expected.map(str::to_owned).collect(), "{folder}");
        let Some(built) = printed("kubectl", &["kustomize", folder]) else { continue };
        let built = built.split("\n---\n").map(|text| yaml_serde::from_str::<Value>(text).unwrap());
        let files = listed.iter().flat_map(|name| documents(&format!("{folder}/{name}")));
        assert_eq!(sorted(built), sorted(files), "{folder}");
    }
}

/// The overlay of docs/kubernetes.md.
#[test]
fn an_overlay_changes_what_is_yours() {
    let Some(built) = printed("kubectl", &["kustomize", "tests/data/kustomize"]) else { return };
    let built = built.split("\n---\n").map(|text| yaml_serde::from_str::<Value>(text).unwrap());
    let built = sorted(built);
    for manifest in &built {
        assert_eq!(fault(&crds("istio"), manifest), None);
        assert_eq!(manifest["metadata"]["namespace"], "tools");
    }
    let filter = &built[0];
    assert_eq!(filter["spec"]["workloadSelector"]["labels"], json!({ "app": "github-mcp" }));
    let config = &filter["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]["config"];
    assert_eq!(config["vm_config"]["code"]["remote"]["sha256"], "2".repeat(64));
    assert_eq!(config["configuration"]["value"]["tools"], json!({ "get_me": {} }));
    assert_eq!(config["allow_on_headers_stop_iteration"], true);
    assert_eq!(built[1]["spec"]["http"][0]["retries"]["attempts"], 0);
}
