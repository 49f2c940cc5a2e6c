//! The result of a step, in the words of the table that is published.

use serde_json::Value;

use crate::plan::Want;

/// A cell of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// As it has to be.
    Good(String),
    /// As it must not be with any client.
    Bad(String),
}

/// Holds what was seen against what has to be.
pub fn told(want: Want, seen: &Value) -> Cell {
    match want {
        Want::Without(hidden, shown) => {
            let has = |name: &str| {
                seen["tools"].as_array().is_some_and(|all| all.iter().any(|tool| tool == name))
            };
            good(has(shown) && !has(hidden), format!("without `{hidden}`"), seen)
        }
        Want::Text(text, progress) => {
            let has = seen["text"].as_str().is_some_and(|seen| seen.contains(text));
            let came = seen["progress"].as_u64();
            let shown = match came {
                // One that shows no progress.
                None => "result".to_owned(),
                Some(_) if progress == 0 => "result".to_owned(),
                Some(came) => format!("{came} of {progress}, result"),
            };
            let all = came.is_none_or(|came| came == progress);
            good(has && all && seen["failed"] != true, shown, seen)
        }
        Want::Heard => good(seen["heard"].as_u64() >= Some(1), "heard".to_owned(), seen),
        Want::Denial(reason, code) => denial(reason, code, seen),
        Want::Result(reason) => denial_as_result(reason, seen),
    }
}

/// The parts of a denial that the client hands on. A client that knows from the
/// list that there is no such tool does not ask.
pub fn denial(reason: &str, code: u64, seen: &Value) -> Cell {
    let error = &seen["error"];
    if !error.is_object() {
        return good(false, String::new(), seen);
    }
    let message = error["message"].as_str().unwrap_or_default();
    if reason == "hidden" && !message.contains("[POLICY DENIED]") {
        return good(message.contains("not found"), "not asked".to_owned(), seen);
    }
    let mut parts = Vec::new();
    if error["code"] == code {
        parts.push(code.to_string());
    }
    let mark = if code == 428 { "[APPROVAL REQUIRED]" } else { "[POLICY DENIED]" };
    if message.contains(mark) {
        parts.push("message".to_owned());
    }
    if error["data"]["reason"] == reason {
        parts.push("data".to_owned());
    }
    if error["data"]["approval"]["id"].is_string() {
        parts.push("id".to_owned());
    }
    let wait = error["data"]["retry_after"].as_u64();
    if wait.is_some_and(|seconds| (1..=3600).contains(&seconds)) {
        parts.push("`retry_after`".to_owned());
    }
    // What a model reads is the message: no client may lose it.
    good(parts.iter().any(|part| part == "message"), parts.join(", "), seen)
}

/// The form of a denial that is a tool's result, and the parts of it that the client hands
/// on.
fn denial_as_result(reason: &str, seen: &Value) -> Cell {
    const MARK: &str = "[POLICY DENIED]";
    if seen["other"].as_str().is_some_and(|raised| raised.contains(MARK)) {
        return Cell::Good("an exception with the message".to_owned());
    }
    let mut parts = vec!["result with `isError`, message"];
    if seen["why"]["reason"] == reason {
        parts.push("`_meta`");
    }
    if seen["why"]["retry_after"].as_u64().is_some_and(|seconds| (1..=3600).contains(&seconds)) {
        parts.push("`retry_after`");
    }
    let has = seen["text"].as_str().is_some_and(|text| text.contains(MARK));
    good(has && seen["failed"] == true, parts.join(", "), seen)
}

pub fn good(is: bool, shown: String, seen: &Value) -> Cell {
    if is { Cell::Good(shown) } else { Cell::Bad(format!("not as it has to be: {seen}")) }
}
