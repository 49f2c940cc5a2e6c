//! The places of nodes: the parser counts characters, and a file has bytes.

use core::ops::Range;
use saphyr_parser::Span;

/// The offsets in bytes of places in characters.
#[derive(Default)]
pub(super) struct Places {
    /// The offset of each character, where some are longer than a byte.
    offsets: Option<Vec<usize>>,
    len: usize,
}

impl Places {
    pub(super) fn new(text: &str) -> Self {
        let offsets = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self { offsets, len: text.len() }
    }

    pub(super) fn at(&self, character: usize) -> usize {
        match &self.offsets {
            Some(offsets) => offsets.get(character).copied().unwrap_or(self.len),
            None => character.min(self.len),
        }
    }

    pub(super) fn range(&self, span: &Span) -> Range<usize> {
        let start = self.at(span.start.index());
        start..self.at(span.end.index()).max(start)
    }
}
