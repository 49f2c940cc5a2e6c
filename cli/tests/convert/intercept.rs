//! Intercept's evaluator, from its reference and its sources, as they are in the
//! repository PolicyLayer/Intercept at 7898b01. Each function names its source. Nothing
//! of the command is used.

use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A policy of Intercept, and its counters.
pub(crate) struct Intercept<'p> {
    policy: &'p Value,
    counters: BTreeMap<String, (u64, i64)>,
}

/// A decision.
#[derive(Debug)]
pub(crate) struct Decision {
    /// Whether the call is forwarded.
    pub(crate) allowed: bool,
    /// The rule that denied it; empty for `hide` and `default`.
    pub(crate) rule: String,
}

/// An expression, and the texts that it matches as Go reads it.
pub(crate) type Expression = (&'static str, fn(&str) -> bool);

impl<'p> Intercept<'p> {
    pub(crate) fn new(policy: &'p Value) -> Self {
        Self { policy, counters: BTreeMap::new() }
    }

    /// `internal/proxy/handler.go`, `Handle`: the rules, then all counters or none. The
    /// server answers every call without an error.
    pub(crate) fn call(
        &mut self,
        tool: &str,
        arguments: &Map<String, Value>,
        now: u64,
    ) -> Decision {
        let denied = |rule: &str| Decision { allowed: false, rule: rule.to_owned() };
        if let Err(rule) = self.evaluate(tool, arguments, now) {
            return denied(&rule);
        }
        let before = self.counters.clone();
        for (scope, rule) in self.rules(tool) {
            let Some((counter, window, state, limit)) = counted(rule, &scope) else { continue };
            let name = rule["name"].as_str().unwrap();
            let amount = match state.and_then(|state| state.get("increment_from")) {
                // `resolveIncrement`: a missing path is an error, and an error denies.
                Some(path) => match resolve(arguments, path.as_str().unwrap()) {
                    Some(Value::Number(number)) => number.as_f64().unwrap() as i64,
                    _ => {
                        self.counters = before;
                        return denied(name);
                    }
                },
                None => match state.and_then(|state| state.get("increment")).map(Value::as_i64) {
                    // `config.go`, `applyDefaults`
                    None | Some(Some(0)) => 1,
                    Some(number) => number.unwrap(),
                },
            };
            let Some(limit) = limit else { continue };
            // `internal/state/sqlite.go`, `Reserve`
            let key = format!("{scope}.{counter}");
            let value = self.value(&key, &window, now);
            if value + amount > limit {
                self.counters = before;
                return denied(name);
            }
            self.counters.insert(key, (start(&window, now), value + amount));
        }
        Decision { allowed: true, rule: String::new() }
    }

    /// `internal/engine/engine.go`, `Evaluate`
    fn evaluate(&self, tool: &str, arguments: &Map<String, Value>, now: u64) -> Result<(), String> {
        let list = |key: &str| self.policy[key].as_array().cloned().unwrap_or_default();
        if list("hide").iter().any(|name| name == tool || name == "*") {
            return Err(String::new());
        }
        if self.policy["default"] == "deny" && self.policy["tools"].get(tool).is_none() {
            return Err(String::new());
        }
        for (scope, rule) in self.rules(tool) {
            let name = rule["name"].as_str().unwrap().to_owned();
            if rule["action"] == "deny" {
                return Err(name);
            }
            for condition in rule["conditions"].as_array().map_or(&[][..], Vec::as_slice) {
                if !self.holds(condition, arguments, &scope, rule, now) {
                    return Err(name);
                }
            }
        }
        Ok(())
    }

    /// `matchingRules`: those of the tool, then those of `*`, each with its scope.
    fn rules(&self, tool: &str) -> Vec<(String, &'p Value)> {
        let of = |key: &str, scope: &str| {
            let rules = self.policy["tools"][key]["rules"].as_array();
            let rules = rules.map_or(&[][..], Vec::as_slice).iter();
            rules.map(|rule| (scope.to_owned(), rule)).collect::<Vec<_>>()
        };
        [of(tool, tool), of("*", "_global")].concat()
    }

    /// `evaluateCondition`
    fn holds(
        &self,
        condition: &Value,
        arguments: &Map<String, Value>,
        scope: &str,
        rule: &Value,
        now: u64,
    ) -> bool {
        let path = condition["path"].as_str().unwrap();
        let (op, value) = (condition["op"].as_str().unwrap(), &condition["value"]);
        if let Some(key) = path.strip_prefix("state.") {
            // The generator reads a rule's own counter alone.
            let (counter, window, ..) = counted(rule, scope).unwrap();
            assert_eq!(key, format!("{scope}.{counter}"));
            let count = Value::from(self.value(key, &window, now));
            return operator(op, &count, value);
        }
        let found = resolve(arguments, path);
        if op == "exists" {
            return found.is_some_and(|found| !found.is_null()) == value.as_bool().unwrap();
        }
        found.is_some_and(|found| operator(op, found, value))
    }

    /// `internal/state`, `Resolve`: nothing is left of a window that is over.
    fn value(&self, key: &str, window: &str, now: u64) -> i64 {
        let stored = self.counters.get(key).filter(|(begun, _)| *begun == start(window, now));
        stored.map_or(0, |(_, value)| *value)
    }
}

/// The counter of a rule, its window, its `state`, and the most that it may hold
/// (`extractLimit`); `rate_limit` is short for one (`config.go`, `applyDefaults`).
fn counted<'r>(
    rule: &'r Value,
    scope: &str,
) -> Option<(String, String, Option<&'r Value>, Option<i64>)> {
    if let Some(text) = rule["rate_limit"].as_str() {
        let (max, window) = text.split_once('/').unwrap();
        let limit = Some(max.parse().unwrap());
        return Some((format!("_rate_{window}"), window.to_owned(), None, limit));
    }
    let state = rule.get("state")?;
    let counter = state["counter"].as_str().unwrap().to_owned();
    let own = format!("state.{scope}.{counter}");
    let conditions = rule["conditions"].as_array().unwrap().iter();
    let limit = conditions.filter(|one| one["path"] == own.as_str()).find_map(|one| {
        let number = one["value"].as_f64().unwrap() as i64;
        match one["op"].as_str().unwrap() {
            "lt" => Some(number - 1),
            "lte" => Some(number),
            _ => None,
        }
    });
    Some((counter, state["window"].as_str().unwrap().to_owned(), Some(state), limit))
}

