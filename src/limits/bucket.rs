//! The stored form of entries: records one after another, each with a byte for
//! its kind, from which its length follows.

use super::{Holder, StoreError, Tag};
use crate::limits::window::{Fixed, Nanos, Sliding, State, Window};
use core::ops::Range;

/// A count of a caller, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) tag: Tag,
    pub(super) holder: [u8; 16],
    pub(super) window: Window,
    pub(super) state: State,
}

/// The kind of the record of a fixed window.
const FIXED: u8 = 1;
/// The kind of the record of a sliding window.
const SLIDING: u8 = 2;
/// The offset of the holder in a record, and of the window.
const HOLDER: usize = 1 + 8;
const WINDOW: usize = HOLDER + 16;
/// The length of a record of each kind.
const FIXED_RECORD: usize = WINDOW + 4 + 2 * 8;
const SLIDING_RECORD: usize = WINDOW + 4 + 18 * 8;

/// The time for which an entry outlives its window, up to a window of its own
/// length. Neither a worker that read the clock a moment ago nor a clock that
/// steps back finds a full window empty.
const GRACE_SECONDS: u64 = 60;
/// The least grace, for the shortest windows.
const MIN_GRACE_SECONDS: u64 = 2;

/// The records of one key, checked; those long over are left out.
///
/// They are kept as bytes: most calls change a few numbers in one or two of
/// them.
#[derive(Debug)]
pub(super) struct Bucket {
    bytes: Vec<u8>,
}

impl Bucket {
    pub(super) fn read(bytes: Option<&[u8]>, now: Nanos) -> Result<Self, StoreError> {
        let mut rest = bytes.unwrap_or_default();
        let room = rest.len().saturating_add(SLIDING_RECORD);
        let mut bucket = Self { bytes: Vec::with_capacity(room) };
        while !rest.is_empty() {
            let (entry, tail) = Entry::read(rest).ok_or(StoreError::Damaged)?;
            let window = u64::from(entry.window.seconds());
            let grace = window.clamp(MIN_GRACE_SECONDS, GRACE_SECONDS);
            if !entry.state.is_over(entry.window, now.earlier(grace)) {
                let length = rest.len().saturating_sub(tail.len());
                bucket.bytes.extend_from_slice(rest.get(..length).unwrap_or_default());
            }
            rest = tail;
        }
        Ok(bucket)
    }

    /// The bytes to store.
    pub(super) fn write(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.spans().count()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        self.spans().filter_map(|span| self.entry(span))
    }

    pub(super) fn find(&self, tag: Tag, holder: Holder) -> Option<State> {
        self.at(self.span(tag, holder)?)
    }

    /// The state in the record of this span.
    pub(super) fn at(&self, span: Range<usize>) -> Option<State> {
        self.entry(span).map(|entry| entry.state)
    }

    /// Stores a state in the entry of `tag` and `holder`, which is made where
    /// there is none.
    pub(super) fn put(&mut self, tag: Tag, holder: Holder, window: Window, state: State) {
        self.put_at(self.span(tag, holder), tag, holder, window, state);
    }

    /// As [`Self::put`], where [`Self::span`] has found the entry, or none.
    pub(super) fn put_at(
        &mut self,
        span: Option<Range<usize>>,
        tag: Tag,
        holder: Holder,
        window: Window,
        state: State,
    ) {
        let end = self.bytes.len();
        Entry { tag, holder: holder.id, window, state }.write(&mut self.bytes);
        match span {
            None => {}
            Some(span) if span.len() == self.bytes.len().saturating_sub(end) => {
                self.bytes.copy_within(end.., span.start);
                self.bytes.truncate(end);
            }
            Some(span) => drop(self.bytes.drain(span)),
        }
    }

    pub(super) fn remove(&mut self, tag: Tag, holder: Holder) {
        while let Some(span) = self.span(tag, holder) {
            self.bytes.drain(span);
        }
    }

    /// The span of the record of `tag` and `holder`.
    pub(super) fn span(&self, tag: Tag, holder: Holder) -> Option<Range<usize>> {
        self.spans().find(|span| {
            let record = self.bytes.get(span.clone()).unwrap_or_default();
            record.get(1..HOLDER) == Some(&tag.0) && record.get(HOLDER..WINDOW) == Some(&holder.id)
        })
    }

