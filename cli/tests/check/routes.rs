//! Timeouts of the routes of Kubernetes, in manifests beside that of a policy.

use super::{found, place, places, root, scratch};
use std::fs;

/// The places of findings in a shipped manifest with another one behind it.
fn behind(folder: &str, shipped: &str, other: &str) -> (String, Vec<String>) {
    let folder = scratch(folder);
    let shipped = fs::read_to_string(root().join(shipped)).unwrap();
    let text = format!("{shipped}---\n{other}");
    fs::write(folder.join("x.yaml"), &text).unwrap();
    let places = places(&found(&folder, &["x.yaml"]));
    (text, places)
}

#[test]
fn a_virtual_service_may_say_that_there_is_no_timeout() {
    let service = |timeout: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
             metadata: {{ name: x, namespace: mcp }}\n\
             spec: {{ http: [{{ route: [], retries: {{ attempts: 0 }}, timeout: {timeout} }}] }}\n"
        )
    };
    let plugin = "envoy/istio/wasm-plugin.yaml";
    for none in ["0s", "0.0s", "0ms"] {
        assert_eq!(behind("routes-none", plugin, &service(none)).1, [""; 0], "{none}");
    }
    for some in ["15s", "1h", "soon"] {
        let (text, found) = behind("routes-some", plugin, &service(some));
        assert_eq!(found, [format!("{} route-timeout", place(&text, "timeout: "))], "{some}");
    }
}

#[test]
fn a_traffic_policy_may_have_a_timeout() {
    let policy = |name: &str, timeout: &str| {
        format!(
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: BackendTrafficPolicy\n\
             metadata: {{ name: x, namespace: mcp }}\n\
             spec: {{ targetRefs: [{{ kind: HTTPRoute, name: {name} }}], \
             timeout: {{ http: {{ requestTimeout: {timeout} }} }} }}\n"
        )
    };
    let extension = "envoy/native/gateway/extension-policy.yaml";
    assert_eq!(behind("routes-traffic", extension, &policy("mcp", "0s")).1, [""; 0]);
    assert_eq!(behind("routes-traffic", extension, &policy("other", "15s")).1, [""; 0]);
    let (text, found) = behind("routes-traffic", extension, &policy("mcp", "15s"));
    assert_eq!(found, [format!("{} route-timeout", place(&text, "requestTimeout"))]);
}
