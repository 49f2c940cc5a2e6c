//! Changes to a text that leave every other byte as it was.

use std::borrow::Cow;

/// Bytes of a text, and their replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The offset of the first byte to take out.
    pub(super) from: usize,
    /// Offset behind the last one.
    pub(super) to: usize,
    /// The replacement.
    pub(super) with: Cow<'static, [u8]>,
}

/// Changes in the order of their spans, which do not overlap.
#[derive(Debug)]
pub(super) struct Changes {
    all: Vec<Change>,
    /// The first of them whose span the pieces so far have not passed.
    next: usize,
    /// The number of replacements in the output. One whose span is cut in pieces is
    /// written once.
    written: usize,
}

impl Changes {
    pub(super) const fn new(all: Vec<Change>) -> Self {
        Self { all, next: 0, written: 0 }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Writes the piece of the text that begins at offset `at`, as changed. The
    /// pieces of a text are written in their order.
    pub(super) fn write(&mut self, piece: &[u8], at: usize, out: &mut Vec<u8>) {
        let end = at.saturating_add(piece.len());
        let part = |from: usize, to: usize| {
            piece.get(from.saturating_sub(at)..to.saturating_sub(at)).unwrap_or_default()
        };
        let mut done = at;
        // A text may have as many pieces as changes, so none is looked at anew.
        while let Some(change) = self.all.get(self.next).filter(|change| change.from < end) {
            if change.to > at {
                out.extend_from_slice(part(done, change.from));
                if self.next >= self.written {
                    out.extend_from_slice(&change.with);
                    self.written = self.next.saturating_add(1);
                }
                done = change.to.min(end);
                if change.to > end {
                    break;
                }
            }
            self.next = self.next.saturating_add(1);
        }
        out.extend_from_slice(part(done, end));
    }
}
