//! Schemas and values by chance, of which many nearly fit.

use serde_json::{Map, Value, json};

use super::{Answer, Case, compare};
use crate::dice::Dice;
use crate::is_wanted;

const CASES: usize = 4_000;
const SEED: u64 = 24;

#[test]
fn values_by_chance_have_the_answer_of_both_validators() {
    if !["python-v2", "typescript-v1"].into_iter().all(is_wanted) {
        return;
    }
    let case = |number| {
        let mut dice = Dice::of(SEED, number);
        let case = Case { schema: schema(&mut dice, 3), value: value(&mut dice, 3) };
        let answer = case.answer().unwrap_or_else(|error| panic!("{}: {error}", case.schema));
        (case, answer)
    };
    let cases: Vec<_> = (0..CASES).map(case).collect();
    let counts = compare("schemas by chance", &cases);
    for answer in [Answer::Fits, Answer::Unfit, Answer::Undecidable] {
        let count = counts.get(&answer).copied().unwrap_or_default();
        assert!(count * 200 >= CASES, "too few to prove anything: {counts:?}");
    }
}

const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "string", "integer"];
const NAMES: [&str; 5] = ["a", "b", "A", "toString", "a/b"];
const NUMBERS: [&str; 14] = [
    "0",
    "-0",
    "1",
    "1.0",
    "1.5",
    "2",
    "-1",
    "1e1",
    "10",
    "0.1",
    "3",
    "9007199254740992",
    "9007199254740993",
    "1e300",
];
const TEXTS: [&str; 8] = ["", "a", "ab", "1", "é", "😀", "true", "null"];

fn number(dice: &mut Dice) -> Value {
    serde_json::from_str(dice.pick(&NUMBERS)).expect("a number")
}

fn value(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 6 } else { 10 }) {
        0 => Value::Null,
        1 => json!(dice.one_in(2)),
        2 | 3 => number(dice),
        4 | 5 => json!(dice.pick(&TEXTS)),
        6 | 7 => (0..dice.below(4)).map(|_| value(dice, depth - 1)).collect(),
        _ => {
            let member = |dice: &mut Dice| (dice.pick(&NAMES).to_owned(), value(dice, depth - 1));
            let members: Map<_, _> = (0..dice.below(4)).map(|_| member(dice)).collect();
            Value::Object(members)
        }
    }
}

fn schema(dice: &mut Dice, depth: usize) -> Value {
    if dice.one_in(12) {
        return json!(!dice.one_in(3));
    }
    let mut schema = Map::new();
    for _ in 0..=dice.below(3) {
        let inner = |dice: &mut Dice| schema_below(dice, depth);
        let (keyword, value) = match dice.below(if depth == 0 { 9 } else { 15 }) {
            0 | 1 => ("type", json!(dice.pick(&TYPES))),
            2 => ("type", json!([dice.pick(&TYPES[1..]), "null"])),
            3 => ("enum", json!([value(dice, 1), value(dice, 1), value(dice, 2)])),
            4 => ("const", value(dice, 1)),
            5 => (dice.pick(&["minimum", "exclusiveMinimum"]), number(dice)),
            6 => (dice.pick(&["maximum", "exclusiveMaximum"]), number(dice)),
            7 => (dice.pick(&["minLength", "minItems"]), json!(dice.below(3))),
            8 => (dice.pick(&["maxLength", "maxItems"]), json!(dice.below(3))),
            9 => ("items", inner(dice)),
            10 => ("additionalProperties", inner(dice)),
            11 => {
                let all: Map<_, _> =
                    (0..2).map(|_| (dice.pick(&NAMES).to_owned(), inner(dice))).collect();
                ("properties", Value::Object(all))
            }
            12 => ("required", json!([dice.pick(&NAMES[..2])])),
            13 => ("anyOf", json!([inner(dice), inner(dice)])),
            _ => ("allOf", json!([inner(dice), inner(dice)])),
        };
        schema.insert(keyword.to_owned(), value);
    }
    Value::Object(schema)
}

fn schema_below(dice: &mut Dice, depth: usize) -> Value {
    schema(dice, depth.saturating_sub(1))
}
