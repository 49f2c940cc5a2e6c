//! YAML from the events of `saphyr-parser`, which come with their places.
//!
//! Aliases are copied, up to a bound: a file of a few lines can else become one of a
//! billion nodes, or one text of a megabyte a thousand of it.

mod places;
mod scalar;
mod slip;

use super::{Fault, MAX_DEPTH, Member, Node, Value};
use core::ops::Range;
use places::Places;
use saphyr_parser::{Event, Parser, ScanError, Span, Tag};
use scalar::scalar;
use std::collections::HashMap;

/// The most nodes of a file, with those that aliases repeat.
const MAX_NODES: usize = 1_000_000;

/// The bytes of a text that count as a node.
const TEXT_OF_NODE: usize = 64;

/// The documents of a YAML text, without those that are empty.
pub(super) fn read(text: &str) -> Result<Vec<Node>, Fault> {
    let mut builder = Builder { places: Places::new(text), ..Builder::default() };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| builder.scan_error(text, &error))?;
        builder.event(event, &span)?;
    }
    Ok(builder.documents)
}

/// A tree that grows by events.
#[derive(Default)]
struct Builder {
    places: Places,
    documents: Vec<Node>,
    /// The lists and objects that are not closed.
    open: Vec<Open>,
    /// The nodes with an anchor, by its number.
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

/// A list or an object that is not closed.
struct Open {
    anchor: usize,
    start: usize,
    kind: Kind,
}

enum Kind {
    List(Vec<Node>),
    /// The members, and the key whose value comes next.
    Object(Vec<Member>, Option<Member>),
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: &Span) -> Result<(), Fault> {
        let place = self.places.range(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = scalar(&text, style, tag.as_deref(), &place)?;
                self.add(Node { span: place, value }, anchor)
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return fault(&place, "an alias within its own anchor; write the value out");
                };
                if self.open.len().saturating_add(node.depth()) > MAX_DEPTH {
                    return too_deep(&place);
                }
                let size = size(node);
                if size > MAX_NODES.saturating_sub(self.nodes) {
                    return too_many(&place);
                }
                let mut node = node.clone();
                node.span = place;
                self.nodes = self.nodes.saturating_add(size);
                self.add(node, 0)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(&place, anchor, tag.as_deref(), Kind::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                self.open(&place, anchor, tag.as_deref(), Kind::Object(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&place),
            Event::DocumentStart(_) => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(
        &mut self,
        place: &Range<usize>,
        anchor: usize,
        tag: Option<&Tag>,
        kind: Kind,
    ) -> Result<(), Fault> {
        if let Some(tag) = tag.filter(|tag| !matches!(&*tag.suffix, "map" | "seq")) {
            return fault(place, format!("readers differ on the tag `{tag}`; leave it out"));
        }
        if self.open.len() >= MAX_DEPTH {
            return too_deep(place);
        }
        self.open.push(Open { anchor, start: place.start, kind });
        Ok(())
    }

    fn close(&mut self, place: &Range<usize>) -> Result<(), Fault> {
        let Some(Open { anchor, start, kind }) = self.open.pop() else { return Ok(()) };
        let value = match kind {
            Kind::List(elements) => Value::List(elements),
            Kind::Object(members, _) => Value::Object(members),
        };
        // A block ends where the next thing begins, lines below.
        let last = match &value {
            Value::List(elements) => elements.last().map(|node| node.span.end),
            Value::Object(members) => members.last().map(|member| member.value.span.end),
            _ => None,
        };
        let end = if place.is_empty() { last.unwrap_or(place.end) } else { place.end };
        self.add(Node { span: start..end.max(start), value }, anchor)
    }

    /// Adds a node to what is open.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(1);
        if anchor != 0 {
            self.nodes = self.nodes.saturating_add(size(&node));
            self.anchors.insert(anchor, node.clone());
        }
        if self.nodes > MAX_NODES {
            return too_many(&node.span);
        }
        match self.open.last_mut().map(|open| &mut open.kind) {
            None => {
                // Nothing between two separators.
                if !matches!(node.value, Value::Null) || !node.span.is_empty() {
                    self.documents.push(node);
                }
            }
            Some(Kind::List(elements)) => elements.push(node),
            Some(Kind::Object(members, key)) => match key.take() {
                Some(member) => members.push(Member { value: node, ..member }),
                None => *key = Some(scalar::key(node)?),
            },
        }
        Ok(())
    }

    fn scan_error(&self, text: &str, error: &ScanError) -> Fault {
        let at = self.places.at(error.marker().index());
        let mut message = format!("not YAML: {}", error.info());
        if let Some(remedy) = slip::remedy(text, at, error.info()) {
            message.push_str("; ");
            message.push_str(&remedy);
        }
        Fault { at, message }
    }
}

/// The number of nodes in a tree. A long text counts as several.
fn size(node: &Node) -> usize {
    match &node.value {
        Value::List(elements) => {
            elements.iter().fold(1, |sum: usize, node| sum.saturating_add(size(node)))
        }
        Value::Object(members) => members.iter().fold(1, |sum: usize, member| {
            sum.saturating_add(weight(&member.key)).saturating_add(size(&member.value))
        }),
        Value::Text(text) | Value::Number(text) | Value::Doubtful(text, _) => {
            weight(text).saturating_add(1)
        }
        Value::Null | Value::Bool(_) => 1,
    }
}

/// The nodes that a text counts as, besides its own.
const fn weight(text: &str) -> usize {
    text.len() / TEXT_OF_NODE
}

fn too_deep<T>(place: &Range<usize>) -> Result<T, Fault> {
    fault(place, format!("nested more than {MAX_DEPTH} levels deep"))
}

fn too_many<T>(place: &Range<usize>) -> Result<T, Fault> {
    fault(
        place,
        format!("the file has more than {MAX_NODES} values, with those that aliases repeat"),
    )
}

fn fault<T>(place: &Range<usize>, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { at: place.start, message: message.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Vec<String> {
        read(text).unwrap().iter().map(Node::to_json).collect()
    }

    #[test]
    fn documents_become_json_with_the_spelling_of_numbers() {
        assert_eq!(
            json("a: 1.50\nb: [true, null, ~, 'x']\nc: {d: \"é\"}\n---\n- 2\n---\n"),
            [r#"{"a": 1.50, "b": [true, null, null, "x"], "c": {"d": "é"}}"#, "[2]"]
        );
        assert_eq!(json("a: &x {b: 1}\nc: *x\n"), [r#"{"a": {"b": 1}, "c": {"b": 1}}"#]);
        assert_eq!(json("a: 1\na: 2\n"), [r#"{"a": 1, "a": 2}"#]);
        assert_eq!(
            json("a: |\n  x\n  y\nb: 2026-01-01T00:00:00Z\n"),
            [r#"{"a": "x\ny\n", "b": "2026-01-01T00:00:00Z"}"#]
        );
    }

    #[test]
    fn places_are_those_of_the_file() {
        let text = "é: 1\ntools:\n  x/y:\n    limits:\n      - max: 5\n";
        let node = &read(text).unwrap()[0];
        let at = |pointer| super::super::position(text, node.place(pointer).start);
        assert_eq!(at("/tools"), (2, 1));
        assert_eq!(at("/tools/x~1y/limits"), (4, 5));
        assert_eq!(at("/tools/x~1y/limits/0"), (5, 9));
        assert_eq!(at("/tools/x~1y/limits/0/max/none"), (5, 9));
        assert_eq!(at("/none"), (1, 1));
    }

    #[test]
    fn bombs_and_circles_are_faults() {
        let mut text = String::from("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n");
        for level in 1..10 {
            let alias = format!("*a{}", level - 1);
            let line = vec![alias; 10].join(",");
            text += &format!("a{level}: &a{level} [{line}]\n");
        }
        assert!(read(&text).unwrap_err().message.contains("1000000 values"));
        let text = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 100].join(","));
        assert!(read(&text).unwrap_err().message.contains("1000000 values"));
        let text =
            format!("a: &a {{{}: 1}}\nb: [{}]\n", "x".repeat(1000), vec!["*a"; 99_999].join(","));
        assert!(read(&text).unwrap_err().message.contains("1000000 values"));
        let text = format!("a: &a {0}1{1}\nb: {0}*a{1}\n", "[".repeat(64), "]".repeat(64));
        assert!(read(&text).unwrap_err().message.contains("levels deep"));
        assert!(read("a: &a [*a]").unwrap_err().message.contains("within its own anchor"));
        assert!(read(&"[".repeat(100_000)).is_err());
        assert!(read("a: !!binary x").unwrap_err().message.contains("tag"));
        assert!(read("? [a]\n: 1").unwrap_err().message.contains("as a key"));
        assert!(read("a: 'x").unwrap_err().message.starts_with("not YAML"));
    }
}
