//! Operators on the values of arguments.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn operators_on_values() {
    table(&[
        ("args.x", "eq", "\"a\"", r#"{"x":"a"}"#, "T"),
        ("args.x", "eq", "\"a\"", r#"{"x":"\u0061"}"#, "T"),
        ("args.x", "eq", "\"a\"", r#"{"x":"A"}"#, "F"),
        ("args.x", "eq", "true", r#"{"x":true}"#, "T"),
        ("args.x", "eq", "0.10", r#"{"x":1e-1}"#, "T"),
        ("args.x", "eq", "100", r#"{"x":100.0}"#, "T"),
        ("args.x", "neq", "100", r#"{"x":100.0}"#, "F"),
        ("args.x", "neq", "100", r#"{"x":101}"#, "T"),
        ("args.x", "eq", r#"{"a":1,"b":[2,null]}"#, r#"{"x":{"b":[2,null],"a":1.0}}"#, "T"),
        ("args.x", "eq", r#"{"a":1}"#, r#"{"x":{"a":1,"b":2}}"#, "F"),
        ("args.x", "eq", r#"{"a":1,"b":2}"#, r#"{"x":{"a":1}}"#, "F"),
        ("args.x", "eq", "[1,2]", r#"{"x":[2,1]}"#, "F"),
        ("args.x", "eq", "[1,2]", r#"{"x":[1]}"#, "F"),
        ("args.x", "eq", "[1]", r#"{"x":[1,2]}"#, "F"),
        ("args.x", "eq", "[]", r#"{"x":[]}"#, "T"),
        ("args.x", "in", r#"["a",7]"#, r#"{"x":7.0}"#, "T"),
        ("args.x", "in", r#"["a","b"]"#, r#"{"x":"c"}"#, "F"),
        ("args.x", "not_in", r#"["a","b"]"#, r#"{"x":"c"}"#, "T"),
        ("args.x", "in", "[]", r#"{"x":"c"}"#, "F"),
        ("args.x", "not_in", "[]", r#"{"x":"c"}"#, "T"),
        ("args.x", "lt", "10", r#"{"x":9.999}"#, "T"),
        ("args.x", "lt", "10", r#"{"x":10}"#, "F"),
        ("args.x", "lte", "10", r#"{"x":1e1}"#, "T"),
        ("args.x", "gt", "10", r#"{"x":10.000001}"#, "T"),
        ("args.x", "gt", "-1", r#"{"x":0}"#, "T"),
        ("args.x", "gte", "10", r#"{"x":-10}"#, "F"),
        ("args.x", "gt", "1e300", r#"{"x":1e301}"#, "T"),
        ("args.x", "regex", r#""^/srv/[a-z]+$""#, r#"{"x":"/srv/data"}"#, "T"),
        ("args.x", "regex", r#""^/srv/[a-z]+$""#, r#"{"x":"/srv/../etc"}"#, "F"),
        ("args.x", "regex", r#""rm""#, r#"{"x":"sudo \u0072m -rf"}"#, "T"),
        ("args.x", "starts_with", r#""/srv/""#, r#"{"x":"\/srv/x"}"#, "T"),
        ("args.x", "ends_with", r#"".md""#, r#"{"x":"a.md.exe"}"#, "F"),
        ("args.x", "contains", r#""..""#, r#"{"x":"a/../b"}"#, "T"),
        ("args.x", "contains", r#""b""#, r#"{"x":["a","b"]}"#, "T"),
        ("args.x", "contains", "2", r#"{"x":["2",2.0]}"#, "T"),
        ("args.x", "contains", "3", r#"{"x":["3",2]}"#, "U type"),
        ("args.x", "contains", "3", r#"{"x":[null,2]}"#, "F"),
        ("args.x", "exists", "true", r#"{"x":false}"#, "T"),
        ("args.x", "exists", "false", r#"{"x":0}"#, "F"),
        ("args", "exists", "true", "{}", "T"),
        ("args.x", "within", r#"["/srv/a"]"#, r#"{"x":"\/srv\/a\/b"}"#, "T"),
        ("args.x", "within", r#"["/srv/a"]"#, r#"{"x":"/srv/ab"}"#, "F"),
        ("args.x", "within", r#"["/srv/a"]"#, r#"{"x":"/srv/a/\u002e\u002e/b"}"#, "U form"),
        ("args.x", "within", r#"["/srv/a"]"#, r#"{"x":["/srv/a"]}"#, "U type"),
        ("args.x", "within", r#"["/srv/a"]"#, r#"{"x":7}"#, "U type"),
        ("args.x", "within", r#"["/srv/a"]"#, r#"{"x":"[\"/srv/a\"]"}"#, "U json"),
        ("args.x[*]", "within", r#"["/srv/a"]"#, r#"{"x":["/srv/a/b"]}"#, "T"),
        ("args.x", "host_in", r#"["a.example"]"#, r#"{"x":"https://a.example/"}"#, "T"),
        ("args.x", "host_in", r#"["a.example"]"#, r#"{"x":"https://b.example/"}"#, "F"),
        (
            "args.x",
            "host_in",
            r#"["a.example"]"#,
            r#"{"x":"https://a.example@b.example/"}"#,
            "U form",
        ),
        (
            "args.x",
            "host_in",
            r#"["a.example"]"#,
            r#"{"x":{"url":"https://a.example/"}}"#,
            "U type",
        ),
        ("tool", "within", r#"["/srv/a"]"#, "{}", "U form"),
        ("grant", "eq", "\"ci\"", "{}", "T"),
        ("grant", "starts_with", "\"d\"", "{}", "F"),
        ("tool", "in", r#"["create_refund"]"#, "{}", "T"),
    ]);
}

#[test]
fn absent_values_satisfy_nothing_but_their_absence() {
    for (op, value) in [
        ("eq", "1"),
        ("neq", "1"),
        ("in", "[1]"),
        ("not_in", "[1]"),
        ("lt", "1"),
        ("gte", "1"),
        ("regex", "\"\""),
        ("starts_with", "\"\""),
        ("contains", "\"\""),
        ("exists", "true"),
        ("within", "[\"/a\"]"),
        ("host_in", "[\"a\"]"),
    ] {
        for (path, arguments) in [
            ("args.x", "{}"),
            ("args.x", r#"{"x":null}"#),
            ("args.x.y", "{}"),
            ("args.x.y", r#"{"x":null}"#),
            ("args.x[1]", r#"{"x":[1]}"#),
            ("args.x[0]", r#"{"x":[]}"#),
            ("args.x[*].y", r#"{"x":[{}]}"#),
            ("args.x[*]", "{}"),
        ] {
            table(&[(path, op, value, arguments, "F")]);
            table(&[(path, "exists", "false", arguments, "T")]);
        }
    }
    table(&[
        ("args.x", "eq", "null", r#"{"x":null}"#, "T"),
        ("args.x", "eq", "null", "{}", "F"),
        ("args.x", "in", "[1,null]", r#"{"x":null}"#, "T"),
        ("args.x", "neq", "[null]", r#"{"x":null}"#, "U type"),
        ("args.x", "not_in", "[null]", "{}", "F"),
    ]);
    let ground = Default::default();
    let nothing = facts(None, &ground);
    assert_eq!(word(condition("args.x", "neq", "1").evaluate(&nothing, Elements::Any)), "F");
    assert_eq!(word(condition("args", "exists", "false").evaluate(&nothing, Elements::Any)), "T");
}

#[test]
fn what_servers_read_differently_is_undecidable() {
    table(&[
        ("args.x", "gt", "10", r#"{"x":"1000"}"#, "U type"),
        ("args.x", "regex", "\"1\"", r#"{"x":1}"#, "U type"),
        ("args.x", "starts_with", "\"1\"", r#"{"x":["1"]}"#, "U type"),
        ("args.x", "contains", "1", r#"{"x":"1"}"#, "U type"),
        ("args.x", "contains", "\"1\"", r#"{"x":{"1":1}}"#, "U type"),
        ("args.x", "eq", "true", r#"{"x":"true"}"#, "U type"),
        ("args.x", "neq", "true", r#"{"x":"true"}"#, "U type"),
        ("args.x", "eq", "1", r#"{"x":true}"#, "U type"),
        ("args.x", "in", "[1,2]", r#"{"x":"1"}"#, "U type"),
        ("args.x", "not_in", "[1,2]", r#"{"x":"1"}"#, "U type"),
        ("args.x", "in", r#"[1,"a"]"#, r#"{"x":"1"}"#, "F"),
        ("args.x", "eq", r#"{"f":true}"#, r#"{"x":{"f":"true"}}"#, "U type"),
        ("args.x", "eq", r#"{"f":true}"#, r#"{"x":{"F":true}}"#, "U look-alike"),
        ("args.x", "eq", r#"{"a":1}"#, r#"{"x":{"a":2,"A":1}}"#, "U look-alike"),
        ("args.x", "gt", "1", r#"{"x":0,"__proto__":{"x":5}}"#, "U look-alike"),
        ("args.x.force", "eq", "true", r#"{"x":"{\"force\":true}"}"#, "U into"),
        ("args.x.force", "exists", "true", r#"{"x":[]}"#, "U into"),
        ("args.x[0]", "exists", "true", r#"{"x":{"0":1}}"#, "U into"),
        ("args.x[*]", "exists", "true", r#"{"x":"[1]"}"#, "U into"),
        ("args.amount", "gt", "10", r#"{"amount":1,"Amount":1000}"#, "U look-alike"),
        ("args.amount", "gt", "10", r#"{"AMOUNT":1000}"#, "U look-alike"),
        ("args.amount", "exists", "false", r#"{"AMOUNT":1000}"#, "U look-alike"),
        ("args.size", "exists", "false", r#"{"\u017fize":1}"#, "U look-alike"),
        ("args.x.y", "eq", "1", r#"{"X":{"y":1},"x":{"y":1}}"#, "U look-alike"),
        ("args.x", "eq", "9007199254740992", r#"{"x":9007199254740993}"#, "U double"),
        ("args.x", "gt", "9007199254740992", r#"{"x":9007199254740993}"#, "U double"),
        ("args.x", "lt", "9007199254740992", r#"{"x":9007199254740993}"#, "F"),
        ("args.x", "gt", "100", r#"{"x":100.00000000000000001}"#, "U double"),
        ("args.x", "lte", "0.1", r#"{"x":0.1000000000000000000001}"#, "U double"),
        ("args.x", "contains", "9007199254740992", r#"{"x":[1,9007199254740993]}"#, "U double"),
    ]);
    let long = format!(r#"{{"x":"{}"}}"#, "a".repeat((1 << 16) + 1));
    table(&[("args.x", "regex", "\"a\"", &long, "U length")]);
    // A large expression is run on shorter texts.
    let text = format!(r#"{{"x":"{}"}}"#, "a".repeat(1 << 14));
    table(&[("args.x", "regex", "\"a\"", &text, "T")]);
    table(&[("args.x", "regex", "\"(?:a?){600}b\"", &text, "U length")]);
}

#[test]
fn a_star_speaks_of_every_element_or_of_one() {
    for (op, value, arguments, every, any) in [
        ("lt", "10", r#"{"x":[{"y":1},{"y":2}]}"#, "T", "T"),
        ("lt", "10", r#"{"x":[{"y":1},{"y":20}]}"#, "F", "T"),
        ("lt", "10", r#"{"x":[{"y":10},{"y":20}]}"#, "F", "F"),
        ("lt", "10", r#"{"x":[]}"#, "T", "F"),
        ("lt", "10", r#"{"x":[{"y":"1"},{"y":1}]}"#, "U type", "T"),
        ("lt", "10", r#"{"x":[{"y":"1"},{"y":20}]}"#, "F", "U type"),
        ("lt", "10", r#"{"x":[{"y":20},{"y":"1"}]}"#, "F", "U type"),
        ("lt", "10", r#"{"x":[{},{"y":1}]}"#, "F", "T"),
        ("exists", "false", r#"{"x":[{},{"y":1}]}"#, "F", "T"),
    ] {
        let condition = condition("args.x[*].y", op, value);
        assert_eq!(ask(&condition, arguments, Elements::All), every, "{op} {arguments}");
        assert_eq!(ask(&condition, arguments, Elements::Any), any, "{op} {arguments}");
    }
    let nested = condition("args.x[*][*]", "eq", "1");
    assert_eq!(ask(&nested, r#"{"x":[[1],[],[1,2]]}"#, Elements::All), "F");
    assert_eq!(ask(&nested, r#"{"x":[[1],[],[1,2]]}"#, Elements::Any), "T");
}
