//! The files that are shipped for the native module: its configuration of Envoy, and the
//! manifests of `envoy/native` as their control planes translate them.
//!
//! Envoy Gateway's translation is built as its sources say:
//! `internal/xds/translator/dynamicmodule.go`, of 1.8 and of its main branch.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mcp_rig::client::{Request, http1};
use mcp_rig::gateway::{Builder, Push};
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::{Value, json};

use crate::doubles::in_doubles;
use crate::guard::{is_guarded, with};
use crate::mesh::{holds_the_policy, manifest};
use crate::support::{a_day, counted, danger, manager, passed, safe};

const GATEWAY: &str = "envoy/native/gateway";
const ISTIO: &str = "envoy/native/istio/envoy-filter.yaml";

/// The module: what `make native` left, unless the environment names another.
fn module() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = || root.join("target/libmcp_policy_filter.so");
    let module = std::env::var_os("NATIVE_MODULE").map_or_else(built, PathBuf::from);
    assert!(module.is_file(), "no native module: run `make native` first");
    module
}

/// A filter with the module of this run.
fn here(mut filter: Value) -> Value {
    let source = &mut filter["typed_config"]["dynamic_module_config"]["module"];
    let shipped = &mut source["local"]["filename"];
    assert!(shipped.as_str().is_some_and(|path| path.ends_with("libmcp_policy_filter.so")));
    *shipped = module().to_str().expect("UTF-8").into();
    filter
}

/// The filters of the shipped configuration, before the router.
fn filters() -> Vec<Value> {
    let shipped = manifest("envoy/native/envoy.yaml");
    let manager = &shipped["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0];
    let mut filters = manager["typed_config"]["http_filters"].as_array().expect("filters").clone();
    assert_eq!(filters.pop().expect("a router")["name"], "envoy.filters.http.router");
    filters[0] = here(filters[0].clone());
    filters
}

#[tokio::test]
async fn the_shipped_configuration_is_guarded() {
    let filters = filters();
    assert_eq!(filters.len(), 2);
    is_guarded("envoy/native/envoy.yaml", with(&filters), with(&filters[1..])).await;
}

/// The record, by the format and under the name that both shells have.
#[tokio::test]
async fn the_shipped_configuration_records_decisions() {
    let shipped = manifest("envoy/native/envoy.yaml").to_string();
    let record = "%FILTER_STATE(wasm.mcp_audit:PLAIN)%";
    assert!(shipped.contains(record));
    let upstream = Upstream::start().await;
    let builder = with(&filters()).access_log_format(record).upstream(upstream.addr());
    let gateway = builder.start().await;
    http1::send(gateway.addr(), &danger()).await;
    let lines = gateway.access_log_of(1).await;
    let record: Value = serde_json::from_str(&lines[0]).unwrap_or_else(|e| panic!("{e} {lines:?}"));
    assert_eq!(record["decision"], "denied", "{record}");
}

/// The alarms and the dashboard use the names of the wasm module.
#[tokio::test]
async fn prometheus_is_told_the_names_that_the_alarms_use() {
    let scraping = manifest("envoy/prometheus/prometheus.yml");
    let rule = &scraping["scrape_configs"][0]["metric_relabel_configs"][0];
    let regex = rule["regex"].as_str().expect("a regex");
    let before = regex.strip_suffix("(mcp_policy_.+)").expect("one group");
    assert_eq!((&rule["replacement"], &rule["target_label"]), (&"$1".into(), &"__name__".into()));

    let upstream = Upstream::start().await;
    let gateway = with(&filters()).upstream(upstream.addr()).start().await;
    let send = Request::tool_call(1, "session_send", "{}");
    for request in [send, danger(), Request::new("GET", "/elsewhere")] {
        http1::send(gateway.addr(), &request).await;
    }
    let text = gateway.admin().get("/stats/prometheus").await.expect("an answer");
    let lines = text.lines().filter(|line| line.contains("mcp_policy_") && !line.starts_with('#'));
    let renamed: Vec<_> = lines
        .map(|line| line.strip_prefix(before).unwrap_or_else(|| panic!("{line} stays as it is")))
        .collect();
    assert!(renamed.len() > 20, "{renamed:?}");
    for needed in [
        "mcp_policy_evaluations_total{",
        "mcp_policy_refused_total{reason=\"default_deny\"}",
        "mcp_policy_refused_total{reason=\"counter_full\"}",
        "mcp_policy_calls_total{decision=\"allowed\",reason=",
        "mcp_policy_digest{plugin=\"mcp-policy\"}",
    ] {
        assert!(renamed.iter().any(|line| line.starts_with(needed)), "{needed} {renamed:#?}");
    }
}

/// Envoy Gateway's filter for the first module of a policy, and its name.
fn extension() -> (Value, String) {
    let policy = manifest(&format!("{GATEWAY}/extension-policy.yaml"));
    extension_of(&manifest(&format!("{GATEWAY}/envoy-proxy.yaml")), &policy)
}

/// Envoy Gateway's filter for a policy, by the module that a proxy has.
pub fn extension_of(proxy: &Value, policy: &Value) -> (Value, String) {
    let entry = &proxy["spec"]["dynamicModules"][0];
    let asked = &policy["spec"]["dynamicModule"][0];
    assert_eq!(entry["name"], asked["name"], "the policy asks for what the proxy allows");
    assert_eq!(entry["source"]["type"], "Local");
    let metadata = &policy["metadata"];
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let id = format!(
        "envoyextensionpolicy/{}/{}/dynamic-module/0",
        text(&metadata["namespace"]),
        text(&metadata["name"])
    );
    let name = format!("envoy.filters.http.dynamic_modules/{id}");
    let filter = here(json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
            "dynamic_module_config": {
                "module": { "local": { "filename": entry["source"]["local"]["path"] } },
                "do_not_close": entry["doNotClose"],
            },
            "filter_name": asked["filterName"],
            "filter_config": {
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": asked["config"].to_string(),
            },
        },
    }));
    (filter, name)
}

