//! YAML from the events of `saphyr-parser`, which come with their places.
//!
//! Aliases are copied, up to a bound: a file of a few lines can else become one of a
//! billion nodes, or one text of a megabyte a thousand of it.

use super::{Doubt, Fault, MAX_DEPTH, Member, Node, Value};
use core::ops::Range;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};
use std::collections::HashMap;

/// The most nodes of a file, with those that aliases repeat.
const MAX_NODES: usize = 1_000_000;

/// The bytes of a text that count as a node.
const TEXT_OF_NODE: usize = 64;

/// The documents of a YAML text, without those that are empty.
pub(super) fn read(text: &str) -> Result<Vec<Node>, Fault> {
    let mut builder = Builder { bytes: Bytes::new(text), ..Builder::default() };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| builder.scan_error(&error))?;
        builder.event(event, &span)?;
    }
    Ok(builder.documents)
}

/// A tree that grows by events.
#[derive(Default)]
struct Builder {
    bytes: Bytes,
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
        let place = self.bytes.range(span);
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
                None => *key = Some(self::key(node)?),
            },
        }
        Ok(())
    }

    fn scan_error(&self, error: &ScanError) -> Fault {
        let at = self.bytes.at(error.marker().index());
        Fault { at, message: format!("not YAML: {}", error.info()) }
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

/// A member whose value comes next.
fn key(node: Node) -> Result<Member, Fault> {
    let span = node.span.clone();
    let (key, doubt) = match node.value {
        Value::Text(text) if text == "<<" => {
            (text, Some("some readers merge an object here and others do not; write its keys out"))
        }
        Value::Text(text) => (text, None),
        Value::Number(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => (number, None),
        Value::Number(number) => (number, Some(QUOTE)),
        Value::Bool(value) => (value.to_string(), Some(QUOTE)),
        Value::Null => ("null".to_owned(), Some(QUOTE)),
        Value::Doubtful(text, doubt) => (text, Some(doubt)),
        Value::List(_) | Value::Object(_) => {
            return fault(&span, "a list or an object as a key; JSON has texts alone");
        }
    };
    let value = Node { span: span.end..span.end, value: Value::Null };
    Ok(Member { key, key_span: span, doubt, value })
}

const QUOTE: Doubt = "readers of YAML differ on this; put it in quotes";

/// The value of a scalar, by the core schema of YAML 1.2 where YAML 1.1 agrees.
fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    place: &Range<usize>,
) -> Result<Value, Fault> {
    if let Some(tag) = tag {
        return match &*tag.suffix {
            "str" | "" => Ok(Value::Text(text.to_owned())),
            _ => fault(place, format!("readers differ on the tag `{tag}`; leave it out")),
        };
    }
    if style != ScalarStyle::Plain {
        return Ok(Value::Text(text.to_owned()));
    }
    Ok(match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        text if is_json_number(text) => Value::Number(text.to_owned()),
        text if is_doubtful(text) => Value::Doubtful(text.to_owned(), QUOTE),
        text => Value::Text(text.to_owned()),
    })
}

/// Whether a plain scalar is a number of JSON, which all readers take for the same.
fn is_json_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) =
        text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) =
        mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        // YAML 1.1 asks for a point and a sign before it takes this for a number.
        && exponent.is_none_or(|exponent| digits(exponent) && fraction.is_some())
}

/// Whether a plain scalar is a text to some readers and something else to others:
/// words of YAML 1.1, numbers in other forms, sexagesimal ones among them.
fn is_doubtful(text: &str) -> bool {
    const WORDS: [&str; 8] = ["y", "n", "yes", "no", "on", "off", "=", ".nan"];
    let lower = text.to_ascii_lowercase();
    if WORDS.contains(&&*lower) {
        return true;
    }
    let number = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    if number == ".inf" {
        return true;
    }
    let Some(first) = number.bytes().next() else { return false };
    let begins = first.is_ascii_digit()
        || (first == b'.' && number.as_bytes().get(1).is_some_and(u8::is_ascii_digit));
    let hexadecimal = number.strip_prefix("0x").or_else(|| number.strip_prefix("0o"));
    let hexadecimal = hexadecimal.or_else(|| number.strip_prefix("0b"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'_'),
        None => {
            begins
                && number.bytes().all(|byte| byte.is_ascii_digit() || b"_.:e+-".contains(&byte))
                && !is_like_a_date(number)
        }
    }
}

/// Whether a scalar begins like a date, which no reader takes for a number.
fn is_like_a_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |part: Option<&str>, count| {
        part.is_some_and(|part| part.len() == count && part.bytes().all(|b| b.is_ascii_digit()))
    };
    digits(parts.next(), 4) && digits(parts.next(), 2)
}

/// The offsets in bytes of places in characters.
#[derive(Default)]
struct Bytes {
    /// The offset of each character, where some are longer than a byte.
    offsets: Option<Vec<usize>>,
    len: usize,
}

impl Bytes {
    fn new(text: &str) -> Self {
        let offsets = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self { offsets, len: text.len() }
    }

    fn at(&self, character: usize) -> usize {
        match &self.offsets {
            Some(offsets) => offsets.get(character).copied().unwrap_or(self.len),
            None => character.min(self.len),
        }
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let start = self.at(span.start.index());
        start..self.at(span.end.index()).max(start)
    }
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
    fn scalars_that_readers_differ_on_are_doubts() {
        for text in [
            "yes", "No", "on", "OFF", "y", "010", "0x1f", "0o7", "0b11", "1_000", "+1", ".5", "1.",
            "1:30", ".inf", "-.INF", ".NaN", "1e3", "=",
        ] {
            let node = &read(&format!("a: {text}")).unwrap()[0];
            assert_eq!(node.doubts().len(), 1, "{text}");
        }
        for text in
            ["'yes'", "1", "-0.5", "1.5e+3", "true", "x", "1.2.3.4x", "2026-01-01", "0", "v1"]
        {
            let node = &read(&format!("a: {text}")).unwrap()[0];
            assert_eq!(node.doubts().len(), 0, "{text}");
        }
        let keys = &read("yes: 1\n'on': 2\n<<: 3\n1.0: 4\n7: 5\n").unwrap()[0];
        assert_eq!(keys.doubts().len(), 3);
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
