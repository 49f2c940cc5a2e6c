//! Policies as trees whose every node has its place in the author's text, by the reader of
//! the core. Findings and explanations name their places by pointers into these.

use crate::policy::document::Finding;
use crate::wire::json::{JsonError, JsonErrorKind, Kind, Reader};
use core::ops::Range;

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 128;

/// A tree of any language: a value, and the bytes of the text that hold it.
pub trait Tree: Sized {
    /// The bytes of the text that hold it.
    fn span(&self) -> Range<usize>;

    /// The value of a key of an object, and the bytes of the key; the last of several.
    fn member(&self, key: &str) -> Option<(Range<usize>, &Self)>;

    /// The elements of a list; none of anything else.
    fn elements(&self) -> &[Self];

    /// The text, if it is one.
    fn text(&self) -> Option<&str>;

    /// The place that a JSON pointer (RFC 6901) leads to, as far as there is something, and
    /// its value: the key of a member, an element.
    fn lookup(&self, pointer: &str) -> (Range<usize>, &Self) {
        let (mut node, mut place) = (self, self.span());
        for step in steps(pointer) {
            let Some((inner, value)) = below(node, &step) else { break };
            (place, node) = (inner, value);
        }
        (place, node)
    }

    /// The place of a pointer that names limits and checks as answers do.
    fn find(&self, pointer: &str) -> Option<Range<usize>> {
        let (mut node, mut place) = (self, self.span());
        for step in steps(pointer) {
            let is_named = |element: &&Self| {
                let is =
                    |key| element.member(key).and_then(|(_, value)| value.text()) == Some(&*step);
                is("name") || is("use") || is("counter")
            };
            let named = || node.elements().iter().find(is_named);
            let named = || named().map(|element| (element.span(), element));
            let found = node.member(&step).or_else(named).or_else(|| below(node, &step));
            (place, node) = found?;
        }
        Some(place)
    }

    /// The place of a finding of the core, and the value there.
    fn of_finding(&self, finding: &Finding) -> (Range<usize>, &Self) {
        // If the core found no JSON, its path is a line and a column.
        let pointer = if finding.path.starts_with('/') { &*finding.path } else { "" };
        let (place, value) = self.lookup(pointer);
        // The second place of a key that is given twice. A long key is not spelt out in the
        // message, and then the place is the object's.
        let key = finding.message.strip_prefix("the key `");
        let key = key.and_then(|rest| rest.strip_suffix("` is given twice"));
        let twice = key.and_then(|key| value.member(key)).map(|(place, _)| place);
        (twice.unwrap_or(place), value)
    }
}

/// The keys and indexes of a pointer.
fn steps(pointer: &str) -> impl Iterator<Item = String> {
    pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"))
}

fn below<'t, T: Tree>(node: &'t T, step: &str) -> Option<(Range<usize>, &'t T)> {
    let element = || node.elements().get(step.parse::<usize>().ok()?);
    node.member(step).or_else(|| element().map(|element| (element.span(), element)))
}

/// A value of JSON and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// The bytes of the text that hold it.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// A value of JSON. Numbers keep their spelling, objects their duplicate keys.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as spelt.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object, in the order of the text.
    Object(Vec<Member>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Member {
    /// The key, decoded.
    pub key: String,
    /// The bytes of the text that hold the key.
    pub key_span: Range<usize>,
    /// The value.
    pub value: Node,
}

impl Tree for Node {
    fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    fn member(&self, key: &str) -> Option<(Range<usize>, &Self)> {
        let Value::Object(members) = &self.value else { return None };
        let member = members.iter().rev().find(|member| member.key == key)?;
        Some((member.key_span.clone(), &member.value))
    }

    fn elements(&self) -> &[Self] {
        match &self.value {
            Value::List(elements) => elements,
            _ => &[],
        }
    }

    fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// The one document of a JSON text. Duplicate keys are kept: the core names each.
///
/// # Errors
/// The text is not JSON that all readers take for the same.
pub fn read(text: &str) -> Result<Node, JsonError> {
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
                members.push(Member { key, key_span: at..end, value });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_found_by_the_names_of_answers() {
        let text = r#"{"tools": {"a/b": {"limits": [{"counter": "x"}, {"counter": "y"}],
            "deny_if": [{"conditions": []}, {"name": "n"}, {"use": "u"}]}}}"#;
        let tree = read(text).unwrap();
        let found = |pointer: &str| tree.find(pointer).map(|place| &text[place]);
        assert_eq!(found("/tools/a~1b/limits/y"), Some(r#"{"counter": "y"}"#));
        assert_eq!(found("/tools/a~1b/limits"), Some(r#""limits""#));
        assert_eq!(found("/tools/a~1b/deny_if/n"), Some(r#"{"name": "n"}"#));
        assert_eq!(found("/tools/a~1b/deny_if/u"), Some(r#"{"use": "u"}"#));
        assert_eq!(found("/tools/a~1b/deny_if/0"), Some(r#"{"conditions": []}"#));
        assert_eq!(found("/tools/b"), None);
        assert_eq!(&text[tree.lookup("/tools/b/limits").0], r#""tools""#);
    }

    #[test]
    fn a_text_that_is_not_json_has_the_place_of_its_fault() {
        assert_eq!(read("{\"a\": }").unwrap_err().at, 6);
        assert_eq!(read("").unwrap_err().at, 0);
        assert!(read(&"[".repeat(100_000)).is_err());
    }
}
