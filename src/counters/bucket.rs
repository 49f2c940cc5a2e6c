//! The stored form of entries: records one after another, each with a byte for
//! its kind, from which its length follows.

use super::{Holder, Tag, Trouble};
use crate::quota::{Fixed, Nanos, Sliding, State, Window};
use core::ops::Range;

/// A count of a caller, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) tag: Tag,
    pub(super) holder: [u8; 16],
    pub(super) window: Window,
    pub(super) state: State,
}

/// Marks the record of a fixed window.
const FIXED: u8 = 1;
/// Marks the record of a sliding window.
const SLIDING: u8 = 2;
/// Where the holder stands in a record, and where the window does.
const HOLDER: usize = 1 + 8;
const WINDOW: usize = HOLDER + 16;
/// The length of a record of each kind.
const FIXED_RECORD: usize = WINDOW + 4 + 2 * 8;
const SLIDING_RECORD: usize = WINDOW + 4 + 18 * 8;

/// How long an entry outlives its window, but no longer than a window of its
/// own length: so that neither a worker that read the clock a moment ago nor a
/// clock that steps back finds a full window empty.
const GRACE_SECONDS: u64 = 60;
/// The least of that, for the shortest windows.
const MIN_GRACE_SECONDS: u64 = 2;

/// The records of one key, checked; those long over are left out.
///
/// They stay bytes: most calls change a few numbers in one or two of them.
#[derive(Debug)]
pub(super) struct Bucket {
    records: Vec<u8>,
    len: usize,
}

impl Bucket {
    pub(super) fn read(bytes: Option<&[u8]>, now: Nanos) -> Result<Self, Trouble> {
        let mut rest = bytes.unwrap_or_default();
        let room = rest.len().saturating_add(SLIDING_RECORD);
        let mut bucket = Self { records: Vec::with_capacity(room), len: 0 };
        while !rest.is_empty() {
            let (entry, tail) = Entry::read(rest).ok_or(Trouble::Damaged)?;
            let window = u64::from(entry.window.seconds());
            let grace = window.clamp(MIN_GRACE_SECONDS, GRACE_SECONDS);
            if !entry.state.is_over(entry.window, now.earlier(grace)) {
                let length = rest.len().saturating_sub(tail.len());
                bucket.records.extend_from_slice(rest.get(..length).unwrap_or_default());
                bucket.len = bucket.len.saturating_add(1);
            }
            rest = tail;
        }
        Ok(bucket)
    }

    /// As it is to be stored.
    pub(super) fn write(self) -> Vec<u8> {
        self.records
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn find(&self, tag: Tag, holder: Holder) -> Option<State> {
        let record = self.records.get(self.place(tag, holder)?)?;
        Entry::read(record).map(|(entry, _)| entry.state)
    }

    /// Stores a state in the entry of `tag` and `holder`, which is made where
    /// there is none.
    pub(super) fn put(&mut self, tag: Tag, holder: Holder, window: Window, state: State) {
        let place = self.place(tag, holder);
        let end = self.records.len();
        Entry { tag, holder: holder.id, window, state }.write(&mut self.records);
        match place {
            None => self.len = self.len.saturating_add(1),
            Some(place) if place.len() == self.records.len().saturating_sub(end) => {
                self.records.copy_within(end.., place.start);
                self.records.truncate(end);
            }
            Some(place) => drop(self.records.drain(place)),
        }
    }

    pub(super) fn remove(&mut self, tag: Tag, holder: Holder) {
        while let Some(place) = self.place(tag, holder) {
            self.records.drain(place);
            self.len = self.len.saturating_sub(1);
        }
    }

    /// Where the record of `tag` and `holder` stands. The others are passed by
    /// their lengths alone: a bucket can hold a thousand.
    fn place(&self, tag: Tag, holder: Holder) -> Option<Range<usize>> {
        let mut start = 0_usize;
        loop {
            let rest = self.records.get(start..)?;
            let length = match *rest.first()? {
                FIXED => FIXED_RECORD,
                SLIDING => SLIDING_RECORD,
                _ => return None,
            };
            let end = start.saturating_add(length);
            if rest.get(1..HOLDER) == Some(&tag.0) && rest.get(HOLDER..WINDOW) == Some(&holder.id) {
                return Some(start..end);
            }
            start = end;
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        let mut rest = &*self.records;
        core::iter::from_fn(move || {
            let (entry, tail) = Entry::read(rest)?;
            rest = tail;
            Some(entry)
        })
    }
}

impl Entry {
    /// Reads a record, and what follows it.
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
