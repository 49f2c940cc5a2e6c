//! Bytes that are neither JSON nor a `google.protobuf.Struct`: their looks, and
//! the form to write instead.

use super::Findings;
use super::structure::Fault;
use super::wording::quote;
use crate::wire::json::{JsonError, JsonErrorKind};
use core::str;

/// The way to give a policy as YAML.
const AS_YAML: &str = "give the policy as YAML in a google.protobuf.Struct, with no `|` behind \
                       `value:`";
/// The type URLs that messages name their types by.
const TYPE_URL: &str = "type.googleapis.com/";

/// The one error of a document that cannot be read: `json` says why it is not
/// JSON, and `structure` why it is not a Struct, where it begins like one.
pub(super) fn explain(bytes: &[u8], json: JsonError, structure: Option<Fault>) -> Findings {
    let text = bytes.trim_ascii_start();
    let message = match structure {
        Some(fault) => other_message(bytes).or_else(|| {
            has_controls(bytes).then(|| (fault.path, format!("{}; {OURS}", fault.why)))
        }),
        None if !text.starts_with(b"{") && !text.starts_with(b"[") => {
            let message = || other_message(bytes).unwrap_or_else(|| (String::new(), OTHER.into()));
            has_controls(bytes).then(message)
        }
        None => None,
    };
    match message {
        Some((path, message)) => Findings::one(path, message),
        None => Findings::one(position(bytes, json), in_text(bytes, json)),
    }
}

/// Whether there are bytes that no text has.
fn has_controls(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

const OURS: &str = "this is not a google.protobuf.Struct as Envoy writes one; give the policy as \
                    JSON in a google.protobuf.StringValue";
const OTHER: &str = "the bytes look like a protobuf message of another type; give the policy as \
                     a google.protobuf.Struct, or as JSON in a google.protobuf.StringValue";

/// The error of a protobuf message of another type, as far as its beginning
/// tells.
fn other_message(bytes: &[u8]) -> Option<(String, String)> {
    let (length, field) = match bytes {
        [0x0a, length @ 0..=0x7f, field @ ..] => (usize::from(*length), field),
        [0x0a, low, high @ 0..=0x7f, field @ ..] => {
            (usize::from(low & 0x7f) | usize::from(*high) << 7, field)
        }
        // A Value that holds a Struct.
        [0x2a, ..] => return look("google.protobuf.Value"),
        _ => return None,
    };
    let (field, rest) = field.split_at_checked(length)?;
    if let Ok(url) = str::from_utf8(field)
        && let Some(name) = url.strip_prefix(TYPE_URL)
    {
        let message = format!(
            "the bytes look like a message around a {}; take the outer one away, so that the \
             policy stands under the `value` of a google.protobuf.Struct",
            quote(name)
        );
        return Some((String::new(), message));
    }
    match field {
        [b'{', ..] if rest.is_empty() => look("google.protobuf.StringValue within another"),
        // Of a text, a space in its beginning is such a byte too.
        [0x08 | 0x11 | 0x1a | 0x20 | 0x2a | 0x32, ..] if has_controls(bytes) => {
            look("google.protobuf.ListValue")
        }
        _ => None,
    }
}

fn look(like: &str) -> Option<(String, String)> {
    let message = format!(
        "the bytes look like a {like}; give the policy as a google.protobuf.Struct, or as JSON in \
         a google.protobuf.StringValue"
    );
    Some((String::new(), message))
}

/// The error of a text.
fn in_text(bytes: &[u8], fault: JsonError) -> String {
    if fault.kind == JsonErrorKind::NotUtf8 {
        return "the text is not UTF-8; write the file in UTF-8".into();
    }
    let read = bytes.get(..fault.at).unwrap_or_default().trim_ascii_end();
    let text = bytes.get(fault.at..).and_then(|rest| str::from_utf8(rest).ok());
    let rest = text.unwrap_or_default();
    let found = match fault.kind {
        JsonErrorKind::Expected(_) | JsonErrorKind::TrailingText => hint(read, rest),
        _ => None,
    };
    match found {
        Some(found) => format!("{}{found}", fault.kind),
        None => fault.kind.to_string(),
    }
}

/// The mistake that is there instead, if people make it often.
fn hint(read: &[u8], rest: &str) -> Option<String> {
    if read.is_empty() && is_yaml(rest) {
        return Some(format!("; this looks like YAML, so {AS_YAML}"));
    }
    Some(match *rest.as_bytes() {
        [b'/', b'/' | b'*', ..] | [b'#', ..] => {
            format!(", found a comment, which JSON does not have; take it out, or {AS_YAML}")
        }
        [b'\'', ..] => ", found a single quote; write double ones".into(),
        [close @ (b'}' | b']'), ..] if read.ends_with(b",") => {
            format!(", found `{}` after a comma; take the comma out", char::from(close))
        }
        [b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$', ..] if read.ends_with(b"{") => {
            format!(", found a bare one; put it in double quotes, or {AS_YAML}")
        }
        _ => return None,
    })
}

/// Whether a text begins as YAML does that is not JSON: with a comment, a
/// document's mark, a list's dash, or a key and a colon.
fn is_yaml(text: &str) -> bool {
    let line = text.lines().next().unwrap_or_default().trim_end();
    let key = || {
        let (key, value) = line.split_once(':')?;
        let bare = !key.is_empty() && !key.contains(['{', '[', '"', ',']);
        Some(bare && (value.is_empty() || value.starts_with(' ')))
    };
    line.starts_with('#')
        || line.starts_with('%')
        || line.starts_with("---")
        || line.starts_with("- ")
        || line.starts_with("\"version\":")
        || key().unwrap_or_default()
}

/// The position as "line 3 column 7", counted from one.
fn position(text: &[u8], fault: JsonError) -> String {
    let before = text.get(..fault.at).unwrap_or(text);
    let line = before.iter().filter(|&&byte| byte == b'\n').count().saturating_add(1);
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at.saturating_add(1));
    let column = fault.at.saturating_sub(start).saturating_add(1);
    format!("line {line} column {column}")
}
