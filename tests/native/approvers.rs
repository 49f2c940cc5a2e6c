//! The configurations by which approvers, and clients, sign in: what `envoy/envoy.yaml` has
//! with its reasons, they have too. `scripts/test-browser` and `tests/e2e/connecting.rs` use
//! them.

use crate::config::files;
use crate::yaml::documents;
use serde_json::{Value, json};

const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

/// A configuration, and its filters by their names.
fn read(file: &str) -> (Value, Vec<(String, Value)>) {
    let document = documents(file).remove(0);
    let filters = document.pointer(&format!("{MANAGER}/http_filters")).unwrap();
    let named = |filter: &Value| (filter["name"].as_str().unwrap().to_owned(), filter.clone());
    let filters = filters.as_array().unwrap().iter().map(named).collect();
    (document, filters)
}

#[test]
fn their_configurations_keep_what_every_gateway_needs() {
    let (shipped, own) = read("envoy/envoy.yaml");
    for (file, before) in [
        ("envoy/approvals/mtls.yaml", &[][..]),
        ("envoy/approvals/oauth2.yaml", &["oauth2", "jwt_authn", "set_filter_state"]),
        ("envoy/connect/oauth.yaml", &["jwt_authn", "set_filter_state"]),
    ] {
        let (document, mut filters) = read(file);
        for place in [
            "/admin",
            "/overload_manager",
            "/static_resources/clusters/0",
            &format!("{MANAGER}/http2_protocol_options"),
            &format!("{MANAGER}/request_timeout"),
            &format!("{MANAGER}/stream_idle_timeout"),
            &format!("{MANAGER}/access_log"),
            &format!("{MANAGER}/route_config/virtual_hosts/0/request_headers_to_remove"),
        ] {
            assert!(document.pointer(place).is_some(), "{file}: {place}");
            assert_eq!(document.pointer(place), shipped.pointer(place), "{file}: {place}");
        }
        // Behind whatever knows the caller are the same filters, the guard among them.
        let known: Vec<_> = filters.drain(..before.len()).map(|(name, _)| name).collect();
        assert_eq!(
            known,
            before.iter().map(|name| format!("envoy.filters.http.{name}")).collect::<Vec<_>>()
        );
        let plain = |filters: &[(String, Value)]| {
            let mut filters = filters.to_vec();
            filters[0].1["typed_config"]["config"]["configuration"].take();
            filters
        };
        assert_eq!(plain(&filters), plain(&own), "{file}");
    }
}

/// By itself jwt_authn also takes a token out of a query, which is in logs and histories.
#[test]
fn a_token_is_taken_from_its_header_alone() {
    for file in ["envoy/approvals/oauth2.yaml", "envoy/connect/oauth.yaml"] {
        let (_, filters) = read(file);
        let verifies = |(name, _): &&(String, Value)| name == "envoy.filters.http.jwt_authn";
        let (_, jwt_authn) = filters.iter().find(verifies).unwrap();
        for (name, provider) in jwt_authn["typed_config"]["providers"].as_object().unwrap() {
            let header = json!([{ "name": "authorization", "value_prefix": "Bearer " }]);
            assert_eq!(provider["from_headers"], header, "{file} {name}");
            for other in ["from_params", "from_cookies"] {
                assert!(provider.get(other).is_none(), "{file} {name}: {other}");
            }
        }
    }
}

/// A sign-in's code is in a query, and so is the reason of a denial: none is logged by
/// any configuration that is shipped.
#[test]
fn no_shipped_log_has_the_query() {
    let mut logs = 0;
    let folders = ["", "approvals", "compose", "connect", "native"];
    for file in folders.iter().flat_map(|folder| files(&format!("envoy/{folder}"), "yaml")) {
        let text = std::fs::read_to_string(&file).unwrap();
        logs += text.matches("%PATH(NQ:PATH)%").count();
        for operator in ["%REQ(:PATH", "%PATH(WQ", "%PATH%", "%REQ(X-ENVOY-ORIGINAL-PATH"] {
            assert!(!text.contains(operator), "{}: {operator}", file.display());
        }
    }
    assert!(logs >= 7, "{logs}");
}

/// Of a configuration for several servers, whatever is not about them is the shipped one's,
/// and each filter is off except for its own route, and marks what it lets pass.
#[test]
fn the_configuration_for_several_servers_keeps_the_rest() {
    let (shipped, own) = read("envoy/envoy.yaml");
    let (document, mut filters) = read("envoy/connect/several-servers.yaml");
    for place in [
        "/admin",
        "/overload_manager",
        "/stats_config",
        "/static_resources/listeners/0/address",
        &format!("{MANAGER}/http2_protocol_options"),
        &format!("{MANAGER}/request_timeout"),
        &format!("{MANAGER}/stream_idle_timeout"),
        &format!("{MANAGER}/access_log"),
        &format!("{MANAGER}/route_config/virtual_hosts/0/request_headers_to_remove"),
    ] {
        assert!(document.pointer(place).is_some(), "{place}");
        assert_eq!(document.pointer(place), shipped.pointer(place), "{place}");
    }
    let behind = filters.split_off(filters.len() - 2);
    assert_eq!(behind, own[1..], "the guard and the router");
    let routes = document.pointer(&format!("{MANAGER}/route_config/virtual_hosts/0/routes"));
    let routes = routes.and_then(Value::as_array).unwrap();
    assert_eq!(routes.len(), filters.len());
    for ((name, filter), route) in filters.iter().zip(routes) {
        assert_eq!(filter["disabled"], true, "{name}");
        let config = &filter["typed_config"]["config"];
        assert_eq!((&config["name"], &config["root_id"]), (&json!(name), &json!(name)));
        let settings = &config["configuration"]["value"]["settings"];
        let path = format!("/{name}/mcp");
        assert_eq!(settings["paths"], json!([path]));
        assert_eq!(settings["mark_requests"], true);
        assert_eq!(route["match"], json!({ "path": path }));
        let on = route["typed_per_filter_config"].as_object().unwrap();
        assert_eq!(on.keys().collect::<Vec<_>>(), [name]);
    }
}

/// A script of the page is told that a session has ended, cookies are for the page alone,
/// and agents are led to no page.
#[test]
fn the_sign_in_is_for_the_page_alone() {
    let (document, filters) = read("envoy/approvals/oauth2.yaml");
    let (name, filter) = &filters[0];
    assert_eq!(filter["disabled"], true);
    let config = &filter["typed_config"]["config"];
    let cookies = config["cookie_configs"].as_object().unwrap();
    let expected = json!({ "same_site": "LAX", "path": "/mcp-approvals" });
    assert!(cookies.len() == 5 && cookies.values().all(|one| *one == expected), "{cookies:?}");
    let json = json!([{ "name": "accept", "string_match": { "exact": "application/json" } }]);
    assert_eq!(config["deny_redirect_matcher"], json);
    // As the page asks.
    let page = include_str!("../../src/exchange/approvals/page.html");
    assert!(page.contains("headers={accept:'application/json',"));
    let routes = document.pointer(&format!("{MANAGER}/route_config/virtual_hosts/0/routes"));
    for route in routes.and_then(Value::as_array).unwrap() {
        let is_on = route.pointer(&format!("/typed_per_filter_config/{name}")).is_some();
        assert_eq!(is_on, route["name"] == "approvals", "{route}");
    }
}
