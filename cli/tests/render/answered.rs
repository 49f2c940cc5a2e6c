//! The paths that the filter answers itself.

use super::{rendered, told};
use serde_json::{Value, json};

fn policy(resource: &str) -> Value {
    json!({
        "version": "1", "default": "deny",
        "identity": [{ "bearer": { "tokens": { "ci":
            "sha256:5ba331dbc20f9d502c5a72dd396a52671ab90d34af8ddcfd566636a1b3bd47b0" } } }],
        "tools": { "a": { "action": "require_approval" } },
        "settings": {
            "paths": ["/mcp"], "exempt_paths": ["/healthz"],
            "approvals": { "path": "/mcp-approvals", "approvers": ["ci"] },
            "protected_resource": {
                "resource": resource, "authorization_servers": ["https://id.example.com"],
            },
        },
    })
}

fn matches(policy: &Value, place: &str) -> Value {
    rendered(policy, &["--for", place])[1]["spec"]["http"][0]["match"].clone()
}

/// A VirtualService answers 404 at other paths, before the filter sees the request.
#[test]
fn a_virtual_service_has_the_paths_that_the_filter_answers() {
    const METADATA: &str = "/.well-known/oauth-protected-resource";
    for place in ["istio", "istio-native"] {
        for (resource, behind) in [
            ("https://mcp.example.com/mcp", Some("/mcp")),
            ("https://mcp.example.com/", None),
            ("https://mcp.example.com", None),
        ] {
            let mut expected = vec![
                json!({ "uri": { "exact": "/mcp" } }),
                json!({ "uri": { "exact": "/healthz" } }),
                json!({ "uri": { "exact": "/mcp-approvals" } }),
                json!({ "uri": { "prefix": "/mcp-approvals/" } }),
                json!({ "uri": { "exact": METADATA } }),
            ];
            expected.extend(
                behind.map(|path| json!({ "uri": { "exact": format!("{METADATA}{path}") } })),
            );
            assert_eq!(matches(&policy(resource), place), Value::from(expected), "{resource}");
        }
    }
    let mut any = policy("https://mcp.example.com/mcp");
    any["settings"].as_object_mut().unwrap().remove("paths");
    assert_eq!(matches(&any, "istio"), Value::Null);
}

#[test]
fn whoever_writes_the_route_is_told_of_them() {
    let policy = policy("https://mcp.example.com/mcp");
    for place in ["gateway", "gateway-native"] {
        let told = told(&policy, &[place]);
        assert!(told.contains("`/mcp-approvals`, `/mcp-approvals/*`, `/.well-known/"), "{told}");
    }
    assert!(!told(&policy, &["envoy"]).contains("answers at"));
}
