use super::*;
use crate::meter;
use crate::wire::json::{Decimal, Members, Reader};
use std::collections::BTreeMap;

mod claims;
mod joined;
mod numbers;
mod operands;
mod payload;
mod refused;
mod values;
mod work;

/// The facts of a call of `create_refund` by `ci`, without headers and claims.
fn facts<'a>(
    arguments: Option<Raw<'a>>,
    (work, texts, claims): &'a (Work, JsonTexts<'a>, Token),
) -> Facts<'a> {
    Facts {
        arguments,
        members: None,
        headers: &[],
        claims,
        caller_id: "ci",
        tool: "create_refund",
        moment: Moment::default(),
        work,
        texts,
    }
}

/// Claims by their paths of keys and indexes.
#[derive(Default)]
struct Token(BTreeMap<String, Claim>);

impl Claims for Token {
    fn claim(&self, path: &[&str]) -> Claim {
        let path = path.join("/");
        let below = format!("{path}/");
        match self.0.get(&path) {
            Some(claim) => claim.clone(),
            None if self.0.keys().any(|key| key.starts_with(&below)) => Claim::Opaque,
            None => Claim::Absent,
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

pub(super) fn condition(path: &str, op: &str, value: &str) -> Condition {
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
            Why::Units => "U units",
            Why::Operand => "U operand",
            Why::Form(_) => "U form",
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
        let ground = Default::default();
        let facts = Facts { members, ..facts(Some(raw), &ground) };
        let _ = meter::take();
        let truth = condition.evaluate(&facts, each);
        let steps = meter::take();
        assert!(steps <= facts.work.spent() + 100, "{steps} steps of {:?}", facts.work);
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
