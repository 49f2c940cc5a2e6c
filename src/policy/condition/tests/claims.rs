//! Headers, and claims of a token.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn headers_are_text_absent_or_unclear() {
    let headers =
        [("x-team".to_owned(), Line::Text("red".into())), ("x-none".to_owned(), Line::Absent)];
    let ground = Default::default();
    let facts = Facts { headers: &headers, ..facts(None, &ground) };
    let ask = |path, op, value| word(condition(path, op, value).evaluate(&facts, Elements::Any));
    assert_eq!(ask("headers.x-team", "eq", "\"red\""), "T");
    assert_eq!(ask(r#"headers["x-team"]"#, "neq", "\"red\""), "F");
    assert_eq!(ask("headers.x-none", "neq", "\"red\""), "F");
    assert_eq!(ask("headers.x-none", "exists", "false"), "T");
}

#[test]
fn claims_are_read_as_the_type_that_is_asked_for() {
    let mut token = Token::default();
    for (path, bytes) in [
        ("sub", b"alice".to_vec()),
        ("level", 3.0_f64.to_le_bytes().to_vec()),
        ("eight", b"12345678".to_vec()),
        ("admin", vec![1]),
        ("groups/0", b"dev".to_vec()),
        ("groups/1", b"ops".to_vec()),
        ("realm/role", b"boss".to_vec()),
        ("raw", vec![0xff]),
    ] {
        token.0.insert(path.into(), bytes);
    }
    let ground = Default::default();
    let facts = Facts { claims: &token, ..facts(None, &ground) };
    for (path, op, value, expected) in [
        ("claims.sub", "eq", "\"alice\"", "T"),
        ("claims.sub", "in", r#"["bob","alice"]"#, "T"),
        ("claims.sub", "regex", "\"^a\"", "T"),
        ("claims.sub", "neq", "\"bob\"", "T"),
        ("claims.none", "neq", "\"bob\"", "F"),
        ("claims.none", "exists", "false", "T"),
        ("claims.level", "gte", "3", "T"),
        ("claims.level", "eq", "3", "T"),
        ("claims.level", "lt", "3", "F"),
        ("claims.level", "in", "[1,3]", "T"),
        ("claims.sub", "gt", "1", "U claim"),
        ("claims.admin", "eq", "true", "T"),
        ("claims.sub", "eq", "true", "U claim"),
        ("claims.raw", "eq", "\"x\"", "U claim"),
        ("claims.groups", "contains", "\"ops\"", "T"),
        ("claims.groups", "contains", "\"op\"", "F"),
        ("claims.sub", "contains", "\"ali\"", "U claim"),
        ("claims.none", "contains", "\"x\"", "F"),
        ("claims.realm", "contains", "\"boss\"", "U claim"),
        ("claims.groups[1]", "eq", "\"ops\"", "T"),
        ("claims.groups", "eq", "\"ops\"", "U claim"),
        ("claims.groups", "exists", "true", "T"),
        ("claims.realm.role", "eq", "\"boss\"", "T"),
    ] {
        let found = word(condition(path, op, value).evaluate(&facts, Elements::Any));
        assert_eq!(found, expected, "{path} {op} {value}");
    }
}
