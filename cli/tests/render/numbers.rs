//! Numbers that a place does not carry as they are.

use super::{find, golden, render, rendered};
use serde_json::{Value, json};

/// A policy with this number.
fn policy(number: &str) -> Value {
    let number: Value = serde_json::from_str(number).unwrap();
    json!({ "version": "1", "default": "deny", "settings": { "paths": ["/mcp"] },
        "tools": { "a": { "deny_if": [ { "conditions": [
            { "path": "args.id", "op": "eq", "value": number } ] } ] } } })
}

/// The message that carries a policy, without its package.
fn carried(policy: &Value, place: &str, key: &str) -> (String, Value) {
    let documents = Value::from(rendered(policy, &["--for", place]));
    let configuration = find(&documents, key).unwrap();
    let message = configuration["@type"].as_str().unwrap().rsplit('.').next().unwrap();
    (message.to_owned(), configuration["value"].clone())
}

/// Envoy's reader of YAML takes only whole numbers of 32 bits for numbers.
#[test]
fn numbers_that_envoy_takes_for_texts_go_within_a_text() {
    for (place, key) in
        [("envoy", "configuration"), ("ecds", "configuration"), ("envoy-native", "filter_config")]
    {
        for number in ["1000.50", "1.5e3", "2147483648", "-2147483649", "9007199254740993"] {
            let policy = policy(number);
            let (message, value) = carried(&policy, place, key);
            assert_eq!(message, "StringValue", "{place} {number}");
            let read: Value = serde_json::from_str(value.as_str().unwrap()).unwrap();
            assert_eq!(read, policy, "{place} {number}");
        }
        for number in ["0", "2147483647", "-2147483648"] {
            let policy = policy(number);
            assert_eq!(carried(&policy, place, key), ("Struct".to_owned(), policy), "{place}");
        }
    }
}

#[test]
fn numbers_that_doubles_cannot_hold_go_as_a_text_or_not_at_all() {
    for (place, key) in [("istio", "configuration"), ("istio-native", "filter_config")] {
        assert_eq!(carried(&policy("9007199254740993"), place, key).0, "StringValue");
        for number in ["1000.50", "5000000000"] {
            assert_eq!(carried(&policy(number), place, key).0, "Struct", "{place} {number}");
        }
    }
    for place in ["gateway", "gateway-native"] {
        render(&["-", "--for", place])
            .stdin(policy("9007199254740993").to_string())
            .assert()
            .code(1)
            .stdout_eq("")
            .stderr_eq(golden("number.stderr"));
    }
}
