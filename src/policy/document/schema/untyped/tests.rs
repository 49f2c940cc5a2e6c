use crate::policy::Policy;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The places in a schema of which a warning tells that a type is missing.
fn untyped(schema: &str) -> Vec<String> {
    let policy = format!(
        r#"{{"version":"1","default":"deny","settings":{{"paths":["/mcp"]}},
            "tools":{{"t":{{"schema":{schema}}}}}}}"#
    );
    let policy = Policy::parse(policy.as_bytes(), "").unwrap_or_else(|e| panic!("{e:?}"));
    let paths = policy.warnings.iter().filter_map(|warning| {
        let place = warning.path.strip_prefix("/tools/t/schema/")?;
        Some(place.to_owned())
    });
    paths.collect()
}

#[test]
fn a_bound_without_a_type_is_told() {
    for (argument, is_told) in [
        (r#"{"minimum":3,"maximum":5}"#, true),
        (r#"{"exclusiveMaximum":5}"#, true),
        (r#"{"maxLength":5}"#, true),
        (r#"{"maxItems":5}"#, true),
        (r#"{"items":{"type":"string"}}"#, true),
        (r#"{"properties":{"b":{"type":"string"}}}"#, true),
        (r#"{"additionalProperties":{"type":"string"}}"#, true),
        (r#"{"required":["b"]}"#, true),
        (r#"{"additionalProperties":false}"#, true),
        (r#"{"type":"integer","maximum":5}"#, false),
        (r#"{"type":["string","null"],"maxLength":5}"#, false),
        (r#"{"enum":[1,2],"maximum":1}"#, false),
        (r#"{"const":1,"maximum":1}"#, false),
        (r#"{"description":"x"}"#, false),
        // True of every value.
        (r#"{"properties":{"b":{},"c":true}}"#, false),
        (r#"{"items":{"description":"x"}}"#, false),
        (r#"{"additionalProperties":true}"#, false),
        ("true", false),
        ("false", false),
    ] {
        let whole = format!(r#"{{"properties":{{"a":{argument}}},"required":["a"]}}"#);
        let expected: &[&str] = if is_told { &["properties/a"] } else { &[] };
        assert_eq!(untyped(&whole), expected, "{argument}");
    }
}

#[test]
fn a_type_may_be_asked_for_in_another_part_of_the_schema() {
    let with = |argument: &str| {
        untyped(&format!(
            r##"{{"type":"object","properties":{{"a":{argument}}},"$defs":{{
                "text":{{"type":"string"}},"short":{{"maxLength":5,"type":"string"}}}}}}"##
        ))
    };
    for argument in [
        r#"{"type":"string","allOf":[{"maxLength":5},{"minLength":1}]}"#,
        r#"{"maxLength":5,"allOf":[{"type":"string"}]}"#,
        r#"{"maxLength":5,"anyOf":[{"type":"string"},{"type":"null"}]}"#,
        r##"{"maxLength":5,"$ref":"#/$defs/text"}"##,
        r##"{"allOf":[{"$ref":"#/$defs/text"},{"anyOf":[{"maxLength":5}]}]}"##,
        r##"{"$ref":"#/$defs/short"}"##,
    ] {
        assert_eq!(with(argument), [""; 0], "{argument}");
    }
    assert_eq!(
        with(r#"{"maxLength":5,"anyOf":[{"type":"string"},{"minimum":1}]}"#),
        ["properties/a", "properties/a/anyOf/1"]
    );
    assert_eq!(with(r#"{"allOf":[{"maxLength":5}]}"#), ["properties/a/allOf/0"]);
}

#[test]
fn a_definition_is_told_if_one_of_its_uses_lacks_a_type() {
    let with = |more: &str| {
        untyped(&format!(
            r##"{{"properties":{{"a":{{"type":"string","$ref":"#/$defs/short"}}{more}}},
                "$defs":{{"short":{{"maxLength":5}}}}}}"##
        ))
    };
    assert_eq!(with(""), [""; 0]);
    for more in [
        r##","b":{"$ref":"#/$defs/short"}"##,
        r##","b":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/short"}]}"##,
        r##","b":{"type":"array","items":{"$ref":"#/$defs/short"}}"##,
    ] {
        assert_eq!(with(more), ["$defs/short"], "{more}");
    }
    // One that is both: a property of its own, and a part of another.
    let both =
        r##"{"properties":{"a":{"maxLength":5},"b":{"type":"string","$ref":"#/properties/a"}}}"##;
    assert_eq!(untyped(both), ["properties/a"]);
}

#[test]
fn the_keywords_of_the_whole_are_about_an_object_and_a_circle_has_an_end() {
    assert_eq!(untyped(r#"{"allOf":[{"required":["a"]}]}"#), [""; 0]);
    assert_eq!(
        untyped(r##"{"properties":{"a":{"maxItems":2,"items":{"$ref":"#/properties/a"}}}}"##),
        ["properties/a"]
    );
}

#[test]
fn many_references_to_many_are_followed_in_little_time() {
    let part = |next: &str| format!(r##"{{"$ref":"#/$defs/{next}"}}"##);
    let level = |name: &str, next: &str| {
        format!(r#""{name}":{{"allOf":[{}]}}"#, vec![part(next); 900].join(","))
    };
    let levels = [level("a", "b"), level("b", "c"), level("c", "d"), level("d", "e")].join(",");
    let schema = format!(
        r##"{{"properties":{{"x":{{"$ref":"#/$defs/a"}}}},"$defs":{{{levels},"e":{{"maxLength":5}}}}}}"##
    );
    assert_eq!(untyped(&schema), ["$defs/e"]);
}
