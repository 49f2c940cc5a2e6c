//! Approvals that are used by questions of other Envoys.
//!
//! A question may come twice: something on its way repeats it, or somebody does. So the
//! number of the one that used an approval stays with it, and the same question gets the
//! same answer and takes nothing. One that was put before the approval takes nothing
//! either: its answer was that the call waits.

use super::entry::{Entry, Nonce, State};
use super::slots::{Slot, Slots, living};
use crate::limits::window::Nanos;
use crate::limits::{Store, StoreError};

/// A question as it was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// Its number.
    pub nonce: Nonce,
    /// The seconds since 1970, by the clock of the one who asks.
    pub seconds: u64,
}

/// The outcome of a question for an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The approval is used by it, now or when it came first.
    Now(Entry),
    /// It was put before there was an approval.
    Before(Entry),
    /// There is no approval to be used.
    Not,
}

impl Entry {
    /// Whether this question used it. A use without a question has no number.
    fn is_used_by(&self, nonce: Nonce) -> bool {
        self.state == State::Used && self.used_by == nonce && nonce != [0; 16]
    }

    /// Whether it is an approval of after this second.
    fn is_approved_after(&self, seconds: u64) -> bool {
        self.expires.seconds().saturating_sub(self.valid) > seconds
    }
}

impl Slots<'_> {
    /// Uses the approval of a call for a question. Of all questions at once, one
    /// succeeds.
    ///
    /// # Errors
    /// The store failed.
    pub fn take(
        self,
        store: &impl Store,
        slot: Slot,
        digest: &[u8; 32],
        put: Put,
        now: Nanos,
    ) -> Result<Taken, StoreError> {
        store.update(&self.key(slot), |stored| {
            let entry = match living(stored, now) {
                Ok(Some(entry)) if entry.digest == *digest => entry,
                Ok(_) => return (None, Ok(Taken::Not)),
                Err(error) => return (None, Err(error)),
            };
            match entry.state {
                State::Approved if entry.is_approved_after(put.seconds) => {
                    (None, Ok(Taken::Before(entry)))
                }
                State::Approved => {
                    let (state, used_by) = (State::Used, put.nonce);
                    let used = Entry { state, used_by, params: String::new(), ..entry };
                    (Some(used.write()), Ok(Taken::Now(used)))
                }
                _ if entry.is_used_by(put.nonce) => (None, Ok(Taken::Now(entry))),
                _ => (None, Ok(Taken::Not)),
            }
        })?
    }

    /// The approval of a call that this question used before.
    ///
    /// # Errors
    /// The store failed.
    pub fn taken(
        self,
        store: &impl Store,
        digest: &[u8; 32],
        nonce: Nonce,
        now: Nanos,
    ) -> Result<Option<Entry>, StoreError> {
        for slot in self.choices(digest) {
            match self.read(store, slot, now) {
                Ok(Some(entry)) if entry.digest == *digest && entry.is_used_by(nonce) => {
                    return Ok(Some(entry));
                }
                Ok(_) | Err(StoreError::Damaged) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}
