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

fn untyped(value: Untyped) -> Claim {
    Claim::Untyped(value)
}

fn text(text: &str) -> Untyped {
    Untyped { text: Some(text.into()), ..Untyped::default() }
}

/// One token, as a host hands it over that has no types and as one that has them.
fn tokens() -> [Token; 2] {
    let number = |number| untyped(Untyped { number: Some(number), ..Untyped::default() });
    let word = |word: &str| Claim::Text(word.into());
    let members = [
        ("sub", untyped(text("alice")), word("alice")),
        ("blank", untyped(text("")), word("")),
        ("level", number(3.0), Claim::Number(3.0)),
        ("big", number(9_007_199_254_740_992.0), Claim::Number(9_007_199_254_740_992.0)),
        ("admin", untyped(Untyped { boolean: Some(true), ..text("\u{1}") }), Claim::Bool(true)),
        ("raw", untyped(Untyped::default()), Claim::Opaque),
        ("groups/0", untyped(text("dev")), word("dev")),
        ("groups/1", untyped(text("ops")), word("ops")),
        ("mixed/0", number(3.0), Claim::Number(3.0)),
        ("mixed/1", untyped(text("ops")), word("ops")),
        ("none", untyped(Untyped { is_empty_list: true, ..text("\0\0\0\0") }), Claim::List(vec![])),
        ("realm/role", untyped(text("boss")), word("boss")),
    ];
    let mut tokens = [Token::default(), Token::default()];
    for (path, untyped, typed) in members {
        tokens[0].0.insert(path.into(), untyped);
        tokens[1].0.insert(path.into(), typed);
    }
    tokens
}

fn rows(token: &Token, rows: &[(&str, &str, &str, &str)]) {
    let ground = Default::default();
    let facts = Facts { claims: token, ..facts(None, &ground) };
    for (path, op, value, expected) in rows {
        let found = word(condition(path, op, value).evaluate(&facts, Elements::Any));
        assert_eq!(found, *expected, "{path} {op} {value}: {:?}", token.0);
    }
}