/// `POLICY.md`, "Windows": aligned to the calendar in UTC.
fn start(window: &str, now: u64) -> u64 {
    let length = match window {
        "minute" => 60,
        "hour" => 3600,
        _ => 86_400,
    };
    now - now % length
}

/// `internal/engine/resolve.go`
fn resolve<'a>(arguments: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let mut names = path.strip_prefix("args.").unwrap().split('.');
    let first = arguments.get(names.next().unwrap());
    names.fold(first, |value, name| value?.as_object()?.get(name))
}

/// `internal/engine/operators.go`, `evalOp`
fn operator(op: &str, actual: &Value, expected: &Value) -> bool {
    let list = || expected.as_array().unwrap().iter();
    // `conv.ToFloat64` of both, or false.
    let compared = |holds: fn(f64, f64) -> bool| match (actual.as_f64(), expected.as_f64()) {
        (Some(actual), Some(expected)) => holds(actual, expected),
        _ => false,
    };
    match op {
        "eq" => equal(actual, expected),
        "neq" => !equal(actual, expected),
        "in" => list().any(|one| equal(actual, one)),
        "not_in" => !list().any(|one| equal(actual, one)),
        "lt" => compared(|a, b| a < b),
        "lte" => compared(|a, b| a <= b),
        "gt" => compared(|a, b| a > b),
        "gte" => compared(|a, b| a >= b),
        "regex" => {
            let expression = super::generated::EXPRESSIONS.iter();
            let (_, matches) = expression.clone().find(|(text, _)| expected == text).unwrap();
            actual.as_str().is_some_and(matches)
        }
        // `evalContains`
        "contains" => match actual {
            Value::String(text) => expected.as_str().is_some_and(|part| text.contains(part)),
            Value::Array(elements) => elements.iter().any(|one| equal(one, expected)),
            _ => false,
        },
        _ => panic!("{op}"),
    }
}

/// `evalEq`: as numbers if both are, or else as `fmt.Sprintf("%v")` prints them.
fn equal(actual: &Value, expected: &Value) -> bool {
    match (actual.as_f64(), expected.as_f64()) {
        (Some(actual), Some(expected)) => actual == expected,
        _ => printed(actual, true) == printed(expected, false),
    }
}

/// `%v`. A number of the call is a `float64`, one of the policy an `int` if it is whole.
fn printed(value: &Value, is_call: bool) -> String {
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) if number.is_f64() || is_call => float(number.as_f64().unwrap()),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(|one| printed(one, is_call)).collect();
            format!("[{}]", elements.join(" "))
        }
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            let members =
                sorted.iter().map(|(key, one)| format!("{key}:{}", printed(one, is_call)));
            format!("map[{}]", members.collect::<Vec<_>>().join(" "))
        }
    }
}

/// `strconv`'s `%g` with the fewest digits: an exponent where it is below -4 or above 5.
fn float(number: f64) -> String {
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap();
    let exponent: i32 = exponent.parse().unwrap();
    match exponent {
        -4..=5 => number.to_string(),
        _ => format!("{digits}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()),
    }
}
