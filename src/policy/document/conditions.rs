//! Conditions, and those joined by `any`, `all` and `not`.

use super::at::{At, Object};
use super::wording::{choices, nearest, quote};
use crate::policy::condition::{
    Condition, Formula, MAX_NESTING, Operand, Path, Root, Step, Test, TestError,
};

/// The keys of a condition, and those that join several.
const KEYS: [&str; 8] = ["path", "op", "value", "value_from", "literal", "any", "all", "not"];
const CONNECTIVES: [&str; 3] = ["any", "all", "not"];

/// Reads a condition, or several joined by a connective.
pub(super) fn formula(at: &At<'_>) -> Option<Formula> {
    nested(at, 0)
}

fn nested(at: &At<'_>, above: usize) -> Option<Formula> {
    let object = at.object(&KEYS)?;
    let joined = CONNECTIVES.iter().find_map(|word| Some((*word, object.get(word)?)));
    let Some((word, inner)) = joined else { return condition(at, &object).map(Formula::One) };
    if !object.is_alone() {
        at.wrong(format!("`{word}` has no other key beside it; write a condition for each"));
        return None;
    }
    if above == MAX_NESTING {
        at.wrong(format!("`any`, `all` and `not` nest at most {MAX_NESTING} deep"));
        return None;
    }
    let below = above.saturating_add(1);
    if word == "not" {
        return nested(inner, below).map(|formula| Formula::Not(Box::new(formula)));
    }
    if inner.is_list() && inner.elements().is_empty() {
        inner.wrong("joins nothing; write at least one condition");
    }
    let formulas = inner.each(|at| nested(at, below));
    Some(if word == "any" { Formula::Any(formulas) } else { Formula::All(formulas) })
}

/// Reads a condition alone.
fn condition(at: &At<'_>, object: &Object<'_>) -> Option<Condition> {
    let literal = object.get("literal").map(|at| (at, at.boolean()));
    let path = object.required("path").and_then(path);
    let op = object.required("op").and_then(|at| Some((at, at.string()?)));
    let from = object.get("value_from");
    if let (Some(from), Some(_)) = (from, object.get("value")) {
        from.wrong("a condition has `value` or `value_from`, not both");
        return None;
    }
    let value_at = if from.is_some() { from } else { object.required("value") };
    let (path, op, value_at) = (path?, op?, value_at?);
    let test = match from {
        Some(at) => Operand::new(op.1, self::path(at)?, path.root)
            .map(|operand| Test::From(Box::new(operand)))
            // One that is unknown takes nothing.
            .map_err(|error| if Test::NAMES.contains(&op.1) { error } else { TestError::Unknown }),
        None => Test::new(op.1, value_at.literal()?, path.root),
    };
    if let Ok(test) = &test
        && test.regex_bytes().is_some_and(|bytes| !value_at.has_room_for(bytes))
    {
        value_at.wrong(
            "the regular expressions of the policy take more than 64 MiB; make them shorter, or \
             fewer",
        );
        return None;
    }
    let test = test.map_err(|error| refuse(op, value_at, error)).ok()?;
    let is_whole = |path: &Path| path.root == Root::Args && matches!(*path.steps, [Step::Key(_)]);
    let mut condition = Condition::new(path, test);
    let whole = condition.paths().any(is_whole);
    let literal = match literal {
        Some((at, _)) if !whole => {
            at.wrong(
                "only a whole argument can be a text that is JSON; leave `literal` out, or \
                 write a path like `args.text`",
            );
            return None;
        }
        Some((_, literal)) => literal?,
        None => at.reading().literal,
    };
    condition.literal = literal;
    Some(condition)
}

/// Notes the fault of an operator and its value.
fn refuse((op_at, op): (&At<'_>, &str), value: &At<'_>, error: TestError) {
    match error {
        TestError::Unknown => {
            op_at.wrong(match nearest(op, &Test::NAMES) {
                Some(word) => format!("unknown operator {}; did you mean `{word}`?", quote(op)),
                None => {
                    let names = choices(Test::NAMES);
                    format!("unknown operator {}; expected one of {names}", quote(op))
                }
            });
        }
        TestError::Value(what) => value.expected(&format!("{what} for the operator `{op}`")),
        TestError::Parts(parts) => {
            for part in parts {
                value.wrong_at(&format!("{}{}", value.path(), part.at), part.to_string());
            }
        }
        other => value.wrong(other.to_string()),
    }
}

/// Reads a path.
pub(super) fn path(at: &At<'_>) -> Option<Path> {
    let text = at.string()?;
    match Path::parse(text) {
        Ok(path) => Some(path),
        Err(error) => {
            at.wrong(format!("invalid path {}: {error}", quote(text)));
            None
        }
    }
}
