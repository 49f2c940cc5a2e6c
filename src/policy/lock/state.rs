//! The tools of locks that have changed, as all workers share them: a list of tags, each
//! with the moment of the last list that had another definition.
//!
//! It is mostly empty, and then has no value. A tag is of a tool with its locked definition,
//! so the workers of two policies can share the list while one takes the place of the other.
//! The part that another policy has put there stays for an hour.

use crate::limits::window::Nanos;
use crate::limits::{StoreError, Tag};
use crate::policy::document::MAX_LOCKED;

/// The time for which no list may have another definition before one re-opens a tool.
const QUIET: u64 = 60_000_000_000;
/// The time for which the tools of another policy are kept.
const FOREIGN: u64 = 3_600_000_000_000;
/// The most tools of other policies that are kept.
const MAX_FOREIGN: usize = MAX_LOCKED;

/// Bytes of a tool in the stored value: its tag and a moment.
const ENTRY: usize = 16;

/// A tool that has changed.
#[derive(Debug)]
struct Changed {
    tag: Tag,
    /// The moment of the last list that had another definition.
    last: Nanos,
    /// Whether it is one of the present policy.
    is_own: bool,
}

/// The tools that have changed.
#[derive(Debug, Default)]
pub(super) struct State {
    entries: Vec<Changed>,
    is_new: bool,
}

/// A tool of the stored value.
type Entry = [u8; ENTRY];

fn entries(stored: Option<&[u8]>) -> Result<&[Entry], StoreError> {
    let (entries, rest) = stored.unwrap_or_default().as_chunks::<ENTRY>();
    if rest.is_empty() { Ok(entries) } else { Err(StoreError::Damaged) }
}

const fn tag(entry: &Entry) -> Tag {
    let [a, b, c, d, e, f, g, h, ..] = *entry;
    Tag::of_bytes([a, b, c, d, e, f, g, h])
}

const fn moment(entry: &Entry) -> Nanos {
    let [.., a, b, c, d, e, f, g, h] = *entry;
    Nanos(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
}

impl State {
    /// Whether a tool has changed, by the stored value.
    ///
    /// # Errors
    /// The value is something else.
    pub(super) fn has(stored: Option<&[u8]>, of: Tag) -> Result<bool, StoreError> {
        Ok(entries(stored)?.iter().any(|entry| tag(entry) == of))
    }

    /// Reads the stored value.
    ///
    /// # Errors
    /// It is something else.
    pub(super) fn read(stored: Option<&[u8]>) -> Result<Self, StoreError> {
        let entries = entries(stored)?.iter();
        let entries: Vec<_> = entries
            .map(|entry| Changed { tag: tag(entry), last: moment(entry), is_own: false })
            .collect();
        if !entries.is_sorted_by(|a, b| a.tag < b.tag) {
            return Err(StoreError::Damaged);
        }
        Ok(Self { entries, is_new: false })
    }

    /// Whether there are none.
    pub(super) const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn place(&self, of: Tag) -> Result<usize, usize> {
        self.entries.binary_search_by(|entry| entry.tag.cmp(&of))
    }

    /// Whether a tool of the present policy has changed.
    pub(super) fn has_own(&mut self, of: Tag) -> bool {
        let place = self.place(of).ok();
        let entry = place.and_then(|index| self.entries.get_mut(index));
        entry.map(|entry| entry.is_own = true).is_some()
    }

    /// Notes that a list has another definition of a tool; whether none had before.
    pub(super) fn change(&mut self, of: Tag, now: Nanos) -> bool {
        self.is_new = true;
        match self.place(of) {
            Ok(index) => {
                if let Some(entry) = self.entries.get_mut(index) {
                    entry.last = now;
                }
                false
            }
            Err(index) => {
                self.entries.insert(index, Changed { tag: of, last: now, is_own: true });
                true
            }
        }
    }

    /// Notes that a list has the locked definition of a tool; whether the tool is changed no
    /// longer. It takes a list that was asked for after the last one with another, and a
    /// while without any: a server that shows both would have its way half of the time.
    pub(super) fn reopen(&mut self, of: Tag, began: Option<Nanos>, now: Nanos) -> bool {
        let Ok(index) = self.place(of) else { return false };
        let Some(Changed { last, .. }) = self.entries.get_mut(index) else { return false };
        if last.0 > now.0.saturating_add(QUIET) {
            // The clock stepped back. The while begins anew, and does not last for years.
            *last = now;
            self.is_new = true;
            return false;
        }
        let is_quiet = now.0.checked_sub(last.0).is_some_and(|since| since >= QUIET);
        if !is_quiet || began.is_none_or(|began| began <= *last) {
            return false;
        }
        self.entries.remove(index);
        self.is_new = true;
        true
    }

    /// The value to store, if it is another one. Of the tools of other policies, those go of
    /// which no list had another definition for an hour.
    pub(super) fn written(mut self, now: Nanos) -> Option<Vec<u8>> {
        if !self.is_new {
            return None;
        }
        let mut room = MAX_FOREIGN;
        self.entries.retain(|entry| {
            if entry.is_own {
                return true;
            }
            room = room.saturating_sub(1);
            now.0.saturating_sub(entry.last.0) < FOREIGN && room > 0
        });
        let mut bytes = Vec::with_capacity(self.entries.len().saturating_mul(ENTRY));
        for Changed { tag, last, .. } in self.entries {
            bytes.extend_from_slice(tag.as_bytes());
            bytes.extend_from_slice(&last.0.to_le_bytes());
        }
        Some(bytes)
    }
}