/// Turns a filter on for the route that the policy targets.
fn on_the_route(listener: &mut Value, name: &str, config: &Value) {
    let route = &mut manager(listener)["route_config"]["virtual_hosts"][0]["routes"][0];
    route["typed_per_filter_config"] = json!({ name: config });
}

/// Envoy Gateway 1.8: the filter is off in the listener, and on for its routes.
#[tokio::test]
async fn envoy_gateways_policy_is_a_filter_that_its_route_turns_on() {
    let (mut filter, name) = extension();
    filter["disabled"] = true.into();
    let builder = with(&[filter]).edit_listener(move |listener| {
        let on = json!({
            "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
            "config": {},
        });
        on_the_route(listener, &name, &on);
    });
    let upstream = Upstream::start().await;
    holds_the_policy(builder, &upstream, true).await;
}

/// Envoy Gateway's main branch, after 1.9: an empty chain in the listener, which its
/// routes fill.
#[tokio::test]
async fn envoy_gateways_policy_is_a_chain_that_its_route_fills() {
    const CHAIN: &str = "type.googleapis.com/envoy.extensions.filters.http.filter_chain.v3";
    let (filter, _) = extension();
    let name = "envoy.filters.http.filter_chain/route";
    let empty = json!({
        "name": name,
        "typed_config": { "@type": format!("{CHAIN}.FilterChainConfig") },
        "disabled": true,
    });
    let builder = with(&[empty]).edit_listener(move |listener| {
        let filled = json!({
            "@type": format!("{CHAIN}.FilterChainConfigPerRoute"),
            "filter_chain": { "filters": [filter] },
        });
        on_the_route(listener, name, &filled);
    });
    let upstream = Upstream::start().await;
    holds_the_policy(builder, &upstream, true).await;
}

/// The filters that Istio's patches put before the router, in their order.
fn istios() -> Vec<Value> {
    let filter = manifest(ISTIO);
    let patches = filter["spec"]["configPatches"].as_array().expect("patches");
    let before_router = patches.iter().filter(|patch| patch["applyTo"] == "HTTP_FILTER");
    let mut filters: Vec<_> = before_router
        .map(|patch| {
            let place = &patch["match"]["listener"]["filterChain"]["filter"]["subFilter"]["name"];
            assert_eq!(place, "envoy.filters.http.router");
            assert_eq!(patch["patch"]["operation"], "INSERT_BEFORE");
            patch["patch"]["value"].clone()
        })
        .collect();
    assert_eq!(filters.len(), 2);
    filters[0] = here(filters[0].clone());
    let config = &mut filters[0]["typed_config"]["filter_config"]["value"];
    *config = in_doubles(config.clone());
    filters
}

#[tokio::test]
async fn istios_envoy_filter_is_the_policy_with_its_numbers_as_doubles() {
    let upstream = Upstream::start().await;
    holds_the_policy(with(&istios()), &upstream, true).await;
    let filters = istios();
    is_guarded(ISTIO, with(&filters), with(&filters[1..])).await;
}

/// A filter with a policy, from this source.
fn filter(source: &Value, policy: &Value) -> Value {
    let mut filter = filters().remove(0);
    let config = &mut filter["typed_config"];
    config["dynamic_module_config"]["module"] = source.clone();
    config["filter_config"] = json!({
        "@type": "type.googleapis.com/google.protobuf.StringValue",
        "value": policy.to_string(),
    });
    filter
}

