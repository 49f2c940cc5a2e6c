//! The manifests of `envoy/replicas`: the service that counts across replicas, and its
//! cluster in Istio and Envoy Gateway. That this cluster is asked is in
//! `tests/e2e/replicas/meshes.rs`.

use super::{crds, fault, manifests};
use crate::config::root;
use crate::yaml::documents;
use mcp_policy_filter::limit_service::{METHOD, SERVICE};
use serde_json::{Value, json};
use std::fs;

const FOLDER: &str = "envoy/replicas";
/// The kinds of Kubernetes itself, which are described whole.
const CORE: [&str; 4] = ["ConfigMap", "Service", "Deployment", "NetworkPolicy"];

/// The fault of a manifest of the folder.
fn fault_of(manifest: &Value) -> Option<String> {
    let kind = manifest["kind"].as_str().unwrap();
    if kind == "EnvoyPatchPolicy" {
        return fault(&crds("gateway"), manifest);
    }
    let mut asked = manifest.clone();
    if CORE.contains(&kind) {
        asked["spec"] = manifest.clone();
    }
    fault(&crds("replicas"), &asked)
}

fn all() -> Vec<Value> {
    manifests(FOLDER).into_iter().map(|(_, manifest)| manifest).collect()
}

/// The manifest of a kind with this name.
fn named(kind: &str, name: &str) -> Value {
    let found =
        all().into_iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

#[test]
fn manifests_of_the_service_are_what_their_kinds_allow() {
    let crds = crds("replicas");
    for (name, manifest) in manifests(FOLDER) {
        assert_eq!(fault_of(&manifest), None, "{name}");
        assert_eq!(manifest["metadata"]["namespace"], "mcp", "{name}");
    }
    // None is described in vain.
    for kind in crds.as_object().unwrap().keys() {
        assert!(all().iter().any(|one| one["kind"] == **kind), "{kind}");
    }
}

#[test]
fn manifests_of_the_service_that_their_kinds_forbid_are_found() {
    let container = "/spec/template/spec/containers/0";
    for (kind, name, pointer, value) in [
        ("Service", "ratelimit", "/spec/ports/0/targetPort".into(), json!("8081")),
        ("Service", "ratelimit", "/spec/selector".into(), json!({})),
        ("ConfigMap", "ratelimit", "/data/mcp.yaml".into(), json!({ "domain": "mcp" })),
        ("Deployment", "ratelimit", format!("{container}/image"), json!("envoyproxy/ratelimit")),
        ("Deployment", "ratelimit", format!("{container}/env/0/value"), json!(true)),
        ("Deployment", "ratelimit", format!("{container}/env/0"), json!({ "key": "A" })),
        ("Deployment", "ratelimit-redis", "/spec/strategy/type".into(), json!("Replace")),
        ("NetworkPolicy", "ratelimit", "/spec/ingress/0/from/0".into(), json!({ "pods": {} })),
        ("AuthorizationPolicy", "ratelimit", "/spec/action".into(), json!("allow")),
        ("AuthorizationPolicy", "ratelimit", "/spec/rules/0/to/0".into(), json!({ "paths": [] })),
        ("AuthorizationPolicy", "ratelimit", "/spec/selector".into(), json!({ "labels": {} })),
        (
            "EnvoyPatchPolicy",
            "mcp-policy-limit-service",
            "/spec/jsonPatches/0/operation".into(),
            json!({ "op": "add", "path": "" }),
        ),
    ] {
        let mut manifest = named(kind, name);
        let place = manifest.pointer_mut(&pointer).unwrap_or_else(|| panic!("{kind} {pointer}"));
        assert_ne!(*place, value);
        *place = value;
        assert!(fault_of(&manifest).is_some(), "{kind} {pointer}");
    }
}

/// Each Service leads to the pods of the Deployment with its name, at a port that they
/// have, and a NetworkPolicy is before them.
#[test]
fn each_service_leads_to_pods_that_are_shut_off() {
    for name in ["ratelimit", "ratelimit-redis"] {
        let (service, deployment) = (named("Service", name), named("Deployment", name));
        let template = &deployment["spec"]["template"];
        let labels = &template["metadata"]["labels"];
        assert_eq!(&service["spec"]["selector"], labels, "{name}");
        assert_eq!(&deployment["spec"]["selector"]["matchLabels"], labels, "{name}");
        let port = &service["spec"]["ports"][0]["targetPort"];
        let container = &template["spec"]["containers"][0];
        assert_eq!(&container["ports"][0]["containerPort"], port, "{name}");
        let policy = &named("NetworkPolicy", name)["spec"];
        assert_eq!(&policy["podSelector"]["matchLabels"], labels, "{name}");
        assert_eq!(policy["policyTypes"], json!(["Ingress"]), "{name}");
        let [rule] = &**policy["ingress"].as_array().unwrap() else { panic!("{policy}") };
        assert_eq!(rule["ports"], json!([{ "port": port }]), "{name}");
        assert!(!rule["from"].as_array().unwrap().is_empty(), "{name} is open to all");
        assert_eq!(container["securityContext"]["runAsNonRoot"], true, "{name}");
    }
    let from = &named("NetworkPolicy", "ratelimit-redis")["spec"]["ingress"][0]["from"];
    let asks = &named("Deployment", "ratelimit")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(*from, json!([{ "podSelector": { "matchLabels": asks } }]));
}

/// The variables of the service name the Redis, and the place of its file.
#[test]
fn the_service_finds_redis_and_its_domain() {
    let deployment = named("Deployment", "ratelimit");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let variables = container["env"].as_array().unwrap();
    let variable = |name: &str| {
        let found = variables.iter().find(|one| one["name"] == name);
        text(&found.unwrap_or_else(|| panic!("no {name}"))["value"]).to_owned()
    };
    let redis = named("Service", "ratelimit-redis");
    let port = &redis["spec"]["ports"][0]["port"];
    assert_eq!(variable("REDIS_URL"), format!("ratelimit-redis:{port}"));
    assert_eq!(variable("REDIS_SOCKET_TYPE"), "tcp");
    let folder = [&*variable("RUNTIME_ROOT"), &*variable("RUNTIME_SUBDIRECTORY"), "config"];
    assert_eq!(container["volumeMounts"][0]["mountPath"], folder.join("/"));
    assert_eq!(container["volumeMounts"][0]["name"], pod["volumes"][0]["name"]);
    let file = named("ConfigMap", text(&pod["volumes"][0]["configMap"]["name"]));
    let file: Value = yaml_serde::from_str(text(&file["data"]["mcp.yaml"])).unwrap();
    // As the containers have it.
    assert_eq!(file, documents("envoy/compose/ratelimit/mcp.yaml")[0]);
    let compose = &documents("envoy/docker-compose.yaml")[0]["services"];
    let redis = named("Deployment", "ratelimit-redis");
    for (service, deployment) in [("ratelimit", &deployment), ("redis", &redis)] {
        let image = text(&deployment["spec"]["template"]["spec"]["containers"][0]["image"]);
        assert!(text(&compose[service]["image"]).ends_with(&format!(":-{image}}}")), "{image}");
    }
    // One that evicts forgets counts.
    let arguments = &redis["spec"]["template"]["spec"]["containers"][0]["args"];
    let arguments: Vec<_> = arguments.as_array().unwrap().iter().map(text).collect();
    assert!(arguments.windows(2).any(|two| two == ["--maxmemory-policy", "noeviction"]));
    assert_eq!(
        (&redis["spec"]["replicas"], &redis["spec"]["strategy"]),
        (&json!(1), &json!({ "type": "Recreate" }))
    );
}

/// The name of the Service's host, and its port.
fn host() -> (String, u64) {
    let service = named("Service", "ratelimit");
    let metadata = &service["metadata"];
    let host =
        format!("{}.{}.svc.cluster.local", text(&metadata["name"]), text(&metadata["namespace"]));
    (host, service["spec"]["ports"][0]["port"].as_u64().unwrap())
}

#[test]
fn the_clusters_of_both_meshes_are_of_the_service() {
    let (host, port) = host();
    let page = fs::read_to_string(root().join("docs/operate/replicas.md")).unwrap();
    // Istio names the cluster of a Service so, and speaks HTTP/2 to such a port.
    let cluster = format!("outbound|{port}||{host}");
    let named_by_istio = format!(r#""cluster": "{cluster}", "authority": "{host}""#);
    assert!(page.contains(&named_by_istio), "the page names another cluster than {cluster}");
    let service = named("Service", "ratelimit");
    assert_eq!(service["spec"]["ports"][0]["appProtocol"], "grpc");
    let authorization = &named("AuthorizationPolicy", "ratelimit")["spec"];
    assert_eq!(authorization["selector"]["matchLabels"], service["spec"]["selector"]);
    assert_eq!(authorization["action"], "ALLOW");
    let [rule] = &**authorization["rules"].as_array().unwrap() else { panic!("{authorization}") };
    let operation =
        json!({ "ports": [port.to_string()], "paths": [format!("/{SERVICE}/{METHOD}")] });
    assert_eq!(rule["to"], json!([{ "operation": operation }]));

    let patch = &named("EnvoyPatchPolicy", "mcp-policy-limit-service")["spec"]["jsonPatches"][0];
    let cluster = &patch["operation"]["value"];
    assert_eq!(cluster["name"], patch["name"]);
    assert!(page.contains(&format!(r#""cluster": {}, "engine": "ratelimit""#, patch["name"])));
    let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    let address = json!({ "address": host, "port_value": port });
    assert_eq!(cluster.pointer(endpoint), Some(&address));
}
