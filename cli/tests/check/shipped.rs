//! Every shipped file is found, and passes.

use super::{found, root, run};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The files of a folder in JSON and YAML, from the root of the repository.
fn files(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files(&entry, into);
        } else if entry
            .extension()
            .is_some_and(|ending| ["json", "yaml", "yml"].iter().any(|one| ending == *one))
        {
            into.push(entry.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
        }
    }
}

/// Files of other programs.
const OTHERS: [&str; 17] = [
    "envoy/compose/grafana/dashboards/mcp.yaml",
    "envoy/compose/grafana/datasources/prometheus.yaml",
    "envoy/compose/prometheus.yml",
    "envoy/compose/ratelimit/mcp.yaml",
    "envoy/docker-compose.yaml",
    "envoy/gateway/kustomization.yaml",
    "envoy/grafana/dashboard.json",
    "envoy/istio/kustomization.yaml",
    "envoy/native/gateway/kustomization.yaml",
    "envoy/native/istio/kustomization.yaml",
    "envoy/prometheus/alerts-envoy-gateway.yml",
    "envoy/prometheus/alerts-istio.yml",
    "envoy/prometheus/alerts.yml",
    "envoy/prometheus/prometheus.yml",
    "envoy/replicas/istio.yaml",
    "envoy/replicas/ratelimit.yaml",
    "envoy/tests/payments.test.yaml",
];

/// Manifests that change what is around a policy, and hold none.
const AROUND: [&str; 4] = [
    "envoy/gateway/patch-policy.yaml",
    "envoy/istio/virtual-service.yaml",
    "envoy/native/gateway/envoy-proxy.yaml",
    "envoy/replicas/gateway.yaml",
];

/// The configuration that has a policy for each of two servers.
const TWO: &str = "envoy/connect/several-servers.yaml";

#[test]
fn the_folder_passes_with_each_policy_found() {
    let all = found(root(), &["envoy"]);
    // A window of a day is what these policies mean.
    for finding in all["findings"].as_array().unwrap() {
        assert_eq!(finding["code"], "long-window", "{finding}");
    }
    let mut names = Vec::new();
    files(&root().join("envoy"), &mut names);
    let checked: BTreeSet<String> =
        all["files"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().into()).collect();
    let expected: BTreeSet<String> =
        names.iter().filter(|name| !OTHERS.contains(&&***name)).cloned().collect();
    assert_eq!(checked, expected);
    assert_eq!(all["policies"], expected.len() - AROUND.len() + 1);
    assert_eq!(all["skipped"], OTHERS.len());
}

#[test]
fn each_file_passes_on_its_own() {
    let mut names = Vec::new();
    files(&root().join("envoy"), &mut names);
    for name in names.iter().filter(|name| !OTHERS.contains(&&***name)) {
        let all = found(root(), &[name]);
        assert_eq!(all["errors"], 0, "{name}");
        let policies = usize::from(!AROUND.contains(&&**name)) + usize::from(name == TWO);
        assert_eq!(all["policies"], policies, "{name}");
    }
    for name in OTHERS {
        assert_eq!(run(root(), &[name]).status.code(), Some(1), "{name}");
    }
}
