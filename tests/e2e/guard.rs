//! A guard behind the filter: Envoy's RBAC, which refuses what does not carry
//! the filter's mark.

use std::fs;
use std::path::Path;

use mcp_rig::client::Request;
use mcp_rig::gateway::{Builder, Gateway};
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::mesh::{envoy_gateways, istios_guard, manifest};
use crate::support::{
    Holding, Wire, assert_denied, danger, file, manager, only_safe, passed, reason, safe,
};

/// Only safe calls, and marks.
fn marking() -> Value {
    let mut policy = only_safe();
    policy["settings"]["mark_requests"] = true.into();
    policy
}

/// Puts the guard behind the filter.
fn guarded(listener: &mut Value) {
    let seen =
        json!({ "filter_state": { "key": "wasm.mcp_policy", "string_match": { "exact": "yes" } } });
    let guard = json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": { "policies": { "judged": {
                "permissions": [{ "any": true }],
                "principals": [seen],
            } } },
        },
    });
    manager(listener)["http_filters"].as_array_mut().expect("filters").insert(1, guard);
}

/// Takes the filter out.
fn without_the_filter(listener: &mut Value) {
    manager(listener)["http_filters"].as_array_mut().expect("filters").remove(0);
}

#[tokio::test]
async fn a_guard_lets_through_what_the_filter_has_seen() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(marking(), upstream.addr()).edit_listener(guarded);
        let gateway = gateway.start().await;
        for wire in Wire::BOTH {
            assert!(passed(&wire.send(gateway.addr(), &safe()).await), "{holding:?} {wire:?}");
            assert_denied(&wire.send(gateway.addr(), &danger()).await);
            let listen = wire.send(gateway.addr(), &Request::new("GET", "/mcp")).await;
            assert_eq!(listen.status, 200, "{holding:?} {wire:?}");
        }
    }
}

#[tokio::test]
async fn a_guard_lets_nothing_through_that_the_filter_has_not_seen() {
    let upstream = Upstream::start().await;
    let gone = Holding::Everything.gateway(marking(), upstream.addr());
    let gone = gone.edit_listener(guarded).edit_listener(without_the_filter).start().await;
    let silent = Holding::Everything.gateway(only_safe(), upstream.addr());
    let silent = silent.edit_listener(guarded).start().await;
    for gateway in [gone, silent] {
        for wire in Wire::BOTH {
            for request in [safe(), Request::new("GET", "/mcp")] {
                let request = request.header("x-mcp-policy", "yes");
                let response = wire.send(gateway.addr(), &request).await;
                assert_eq!((response.status, &*response.text()), (403, "RBAC: access denied"));
            }
        }
    }
    assert!(upstream.connections().is_empty());
}

/// The guard of a shipped configuration.
enum Guarded {
    /// By a filter behind the filter.
    Yes,
    /// It cannot be, and says so in these words.
    No(&'static str),
}

/// The configurations of the filter that are shipped.
const SHIPPED: [(&str, Guarded); 6] = [
    ("envoy/envoy.yaml", Guarded::Yes),
    ("envoy/compose/envoy.yaml", Guarded::Yes),
    ("envoy/gateway/extension-policy.yaml", Guarded::No("cannot put a filter behind itself")),
    ("envoy/gateway/patch-policy.yaml", Guarded::Yes),
    ("envoy/istio/envoy-filter.yaml", Guarded::Yes),
    ("envoy/istio/wasm-plugin.yaml", Guarded::No("cannot put a filter behind")),
];

/// Shipped files that configure no filter.
const NO_FILTER: [&str; 4] = [
    "envoy/docker-compose.yaml",
    "envoy/gateway/kustomization.yaml",
    "envoy/istio/kustomization.yaml",
    "envoy/istio/virtual-service.yaml",
];

/// The filters of a shipped configuration of Envoy, before the router, with the
/// module of this run.
fn filters(path: &str) -> Vec<Value> {
    let document = manifest(path);
    let manager = &document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
    let mut filters = manager["typed_config"]["http_filters"].as_array().expect("filters").clone();
    let router = filters.pop().expect("a router");
    assert_eq!(router["name"], "envoy.filters.http.router", "{path}");
    let code = &mut filters[0]["typed_config"]["config"]["vm_config"]["code"];
    code["local"]["filename"] = std::env::var("MODULE").expect("MODULE").into();
    filters
}

/// Envoy with some filters.
pub fn with(filters: &[Value]) -> Builder {
    let builder = Gateway::builder().without_filter();
    filters.iter().fold(builder, |builder, filter| builder.filter_before(filter.clone()))
}

#[tokio::test]
async fn every_shipped_configuration_is_guarded_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["envoy", "envoy/compose", "envoy/gateway", "envoy/istio"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            let name = entry.expect("an entry").file_name().into_string().expect("text");
            let path = format!("{folder}/{name}");
            let known =
                NO_FILTER.contains(&&*path) || SHIPPED.iter().any(|(file, _)| *file == path);
            assert!(known || !name.ends_with(".yaml"), "{path} is not known here");
        }
    }
    for (path, guarded) in SHIPPED {
        let (with_filter, alone) = match (path, guarded) {
            (_, Guarded::No(why)) => {
                let text = file(path).replace("\n#", "").replace("\n  #", "");
                assert!(text.contains(why) && !text.contains("wasm.mcp_policy"), "{path}");
                continue;
            }
            ("envoy/gateway/patch-policy.yaml", _) => {
                (envoy_gateways(), envoy_gateways().edit_listener(without_the_filter))
            }
            ("envoy/istio/envoy-filter.yaml", _) => {
                // `mesh.rs` has it with the filter, which Envoy discovers.
                let config = &manifest(path)["spec"]["configPatches"][0]["patch"]["value"];
                let config = &config["typed_config"]["config"]["configuration"]["value"];
                assert_eq!(config["settings"]["mark_requests"], true);
                let builder = Gateway::builder().policy(config.to_string());
                let builder = builder.hold_request_headers(true).policy_as_struct();
                (builder.filter_after(istios_guard()), with(&[istios_guard()]))
            }
            _ => {
                let filters = filters(path);
                assert_eq!(filters.len(), 2, "{path}");
                (with(&filters), with(&filters[1..]))
            }
        };
        is_guarded(path, with_filter, alone).await;
    }
}

/// With the filter, calls are judged; without it, nothing passes.
pub async fn is_guarded(path: &str, with_filter: Builder, alone: Builder) {
    let upstream = Upstream::start().await;
    let send = Request::tool_call(1, "session_send", r#"{"sessionId":"s1","message":"hi"}"#);
    let kill = Request::tool_call(1, "session_kill", "{}");
    let alone = alone.upstream(upstream.addr()).start().await;
    for wire in Wire::BOTH {
        for request in [send.clone(), kill.clone(), Request::new("GET", "/mcp")] {
            let response = wire.send(alone.addr(), &request.header("x-mcp-policy", "yes")).await;
            let seen = (response.status, &*response.text());
            assert_eq!(seen, (403, "RBAC: access denied"), "{path} {wire:?}");
        }
    }
    assert!(upstream.connections().is_empty(), "{path}");

    let gateway = with_filter.upstream(upstream.addr()).start().await;
    for wire in Wire::BOTH {
        assert!(passed(&wire.send(gateway.addr(), &send).await), "{path} {wire:?}");
        assert_eq!(reason(&wire.send(gateway.addr(), &kill).await), "default_deny", "{path}");
    }
}
