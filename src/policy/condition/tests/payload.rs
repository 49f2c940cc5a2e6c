//! The payload of a token, as one text with its types.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn read(text: &str) -> Payload {
    Payload::read(Some(text.as_bytes().to_vec()))
}

fn rows(payload: &Payload, rows: &[(&str, &str, &str, &str)]) {
    for (path, op, value, expected) in rows {
        let ground = Default::default();
        let facts = Facts { claims: payload, ..facts(None, &ground) };
        let condition = condition(path, op, value);
        let _ = meter::take();
        let truth = condition.evaluate(&facts, Elements::Any);
        let steps = meter::take();
        assert!(steps <= facts.work.spent() + 100, "{steps} steps of {:?}", facts.work);
        assert_eq!(word(truth), *expected, "{path} {op} {value}: {payload:?}");
    }
}

#[test]
fn a_text_is_a_token_or_none_or_tells_nothing() {
    for none in ["-", ""] {
        assert_eq!(read(none), Payload::NoToken, "{none:?}");
    }
    for object in ["{}", r#"{"sub":"alice"}"#, " { } "] {
        assert_eq!(read(object), Payload::Object(object.into()));
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64));
    for unreadable in [
        " ",
        "--",
        "null",
        "true",
        "7",
        "[]",
        r#""alice""#,
        "{",
        "{} {}",
        r#"{"sub":"alice","sub":"bob"}"#,
        r#"{"s\u0000ub":"alice"}"#,
        r#"{"n":1e999}"#,
        "{'sub':'alice'}",
        &deep,
    ] {
        assert_eq!(read(unreadable), Payload::Unreadable, "{unreadable}");
    }
    assert_eq!(Payload::read(Some(b"{\"sub\":\"\xff\"}".to_vec())), Payload::Unreadable);
    assert_eq!(Payload::read(None), Payload::Unreadable);
}

#[test]
fn claims_have_their_types() {
    let payload = read(
        r#"{"sub":"alice","eight":"12345678","tab":"a\tb","level":5,"ratio":5e-1,"big":9007199254740992,
            "admin":true,"nothing":null,"groups":["dev","ops"],"mixed":[1,{"ops":"ops"},"ops",null],
            "holed":["dev",null],"none":[],"org":{"name":"acme","teams":["red","blue"],"0":"zero"},
            "with.dot":"dotted","Sub":"mallory"}"#,
    );
    rows(
        &payload,
        &[
            ("claims.sub", "eq", r#""alice""#, "T"),
            ("claims.sub", "neq", r#""bob""#, "T"),
            ("claims.sub", "gte", "1", "U claim"),
            ("claims.sub.deeper", "exists", "true", "F"),
            ("claims.eight", "eq", r#""12345678""#, "T"),
            ("claims.eight", "gte", "1", "U claim"),
            ("claims.tab", "starts_with", r#""a""#, "T"),
            ("claims.level", "gte", "5", "T"),
            ("claims.level", "eq", r#""5""#, "U claim"),
            ("claims.level", "eq", "true", "U claim"),
            ("claims.ratio", "eq", "0.5", "T"),
            ("claims.big", "gt", "9007199254740991", "T"),
            ("claims.big", "eq", "9007199254740993", "U double"),
            ("claims.big", "lte", "9007199254740992", "U double"),
            ("claims.admin", "eq", "true", "T"),
            ("claims.admin", "eq", r#""true""#, "U claim"),
            ("claims.nothing", "exists", "false", "T"),
            ("claims.missing", "exists", "false", "T"),
            ("claims.groups", "contains", r#""ops""#, "T"),
            ("claims.groups", "contains", r#""op""#, "F"),
            ("claims.groups", "exists", "true", "T"),
            ("claims.groups", "eq", r#""dev""#, "U claim"),
            ("claims.groups[1]", "eq", r#""ops""#, "T"),
            ("claims.groups[2]", "exists", "false", "T"),
            ("claims.mixed", "contains", r#""ops""#, "U claim"),
            ("claims.mixed[2]", "eq", r#""ops""#, "T"),
            ("claims.holed", "contains", r#""dev""#, "T"),
            ("claims.holed", "contains", r#""ops""#, "F"),
            ("claims.none", "contains", r#""ops""#, "F"),
            ("claims.none", "gte", "0", "U claim"),
            ("claims.org", "contains", r#""acme""#, "U claim"),
            ("claims.org.name", "eq", r#""acme""#, "T"),
            ("claims.org.teams", "contains", r#""blue""#, "T"),
            ("claims.org.teams[0]", "eq", r#""red""#, "T"),
            (r#"claims["with.dot"]"#, "eq", r#""dotted""#, "T"),
        ],
    );
    for (path, expected) in [
        (&["groups", "01"][..], Claim::Absent),
        (&["groups", "+1"], Claim::Absent),
        (&["org", "0"], Claim::Text("zero".into())),
        (&["mixed"], {
            let word = Claim::Text("ops".into());
            Claim::List(vec![Claim::Number(1.0), Claim::Opaque, word, Claim::Absent])
        }),
        (&["org"], Claim::Opaque),
        (&[], Claim::Opaque),
    ] {
        assert_eq!(payload.claim(path), expected, "{path:?}");
    }
}

#[test]
fn without_a_token_claims_are_absent_and_an_unreadable_one_decides_nothing() {
    let absent =
        [("claims.sub", "exists", "false", "T"), ("claims.sub", "contains", r#""x""#, "F")];
    rows(&Payload::NoToken, &absent);
    assert_eq!(Payload::NoToken.claim(&[]), Claim::Absent);
    rows(
        &Payload::Unreadable,
        &[
            ("claims.sub", "exists", "false", "U claim"),
            ("claims.sub", "exists", "true", "U claim"),
            ("claims.sub", "neq", r#""x""#, "U claim"),
            ("claims.sub", "contains", r#""x""#, "U claim"),
        ],
    );
    assert_eq!(Payload::Unreadable.claim(&[]), Claim::Unreadable);
}

#[test]
fn reading_a_payload_is_paid_for() {
    let payload = read(&format!(r#"{{"pad":"{}","sub":"alice"}}"#, "x".repeat(1 << 20)));
    let ground = Default::default();
    let facts = Facts { claims: &payload, ..facts(None, &ground) };
    let condition = condition("claims.sub", "eq", r#""alice""#);
    let said: Vec<_> = (0..12).map(|_| word(condition.evaluate(&facts, Elements::Any))).collect();
    assert_eq!(said.first(), Some(&"T"));
    assert_eq!(said.last(), Some(&"U work"));
}
