//! The price of conditions.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn the_work_of_a_call_is_bounded_whatever_its_body() {
    let texts =
        format!(r#"{{"t":[{}]}}"#, vec![format!("\"{}\"", "a".repeat(8_000)); 120].join(","));
    let regex = condition("args.t[*]", "regex", "\"[a-z]{1,300}!\"");
    assert_eq!(ask(&regex, &texts, Elements::Any), "U work");
    let numbers = format!(r#"{{"t":[{}]}}"#, vec!["1"; 400_000].join(","));
    let list = format!("[{}]", (2..202).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    assert_eq!(ask(&condition("args.t[*]", "in", &list), &numbers, Elements::Any), "U work");
    assert_eq!(ask(&condition("args.t", "contains", "2"), &numbers, Elements::Any), "U work");
    let members = |count: usize| {
        let members = (0..count).map(|n| format!(r#""k{n}":{n}"#));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    };
    let equal = condition("args.t", "eq", &members(100));
    assert_eq!(ask(&equal, &format!(r#"{{"t":{}}}"#, members(100)), Elements::Any), "T");
    assert_eq!(ask(&equal, &format!(r#"{{"t":{}}}"#, members(30_000)), Elements::Any), "U work");
    let empty = format!(r#"{{"t":[{}]}}"#, vec!["[]"; 300_000].join(","));
    let ones = format!("[{}]", vec!["1"; 1_000].join(","));
    assert_eq!(ask(&condition("args.t[*]", "eq", &ones), &empty, Elements::Any), "U work");
    let nulls = format!(r#"{{"t":[{}]}}"#, vec!["null"; 300_000].join(","));
    assert_eq!(ask(&condition("args.t[*]", "in", &list), &nulls, Elements::Any), "U work");
    let few = r#"{"t":["abc","def!"]}"#;
    assert_eq!(ask(&regex, few, Elements::Any), "T");
}

#[test]
fn a_price_is_paid_for_every_byte_that_is_read_again() {
    let list = |element: &str| vec![element; 30_000].join(",");
    for (path, op, value, arguments) in [
        // A path is followed in one pass, however many steps it has.
        (
            "args.a.a.a.a.a.a",
            "eq",
            "\"x\"",
            format!(r#"{{"a":{{"a":{{"a":{{"a":{{"a":[{}]}}}}}}}}}}"#, list("1")),
        ),
        ("args.a[*].b", "eq", "1", format!(r#"{{"a":[{}]}}"#, list(r#"{"a":1}"#))),
        ("args.a[29999]", "eq", "1", format!(r#"{{"a":[{}]}}"#, list("2"))),
        ("args.a[*]", "lt", "7", format!(r#"{{"a":[{}]}}"#, list("10000000000024865675e281"))),
        ("args.a[*]", "lt", "100", format!(r#"{{"a":[{}]}}"#, list("100.00000000000000000000001"))),
        (
            "args.a[*]",
            "in",
            "[1,2,3,4]",
            format!(r#"{{"a":[{}]}}"#, list("10000000000024865675e281")),
        ),
        ("args.a", "contains", "\"q\"", format!(r#"{{"a":"[{}]"}}"#, list("1"))),
        ("args.a", "contains", "\"q\"", format!(r#"{{"a":"[{}]"}}"#, list(r#"\"x\""#))),
        ("args.a", "contains", "\"q\"", format!(r#"{{"a":[{}]}}"#, list(r#""x""#))),
        ("args.a", "eq", r#"{"a":1,"b":[2]}"#, format!(r#"{{"a":[{}]}}"#, list("2"))),
        ("args.a", "length_lte", "7", format!(r#"{{"a":[{}]}}"#, list(r#""x""#))),
        ("args.a", "length_gte", "7", format!(r#"{{"a":"{}"}}"#, "\\u0061".repeat(30_000))),
        ("args.a", "length_gte", "7", format!(r#"{{"a":"[{}]"}}"#, list("1"))),
        ("args.a", "ends_with", "\"q\"", format!(r#"{{"a":"{}"}}"#, "\\u0061".repeat(30_000))),
        ("args.a", "regex", "\"[a-z]{1,9}!\"", format!(r#"{{"a":"{}"}}"#, "a".repeat(30_000))),
        ("args.a", "within", "[\"/a\"]", format!(r#"{{"a":"{}"}}"#, "/a".repeat(30_000))),
        (
            "args.a",
            "host_in",
            "[\"a\"]",
            format!(r#"{{"a":"https://a/{}"}}"#, "\\u0061".repeat(30_000)),
        ),
    ] {
        // `ask` asserts it.
        ask(&condition(path, op, value), &arguments, Elements::Any);
    }
}

#[test]
fn a_text_of_json_is_read_once_for_all_conditions() {
    let arguments = format!(r#"{{"a":"[{}]"}}"#, vec!["1"; 10_000].join(","));
    let raw = Reader::new(arguments.as_bytes(), 64).unwrap().value().unwrap();
    let ground = Default::default();
    let facts = facts(Some(raw), &ground);
    let condition = condition("args.a", "exists", "true");
    let mut steps = [0; 3];
    for steps in &mut steps {
        let _ = meter::take();
        assert_eq!(condition.evaluate(&facts, Elements::Any), Truth::True);
        *steps = meter::take();
    }
    let [first, second, third] = steps;
    // Each condition finds the text again, and the first reads what is in it too.
    assert!(first > second + arguments.len(), "{steps:?}");
    assert_eq!(second, third);
}
