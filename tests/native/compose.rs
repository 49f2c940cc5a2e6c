//! The containers of `envoy/docker-compose.yaml`, against the files that they
//! mount. `scripts/compose-test` runs all of them but Grafana, which comes from
//! nowhere but a registry.

use crate::config::{files, root};
use crate::yaml::documents;
use serde_json::Value;
use std::fs;

/// The mounts of a service: the path in the repository, and the one inside.
fn mounts(service: &str) -> Vec<(String, String)> {
    let compose = documents("envoy/docker-compose.yaml").remove(0);
    let volumes = compose["services"][service]["volumes"].as_array().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mount = |volume: &Value| {
        assert_eq!((&volume["type"], &volume["read_only"]), (&"bind".into(), &true.into()));
        (text(&volume["source"]).replace("./", "envoy/"), text(&volume["target"]))
    };
    volumes.iter().map(mount).collect()
}

/// The file or folder in the repository that is at `path` inside a service.
fn source(service: &str, path: &str) -> String {
    let found = mounts(service).into_iter().find_map(|(source, target)| {
        let rest = path.strip_prefix(&target)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| source + rest)
    });
    found.unwrap_or_else(|| panic!("{service} has no {path}"))
}

#[test]
fn prometheus_finds_its_configuration_and_the_alarms() {
    // Where the image's own command looks.
    let configuration = source("prometheus", "/etc/prometheus/prometheus.yml");
    let configuration = documents(&configuration).remove(0);
    let rules = configuration["rule_files"].as_array().unwrap();
    assert!(!rules.is_empty());
    for file in rules {
        let file = source("prometheus", &format!("/etc/prometheus/{}", file.as_str().unwrap()));
        assert!(!documents(&file)[0]["groups"].as_array().unwrap().is_empty(), "{file}");
    }
    // The listener of the containers' Envoy that shows metrics.
    let envoy = documents("envoy/compose/envoy.yaml").remove(0);
    let port =
        &envoy["static_resources"]["listeners"][1]["address"]["socket_address"]["port_value"];
    let targets = &configuration["scrape_configs"][0]["static_configs"][0]["targets"];
    assert_eq!(targets[0], format!("envoy:{port}"));
}

#[test]
fn grafana_finds_its_source_and_the_dashboard() {
    // Grafana reads all YAML in two folders of its provisioning.
    let provisioning = |what: &str| {
        let folder = source("grafana", &format!("/etc/grafana/provisioning/{what}"));
        let files = files(&folder, "yaml");
        let file = files[0].strip_prefix(root()).unwrap().display().to_string();
        assert_eq!(files.len(), 1, "{folder}");
        let document = documents(&file).remove(0);
        assert_eq!(document["apiVersion"], 1, "{file}");
        document
    };
    let sources = provisioning("datasources");
    let compose = documents("envoy/docker-compose.yaml").remove(0);
    let port = compose["services"]["prometheus"]["ports"][0].as_str().unwrap().to_owned();
    let (_, port) = port.rsplit_once(':').unwrap();
    assert_eq!(sources["datasources"][0]["url"], format!("http://prometheus:{port}"));
    assert_eq!(sources["datasources"][0]["type"], "prometheus");

    let provider = &provisioning("dashboards")["providers"][0];
    assert_eq!(provider["type"], "file");
    let folder = source("grafana", provider["options"]["path"].as_str().unwrap());
    for file in files(&folder, "json") {
        let dashboard: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        // What Grafana refuses a dashboard for: no title. What it takes for a new
        // one at each start: no uid.
        assert!(dashboard["title"].is_string() && dashboard["uid"].is_string());
        // It asks the source that is chosen above it, of the kind that is there.
        let variables = dashboard["templating"]["list"].as_array().unwrap();
        let chosen = variables.iter().find(|variable| variable["type"] == "datasource").unwrap();
        assert_eq!(chosen["query"], sources["datasources"][0]["type"]);
        let uid = format!("${{{}}}", chosen["name"].as_str().unwrap());
        for panel in dashboard["panels"].as_array().unwrap() {
            assert_eq!(panel["datasource"]["uid"], uid, "{}", panel["title"]);
            for target in panel["targets"].as_array().unwrap() {
                assert_eq!(target["datasource"]["uid"], uid, "{}", panel["title"]);
            }
        }
    }
}

