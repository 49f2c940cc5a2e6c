//! The alarms for Istio and Envoy Gateway, which differ from those for plain Envoy
//! in the names of two of Envoy's own statistics. They are made of
//! `envoy/prometheus/alerts.yml`; `UPDATE_GOLDEN=1` writes them anew.
//! `tests/e2e/metrics/elsewhere.rs` shows that an Envoy with such names has all
//! that they ask for.

use crate::config::root;
use std::fs;

/// The requests that come, and those that are sent on, in plain Envoy.
const NAMES: [&str; 2] = [
    r#"envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="mcp"}"#,
    r#"envoy_cluster_upstream_rq_total{envoy_cluster_name="mcp_server"}"#,
];

struct Variant {
    file: &'static str,
    head: &'static str,
    names: [&'static str; 2],
}

const VARIANTS: [Variant; 2] = [
    Variant {
        file: "envoy/prometheus/alerts-istio.yml",
        head: "\
# The alarms of alerts.yml by the names that Istio's sidecars have for Envoy's
# statistics. Made of that file: change that one, then this by
# UPDATE_GOLDEN=1 cargo test --test native alarms.
#
# The sidecar needs the labels and the annotations that envoy/README.md gives under
# \"Alarms and the dashboard\". To make it yours: destination_app, the label app of
# the MCP server's pods, and 9100, its port.

",
        names: [
            r#"istio_requests_total{reporter="destination",destination_app="mcp-server"}"#,
            r#"envoy_cluster_upstream_rq_total{cluster_name="inbound|9100||"}"#,
        ],
    },
    Variant {
        file: "envoy/prometheus/alerts-envoy-gateway.yml",
        head: "\
# The alarms of alerts.yml by the names that Envoy Gateway gives listeners and
# clusters. Made of that file: change that one, then this by
# UPDATE_GOLDEN=1 cargo test --test native alarms.
#
# The proxy needs the labels that envoy/README.md gives under \"Alarms and the
# dashboard\". To make it yours: the listener, http-PORT or https-PORT, and
# httproute/mcp/mcp, the namespace and name of the HTTPRoute.

",
        names: [
            r#"envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix=~"https?-[0-9]+"}"#,
            r#"envoy_cluster_upstream_rq_total{envoy_cluster_name=~"httproute/mcp/mcp/rule/.*"}"#,
        ],
    },
];

#[test]
fn the_alarms_for_meshes_are_those_for_plain_envoy_by_other_names() {
    let source = fs::read_to_string(root().join("envoy/prometheus/alerts.yml")).unwrap();
    let (_, groups) = source.split_once("\ngroups:\n").unwrap();
    let alarms = |text: &str| text.matches("- alert: ").count();
    for Variant { file, head, names } in VARIANTS {
        let mut text = format!("{head}groups:\n{groups}");
        for (name, other) in NAMES.into_iter().zip(names) {
            assert!(text.contains(name), "{name}");
            text = text.replace(name, other);
        }
        // No name of plain Envoy's is left, in whatever form it was written.
        assert!(!text.contains("\"mcp\"") && !text.contains("\"mcp_server\""), "{file}");
        assert_eq!(alarms(&text), alarms(&source));
        let path = root().join(file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{file} is not made of alerts.yml: UPDATE_GOLDEN=1 writes it");
    }
}
