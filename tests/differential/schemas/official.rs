//! The official tests of JSON Schema 2020-12, for the keywords that are taken.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{Answer, Case, compare};
use crate::is_wanted;
use crate::server::folder;

/// The files about keywords that are taken, at least in part.
const FILES: [&str; 22] = [
    "additionalProperties",
    "allOf",
    "anyOf",
    "boolean_schema",
    "const",
    "default",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "infinite-loop-detection",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "properties",
    "ref",
    "required",
    "type",
];

#[test]
fn official_tests_have_the_answer_that_they_expect() {
    if !["schema-suite", "python-v2", "typescript-v1"].into_iter().all(is_wanted) {
        return;
    }
    let (mut cases, mut refused, mut failures) = (Vec::new(), BTreeSet::new(), Vec::new());
    for file in FILES {
        let path = folder().join("schema-suite").join(format!("{file}.json"));
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}; see scripts/sdk-servers", path.display()));
        let groups: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        let mut taken = 0;
        for group in &groups {
            for test in group["tests"].as_array().expect("tests") {
                let case = Case { schema: group["schema"].clone(), value: test["data"].clone() };
                let answer = match case.answer() {
                    Ok(answer) => answer,
                    Err(error) => {
                        refused.insert(format!("{file}: {}: {error}", group["description"]));
                        continue;
                    }
                };
                taken += 1;
                let wanted = if test["valid"] == true { Answer::Fits } else { Answer::Unfit };
                // Where readers may differ there is no answer.
                if answer != wanted && answer != Answer::Undecidable {
                    let what = [&group["description"], &test["description"]];
                    failures.push(format!("{file}: {what:?}: {answer:?}"));
                }
                cases.push((case, answer));
            }
        }
        assert!(taken > 0, "nothing of {file} is taken");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // A schema is refused for a keyword that is not taken, or a reference to elsewhere.
    let known = ["is not a keyword", "names no schema within this one"];
    let others: Vec<&String> =
        refused.iter().filter(|line| !known.iter().any(|known| line.contains(known))).collect();
    assert!(others.is_empty(), "{others:#?}");
    let counts = compare("official schemas", &cases);
    let of = |answer| counts.get(&answer).copied().unwrap_or_default();
    assert!(of(Answer::Fits) > 150 && of(Answer::Unfit) > 100, "{counts:?}");
    assert!(of(Answer::Undecidable) * 20 < cases.len(), "{counts:?}");
}