#[test]
fn claims_are_read_as_the_type_that_is_asked_for() {
    for token in tokens() {
        rows(
            &token,
            &[
                ("claims.sub", "eq", "\"alice\"", "T"),
                ("claims.sub", "in", r#"["bob","alice"]"#, "T"),
                ("claims.sub", "in", "[]", "F"),
                ("claims.sub", "regex", "\"^a\"", "T"),
                ("claims.sub", "neq", "\"bob\"", "T"),
                ("claims.sub", "gt", "1", "U claim"),
                ("claims.sub", "eq", "1", "U claim"),
                ("claims.sub", "eq", "true", "U claim"),
                ("claims.sub", "contains", "\"ali\"", "U claim"),
                ("claims.blank", "eq", "\"\"", "T"),
                ("claims.blank", "exists", "true", "T"),
                ("claims.missing", "neq", "\"bob\"", "F"),
                ("claims.missing", "exists", "false", "T"),
                ("claims.missing", "contains", "\"x\"", "F"),
                ("claims.level", "gte", "3", "T"),
                ("claims.level", "eq", "3", "T"),
                ("claims.level", "neq", "3", "F"),
                ("claims.level", "lt", "3", "F"),
                ("claims.level", "in", "[1,3]", "T"),
                ("claims.level", "not_in", "[1,3]", "F"),
                ("claims.level", "eq", "\"3\"", "U claim"),
                ("claims.level", "regex", "\"3\"", "U claim"),
                ("claims.level", "eq", "true", "U claim"),
                ("claims.level", "in", "[]", "U claim"),
                ("claims.level", "exists", "false", "F"),
                ("claims.big", "eq", "9007199254740993", "U double"),
                ("claims.admin", "eq", "true", "T"),
                ("claims.admin", "not_in", "[false]", "T"),
                ("claims.admin", "eq", "\"true\"", "U claim"),
                ("claims.admin", "starts_with", "\"\"", "U claim"),
                ("claims.admin", "gte", "1", "U claim"),
                ("claims.raw", "eq", "\"x\"", "U claim"),
                ("claims.raw", "exists", "true", "T"),
                ("claims.groups", "contains", "\"ops\"", "T"),
                ("claims.groups", "contains", "\"op\"", "F"),
                ("claims.groups[1]", "eq", "\"ops\"", "T"),
                ("claims.groups", "eq", "\"ops\"", "U claim"),
                ("claims.groups", "in", "[\"ops\"]", "U claim"),
                ("claims.groups", "exists", "true", "T"),
                ("claims.mixed", "contains", "\"ops\"", "T"),
                ("claims.mixed", "contains", "\"dev\"", "F"),
                ("claims.none", "contains", "\"x\"", "F"),
                ("claims.none", "eq", "\"\"", "U claim"),
                ("claims.none", "gte", "0", "U claim"),
                ("claims.none", "exists", "true", "T"),
                ("claims.realm", "contains", "\"boss\"", "U claim"),
                ("claims.realm.role", "eq", "\"boss\"", "T"),
            ],
        );
    }
}

/// A type tells apart what bytes do not.
#[test]
fn a_claim_without_a_type_may_be_of_two() {
    let eight = Untyped { number: Some(7.0), ..text("12345678") };
    let claims = |claim: Claim| Token([("x".to_owned(), claim)].into());
    let asked = [("claims.x", "eq", "\"12345678\""), ("claims.x", "lt", "8")];
    for (claim, [is_text, is_small]) in [
        (untyped(eight), ["T", "T"]),
        (Claim::Text("12345678".into()), ["T", "U claim"]),
        (Claim::Number(7.0), ["U claim", "T"]),
        (Claim::Number(f64::NAN), ["U claim", "U claim"]),
    ] {
        let [text, small] = asked;
        rows(
            &claims(claim),
            &[(text.0, text.1, text.2, is_text), (small.0, small.1, small.2, is_small)],
        );
    }
    // Only without a type may a control character be a part of a number.
    let control = [("claims.x", "starts_with", "\"a\"", "U claim")];
    rows(&claims(untyped(text("a\tb"))), &control);
    rows(&claims(Claim::Text("a\tb".into())), &[("claims.x", "starts_with", "\"a\"", "T")]);
    // So it may be in a list, and no element that is something else is in doubt.
    let element = |claim| Token([("x/0".to_owned(), claim)].into());
    let contains = |word, expected| [("claims.x", "contains", word, expected)];
    let tab = r#""a\tb""#;
    rows(&element(untyped(text("a\tb"))), &contains(tab, "U claim"));
    rows(&element(untyped(text("a\tb"))), &contains("\"a\"", "F"));
    rows(&element(Claim::Text("a\tb".into())), &contains(tab, "T"));
}

#[test]
fn a_list_that_comes_whole_is_searched_like_one_that_comes_in_elements() {
    let word = |word: &str| Claim::Text(word.into());
    let many = |count: usize| vec![word("other"); count];
    for (elements, expected) in [
        (vec![], "F"),
        (vec![word("dev"), word("ops")], "T"),
        (vec![word("dev"), word("operators")], "F"),
        (vec![untyped(text("ops"))], "T"),
        (vec![Claim::Number(1.0), Claim::Bool(true), word("ops")], "T"),
        (vec![Claim::List(vec![word("ops")])], "F"),
        (vec![word("ops"), Claim::Opaque], "T"),
        (vec![Claim::Opaque, word("ops")], "U claim"),
        (many(255), "F"),
        (many(256), "U claim"),
    ] {
        let contains = [("claims.x", "contains", "\"ops\"", expected)];
        let numbered = (0_usize..).zip(elements.clone());
        let mut apart = Token(numbered.map(|(at, element)| (format!("x/{at}"), element)).collect());
        if elements.is_empty() {
            apart.0.insert("x".into(), untyped(Untyped { is_empty_list: true, ..text("") }));
        }
        rows(&apart, &contains);
        rows(&Token([("x".to_owned(), Claim::List(elements))].into()), &contains);
    }
}
