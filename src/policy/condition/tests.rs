use super::*;
use crate::meter;
use crate::wire::json::{Decimal, Members, Reader};
use std::collections::BTreeMap;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

mod numbers;
mod work;

/// Claims as Envoy serves them: a path of keys and indexes to bytes.
#[derive(Default)]
struct Token(BTreeMap<String, Vec<u8>>);

impl Claims for Token {
    fn claim(&self, path: &[&str]) -> Result<Option<Vec<u8>>, NotScalar> {
        let path = path.join("/");
        let below = format!("{path}/");
        match self.0.get(&path) {
            Some(bytes) => Ok(Some(bytes.clone())),
            None if self.0.keys().any(|key| key.starts_with(&below)) => Err(NotScalar),
            None => Ok(None),
        }
    }
}

fn literal(json: &str) -> Literal {
    fn convert(raw: Raw<'_>) -> Literal {
        use crate::wire::json::Kind;
        match raw.kind {
            Kind::Null => Literal::Null,
            Kind::Bool(value) => Literal::Bool(value),
            Kind::Number => Literal::Number(Number::parse(raw.text).unwrap()),
            Kind::String(text) => Literal::String(text.decode().into()),
            Kind::Array => {
                let mut elements = Vec::new();
                Reader::again(raw)
                    .array(|reader| {
                        elements.push(convert(reader.value()?));
                        Ok(())
                    })
                    .unwrap();
                Literal::List(elements)
            }
            Kind::Object => {
                let mut members = Vec::new();
                Reader::again(raw)
                    .object(|reader, key, _| {
                        members.push((key.decode().into(), convert(reader.value()?)));
                        Ok(())
                    })
                    .unwrap();
                Literal::Object(members)
            }
        }
    }
    convert(Reader::new(json.as_bytes(), 64).unwrap().value().unwrap())
}

fn condition(path: &str, op: &str, value: &str) -> Condition {
    let path = Path::parse(path).unwrap();
    let test = Test::new(op, literal(value), path.root).unwrap();
    Condition::new(path, test)
}

/// `T`, `F`, or `U` with the reason.
fn word(truth: Truth) -> &'static str {
    match truth {
        Truth::True => "T",
        Truth::False => "F",
        Truth::Undecidable(why) => match why {
            Why::Type(_) => "U type",
            Why::Into(_) => "U into",
            Why::LookAlike => "U look-alike",
            Why::Double => "U double",
            Why::Length => "U length",
            Why::Work => "U work",
            Why::Header => "U header",
            Why::Claim => "U claim",
            Why::Weight => "U weight",
            Why::Absent => "U absent",
            Why::Json => "U json",
            Why::Fraction => "U fraction",
        },
    }
}

fn ask(condition: &Condition, arguments: &str, each: Elements) -> &'static str {
    let raw = Reader::new(arguments.as_bytes(), 64).unwrap().value().unwrap();
    let mut members = Members::default();
    let read = Reader::again(raw).object(|reader, key, _| {
        members.push(key, reader.value()?);
        Ok(())
    });
    // Arguments are an object, except for those of a few tests.
    let remembered = read.is_ok().then_some(&members);
    let said = [None, remembered].map(|members| {
        let work = Work::default();
        let facts = Facts {
            arguments: Some(raw),
            members,
            headers: &[],
            claims: &Token::default(),
            caller_id: "ci",
            tool: "create_refund",
            work: &work,
            texts: &JsonTexts::default(),
        };
        let _ = meter::take();
        let truth = condition.evaluate(&facts, each);
        let steps = meter::take();
        assert!(steps <= work.spent() + 100, "{steps} steps for {} units", work.spent());
        word(truth)
    });
    assert_eq!(said[0], said[1], "whether members are remembered makes a difference");
    said[0]
}

fn table(rows: &[(&str, &str, &str, &str, &str)]) {
    for (path, op, value, arguments, expected) in rows {
        let condition = condition(path, op, value);
        for each in [Elements::All, Elements::Any] {
            let found = ask(&condition, arguments, each);
            assert_eq!(found, *expected, "{path} {op} {value} on {arguments}");
        }
    }
}

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
    let nothing = Facts {
        arguments: None,
        members: None,
        headers: &[],
        claims: &Token::default(),
        caller_id: "",
        tool: "",
        work: &Work::default(),
        texts: &JsonTexts::default(),
    };
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

