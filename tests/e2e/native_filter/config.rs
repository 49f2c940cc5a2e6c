//! The filters of each column: `envoy.filters.http.mcp`, and RBAC on what it
//! found.

use serde_json::{Value, json};

/// The filters of a column.
type Filters = fn() -> Vec<Value>;

/// The columns of the page's table, by their headings. The last has all that
/// was found to help: Envoy reads bodies of up to 1 MiB there, instead of 8 KB.
pub const COLUMNS: [(&str, Filters); 5] = [
    ("DENY rule", || vec![mcp(json!({})), rbac("DENY", vec![tool("danger")])]),
    ("and on `passthrough_reason`", || {
        vec![mcp(json!({})), rbac("DENY", vec![tool("danger"), present("passthrough_reason")])]
    }),
    ("ALLOW rules", || vec![mcp(json!({})), rbac("ALLOW", allowed())]),
    ("REJECT_NO_MCP", || {
        vec![mcp(json!({ "traffic_mode": "REJECT_NO_MCP" })), rbac("DENY", vec![tool("danger")])]
    }),
    ("strictest", || {
        vec![
            mcp(json!({ "reject_duplicate_keys": true, "max_request_body_size": 1_048_576 })),
            rbac("DENY", vec![present("passthrough_reason"), query()]),
            rbac("ALLOW", allowed()),
        ]
    }),
];

/// Envoy's MCP filter. Its default mode is PASS_THROUGH.
pub fn mcp(config: Value) -> Value {
    filter("mcp", "Mcp", config)
}

/// RBAC with these permissions for everybody.
pub fn rbac(action: &str, permissions: Vec<Value>) -> Value {
    let policy = json!({ "permissions": permissions, "principals": [{ "any": true }] });
    filter("rbac", "RBAC", json!({ "rules": { "action": action, "policies": { "p": policy } } }))
}

fn filter(name: &str, message: &str, mut config: Value) -> Value {
    config["@type"] =
        format!("type.googleapis.com/envoy.extensions.filters.http.{name}.v3.{message}").into();
    json!({ "name": format!("envoy.filters.http.{name}"), "typed_config": config })
}

/// All that a client needs who may call `safe`: each method by a rule of its own.
fn allowed() -> Vec<Value> {
    let mut rules = vec![all([method("tools/call"), tool("safe")]), bare_responses()];
    rules.extend(["initialize", "ping", "tools/list", "notifications/initialized"].map(method));
    rules.extend(["GET", "DELETE"].map(bodyless));
    rules
}

/// Responses of the client to what a server asked.
pub fn responses() -> Value {
    method("__jsonrpc_response")
}

/// The same without what a call has.
pub fn bare_responses() -> Value {
    all([responses(), json!({ "not_rule": present("params") })])
}

fn method(name: &str) -> Value {
    metadata(&["method"], json!({ "string_match": { "exact": name } }))
}

fn tool(name: &str) -> Value {
    metadata(&["params", "name"], json!({ "string_match": { "exact": name } }))
}

fn present(key: &str) -> Value {
    metadata(&[key], json!({ "present_match": true }))
}

fn metadata(path: &[&str], value: Value) -> Value {
    let path: Vec<_> = path.iter().map(|key| json!({ "key": key })).collect();
    json!({ "metadata": { "filter": "envoy.filters.http.mcp", "path": path, "value": value } })
}

/// Any query string.
fn query() -> Value {
    json!({ "header": { "name": ":path", "string_match": { "contains": "?" } } })
}

/// Requests by this method that announce no body.
fn bodyless(method: &str) -> Value {
    let absent = |name: &str| json!({ "header": { "name": name, "present_match": false } });
    let method = json!({ "header": { "name": ":method", "string_match": { "exact": method } } });
    all([method, absent("content-length"), absent("transfer-encoding")])
}

fn all<const N: usize>(rules: [Value; N]) -> Value {
    json!({ "and_rules": { "rules": rules.to_vec() } })
}
