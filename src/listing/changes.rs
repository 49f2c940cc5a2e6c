//! Changes to a text that leave every other byte as it was.

/// Bytes of a text, and what stands there instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change<'a> {
    /// Offset of the first byte that goes.
    pub(super) from: usize,
    /// Offset behind the last one.
    pub(super) to: usize,
    /// What comes in their place.
    pub(super) with: &'a [u8],
}

/// Changes in the order of their places, none of which overlap.
#[derive(Debug)]
pub(super) struct Changes<'a> {
    all: Vec<Change<'a>>,
    /// How many replacements stand in the output: one whose place is cut in
    /// pieces is written once.
    written: usize,
}

impl<'a> Changes<'a> {
    pub(super) const fn new(all: Vec<Change<'a>>) -> Self {
        Self { all, written: 0 }
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
        for (index, change) in self.all.iter().enumerate() {
            if change.from >= end || change.to <= at {
                continue;
            }
            out.extend_from_slice(part(done, change.from));
            if index >= self.written {
                out.extend_from_slice(change.with);
                self.written = index.saturating_add(1);
            }
            done = change.to.min(end);
        }
        out.extend_from_slice(part(done, end));
    }
}
