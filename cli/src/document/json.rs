//! JSON by the reader of the core, which is the one that reads a policy in Envoy.

use super::{Fault, MAX_DEPTH, Member, Node, Value};
use mcp_policy_filter::wire::json::{JsonError, JsonErrorKind, Kind, Reader};

/// The one document of a JSON text. Duplicate keys are kept: the core names each.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    document(text).map_err(|JsonError { at, kind }| Fault { at, message: kind.to_string() })
}

fn document(text: &str) -> Result<Node, JsonError> {
    let mut reader = Reader::new(text.as_bytes(), MAX_DEPTH)?;
    let root = node(text, &mut reader, 0)?;
    reader.end()?;
    match reader.ambiguity() {
        Some(fault) if fault.kind != JsonErrorKind::DuplicateKey => Err(fault),
        _ => Ok(root),
    }
}

/// Reads the value that comes next; the one before it, or its key, ends at `from`.
fn node(text: &str, reader: &mut Reader<'_>, from: usize) -> Result<Node, JsonError> {
    match reader.peek() {
        Some(b'{') => {
            let mut members = Vec::new();
            let raw = reader.spanned_object(|reader, key, at| {
                let end = at.saturating_add(key.raw().len()).saturating_add(2);
                let value = node(text, reader, end)?;
                let key = key.decode().into_owned();
                members.push(Member { key, key_span: at..end, doubt: None, value });
                Ok(())
            })?;
            let end = raw.at.saturating_add(raw.text.len());
            Ok(Node { span: raw.at..end, value: Value::Object(members) })
        }
        Some(b'[') => {
            // The reader gives no span of a list.
            let start = after(text, from, '[').saturating_sub(1);
            let mut end = start.saturating_add(1);
            let mut elements = Vec::new();
            reader.array(|reader| {
                let element = node(text, reader, end)?;
                end = element.span.end;
                elements.push(element);
                Ok(())
            })?;
            let span = start..after(text, end, ']');
            Ok(Node { span, value: Value::List(elements) })
        }
        _ => {
            let raw = reader.value()?;
            let value = match raw.kind {
                Kind::Bool(value) => Value::Bool(value),
                Kind::Number => Value::Number(raw.text.to_owned()),
                Kind::String(text) => Value::Text(text.decode().into_owned()),
                // Lists and objects were read above.
                Kind::Null | Kind::Array | Kind::Object => Value::Null,
            };
            Ok(Node { span: raw.at..raw.at.saturating_add(raw.text.len()), value })
        }
    }
}

/// The end of the next bracket, before which there are white space and commas alone.
fn after(text: &str, from: usize, bracket: char) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.find(bracket).map_or(text.len(), |at| from.saturating_add(at).saturating_add(1))
}
