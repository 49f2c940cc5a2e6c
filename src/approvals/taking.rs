//! Approvals that are used by questions of other Envoys.
//!
//! A question may come twice: something on its way repeats it, or somebody does. So the
//! number of the one that used an approval stays with it, and the same question gets the
//! same answer and takes nothing. One that was put before the approval takes nothing
//! either: its answer was that the call waits. So is that of one that was put before a
//! use, which makes no request: it may have been answered before the use.

use super::entry::{Entry, Nonce, State};
use super::slots::{Slot, Slots, living};
use crate::limits::window::Nanos;
use crate::limits::{Store, StoreError};

/// The seconds for which a use is remembered at least. The clocks of both ends differ by at
/// most 30, and so does a question's time from that of the home: one that was put before a
/// use is too old after twice that.
const REMEMBERED: u64 = 61;

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
    /// It was put before there was an approval, or before one was used.
    Before(Entry),
    /// No approval: neither one to use, nor one that was used after the question.
    Not,
}

impl Entry {
    /// Whether this question used it. A use without a question has no number.
    fn is_used_by(&self, nonce: Nonce) -> bool {
        self.state == State::Used && self.used_by == nonce && nonce != [0; 16]
    }

    /// Whether it is an approval of after this second, or of a call whose last approval was
    /// not used before it.
    fn is_approved_after(&self, seconds: u64) -> bool {
        self.expires.seconds().saturating_sub(self.valid) > seconds || self.is_used_since(seconds)
    }

    /// Whether an approval of the call was used in this second or later.
    const fn is_used_since(&self, seconds: u64) -> bool {
        self.used_at > 0 && seconds <= self.used_at
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
                    let used = Entry {
                        state: State::Used,
                        used_by: put.nonce,
                        used_at: put.seconds.max(now.seconds()),
                        // Until then, a question of before it may come again.
                        expires: entry.expires.max(now.later(REMEMBERED)),
                        params: String::new(),
                        ..entry
                    };
                    (Some(used.write()), Ok(Taken::Now(used)))
                }
                _ if entry.is_used_by(put.nonce) => (None, Ok(Taken::Now(entry))),
                _ => (None, Ok(Taken::Not)),
            }
        })?
    }

    /// The outcome for a question about a call whose approval was used and that has no
    /// request: whether this question used it, or was put before that.
    ///
    /// # Errors
    /// The store failed.
    pub fn taken(
        self,
        store: &impl Store,
        digest: &[u8; 32],
        put: Put,
        now: Nanos,
    ) -> Result<Taken, StoreError> {
        let mut taken = Taken::Not;
        for slot in self.choices(digest) {
            match self.read(store, slot, now) {
                Ok(Some(entry)) if entry.digest == *digest => {
                    if entry.is_used_by(put.nonce) {
                        return Ok(Taken::Now(entry));
                    }
                    if entry.state == State::Used && entry.is_used_since(put.seconds) {
                        taken = Taken::Before(entry);
                    }
                }
                Ok(_) | Err(StoreError::Damaged) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }
}
