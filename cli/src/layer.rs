//! A file, and the texts within it that hold documents themselves.
//!
//! A policy may be JSON in a text of YAML, in a file that is a text of a ConfigMap. A
//! finding about it points to the line of the author's file all the same.

use crate::document::{self, Language, Node, Value};
use crate::finding::{Finding, Severity, Source};
use core::ops::Range;
use std::rc::Rc;

/// A text whose every byte has a place in a file.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// The file.
    source: Rc<Source>,
    /// The text and the place of each of its bytes, and of its end; without one it is
    /// the file itself.
    inner: Option<Rc<(String, Vec<usize>)>>,
}

impl Layer {
    /// A file.
    pub(crate) const fn file(source: Rc<Source>) -> Self {
        Self { source, inner: None }
    }

    /// The text that a node of this text is; nothing of another value.
    pub(crate) fn within(&self, node: &Node) -> Option<Self> {
        let Value::Text(text) = &node.value else { return None };
        let raw = self.text().get(node.span.clone()).unwrap_or_default();
        let places = places(raw, text).into_iter();
        let places = places.map(|at| self.place(node.span.start.saturating_add(at))).collect();
        Some(Self { source: Rc::clone(&self.source), inner: Some(Rc::new((text.clone(), places))) })
    }

    /// The file.
    pub(crate) const fn source(&self) -> &Rc<Source> {
        &self.source
    }

    /// Whether it is a whole file.
    pub(crate) const fn is_file(&self) -> bool {
        self.inner.is_none()
    }

    /// Whether it is read as YAML: by the ending of a file's name, or else because it is not
    /// JSON.
    pub(crate) fn is_yaml(&self) -> bool {
        let name = if self.is_file() { &*self.source.name } else { "" };
        matches!(document::read(name, self.text()), Ok((Language::Yaml, _)))
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        self.inner.as_ref().map_or(&*self.source.text, |inner| &*inner.0)
    }

    /// The place in the file of a byte of the text.
    pub(crate) fn place(&self, at: usize) -> usize {
        let Some(inner) = &self.inner else { return at };
        inner.1.get(at).or(inner.1.last()).copied().unwrap_or_default()
    }

    /// A finding about some bytes of the text.
    pub(crate) fn finding(
        &self,
        span: &Range<usize>,
        severity: Severity,
        code: &'static str,
        message: impl Into<String>,
    ) -> Finding {
        let start = self.place(span.start);
        Finding {
            source: Rc::clone(&self.source),
            span: start..self.place(span.end).max(start),
            severity,
            code,
            pointer: String::new(),
            message: message.into(),
        }
    }
}

/// The offset in a scalar, as spelt in JSON or YAML, of each byte of its text and of
/// the end.
fn places(raw: &str, text: &str) -> Vec<usize> {
    let mut places = Vec::with_capacity(text.len().saturating_add(1));
    let first = raw.chars().next();
    let is_block = matches!(first, Some('|' | '>'));
    let quoted = matches!(first, Some('"' | '\''));
    // The header of a block is a line of its own.
    let start = match is_block {
        true => raw.find('\n').map_or(raw.len(), |at| at.saturating_add(1)),
        false => usize::from(quoted),
    };
    let mut at = start;
    let mut begins = is_block;
    for c in text.chars() {
        let rest = raw.get(at..).unwrap_or_default();
        if begins {
            // The indentation; a text may begin with further spaces, which are at the
            // end of it.
            let spaces = rest.len().saturating_sub(rest.trim_start_matches(' ').len());
            let own = if c == ' ' { 1 } else { 0 };
            if c != '\n' {
                at = at.saturating_add(spaces.saturating_sub(own));
            }
        }
        let rest = raw.get(at..).unwrap_or_default();
        let (skip, width) = match first {
            Some('"') => escape(rest, c),
            Some('\'') if c == '\'' => (0, 2),
            _ => plain(rest, c),
        };
        at = at.saturating_add(skip);
        places.extend(core::iter::repeat_n(at.min(raw.len()), c.len_utf8()));
        at = at.saturating_add(width);
        begins = is_block && c == '\n';
    }
    places.push(at.min(raw.len()));
    places
}

/// The bytes to skip before a character, and those that spell it, where it is itself
/// or the break of a line.
fn plain(rest: &str, c: char) -> (usize, usize) {
    match rest.chars().next() {
        Some(next) if next == c => (0, c.len_utf8()),
        // A folded line.
        Some('\n' | '\r' | ' ' | '\t') if matches!(c, ' ' | '\n') => (0, blank(rest)),
        Some('\n' | '\r' | ' ' | '\t') => {
            let skip = blank(rest);
            (skip, c.len_utf8())
        }
        _ => (0, 0),
    }
}

fn blank(rest: &str) -> usize {
    rest.len().saturating_sub(rest.trim_start_matches(['\n', '\r', ' ', '\t']).len())
}

/// The same within double quotes, where a character may be an escape.
fn escape(rest: &str, c: char) -> (usize, usize) {
    let Some(escaped) = rest.strip_prefix('\\') else { return plain(rest, c) };
    let width = match escaped.chars().next() {
        // YAML's way of going on in the next line.
        Some('\n' | '\r') => {
            let skip = blank(escaped).saturating_add(1);
            let (more, width) = escape(rest.get(skip..).unwrap_or_default(), c);
            return (skip.saturating_add(more), width);
        }
        Some('u') if c.len_utf16() == 2 => 12,
        Some('u') => 6,
        Some('U') => 10,
        Some('x') => 4,
        Some(other) => other.len_utf8().saturating_add(1),
        None => 1,
    };
    (0, width)
}

#[cfg(test)]
mod tests {
    use super::Layer;
    use crate::document::{position, read};
    use crate::finding::Source;
    use std::rc::Rc;

    /// The place of a word in the file, found by its place in the inner text.
    fn place(name: &str, text: &str, word: &str) -> (usize, usize) {
        let source = Source { name: name.into(), text: text.into() };
        let layer = Layer::file(Rc::new(source));
        let (_, documents) = read(name, text).unwrap();
        let node = documents[0].get("a").unwrap();
        let inner = layer.within(node).unwrap();
        let at = inner.text().find(word).unwrap();
        position(text, inner.place(at))
    }

    #[test]
    fn words_of_inner_texts_have_their_place_in_the_file() {
        for (name, text, expected) in [
            ("x.yaml", "a: |\n  {\n    \"x\": é, NOW\n  }\n", (3, 13)),
            ("x.yaml", "b:\n- 1\na: |-\n\n    {\n\n      NOW\n    }\n", (7, 7)),
            ("x.yaml", "a: >\n  one\n  two NOW\n", (3, 7)),
            ("x.yaml", "a: 'it''s NOW'\n", (1, 11)),
            ("x.yaml", "a: \"\\u00e9 \\\"x\\n NOW\"\n", (1, 18)),
            ("x.yaml", "a: \"one \\\n   NOW\"\n", (2, 4)),
            ("x.yaml", "a: one\n  two NOW\n", (2, 7)),
            ("x.yaml", "a: |2\n    lead\n  NOW\n", (3, 3)),
            ("x.yaml", "é: 1\na: |\r\n  x\r\n  NOW\r\n", (4, 3)),
            ("x.json", "{\"a\": \"\\ud83d\\ude00 {\\\"b\\\": NOW}\"}", (1, 29)),
        ] {
            assert_eq!(place(name, text, "NOW"), expected, "{text}");
        }
    }
}
