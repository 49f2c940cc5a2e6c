use crate::policy::Policy;
use crate::simulate::{Gateway, Outcome};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn gateway(schema: &str) -> Gateway {
    Gateway::new(&format!(
        r#"{{"version": "1", "default": "deny", "tools": {{"x": {{"schema": {schema}}}}}}}"#
    ))
    .unwrap()
}

/// The message about a call with these arguments, if it is denied.
fn denied(gateway: &Gateway, arguments: &str) -> Option<String> {
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"x","arguments":{arguments}}}}}"#
    );
    match gateway.post(&call).unwrap().outcome {
        Outcome::Refused(refused) => refused.record.message,
        _ => None,
    }
}

#[test]
fn depth_is_bounded_before_the_stack_is() {
    let gateway = gateway(r##"{"additionalProperties": {"$ref": "#"}}"##);
    let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    assert_eq!(denied(&gateway, &nested(50)), None);
    // Each level is two evaluations, of which there are at most 256.
    let deep = Gateway::new(
        r##"{"version": "1", "default": "deny", "tools": {"x": {"schema":
            {"additionalProperties": {"$ref": "#"}}}}, "settings": {"max_depth": 256}}"##,
    )
    .unwrap();
    let message = denied(&deep, &nested(200)).unwrap();
    assert!(message.ends_with("the call takes too long to be checked."), "{message:.300}");
}

#[test]
fn subschemas_are_bounded() {
    let many = vec!["true"; 5_000].join(",");
    let policy = format!(
        r#"{{"version": "1", "default": "deny", "tools": {{"x": {{"schema": {{"allOf": [{many}]}}}}}}}}"#
    );
    let errors = Policy::parse(policy.as_bytes(), "").unwrap_err();
    let lines: Vec<_> = errors.lines().collect();
    assert_eq!(lines, ["/tools/x/schema: has more than 4096 subschemas"]);
}

#[test]
fn the_order_of_keys_changes_no_answer() {
    let one = gateway(
        r#"{"properties": {"b": {"maximum": 1, "type": "integer"}, "a": false}, "required": ["d", "c"]}"#,
    );
    let other = gateway(
        r#"{"required": ["c", "d"], "properties": {"a": false, "b": {"type": "integer", "maximum": 1}}}"#,
    );
    for arguments in ["{}", r#"{"b":"x"}"#, r#"{"b":5,"a":1}"#, r#"{"a":1,"b":5}"#, r#"{"c":1}"#] {
        assert_eq!(denied(&one, arguments), denied(&other, arguments), "{arguments}");
        assert!(denied(&one, arguments).is_some());
    }
}

#[test]
fn each_value_of_an_enum_is_paid_for() {
    let values: Vec<String> = (0..500).map(|number| format!("{number}.5")).collect();
    let gateway = gateway(&format!(
        r#"{{"properties": {{"a": {{"items": {{"enum": [{}]}}}}}}}}"#,
        values.join(",")
    ));
    let list = |length: usize| format!(r#"{{"a":[{}]}}"#, vec!["499.5"; length].join(","));
    assert_eq!(denied(&gateway, &list(100)), None);
    let message = denied(&gateway, &list(100_000)).unwrap();
    assert!(message.ends_with("the call takes too long to be checked."), "{message:.300}");
    let message = denied(&gateway, r#"{"a":[499.5,"x"]}"#).unwrap();
    assert!(message.contains(" args.a[1] must be a value that "), "{message}");
}