fn local(path: &Path) -> Value {
    json!({ "local": { "filename": path } })
}

/// The reason for which no shipped configuration has a remote module, and for a guard.
#[tokio::test]
async fn a_remote_module_that_cannot_be_fetched_judges_nothing_and_a_guard_lets_nothing_pass() {
    let remote = json!({ "remote": {
        "http_uri": { "uri": "http://127.0.0.1:1/x.so", "cluster": "none", "timeout": "1s" },
        "sha256": "0".repeat(64),
    } });
    let unjudged = filter(&remote, &a_day(0));
    let nowhere = json!({
        "name": "none", "type": "STATIC", "load_assignment": { "cluster_name": "none" },
    });
    let upstream = Upstream::start().await;
    let builder = with(std::slice::from_ref(&unjudged)).cluster(nowhere.clone());
    let gateway = builder.upstream(upstream.addr()).start().await;
    assert!(passed(&http1::send(gateway.addr(), &danger()).await), "Envoy fails closed now");

    let guard = filters().remove(1);
    let gateway = with(&[unjudged, guard]).cluster(nowhere).upstream(upstream.addr());
    let response = http1::send(gateway.start().await.addr(), &safe()).await;
    assert_eq!((response.status, &*response.text()), (403, "RBAC: access denied"));
}

#[tokio::test]
async fn a_module_that_is_not_there_is_a_configuration_that_envoy_refuses() {
    let missing = filter(&local(Path::new("/nowhere/libmcp_policy_filter.so")), &a_day(1));
    let exit = with(&[missing]).start_expecting_failure().await;
    assert!(exit.log.contains("/nowhere/libmcp_policy_filter.so"), "{}", exit.log);
}

/// By `do_not_close`, the module stays in Envoy with its counts when the last listener
/// with the filter goes.
#[tokio::test]
async fn counts_stay_while_no_listener_has_the_filter() {
    let gone = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&gone);
    let builder: Builder = with(&[filter(&local(&module()), &a_day(1))]).dynamic();
    let builder = builder.edit_listener(move |listener| {
        if asked.load(Ordering::SeqCst) {
            manager(listener)["http_filters"].as_array_mut().expect("filters").remove(0);
        }
    });
    let upstream = Upstream::start().await;
    let gateway = builder.upstream(upstream.addr()).start().await;
    let admitted = async || passed(&http1::send(gateway.addr(), &counted()).await);
    assert!(admitted().await);
    assert!(!admitted().await);
    gone.store(true, Ordering::SeqCst);
    assert_eq!(gateway.push_policy("{}").await, Push::Accepted);
    assert!(admitted().await, "nothing counts now");
    // The listener that had the filter is gone, and with it the filter's configuration.
    until("the end of what drains", async || {
        let draining = async |what: &str| {
            gateway.admin().stat(&format!("listener_manager.total_{what}_draining")).await
        };
        let all = [draining("listeners").await, draining("filter_chains").await];
        (all == [Some(0); 2]).then_some(())
    })
    .await;
    gone.store(false, Ordering::SeqCst);
    assert_eq!(gateway.push_policy("{} ").await, Push::Accepted);
    assert!(!admitted().await);
}

/// A build under another path is another module, with counts of its own; the old one
/// stays in memory.
#[tokio::test]
async fn a_new_build_under_a_new_path_is_pushed_and_counts_begin_anew() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let next = folder.join(format!("libmcp_policy_filter-{}.so", std::process::id()));
    std::fs::copy(module(), &next).expect("a file of ours");
    let pushed = Arc::new(AtomicBool::new(false));
    let (asked, place) = (Arc::clone(&pushed), next.clone());
    let builder: Builder = with(&[filter(&local(&module()), &a_day(1))]).dynamic();
    let builder = builder.edit_listener(move |listener| {
        if asked.load(Ordering::SeqCst) {
            manager(listener)["http_filters"][0] = filter(&local(&place), &a_day(1));
        }
    });
    let upstream = Upstream::start().await;
    let gateway = builder.upstream(upstream.addr()).start().await;
    let admitted = async || passed(&http1::send(gateway.addr(), &counted()).await);
    assert!(admitted().await);
    assert!(!admitted().await);
    pushed.store(true, Ordering::SeqCst);
    assert_eq!(gateway.push_policy("{}").await, Push::Accepted);
    assert!(admitted().await);
    assert!(!admitted().await);
    let mapped = std::fs::read_to_string(format!("/proc/{}/maps", gateway.pid())).expect("maps");
    for path in [&module(), &next] {
        assert!(mapped.contains(path.to_str().expect("UTF-8")), "{path:?} is not mapped");
    }
    std::fs::remove_file(next).expect("a file of ours");
}
