//! The stored form of entries: records of 45 bytes, one after another.

use super::{Holder, Tag, Trouble};
use crate::quota::{Fixed, Nanos, Window};

/// A count of a caller, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) tag: Tag,
    pub(super) holder: [u8; 16],
    pub(super) window: Window,
    pub(super) state: Fixed,
}

/// Marks a record of a fixed window; other kinds may come.
const FIXED: u8 = 1;
const RECORD: usize = 1 + 8 + 16 + 4 + 8 + 8;

/// How long an entry outlives its window: longer than any worker takes from
/// reading the clock to charging, so that a late one cannot find a full window
/// empty.
const GRACE_SECONDS: u64 = 2;

/// The entries of one key, as read; those long over are left out.
#[derive(Debug)]
pub(super) struct Bucket {
    entries: Vec<Entry>,
}

impl Bucket {
    pub(super) fn read(bytes: Option<&[u8]>, now: Nanos) -> Result<Self, Trouble> {
        let records = bytes.unwrap_or_default().chunks_exact(RECORD);
        if !records.remainder().is_empty() {
            return Err(Trouble::Damaged);
        }
        let graced = now.earlier(GRACE_SECONDS);
        let mut entries = Vec::with_capacity(records.len().saturating_add(2));
        for record in records {
            let entry = Entry::read(record).ok_or(Trouble::Damaged)?;
            if !entry.state.is_over(entry.window, graced) {
                entries.push(entry);
            }
        }
        Ok(Self { entries })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.entries.len().saturating_mul(RECORD));
        for entry in &self.entries {
            entry.write(&mut bytes);
        }
        bytes
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn find(&self, tag: Tag, holder: Holder) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is(tag, holder))
    }

    /// Stores a state in the entry of `tag` and `holder`, which is made where
    /// there is none.
    pub(super) fn put(&mut self, tag: Tag, holder: Holder, window: Window, state: Fixed) {
        match self.entries.iter_mut().find(|entry| entry.is(tag, holder)) {
            Some(entry) => entry.state = state,
            None => self.entries.push(Entry { tag, holder: holder.id, window, state }),
        }
    }

    pub(super) fn remove(&mut self, tag: Tag, holder: Holder) {
        self.entries.retain(|entry| !entry.is(tag, holder));
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl Entry {
    fn is(&self, tag: Tag, holder: Holder) -> bool {
        self.tag == tag && self.holder == holder.id
    }

    fn read(record: &[u8]) -> Option<Self> {
        let ([FIXED], rest) = record.split_first_chunk()? else { return None };
        let (tag, rest) = rest.split_first_chunk()?;
        let (holder, rest) = rest.split_first_chunk()?;
        let (window, rest) = rest.split_first_chunk()?;
        let (start, rest) = rest.split_first_chunk()?;
        let (used, _) = rest.split_first_chunk()?;
        let window = Window::new(u32::from_le_bytes(*window))?;
        let state = Fixed { start: u64::from_le_bytes(*start), used: u64::from_le_bytes(*used) };
        let aligned = state.start.checked_rem(u64::from(window.seconds())) == Some(0);
        aligned.then_some(Self { tag: Tag(*tag), holder: *holder, window, state })
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.push(FIXED);
        bytes.extend_from_slice(&self.tag.0);
        bytes.extend_from_slice(&self.holder);
        bytes.extend_from_slice(&self.window.seconds().to_le_bytes());
        bytes.extend_from_slice(&self.state.start.to_le_bytes());
        bytes.extend_from_slice(&self.state.used.to_le_bytes());
    }
}
