//! The schemas of real servers, as these show them: each is a `schema` of a policy, takes
//! what it describes, and nothing else.
//!
//! `tests/data/schemas` has them, by server and tool.

use crate::config::files;
use mcp_policy_filter::simulate::{Gateway, Outcome};
use serde_json::{Map, Value, json};
use std::fs;

/// A value that fits a schema of those that servers write.
fn sample(schema: &Value) -> Value {
    if let Some(values) = schema["enum"].as_array() {
        return values[0].clone();
    }
    let number = |key: &str| schema[key].as_u64().unwrap_or(1);
    match schema["type"].as_str() {
        Some("string") => json!("x".repeat(usize::try_from(number("minLength")).unwrap())),
        Some("integer" | "number") => json!(number("minimum")),
        Some("boolean") => json!(true),
        Some("array") => (0..number("minItems")).map(|_| sample(&schema["items"])).collect(),
        Some("object") => {
            let properties = schema["properties"].as_object();
            let members = properties.into_iter().flatten();
            Value::Object(members.map(|(name, part)| (name.clone(), sample(part))).collect())
        }
        other => panic!("{other:?} in {schema}"),
    }
}

/// The reason for which a call with these arguments is refused.
fn refused(gateway: &Gateway, arguments: &Value) -> Option<String> {
    let params = json!({ "name": "t", "arguments": arguments });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    match gateway.post(&call.to_string()).unwrap().outcome {
        Outcome::Refused(refused) => Some(refused.reason.to_string()),
        _ => None,
    }
}

#[test]
fn schemas_of_real_servers_take_what_they_describe() {
    let files = files("tests/data/schemas", "json");
    assert!(files.len() >= 10, "{files:?}");
    let mut tools = 0;
    for file in files {
        let schemas: Map<String, Value> =
            serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        for (tool, schema) in schemas {
            let what = format!("{} {tool}", file.display());
            let policy = json!({ "version": "1", "default": "deny",
                "tools": { "t": { "schema": schema } } });
            let gateway = Gateway::new(&policy.to_string())
                .unwrap_or_else(|errors| panic!("{what}: {:?}", errors.lines().next()));
            let untyped = ["run"];
            let mut typed = schema.clone();
            if let Some(properties) = typed["properties"].as_object_mut() {
                properties.retain(|name, _| !untyped.contains(&&**name));
            }
            let fits = sample(&typed);
            assert_eq!(refused(&gateway, &fits), None, "{what}: {fits}");
            for name in schema["required"].as_array().into_iter().flatten() {
                let mut lacks = fits.clone();
                lacks.as_object_mut().unwrap().remove(name.as_str().unwrap());
                assert_eq!(refused(&gateway, &lacks).as_deref(), Some("require"), "{what}");
            }
            for (name, part) in typed["properties"].as_object().into_iter().flatten() {
                let wrong = if part["type"] == "string" { json!(5) } else { json!("five") };
                let mut other = fits.clone();
                other[name] = wrong;
                assert_eq!(refused(&gateway, &other).as_deref(), Some("require"), "{what} {name}");
            }
            tools += 1;
        }
    }
    assert!(tools >= 40, "{tools}");
}
