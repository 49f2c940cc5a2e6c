//! Schemas: what the filter says of a value, against the official tests of JSON Schema,
//! Python's jsonschema and Node's Ajv.
//!
//! Arguments that the filter calls fitting, both have to call valid, and those that it
//! refuses, invalid. Of all else it must say that it cannot decide.

mod official;
mod random;

use std::collections::BTreeMap;
use std::io::Write as _;

use mcp_policy_filter::policy::Reason;
use mcp_policy_filter::simulate::{Gateway, Outcome};
use serde_json::{Value, json};

use crate::server;

/// The filter's answer about a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Fits,
    Unfit,
    Undecidable,
}

/// A schema for the argument `v`, and a value of it.
#[derive(Clone)]
struct Case {
    schema: Value,
    value: Value,
}

impl Case {
    /// The schema of the arguments. A reference to the whole is one to the part.
    fn whole(&self) -> Value {
        json!({ "type": "object", "properties": { "v": moved(&self.schema) } })
    }

    /// The filter's answer; an error with the first line about a schema that it refuses.
    fn answer(&self) -> Result<Answer, String> {
        let policy = json!({ "version": "1", "default": "deny",
            "tools": { "t": { "schema": self.whole() } }, "settings": { "json_texts": "text" } });
        let gateway: Gateway = Gateway::new(&policy.to_string())
            .map_err(|errors| errors.lines().next().unwrap_or_default())?;
        let params = json!({ "name": "t", "arguments": { "v": self.value } });
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        Ok(match gateway.post(&call.to_string()).expect("an exchange in order").outcome {
            Outcome::WentOn(_) => Answer::Fits,
            Outcome::Refused(refused) => match refused.reason {
                Reason::Require => Answer::Unfit,
                Reason::Undecidable => Answer::Undecidable,
                other => panic!("{call}: {other:?}"),
            },
            Outcome::Served(_) => panic!("{call} is a call"),
        })
    }
}

/// A schema as a part of another one.
fn moved(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let member = |(key, value): (&String, &Value)| {
                let value = match value {
                    Value::String(text) if key == "$ref" => {
                        json!(text.replacen('#', "#/properties/v", 1))
                    }
                    value if ["const", "enum"].contains(&&**key) => value.clone(),
                    value => moved(value),
                };
                (key.clone(), value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(elements) => elements.iter().map(moved).collect(),
        other => other.clone(),
    }
}

/// The answers of the validators beside two servers: `None` for a schema that one refuses.
fn validators(cases: &[Case]) -> BTreeMap<&'static str, Vec<Option<bool>>> {
    let question = |case: &Case| json!([case.whole(), { "v": case.value }]);
    let questions: Vec<Value> = cases.iter().map(question).collect();
    let answers = |name| (name, server::read(name, &questions));
    ["python-v2", "typescript-v1"].map(answers).into_iter().collect()
}

/// Whether an answer is about a name that JavaScript's own objects have: Ajv looks up
/// `__proto__` as any other name, and its comparison of objects calls their `toString`.
fn is_of_javascript(validator: &str, answer: Option<bool>, case: &str) -> bool {
    validator.starts_with("typescript")
        && (case.contains("__proto__") || answer.is_none() && case.contains("toString"))
}

/// Compares the answers about some cases with those of the validators, and tells how many
/// there were of each kind.
fn compare(name: &str, cases: &[(Case, Answer)]) -> BTreeMap<Answer, usize> {
    let only: Vec<Case> = cases.iter().map(|(case, _)| case.clone()).collect();
    let validators = validators(&only);
    let (mut counts, mut failures) = (BTreeMap::new(), Vec::new());
    for (index, (case, answer)) in cases.iter().enumerate() {
        *counts.entry(*answer).or_default() += 1;
        let wanted = match answer {
            Answer::Fits => Some(true),
            Answer::Unfit => Some(false),
            Answer::Undecidable => continue,
        };
        for (validator, answers) in &validators {
            let Case { schema, value } = case;
            let theirs = answers[index];
            if theirs != wanted && !is_of_javascript(validator, theirs, &format!("{schema}{value}"))
            {
                failures.push(format!("{answer:?}, {validator} {theirs:?}: {value} by {schema}"));
            }
        }
    }
    let told = format!("differential {name}: {counts:?} of {} values", cases.len());
    // Past the capture of what tests print.
    let _ = writeln!(std::io::stderr(), "{told}");
    let shown = &failures[..failures.len().min(20)];
    assert!(failures.is_empty(), "{} of {told}\n{}", failures.len(), shown.join("\n"));
    counts
}
