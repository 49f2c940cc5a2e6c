//! Conditions on arguments.
//!
//! Every condition of Intercept is a requirement, so one that is undecidable here denies
//! as one that is false does there. The two differ only where Intercept's is true.

use crate::document::{Node, Value};
use crate::verbs::convert::entry::{Lost, fault};
use crate::verbs::convert::expression;
use crate::verbs::convert::said::{List, Topic};
use crate::verbs::convert::scalar::{field, keys};
use core::ops::Range;

/// The condition with the path `args.…` of a rule.
pub(super) fn convert(condition: &Node, path: &str, list: &mut List) -> Result<Node, Lost> {
    let at = &condition.span;
    keys(condition, &["path", "op", "value"], list);
    let op = field(condition, "op", list);
    let null = Node::new(Value::Null);
    let value = condition.get("value").unwrap_or(&null);
    let names: Vec<&str> = path.split('.').skip(1).collect();
    if !fits(&op, value) {
        list.error(at, format!("Intercept refuses this value, or the operator `{op}`"));
        return Ok(condition.clone());
    }
    if is_time(value) || value.elements().iter().any(is_time) {
        list.error(at, "Intercept reads a date without quotes as a time; put it in quotes");
    }
    differences(&op, value, &names, at, list);
    let condition = Node::of_members([
        ("path", Some(Node::of_text(path_of(&names)))),
        ("op", Some(Node::of_text(op.clone()))),
        ("value", Some(value.clone())),
    ]);
    let check = Node::of_members([("conditions", Some(Node::of_list(vec![condition.clone()])))]);
    if let Some(fault) = fault("require", &check) {
        return Err(Lost::new(at, format!("the condition cannot be said here: {fault}")));
    }
    Ok(condition)
}

/// Whether Intercept takes the value for the operator.
fn fits(op: &str, value: &Node) -> bool {
    match op {
        "eq" | "neq" | "contains" => true,
        "in" | "not_in" => matches!(value.value, Value::List(_)),
        "lt" | "lte" | "gt" | "gte" => {
            matches!(&value.value, Value::Number(number) if !is_huge(number))
        }
        "regex" => matches!(value.value, Value::Text(_)),
        "exists" => matches!(value.value, Value::Bool(_)),
        _ => false,
    }
}

/// Whether a text is one that Go's YAML reader takes for a time. In quotes it is longer in
/// the file than it is.
fn is_time(value: &Node) -> bool {
    let Some(text) = value.text().filter(|text| text.len() == value.span.len()) else {
        return false;
    };
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    year == 4
        && text.as_bytes().get(4) == Some(&b'-')
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.+TtZ ".contains(&byte))
}

/// Whether a whole number is beyond Go's `int64`, where Intercept takes it for no number.
fn is_huge(number: &str) -> bool {
    let whole = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    whole && number.parse::<i64>().is_err()
}

/// The path in this language. Intercept splits its own at each dot, and knows no
/// indexes: `items[0]` is a key.
pub(super) fn path_of(names: &[&str]) -> String {
    let mut path = "args".to_owned();
    for name in names {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if !name.is_empty() && name.bytes().all(plain) {
            path.push('.');
            path.push_str(name);
        } else {
            path.push('[');
            path.push_str(&Node::of_text(*name).to_json());
            path.push(']');
        }
    }
    path
}

/// The ways in which Intercept compares a value of the policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A text that nothing but itself is printed as.
    Plain,
    /// A value that another one is printed as: 5 and `"5"`.
    Printed,
    /// A value that is compared by the text that Go prints for it.
    Go,
}

fn sort(value: &Node) -> Sort {
    match &value.value {
        Value::Number(number) if is_huge(number) => Sort::Go,
        Value::Number(_) | Value::Bool(_) | Value::Doubtful(..) => Sort::Printed,
        Value::Text(text)
            if text.starts_with('[') || text.starts_with("map[") || text == "<nil>" =>
        {
            Sort::Go
        }
        Value::Text(text) if text == "true" || text == "false" || text.parse::<f64>().is_ok() => {
            Sort::Printed
        }
        Value::Text(_) => Sort::Plain,
        Value::Null | Value::List(_) | Value::Object(_) => Sort::Go,
    }
}

/// Says where Intercept's condition is true and this one is not, or the other way round.
fn differences(op: &str, value: &Node, names: &[&str], at: &Range<usize>, list: &mut List) {
    let values = match op {
        "in" | "not_in" => value.elements(),
        _ => core::slice::from_ref(value),
    };
    let some = |wanted: Sort| values.iter().any(|value| sort(value) == wanted);
    if matches!(op, "eq" | "neq" | "in" | "not_in" | "contains") && some(Sort::Go) {
        list.say(
            Topic::GoText,
            at,
            "lists, objects and null are compared there by the text that Go prints for them, and \
             here by value",
        );
    }
    match op {
        "eq" | "in" | "contains" if some(Sort::Printed) => list.say(
            Topic::TextEquality,
            at,
            "a number or a boolean and the text that it is printed as are equal there, as 5 and \
             \"5\"; here the call cannot be decided and is denied",
        ),
        "neq" | "not_in" => list.say(
            Topic::OtherType,
            at,
            format!(
                "`{op}` lets a null or a value of another type pass there; here such a call is \
                 denied"
            ),
        ),
        "exists" if matches!(value.value, Value::Bool(false)) && names.len() > 1 => list.say(
            Topic::NestedAbsence,
            at,
            "a path through a text, a number or a list leads nowhere there, so nothing exists; \
             here the call cannot be decided and is denied",
        ),
        "regex" => {
            if let Some(words) = value.text().and_then(expression::difference) {
                let words = format!("the expression is read differently: {words}");
                list.say(Topic::Expression, at, words);
            }
        }
        _ => {}
    }
    list.say(
        Topic::Ambiguous,
        at,
        "a call that servers may read in two ways is denied by a condition here: keys that differ \
         by case, texts that are JSON, numbers beyond the doubles, texts too long for `regex`",
    );
}