#[test]
fn headers_are_text_absent_or_unclear() {
    let headers =
        [("x-team".to_owned(), Line::Text("red".into())), ("x-none".to_owned(), Line::Absent)];
    let facts = Facts {
        arguments: None,
        members: None,
        headers: &headers,
        claims: &Token::default(),
        caller_id: "",
        tool: "",
        work: &Work::default(),
        texts: &JsonTexts::default(),
    };
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
    let facts = Facts {
        arguments: None,
        members: None,
        headers: &[],
        claims: &token,
        caller_id: "",
        tool: "",
        work: &Work::default(),
        texts: &JsonTexts::default(),
    };
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

#[test]
fn weights_are_counted_in_millionths() {
    let path = Path::parse("args.amount").unwrap();
    for (arguments, expected) in [
        (r#"{"amount":12.5}"#, Ok(12_500_000)),
        (r#"{"amount":0}"#, Ok(0)),
        (r#"{"amount":1e3}"#, Ok(1_000_000_000)),
        (r#"{"amount":0.0000001}"#, Err(Why::Weight)),
        (r#"{"amount":-1}"#, Err(Why::Weight)),
        (r#"{"amount":1e300}"#, Err(Why::Weight)),
        (r#"{"amount":"5"}"#, Err(Why::Type("a string"))),
        (r#"{"amount":null}"#, Err(Why::Absent)),
        ("{}", Err(Why::Absent)),
        (r#"{"amount":1,"Amount":2}"#, Err(Why::LookAlike)),
    ] {
        let raw = Reader::new(arguments.as_bytes(), 64).unwrap().value().unwrap();
        let facts = Facts {
            arguments: Some(raw),
            members: None,
            headers: &[],
            claims: &Token::default(),
            caller_id: "",
            tool: "",
            work: &Work::default(),
            texts: &JsonTexts::default(),
        };
        assert_eq!(weight(&path, &facts), expected, "{arguments}");
    }
}

#[test]
fn paths_that_do_not_parse_say_why() {
    for (text, error) in [
        ("", PathError::Root),
        ("arg.x", PathError::Root),
        ("Args.x", PathError::Root),
        ("args.", PathError::Step),
        ("args..x", PathError::Step),
        ("args[x]", PathError::Step),
        ("args[-1]", PathError::Step),
        ("args[1", PathError::Step),
        ("args['x']", PathError::Step),
        ("args[\"x]", PathError::Step),
        ("args.x y", PathError::Step),
        ("args.*", PathError::Step),
        ("args[99999999999]", PathError::Step),
        ("claims", PathError::Claims),
        ("claims.x[*]", PathError::Claims),
        ("headers", PathError::Header),
        ("headers.X-Team", PathError::Header),
        ("headers.a.b", PathError::Header),
        ("grant.x", PathError::NoParts("grant")),
        ("tool[0]", PathError::NoParts("tool")),
    ] {
        assert_eq!(Path::parse(text), Err(error), "{text}");
    }
    let steps = Path::parse(r#"args["a\"]b"].é"#).unwrap().steps;
    assert_eq!(steps, [Step::Key("a\"]b".into()), Step::Key("é".into())]);
    assert_eq!(Path::parse(&format!("args{}", ".x".repeat(33))), Err(PathError::Length));
}

#[test]
fn operators_that_do_not_fit_are_refused() {
    let new = |op, value, root| Test::new(op, literal(value), root).map(drop);
    for (op, value, root, error) in [
        ("equals", "1", Root::Args, TestError::Unknown),
        ("in", "1", Root::Args, TestError::Value("a list")),
        ("gt", "\"1\"", Root::Args, TestError::Value("a number")),
        ("regex", "1", Root::Args, TestError::Value("a string")),
        ("exists", "\"yes\"", Root::Args, TestError::Value("`true` or `false`")),
        ("eq", "1", Root::Headers, TestError::Text("headers")),
        ("gt", "1", Root::Grant, TestError::Text("grant")),
        ("in", "[1]", Root::Tool, TestError::Text("tool")),
        ("eq", "null", Root::Claims, TestError::Claim),
        ("in", "[1,\"a\"]", Root::Claims, TestError::Claim),
        ("contains", "1", Root::Claims, TestError::ClaimList),
    ] {
        assert_eq!(new(op, value, root), Err(error), "{op} {value}");
    }
    assert!(matches!(new("regex", "\"(\"", Root::Args), Err(TestError::Regex(_))));
    assert_eq!(new("regex", "\"(a{1000}){1000}\"", Root::Args), Err(TestError::RegexSize));
}