/// Both gateways of the profile `replicas` are the same, and the service that they ask
/// knows the domain of their policy.
#[test]
fn two_gateways_ask_a_service_that_knows_their_domain() {
    let compose = documents("envoy/docker-compose.yaml").remove(0);
    let services = &compose["services"];
    for key in ["image", "command", "working_dir", "volumes"] {
        assert_eq!(services["envoy"][key], services["envoy2"][key], "{key}");
    }
    let envoy = documents("envoy/compose/envoy.yaml").remove(0);
    let policy = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config\
                  /http_filters/0/typed_config/config/configuration/value";
    let service = &envoy.pointer(policy).unwrap()["settings"]["limit_service"];
    let environment = &services["ratelimit"]["environment"];
    let value = |key: &str| environment[key].as_str().unwrap().to_owned();
    let folder = [&*value("RUNTIME_ROOT"), &*value("RUNTIME_SUBDIRECTORY"), "config"].join("/");
    let file = source("ratelimit", &format!("{folder}/mcp.yaml"));
    assert_eq!(documents(&file)[0]["domain"], service["domain"]);
    assert_eq!(service["engine"], "ratelimit");
    // Its address, and that of Redis, are names of services.
    let clusters = envoy["static_resources"]["clusters"].as_array().unwrap();
    let cluster = clusters.iter().find(|one| one["name"] == service["cluster"]).unwrap();
    let endpoint = &cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
    assert!(
        services.get(endpoint["address"]["socket_address"]["address"].as_str().unwrap()).is_some()
    );
    assert!(services.get(value("REDIS_URL").split(':').next().unwrap()).is_some());
}

#[test]
fn panels_of_the_dashboard_stand_beside_each_other() {
    let text = fs::read(root().join("envoy/grafana/dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_slice(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let place =
        |panel: &Value| ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
    for (at, panel) in panels.iter().enumerate() {
        let [x, y, w, h] = place(panel);
        assert!(x + w <= 24, "{}", panel["title"]);
        for other in &panels[..at] {
            let [ox, oy, ow, oh] = place(other);
            let apart = x + w <= ox || ox + ow <= x || y + h <= oy || oy + oh <= y;
            assert!(apart && panel["id"] != other["id"], "{} {}", panel["title"], other["title"]);
        }
    }
}

/// The containers' Envoy is the shipped one, except for addresses, the policy and
/// a listener that shows metrics.
#[test]
fn the_containers_run_the_shipped_configuration() {
    let shipped = documents("envoy/envoy.yaml").remove(0);
    let mut inside = documents("envoy/compose/envoy.yaml").remove(0);
    for (pointer, value) in [
        ("/static_resources/listeners/0/address/socket_address/address", "127.0.0.1"),
        ("/static_resources/clusters/0/type", "STATIC"),
        (
            "/static_resources/clusters/0/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address/address",
            "127.0.0.1",
        ),
    ] {
        *inside.pointer_mut(pointer).unwrap() = value.into();
    }
    let policy = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config\
                  /http_filters/0/typed_config/config/configuration/value";
    *inside.pointer_mut(policy).unwrap() = shipped.pointer(policy).unwrap().clone();
    let names = |list: &mut Value| -> Vec<String> {
        let added = list.as_array_mut().unwrap().split_off(1);
        added.iter().map(|added| added["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&mut inside["static_resources"]["listeners"]), ["metrics"]);
    assert_eq!(names(&mut inside["static_resources"]["clusters"]), ["admin", "ratelimit"]);
    assert_eq!(inside, shipped);
}

/// A request that waits for its body is kept: the filter bounds its own part of it, and only
/// Envoy the rest.
#[test]
fn the_shipped_configuration_bounds_streams_and_connections() {
    let shipped = documents("envoy/envoy.yaml").remove(0);
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let streams = format!("{manager}/http2_protocol_options/max_concurrent_streams");
    assert_eq!(shipped.pointer(&streams), Some(&100.into()));
    let monitor = &shipped["overload_manager"]["resource_monitors"][0];
    assert_eq!(monitor["name"], "envoy.resource_monitors.global_downstream_max_connections");
    assert_eq!(monitor["typed_config"]["max_active_downstream_connections"], 1000);
}
