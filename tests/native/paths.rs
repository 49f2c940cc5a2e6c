//! Every configuration and policy under `envoy` says where MCP is, and none has
//! a route to the server that leads elsewhere: by other paths, servers run
//! tools that no rule sees.

use crate::config::{files, root};
use crate::yaml::documents;
use mcp_policy_filter::policy::Policy;
use serde_json::{Value, json};

/// The path that clients of every shipped configuration use.
const MCP: &str = "/mcp";

/// The files of a folder, by their paths in the repository.
fn named(folder: &str, ending: &str) -> Vec<String> {
    let files = files(folder, ending).into_iter();
    files.map(|file| file.strip_prefix(root()).unwrap().display().to_string()).collect()
}

/// All objects of a document that have `key`, with what it holds.
fn holding<'d>(document: &'d Value, key: &str, found: &mut Vec<(&'d Value, &'d Value)>) {
    if let Some(value) = document.get(key) {
        found.push((document, value));
    }
    let members = document.as_object().into_iter().flat_map(|object| object.values());
    for part in members.chain(document.as_array().into_iter().flatten()) {
        holding(part, key, found);
    }
}

/// All policies of a document, as objects or as texts, wherever they are.
fn policies(document: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    holding(document, "version", &mut found);
    let mut policies: Vec<_> = found.into_iter().map(|(policy, _)| policy.clone()).collect();
    let mut texts = Vec::new();
    holding(document, "value", &mut texts);
    let texts = texts.iter().filter_map(|(_, text)| serde_json::from_str(text.as_str()?).ok());
    policies.extend(texts.filter(|policy: &Value| policy.get("version").is_some()));
    policies
}

#[test]
fn every_shipped_policy_says_where_mcp_is() {
    let mut seen = 0;
    for (folder, ending, each) in [
        ("envoy", "yaml", &[("envoy/envoy.yaml", 1), ("envoy/docker-compose.yaml", 0)][..]),
        ("envoy/approvals", "yaml", &[]),
        ("envoy/compose", "yaml", &[]),
        ("envoy/connect", "yaml", &[("envoy/connect/several-servers.yaml", 2)]),
        (
            "envoy/gateway",
            "yaml",
            &[("envoy/gateway/patch-policy.yaml", 0), ("envoy/gateway/kustomization.yaml", 0)],
        ),
        (
            "envoy/istio",
            "yaml",
            &[("envoy/istio/virtual-service.yaml", 0), ("envoy/istio/kustomization.yaml", 0)],
        ),
        ("envoy/native", "yaml", &[]),
        (
            "envoy/native/gateway",
            "yaml",
            &[
                ("envoy/native/gateway/envoy-proxy.yaml", 0),
                ("envoy/native/gateway/kustomization.yaml", 0),
            ],
        ),
        ("envoy/native/istio", "yaml", &[("envoy/native/istio/kustomization.yaml", 0)]),
        ("envoy/policies/minimal", "json", &[]),
        ("envoy/policies/explained", "json", &[]),
        ("envoy/policies/explained", "yaml", &[]),
        ("envoy/policies/teams", "yaml", &[]),
    ] {
        for file in named(folder, ending) {
            let policies: Vec<_> = documents(&file).iter().flat_map(policies).collect();
            let expected =
                each.iter().find(|(name, _)| *name == file).map_or(1, |(_, count)| *count);
            assert_eq!(policies.len(), expected, "{file}");
            let policies_are_many = policies.len() > 1;
            for policy in policies {
                seen += 1;
                // Several servers have each a folder of its own.
                let path = policy["settings"]["paths"][0].as_str().unwrap();
                assert_eq!(policy["settings"]["paths"].as_array().unwrap().len(), 1, "{file}");
                assert!(
                    path == MCP || (policies_are_many && path.ends_with(MCP)),
                    "{file}: {path}"
                );
                assert!(policy["settings"].get("exempt_paths").is_none(), "{file}");
                let parsed = Policy::parse(policy.to_string().as_bytes(), "paths").unwrap();
                let warned =
                    parsed.warnings.iter().any(|warning| warning.path == "/settings/paths");
                assert!(!warned, "{file}: {:?}", parsed.warnings);
            }
        }
    }
    assert!(seen >= 20, "{seen}");
}

#[test]
fn every_policy_of_the_library_says_where_mcp_is() {
    let library = root().join("envoy/policies/library");
    let mut seen = 0;
    for folder in std::fs::read_dir(library).unwrap().map(|entry| entry.unwrap().path()) {
        let file = folder.strip_prefix(root()).unwrap().join("policy.yaml").display().to_string();
        let policy = &documents(&file)[0];
        assert_eq!(policy["settings"]["paths"], json!([MCP]), "{file}");
        assert!(policy["settings"].get("exempt_paths").is_none(), "{file}");
        seen += 1;
    }
    assert!(seen >= 17, "{seen}");
}

#[test]
fn every_shipped_route_to_the_server_is_mcps() {
    for file in [
        "envoy/envoy.yaml",
        "envoy/approvals/mtls.yaml",
        "envoy/approvals/oauth2.yaml",
        "envoy/compose/envoy.yaml",
        "envoy/connect/oauth.yaml",
        "envoy/native/envoy.yaml",
    ] {
        let document = &documents(file)[0];
        let mut routes = Vec::new();
        holding(document, "match", &mut routes);
        let to_server: Vec<_> =
            routes.iter().filter(|(route, _)| route["route"]["cluster"] == "mcp_server").collect();
        assert_eq!(to_server.len(), 1, "{file}");
        assert_eq!(*to_server[0].1, json!({ "path": MCP }), "{file}");
        // What leads elsewhere is the administration's statistics. What leads nowhere is
        // answered by a filter, and a rule of jwt_authn is not a route.
        let nowhere = |route: &Value| route.get("direct_response").is_some();
        for (route, _) in routes.iter().filter(|(route, _)| route.get("requires").is_none()) {
            let cluster = &route["route"]["cluster"];
            let known = cluster == "mcp_server" || cluster == "admin" || nowhere(route);
            assert!(known, "{file}: {route}");
        }
    }
    let service = &documents("envoy/istio/virtual-service.yaml")[0];
    let routes = service["spec"]["http"].as_array().unwrap();
    assert!(!routes.is_empty());
    for route in routes {
        assert_eq!(route["match"], json!([{ "uri": { "exact": MCP } }]));
    }
}