    /// The spans of all records, by their lengths alone: a bucket can hold a
    /// thousand.
    fn spans(&self) -> impl Iterator<Item = Range<usize>> {
        let mut end = 0_usize;
        core::iter::from_fn(move || {
            let length = match *self.bytes.get(end)? {
                FIXED => FIXED_RECORD,
                SLIDING => SLIDING_RECORD,
                _ => return None,
            };
            let start = end;
            end = start.saturating_add(length);
            Some(start..end)
        })
    }

    fn entry(&self, span: Range<usize>) -> Option<Entry> {
        Entry::read(self.bytes.get(span)?).map(|(entry, _)| entry)
    }
}

impl Entry {
    /// Reads a record. Returns it with the bytes that follow.
    fn read(record: &[u8]) -> Option<(Self, &[u8])> {
        let ([kind], rest) = record.split_first_chunk()?;
        let (tag, rest) = rest.split_first_chunk()?;
        let (holder, rest) = rest.split_first_chunk()?;
        let (window, rest) = rest.split_first_chunk()?;
        let window = Window::new(u32::from_le_bytes(*window))?;
        let (state, rest) = match *kind {
            FIXED => {
                let (start, rest) = number(rest)?;
                let (used, rest) = number(rest)?;
                let aligned = start.checked_rem(u64::from(window.seconds())) == Some(0);
                (State::Fixed(Fixed { start: Some(start).filter(|_| aligned)?, used }), rest)
            }
            SLIDING => {
                let (newest, mut rest) = number(rest)?;
                let mut state = Sliding { newest, used: [0; 17] };
                for used in &mut state.used {
                    (*used, rest) = number(rest)?;
                }
                (State::Sliding(state), rest)
            }
            _ => return None,
        };
        Some((Self { tag: Tag(*tag), holder: *holder, window, state }, rest))
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let kind = match self.state {
            State::Fixed(_) => FIXED,
            State::Sliding(_) => SLIDING,
        };
        bytes.push(kind);
        bytes.extend_from_slice(&self.tag.0);
        bytes.extend_from_slice(&self.holder);
        bytes.extend_from_slice(&self.window.seconds().to_le_bytes());
        match &self.state {
            State::Fixed(state) => {
                bytes.extend_from_slice(&state.start.to_le_bytes());
                bytes.extend_from_slice(&state.used.to_le_bytes());
            }
            State::Sliding(state) => {
                bytes.extend_from_slice(&state.newest.to_le_bytes());
                for used in &state.used {
                    bytes.extend_from_slice(&used.to_le_bytes());
                }
            }
        }
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Table;
    use crate::limits::window::{Algorithm, Outcome};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const NOW: Nanos = Nanos(1_800_000_000_000_000_000);

    #[test]
    fn a_count_of_either_kind_is_changed_where_it_stands() {
        let window = Window::new(60).unwrap();
        let holder = Table::new("test", 1, 1).holder_for_caller("a");
        let charge = |stored, algorithm| match State::charge(stored, algorithm, window, 9, 1, NOW) {
            Outcome::Admitted { state, .. } => state,
            room => panic!("{room:?}"),
        };
        let tags = [b"1", b"2", b"3"].map(|name| Tag::new(&[name]));
        for first in [Algorithm::Fixed, Algorithm::Sliding] {
            for second in [Algorithm::Fixed, Algorithm::Sliding] {
                let mut bucket = Bucket::read(None, NOW).unwrap();
                for tag in tags {
                    bucket.put(tag, holder, window, charge(None, first));
                }
                let stored = bucket.find(tags[1], holder).filter(|_| first == second);
                let changed = charge(stored, second);
                bucket.put(tags[1], holder, window, changed);
                let bytes = bucket.write();
                let mut bucket = Bucket::read(Some(&bytes), NOW).unwrap();
                assert_eq!(bucket.find(tags[1], holder), Some(changed));
                assert_eq!(bucket.find(tags[0], holder), Some(charge(None, first)));
                assert_eq!(bucket.find(tags[2], holder), Some(charge(None, first)));
                assert_eq!((bucket.len(), bucket.entries().count()), (3, 3));
                bucket.remove(tags[1], holder);
                assert_eq!((bucket.find(tags[1], holder), bucket.len()), (None, 2));
            }
        }
    }
}
