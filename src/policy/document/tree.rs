//! A document as a tree, before its keys are given a meaning.

use super::{Findings, MAX_POLICY_BYTES};
use crate::wire::json::{JsonError, JsonErrorKind, Kind, Reader};
use std::borrow::Cow;

/// The deepest nesting of a document; the language itself needs ten levels.
const MAX_DEPTH: usize = 64;

/// A JSON value. Numbers keep their spelling, objects their duplicate keys.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// Reads a document.
///
/// # Errors
/// The text is not JSON, or numbers in it mean different things to different
/// readers.
pub(super) fn parse(text: &[u8]) -> Result<Node<'_>, Findings> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(Findings::one("", "the plugin has no configuration; give it a policy"));
    }
    if text.len() > MAX_POLICY_BYTES {
        let message =
            format!("the policy is {} bytes; at most {MAX_POLICY_BYTES} are allowed", text.len());
        return Err(Findings::one("", message));
    }
    let read = || {
        let mut reader = Reader::new(text, MAX_DEPTH)?;
        let root = node(&mut reader)?;
        reader.end()?;
        match reader.ambiguity() {
            // Duplicate keys are reported by their path.
            Some(fault) if fault.kind != JsonErrorKind::DuplicateKey => Err(fault),
            _ => Ok(root),
        }
    };
    match read() {
        Ok(root) => Ok(root),
        // A message that is not text, a Struct for one, begins like this.
        Err(fault)
            if fault.kind == JsonErrorKind::NotUtf8
                || text.first().is_some_and(|byte| *byte < b'\t') =>
        {
            let message = "the text is not UTF-8 or begins with a control character; give the \
                           policy as a google.protobuf.StringValue";
            Err(Findings::one(position(text, fault), message))
        }
        Err(fault) => Err(Findings::one(position(text, fault), fault.kind.to_string())),
    }
}

fn node<'a>(reader: &mut Reader<'a>) -> Result<Node<'a>, JsonError> {
    match reader.peek() {
        Some(b'{') => {
            let mut members = Vec::new();
            reader.object(|reader, key, _| {
                members.push((key.decode(), node(reader)?));
                Ok(())
            })?;
            Ok(Node::Object(members))
        }
        Some(b'[') => {
            let mut elements = Vec::new();
            reader.array(|reader| {
                elements.push(node(reader)?);
                Ok(())
            })?;
            Ok(Node::List(elements))
        }
        _ => {
            let raw = reader.value()?;
            Ok(match raw.kind {
                Kind::Bool(value) => Node::Bool(value),
                Kind::Number => Node::Number(raw.text),
                Kind::String(text) => Node::String(text.decode()),
                // Lists and objects were read above.
                Kind::Null | Kind::Array | Kind::Object => Node::Null,
            })
        }
    }
}

/// The position as "line 3 column 7", counted from one.
fn position(text: &[u8], fault: JsonError) -> String {
    let before = text.get(..fault.at).unwrap_or(text);
    let line = before.iter().filter(|&&byte| byte == b'\n').count().saturating_add(1);
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at.saturating_add(1));
    let column = fault.at.saturating_sub(start).saturating_add(1);
    format!("line {line} column {column}")
}
