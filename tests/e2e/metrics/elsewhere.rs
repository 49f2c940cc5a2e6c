//! The alarms for Istio and Envoy Gateway, asked of an Envoy whose listener, cluster
//! and `stats_config` are called and set up as theirs are.

use mcp_rig::client::http1;
use mcp_rig::gateway::Builder;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use super::scrape::{self, Scrape};
use super::{promtool, shipped_tags, tagged};
use crate::support::{a_day, code, counted, file, manager, passed};

/// The names of one platform.
struct Names {
    stat_prefix: &'static str,
    cluster: &'static str,
    /// The cluster's name in statistics, where it is another.
    alt_stat_name: Option<&'static str>,
}

/// A gateway with these names, behind which `upstream` is.
fn gateway(names: &'static Names, upstream: &Upstream) -> Builder {
    let address = upstream.addr();
    let mut cluster = json!({
        "name": names.cluster,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": names.cluster,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": { "socket_address": {
                "address": address.ip().to_string(), "port_value": address.port(),
            } } } }] }],
        },
    });
    if let Some(name) = names.alt_stat_name {
        cluster["alt_stat_name"] = name.into();
    }
    tagged(a_day(1), upstream).cluster(cluster).edit_listener(|listener| {
        let manager = manager(listener);
        manager["stat_prefix"] = names.stat_prefix.into();
        let route = &mut manager["route_config"]["virtual_hosts"][0]["routes"][0]["route"];
        route["cluster"] = names.cluster.into();
    })
}

/// Asserts that all that the alarms of a file ask for is there.
async fn finds_its_series(path: &str, builder: Builder) {
    let gateway = builder.start().await;
    assert!(passed(&http1::send(gateway.addr(), &counted()).await));
    assert_eq!(code(&http1::send(gateway.addr(), &counted()).await), 429);
    let scrape = Scrape::of(&gateway).await;
    let asked = scrape::asked_for(&file(path));
    assert!(asked.len() > 10, "{path}");
    for selector in asked {
        assert!(scrape.has(&selector), "no {selector:?} in the scrape, for {path}");
    }
}

#[tokio::test]
async fn the_alarms_for_envoy_gateway_find_their_series() {
    const NAMES: Names = Names {
        stat_prefix: "http-8080",
        cluster: "httproute/mcp/mcp/rule/0",
        alt_stat_name: None,
    };
    const TLS: Names = Names { stat_prefix: "https-8443", ..NAMES };
    let upstream = Upstream::start().await;
    for names in [&NAMES, &TLS] {
        let path = "envoy/prometheus/alerts-envoy-gateway.yml";
        finds_its_series(path, gateway(names, &upstream)).await;
    }
}

/// Istio's `stats_config`, with its tag of clusters, which was another until 1.23, the
/// statistics that it keeps, those of the annotation in envoy/README.md, and the labels of
/// the bootstrap there.
fn istios(cluster_tag: &str) -> Value {
    let kept = ["cluster_manager", "listener_manager", "server", "cluster.xds-grpc", "wasm"];
    let kept = kept.into_iter().chain(["cluster.inbound"]);
    let mut tags = json!([
        { "tag_name": "cluster_name", "regex": cluster_tag },
        { "tag_name": "response_code", "regex": r"_rq(_(\d{3}))$" },
        { "tag_name": "response_code_class", "regex": r"_rq(_(\dxx))$" },
    ]);
    let Value::Array(ours) = shipped_tags() else { panic!("no list") };
    tags.as_array_mut().expect("a list").extend(ours);
    json!({
        "use_all_default_tags": false,
        "stats_tags": tags,
        "stats_matcher": { "inclusion_list": {
            "patterns": kept.map(|prefix| json!({ "prefix": prefix })).collect::<Vec<_>>(),
        } },
    })
}

#[tokio::test]
async fn the_alarms_for_istio_find_their_series() {
    const NOW: Names = Names {
        stat_prefix: "inbound_0.0.0.0_9100;",
        cluster: "inbound|9100||",
        alt_stat_name: Some("inbound|9100||;"),
    };
    const BEFORE: Names = Names { stat_prefix: "inbound_0.0.0.0_9100", alt_stat_name: None, ..NOW };
    let upstream = Upstream::start().await;
    let path = "envoy/prometheus/alerts-istio.yml";
    // Istio's own statistics are made by a filter that no other Envoy has.
    assert_eq!(file(path).matches("istio_").count(), 1);
    for (names, tag) in [
        (&NOW, r"^cluster(\.(.+);)"),
        (&BEFORE, r"^cluster\.((.+?(\..+?\.svc\.cluster\.local)?)\.)"),
    ] {
        finds_its_series(path, gateway(names, &upstream).stats_config(istios(tag))).await;
    }
}

#[test]
fn prometheus_takes_the_alarms_of_all_platforms() {
    let Some(promtool) = promtool::found() else { return };
    for platform in ["istio", "envoy-gateway"] {
        let path = format!("envoy/prometheus/alerts-{platform}.yml");
        promtool.run(&["check", "rules", "--lint-fatal", &path]);
    }
}
