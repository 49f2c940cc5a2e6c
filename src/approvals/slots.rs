//! Finding, making and using requests.

use super::entry::{Entry, State};
use super::id::Id;
use crate::digest::of_parts;
use crate::limits::window::Nanos;
use crate::limits::{Store, StoreError, Table};

/// The slots of a process.
const SLOTS: u16 = 1024;
/// The slots where the entry of one digest may be.
const CHOICES: usize = 8;

/// The number of a slot.
pub type Slot = u16;

/// The slots of one namespace.
#[derive(Clone, Copy, Debug)]
pub struct Slots<'t> {
    prefix: &'t [u8],
    pub(super) salt: &'t [u8; 16],
}

/// The standing of a call among the requests.
#[derive(Debug)]
pub enum Standing {
    /// It was denied.
    Denied(Entry),
    /// It may run, once, by the entry of this slot.
    Approved(Slot, Entry),
    /// It waits.
    Pending(Entry),
    /// There is no request, and these slots are free for one.
    Unknown(Vec<Slot>),
}

/// The outcome of making a request.
#[derive(Debug)]
pub enum Requested {
    /// It was made.
    Made(Entry),
    /// Another worker made it first.
    Found(Entry),
    /// No slot is free.
    Full,
}

impl<'t> Slots<'t> {
    /// The slots beside the counters of a table.
    pub fn new(table: &'t Table) -> Self {
        Self { prefix: table.prefix(), salt: table.salt() }
    }

    /// The name that separates them from those of other filters.
    pub const fn namespace(self) -> &'t [u8] {
        self.prefix
    }

    /// The salt, by which ids of this process are known.
    pub const fn salt(self) -> &'t [u8; 16] {
        self.salt
    }

    pub(super) fn key(self, slot: Slot) -> Vec<u8> {
        [self.prefix, format!("approval4/{:03x}", slot % SLOTS).as_bytes()].concat()
    }

    /// The slots where the entry of a digest may be, each once.
    pub(super) fn choices(self, digest: &[u8; 32]) -> Vec<Slot> {
        let hash = of_parts(&[b"approval-slot", self.salt, digest]);
        let mut slots = Vec::with_capacity(CHOICES);
        for pair in hash.chunks_exact(2).take(CHOICES) {
            if let [high, low] = pair {
                let slot = u16::from_be_bytes([*high, *low]) % SLOTS;
                if !slots.contains(&slot) {
                    slots.push(slot);
                }
            }
        }
        slots
    }

    /// The entry of a slot, unless it is free.
    ///
    /// # Errors
    /// The store failed, or holds something else, or something from the future.
    pub fn read(
        self,
        store: &impl Store,
        slot: Slot,
        now: Nanos,
    ) -> Result<Option<Entry>, StoreError> {
        store.update(&self.key(slot), |stored| (None, living(stored, now)))?
    }

    /// The standing of a call. A denial comes before an approval, and that before a
    /// request.
    ///
    /// A slot that cannot be read is taken: what it held may be this call's. It is a
    /// failure only where no other slot knows the call or has room for it.
    ///
    /// # Errors
    /// The store failed.
    pub fn find(
        self,
        store: &impl Store,
        digest: &[u8; 32],
        now: Nanos,
    ) -> Result<Standing, StoreError> {
        let mut free = Vec::new();
        let mut failed = None;
        let mut approved = None;
        let mut pending = None;
        for slot in self.choices(digest) {
            match self.read(store, slot, now) {
                Ok(None) => free.push(slot),
                Ok(Some(entry)) if entry.digest == *digest => match entry.state {
                    State::Denied => return Ok(Standing::Denied(entry)),
                    State::Approved => approved = approved.or(Some((slot, entry))),
                    State::Pending => pending = pending.or(Some(entry)),
                    // Another request comes in its place.
                    State::Used => free.insert(0, slot),
                },
                Ok(Some(_)) => {}
                Err(error @ StoreError::Damaged) => failed = failed.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        match (approved, pending, failed) {
            (Some((slot, entry)), ..) => Ok(Standing::Approved(slot, entry)),
            (None, Some(entry), _) => Ok(Standing::Pending(entry)),
            (None, None, Some(error)) if free.is_empty() => Err(error),
            (None, None, _) => Ok(Standing::Unknown(free)),
        }
    }

    /// Makes a request in one of these slots. The draft's id and times are set here.
    ///
    /// # Errors
    /// The store failed.
    pub fn request(
        self,
        store: &impl Store,
        free: &[Slot],
        draft: &Entry,
        now: Nanos,
    ) -> Result<Requested, StoreError> {
        for &slot in free {
            let new = |(before, used_at): (Option<Id>, u64)| Entry {
                state: State::Pending,
                made: now,
                expires: now.later(draft.wait),
                id: Id::new(self.salt, slot, &draft.digest, now.0, before),
                used_at,
                ..draft.clone()
            };
            let made = store.update(&self.key(slot), |stored| {
                let before = match living(stored, now) {
                    Ok(Some(other)) if other.digest != draft.digest => return (None, Ok(None)),
                    Ok(Some(other)) if other.state != State::Used => {
                        return (None, Ok(Some(Requested::Found(other))));
                    }
                    Ok(before) => before.map_or((None, 0), |entry| (Some(entry.id), entry.used_at)),
                    Err(error) => return (None, Err(error)),
                };
                let entry = new(before);
                (Some(entry.write()), Ok(Some(Requested::Made(entry))))
            })?;
            match made {
                Ok(Some(requested)) => return Ok(requested),
                Ok(None) | Err(StoreError::Damaged) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Requested::Full)
    }

    /// Uses the approval of a call; whether it was there to be used. Of all that try
    /// at once, one succeeds.
    ///
    /// # Errors
    /// The store failed.
    pub fn use_up(
        self,
        store: &impl Store,
        slot: Slot,
        digest: &[u8; 32],
        now: Nanos,
    ) -> Result<Option<Entry>, StoreError> {
        store.update(&self.key(slot), |stored| match living(stored, now) {
            Ok(Some(entry)) if entry.digest == *digest && entry.state == State::Approved => {
                let used = Entry { state: State::Used, params: String::new(), ..entry };
                (Some(used.write()), Ok(Some(used)))
            }
            Ok(_) => (None, Ok(None)),
            Err(error) => (None, Err(error)),
        })?
    }

    /// Shows every living entry, one after the other, until `visit` says that it has
    /// seen enough. Slots that cannot be read are left out.
    ///
    /// # Errors
    /// The store failed.
    pub fn each(
        self,
        store: &impl Store,
        now: Nanos,
        mut visit: impl FnMut(Entry) -> bool,
    ) -> Result<(), StoreError> {
        for slot in 0..SLOTS {
            match self.read(store, slot, now) {
                Ok(Some(entry)) => {
                    if !visit(entry) {
                        return Ok(());
                    }
                }
                Ok(None) | Err(StoreError::Damaged | StoreError::Clock) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The entry of stored bytes, unless there is none that lives.
pub(super) fn living(stored: Option<&[u8]>, now: Nanos) -> Result<Option<Entry>, StoreError> {
    let Some(bytes) = stored.filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    let entry = Entry::read(bytes)?;
    if entry.is_ahead(now) {
        return Err(StoreError::Clock);
    }
    Ok(Some(entry).filter(|entry| !entry.is_over(now)))
}

#[cfg(test)]
mod tests;
