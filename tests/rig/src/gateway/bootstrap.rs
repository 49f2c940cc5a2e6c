//! Envoy's configuration, generated as JSON so that it can hold the text of
//! any policy.
//!
//! The configuration of a deployment is `envoy/envoy.yaml`, with its reasons. This is the
//! same in the parts that matter to a test, on ports that are free.

use serde_json::{Value, json};

use super::Shell;
use super::builder::Builder;
use super::run::Run;

/// The listener's name.
pub(super) const LISTENER: &str = "mcp";

/// The whole configuration, except for the listener of a dynamic gateway.
pub(super) fn bootstrap(builder: &Builder, run: &Run) -> Value {
    let mut clusters = vec![cluster(builder)];
    clusters.extend(builder.clusters.iter().cloned());
    let mut config = json!({
        "admin": { "address": address("127.0.0.1", 0) },
        "static_resources": { "clusters": clusters },
    });
    if !builder.stats_config.is_null() {
        config["stats_config"] = builder.stats_config.clone();
    }
    if builder.shell == Shell::Native {
        // Prometheus then names the metrics as those of the wasm module.
        config["layered_runtime"] = json!({ "layers": [{ "name": "static", "static_layer": {
            "envoy.reloadable_features.dynamic_modules_strip_custom_stat_prefix": true,
        } }] });
    }
    if builder.dynamic {
        config["node"] = json!({ "id": "rig", "cluster": "rig" });
        config["dynamic_resources"] =
            json!({ "lds_config": { "path_config_source": { "path": run.path("lds.json") } } });
    } else {
        let listener = listener(builder, run, &builder.policy);
        config["static_resources"]["listeners"] = json!([listener]);
    }
    config
}

/// The listener of a dynamic gateway, as a discovery response.
pub(super) fn listeners(builder: &Builder, run: &Run, policy: &str, version: u64) -> Value {
    let mut listener = listener(builder, run, policy);
    listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
    json!({ "version_info": version.to_string(), "resources": [listener] })
}

fn listener(builder: &Builder, run: &Run, policy: &str) -> Value {
    let mut listener = json!({
        "name": LISTENER,
        "address": address("127.0.0.1", 0),
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": connection_manager(builder, run, policy),
        }] }],
    });
    if let Some(bytes) = builder.buffer_limit {
        listener["per_connection_buffer_limit_bytes"] = bytes.into();
    }
    for edit in &builder.edits {
        edit(&mut listener);
    }
    listener
}

fn connection_manager(builder: &Builder, run: &Run, policy: &str) -> Value {
    let mut filters = builder.filters_before.clone();
    if builder.filter {
        filters.push(match builder.shell {
            Shell::Wasm => wasm(builder, policy),
            Shell::Native => native(builder, policy),
        });
    }
    filters.extend(builder.filters_after.iter().cloned());
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
        },
    }));
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "mcp",
        "codec_type": "AUTO",
        "http_protocol_options": { "enable_trailers": builder.http1_trailers },
        // As in envoy/envoy.yaml: a bound on the request, none on the answer.
        "request_timeout": "30s",
        "stream_idle_timeout": "3600s",
        "http_filters": filters,
        "route_config": { "virtual_hosts": [{
            "name": "mcp",
            "domains": ["*"],
            "routes": [{
                "match": { "prefix": "/" },
                "route": { "cluster": "mcp_server", "timeout": "0s" },
            }],
        }] },
        "access_log": [{
            "name": "envoy.access_loggers.file",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
                "path": run.path("access.log"),
                "log_format": { "text_format_source": {
                    "inline_string": format!("{}\n", builder.access_log_format),
                } },
            },
        }],
    })
}

fn wasm(builder: &Builder, policy: &str) -> Value {
    let mut config = json!({
        "name": builder.plugin_name,
        "root_id": builder.root_id,
        "failure_policy": builder.failure_policy,
        "vm_config": {
            "vm_id": builder.vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": builder.module } },
        },
        "configuration": configuration(builder, policy),
    });
    // Left out rather than false: Envoy before 1.35 does not know the field.
    if builder.hold_request_headers {
        config["allow_on_headers_stop_iteration"] = true.into();
    }
    json!({
        "name": "envoy.filters.http.wasm",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": config,
        },
    })
}

fn native(builder: &Builder, policy: &str) -> Value {
    json!({
        "name": "envoy.filters.http.dynamic_modules",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3.DynamicModuleFilter",
            "dynamic_module_config": {
                "module": { "local": { "filename": builder.module } },
                "do_not_close": true,
            },
            "filter_name": builder.plugin_name,
            // With white space, since JSON without any may be a printed Struct.
            "filter_config": configuration(builder, &format!("{policy} ")),
        },
    })
}

fn configuration(builder: &Builder, policy: &str) -> Value {
    let (kind, value): (_, Value) = match builder.as_struct {
        true => ("Struct", serde_json::from_str(policy).expect("a policy in JSON")),
        false => ("StringValue", policy.into()),
    };
    json!({ "@type": format!("type.googleapis.com/google.protobuf.{kind}"), "value": value })
}

fn cluster(builder: &Builder) -> Value {
    let upstream = builder.upstream;
    let protocol = match builder.upstream_http2 {
        true => json!({ "http2_protocol_options": {} }),
        false => {
            json!({ "http_protocol_options": { "enable_trailers": builder.http1_trailers } })
        }
    };
    json!({
        "name": "mcp_server",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {
            "cluster_name": "mcp_server",
            "endpoints": [{ "lb_endpoints": [{ "endpoint": {
                "address": address(&upstream.ip().to_string(), upstream.port()),
            } }] }],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": protocol,
            },
        },
    })
}

fn address(ip: &str, port: u16) -> Value {
    json!({ "socket_address": { "address": ip, "port_value": port } })
}
