//! The manifests of `envoy/istio` and `envoy/gateway`, as what their control
//! planes make of them: the filter that Envoy gets, in a real Envoy.
//!
//! The control planes themselves are not here. What they make is built as their
//! sources say: Istio's `pilot/pkg/model/extensions.go`, Envoy Gateway's
//! `internal/xds/translator/wasm.go` and `jsonpatch.go`.

use std::path::{Path, PathBuf};

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::{Builder, Gateway};
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::{Value, json};
use serde_json_path::JsonPath;

use crate::doubles::in_doubles;
use crate::support::{assert_denied, danger, file, manager, only_safe, passed, reason, safe};

/// The one document of a manifest.
pub fn manifest(path: &str) -> Value {
    yaml_serde::from_str(&file(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Checks that a gateway decides as all three policies say, and that a denied call reaches
/// the server, or does not.
pub async fn holds_the_policy(builder: Builder, upstream: &Upstream, held: bool) {
    let gateway = builder.upstream(upstream.addr()).start().await;
    let call = async |tool: &str, arguments: &str| {
        http1::send(gateway.addr(), &Request::tool_call(1, tool, arguments)).await
    };
    for (tool, arguments, expected) in [
        ("delete_account", r#"{"account":"a"}"#, "hidden"),
        ("session_kill", r#"{"sessionId":"s1"}"#, "default_deny"),
        ("claude_code_session", r#"{"action":"cancel"}"#, "require"),
        ("session_send", r#"{"sessionId":"s1","message":"hi","as":"root"}"#, "require"),
    ] {
        let response = call(tool, arguments).await;
        assert_eq!(reason(&response), expected, "{tool} {response:?}");
    }
    for (method, path) in [("GET", "/read_secret"), ("DELETE", "/mcp/7"), ("POST", "/mcp/")] {
        let response = http1::send(gateway.addr(), &Request::new(method, path)).await;
        assert_eq!((response.status, reason(&response)), (404, "path".into()), "{path}");
        assert!(!upstream.received(format!("{method} {path} ")));
    }
    assert!(!upstream.received("session_kill"));
    assert_eq!(upstream.connections().is_empty(), held);

    assert!(passed(&call("session_list", "{}").await));
    assert!(passed(&call("claude_code_session", r#"{"action":"get"}"#).await));
    // Ten a minute; when it ends meanwhile, up to ten more.
    let mut sent = 0;
    let refused = loop {
        let response = call("session_send", r#"{"sessionId":"s1","message":"hi"}"#).await;
        if !passed(&response) {
            break response;
        }
        sent += 1;
        assert!(sent <= 20, "there is no limit");
    };
    assert_eq!(reason(&refused), "rate_limited", "{refused:?}");
    assert!(sent >= 10, "{sent}");
    assert!(gateway.count("evaluations").await.is_some_and(|count| count >= 17));
}

#[tokio::test]
async fn istios_wasm_plugin_is_the_policy_with_its_numbers_as_doubles() {
    let plugin = manifest("envoy/istio/wasm-plugin.yaml");
    let spec = &plugin["spec"];
    let metadata = &plugin["metadata"];
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let name = format!("{}.{}", text(&metadata["namespace"]), text(&metadata["name"]));
    let upstream = Upstream::start().await;
    // Istio leaves the vm_id empty.
    let builder = Gateway::builder()
        .plugin(&name, &text(&spec["pluginName"]))
        .vm_id("")
        .failure_policy(&text(&spec["failStrategy"]))
        .policy(in_doubles(spec["pluginConfig"].clone()).to_string());
    holds_the_policy(builder, &upstream, false).await;
}

#[tokio::test]
async fn istios_envoy_filter_is_a_filter_by_discovery_that_holds_headers() {
    let filter = manifest("envoy/istio/envoy-filter.yaml");
    let patches = &filter["spec"]["configPatches"];
    let shipped = &patches[0]["patch"]["value"]["typed_config"]["config"]["configuration"];
    let (extension, asking) = discovery(&filter, in_doubles(shipped.clone()));
    let place = place(&asking, &discovered(&extension, "filter"));
    let upstream = Upstream::start().await;
    let builder = Gateway::builder().dynamic().without_filter();
    let builder = builder.filter_before(place).filter_before(istios_guard());
    holds_the_policy(builder, &upstream, true).await;
}

/// The guard that the EnvoyFilter puts between the filter and the router.
pub fn istios_guard() -> Value {
    let patch = &manifest("envoy/istio/envoy-filter.yaml")["spec"]["configPatches"][2];
    let place = &patch["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"];
    assert_eq!((place, &patch["patch"]["operation"]), (&ROUTER.into(), &"INSERT_BEFORE".into()));
    patch["patch"]["value"].clone()
}

const ROUTER: &str = "envoy.filters.http.router";

/// A policy as Envoy unwraps it.
fn text(policy: &str) -> Value {
    json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": policy })
}

/// The extension that an EnvoyFilter adds, with this configuration, and the filter that asks
/// for it.
pub fn discovery(filter: &Value, configuration: Value) -> (Value, Value) {
    let [mut extension, asking] =
        [0, 1].map(|patch| filter["spec"]["configPatches"][patch]["patch"]["value"].clone());
    // As Istio's agent does: the image becomes a file.
    let module = std::env::var("MODULE").expect("MODULE");
    let config = &mut extension["typed_config"]["config"];
    config["vm_config"]["code"] = json!({ "local": { "filename": module } });
    config["configuration"] = configuration;
    (extension, asking)
}

/// A file from which Envoy discovers the extension. It is moved into its place,
/// which is the sign that Envoy waits for.
pub fn discovered(extension: &Value, name: &str) -> PathBuf {
    let mut resource = extension.clone();
    resource["@type"] = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig".into();
    let response = json!({ "version_info": "1", "resources": [resource] });
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("{name}-{}.json", std::process::id()));
    std::fs::write(path.with_extension("new"), response.to_string()).expect("a file of ours");
    std::fs::rename(path.with_extension("new"), &path).expect("a file of ours");
    path
}

/// The filter that asks for it, with the file in the place of Istio.
pub fn place(filter: &Value, discovered: &Path) -> Value {
    let mut place = filter.clone();
    place["config_discovery"]["config_source"] = json!({
        "path_config_source": { "path": discovered },
        "resource_api_version": "V3",
        "initial_fetch_timeout": "0s",
    });
    place
}

/// Envoy Gateway's filter for the first wasm extension of a policy.
fn extension(policy: &Value) -> (Builder, String) {
    let metadata = &policy["metadata"];
    let wasm = &policy["spec"]["wasm"][0];
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
    let id = format!("envoyextensionpolicy/{namespace}/{name}/wasm/0");
    let failure = if wasm["failOpen"] == true { "FAIL_OPEN" } else { "FAIL_CLOSED" };
    let builder = Gateway::builder()
        .plugin(&text(&wasm["name"]), &text(&wasm["rootID"]))
        .vm_id(&id)
        .failure_policy(failure)
        .policy(in_doubles(wasm["config"].clone()).to_string());
    (builder, format!("envoy.filters.http.wasm/{id}"))
}

/// A JSON patch of op `add`, whose `jsonPath` finds the objects to add to.
fn apply(patch: &Value, listener: &mut Value) {
    let operation = &patch["operation"];
    assert_eq!(operation["op"], "add");
    let path =
        JsonPath::parse(operation["jsonPath"].as_str().expect("a jsonPath")).expect("RFC 9535");
    let places: Vec<String> = path
        .query_located(listener)
        .locations()
        .map(|location| location.to_json_pointer())
        .collect();
    assert_eq!(places.len(), 1, "{path} finds {places:?}");
    let key = operation["path"].as_str().and_then(|path| path.strip_prefix('/')).expect("a key");
    let (place, value) = (listener.pointer_mut(&places[0]), operation["value"].clone());
    match place.expect("found") {
        Value::Array(elements) => elements.insert(key.parse().expect("an index"), value),
        object => object[key] = value,
    }
}

#[tokio::test]
async fn envoy_gateways_extension_and_its_patch_hold_headers() {
    let upstream = Upstream::start().await;
    holds_the_policy(envoy_gateways(), &upstream, true).await;
}

/// The filter with the policy and the patches of `envoy/gateway`.
pub fn envoy_gateways() -> Builder {
    let policy = manifest("envoy/gateway/extension-policy.yaml");
    envoy_gateway_with(&policy, &manifest("envoy/gateway/patch-policy.yaml")).edit_listener(
        |listener| {
            let config = &manager(listener)["http_filters"][0]["typed_config"]["config"];
            assert_eq!(config["allow_on_headers_stop_iteration"], true, "{config}");
        },
    )
}

/// The filter with a policy and its patches.
pub fn envoy_gateway_with(policy: &Value, patches: &Value) -> Builder {
    let (builder, filter) = extension(policy);
    let patches = patches["spec"]["jsonPatches"].clone();
    builder.edit_listener(move |listener| {
        // Envoy Gateway names the filter; others may be before it.
        let filters = &mut manager(listener)["http_filters"];
        filters[0]["name"] = filter.as_str().into();
        for patch in patches.as_array().expect("patches") {
            apply(patch, listener);
        }
        let config = &manager(listener)["http_filters"][0]["typed_config"]["config"];
        assert_eq!(config["failure_policy"], "FAIL_RELOAD", "{config}");
    })
}

/// An extension that Envoy discovers, it also discovers anew: Istio's pushes come this way.
#[tokio::test]
async fn a_broken_policy_that_is_discovered_does_not_replace_the_one_in_force() {
    let filter = manifest("envoy/istio/envoy-filter.yaml");
    let push = |policy: &str| {
        let (extension, asking) = discovery(&filter, text(policy));
        (discovered(&extension, "pushed"), asking)
    };
    let hold = r#""settings":{"hold_request_headers":true}"#;
    let (path, asking) = push(&format!(r#"{{"version":"1","default":"deny",{hold}}}"#));
    let place = place(&asking, &path);
    let upstream = Upstream::start().await;
    let builder = Gateway::builder().dynamic().without_filter().filter_before(place);
    let gateway = builder.upstream(upstream.addr()).start().await;
    let kill = Request::tool_call(1, "session_kill", "{}");
    assert_eq!(reason(&http1::send(gateway.addr(), &kill).await), "default_deny");

    push(r#"{"version":"2"}"#);
    gateway.log_with("bad policy: ").await;
    assert_eq!(reason(&http1::send(gateway.addr(), &kill).await), "default_deny");

    push(&format!(r#"{{"version":"1","default":"allow",{hold}}}"#));
    until("the next policy", async || {
        passed(&http1::send(gateway.addr(), &kill).await).then_some(())
    })
    .await;
}

/// Envoy's buffer filter holds a request from the filters behind it until it is
/// whole. Then the headers go on first, onto a connection that is open, and the
/// body is judged after them.
#[tokio::test]
async fn a_buffer_in_front_does_not_hold_headers_from_the_server() {
    let upstream = Upstream::start().await;
    let buffer = json!({
        "name": "envoy.filters.http.buffer",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
            "max_request_bytes": 1_048_576,
        },
    });
    let builder = Gateway::builder().policy(only_safe().to_string()).filter_before(buffer);
    let gateway = builder.upstream(upstream.addr()).start().await;
    assert!(passed(&http1::send(gateway.addr(), &safe()).await));
    let denied = http1::send(gateway.addr(), &danger().header("x-probe", "headers-only")).await;
    assert_denied(&denied);
    until("headers of a denied call", async || upstream.received("headers-only").then_some(()))
        .await;
    assert!(!upstream.received("danger"));
}

/// Then there is no policy before it that could stay in force.
#[tokio::test]
async fn a_broken_policy_that_is_discovered_at_start_lets_nothing_through() {
    let filter = manifest("envoy/istio/envoy-filter.yaml");
    let (extension, asking) = discovery(&filter, text(r#"{"version":"2"}"#));
    let place = place(&asking, &discovered(&extension, "broken"));
    let upstream = Upstream::start().await;
    let builder = Gateway::builder().dynamic().without_filter().filter_before(place);
    let builder = builder.access_log_format("%RESPONSE_CODE% %RESPONSE_FLAGS%");
    let gateway = builder.upstream(upstream.addr()).start().await;
    gateway.log_with("bad policy: ").await;
    for request in [safe(), danger()] {
        assert_eq!(http1::send(gateway.addr(), &request).await.status, 500);
    }
    // Envoy's word for a filter that was asked for and never came.
    assert_eq!(gateway.access_log_of(2).await, ["500 NFCF", "500 NFCF"]);
    assert!(upstream.connections().is_empty());
}
