//! The records of a request: one line of JSON for each of its calls, of bounded length,
//! without a secret, and without a value of an argument that the policy does not name.

use super::{Outcome, Request, Subject};
use crate::lenient::{Node, Value, documents};
use crate::reading::{self, READINGS};
use serde_json::Value as Json;

/// A record's longest line. Most of it is for 32 names of arguments, each of 64
/// bytes, each of which may take six to be escaped.
const MOST: usize = 16_384;

/// The text that [`crate::mutate`] and `seeds.py` put in the place of values of arguments.
const MARKER: &str = "m4rk3r";

/// The most bytes of a value that is recorded.
const VALUE: usize = 256;

const FIELDS: [&str; 16] = [
    "decision",
    "reason",
    "rule",
    "message",
    "method",
    "tool",
    "grant",
    "session",
    "request_id",
    "time",
    "arguments",
    "more_arguments",
    "values",
    "arguments_hmac",
    "limits",
    "policy",
];

pub(super) fn check(request: &Request<'_>, subject: &Subject, outcome: &Outcome) {
    let Outcome { lines, records, .. } = outcome;
    assert!(lines.len() >= records.len() && lines.len() <= 64, "{} records", lines.len());
    let marked = marks_a_name(request.body);
    for line in lines {
        // A byte may take six to be escaped.
        let values = subject.recorded.len() * VALUE * 6;
        assert!(line.len() <= MOST + values, "{} bytes", line.len());
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(!line.contains(super::policies::AUDIT_KEY), "{line}");
        let Ok(Json::Object(mut fields)) = serde_json::from_str(line) else { panic!("{line}") };
        for (path, value) in fields.remove("values").iter().filter_map(Json::as_object).flatten() {
            assert!(subject.recorded.contains(&&**path), "{line}");
            assert!(value.is_null() || value.as_str().is_some_and(|v| v.len() <= VALUE), "{line}");
        }
        let without = Json::Object(fields.clone()).to_string();
        assert!(marked || !without.contains(MARKER), "{line}");
        assert!(fields.keys().all(|name| FIELDS.contains(&&**name)), "{line}");
        assert!(fields.values().all(|value| !value.is_null()), "{line}");
        assert_eq!(fields["policy"], *subject.policy.fingerprint, "{line}");
        let names = fields.get("arguments").and_then(Json::as_array);
        let names = names.into_iter().flatten().filter_map(Json::as_str);
        assert!(names.clone().count() <= 32 && names.clone().all(|name| name.len() <= 64));
        assert!(names.clone().zip(names.skip(1)).all(|(a, b)| a <= b), "{line}");
    }
    for (line, (decision, reason, rule, tool, caller_id)) in lines.iter().zip(records) {
        let fields: Json = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| fields.get(name).and_then(Json::as_str);
        assert_eq!(text("decision"), Some(&*format!("{decision:?}").to_lowercase()));
        assert_eq!(text("reason"), reason.as_ref().map(|reason| reason.as_str()));
        assert_eq!((text("rule"), text("tool")), (Some(&**rule), tool.as_deref()));
        assert_eq!(text("grant"), caller_id.as_deref());
    }
}

/// Whether the marker is in what may be recorded: a key, a method or the name of
/// a tool.
fn marks_a_name(body: &[u8]) -> bool {
    reading::texts(body).iter().any(|text| {
        let documents = documents(text);
        let messages = READINGS.iter().flat_map(|reading| reading.messages(&documents));
        let mut names = messages.flat_map(|message| [message.method, message.name]).flatten();
        names.any(|name| name.contains(MARKER)) || documents.iter().any(marks_a_key)
    })
}

fn marks_a_key(node: &Node<'_>) -> bool {
    match &node.value {
        Value::Word | Value::Text(_) => false,
        Value::List(nodes) => nodes.iter().any(marks_a_key),
        Value::Map(members) => {
            members.iter().any(|member| member.key.contains(MARKER) || marks_a_key(&member.node))
        }
    }
}
