//! Notices about requests: which worker sends one, and whether it came.

use super::entry::{Entry, Sent, State};
use super::id::Id;
use super::slots::{Slots, living};
use crate::limits::window::Nanos;
use crate::limits::{Store, StoreError};

impl Slots<'_> {
    /// Takes it upon this worker to send the notice of a request that waits; whether it
    /// is to. Of all that ask at once, one is.
    ///
    /// # Errors
    /// The store failed.
    pub fn send(self, store: &impl Store, id: Id, now: Nanos) -> Result<bool, StoreError> {
        self.note(store, id, now, &|notice| notice.is_due(now).then_some(Sent::Tried(now)))
    }

    /// Notes that the notice of a request came.
    ///
    /// # Errors
    /// The store failed.
    pub fn came(self, store: &impl Store, id: Id, now: Nanos) -> Result<(), StoreError> {
        self.note(store, id, now, &|_| Some(Sent::Came)).map(drop)
    }

    /// Changes what is known of the notice of a request that waits; whether it did.
    fn note(
        self,
        store: &impl Store,
        id: Id,
        now: Nanos,
        change: &dyn Fn(Sent) -> Option<Sent>,
    ) -> Result<bool, StoreError> {
        store.update(&self.key(id.slot()), |stored| {
            let entry = match living(stored, now) {
                Ok(Some(entry)) if entry.id == id && entry.state == State::Pending => entry,
                Ok(_) => return (None, Ok(false)),
                Err(error) => return (None, Err(error)),
            };
            match change(entry.notice) {
                Some(notice) => (Some(Entry { notice, ..entry }.write()), Ok(true)),
                None => (None, Ok(false)),
            }
        })?
    }
}
