//! Decisions of people.

use super::entry::{Entry, LEAST_DENIAL, State};
use super::id::Id;
use super::slots::{Slots, living};
use crate::limits::window::Nanos;
use crate::limits::{Store, StoreError};

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The call may run.
    Approve,
    /// It must not, for this reason.
    Deny(&'a str),
}

/// A decision that was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided(pub Entry);

/// The reasons for which a decision has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionError {
    /// There is no such request, or it is over.
    Unknown,
    /// The request is for another call than the approver saw.
    OtherCall,
    /// It was denied before.
    Denied,
    /// It is approved by as many as it needs.
    Approved,
    /// This approver has approved it before.
    Twice,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for DecisionError {
    fn from(error: StoreError) -> Self {
        match error {
            // A slot whose entry cannot be read has none that could be decided.
            StoreError::Damaged => Self::Unknown,
            error => Self::Store(error),
        }
    }
}

impl Slots<'_> {
    /// The living request with this id.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub fn by_id(self, store: &impl Store, id: Id, now: Nanos) -> Result<Entry, DecisionError> {
        let entry = self.read(store, id.slot(), now)?;
        let known = |entry: &Entry| entry.id == id && entry.state != State::Used;
        entry.filter(known).ok_or(DecisionError::Unknown)
    }

    /// Stores the decision of an approver who saw a call with this digest.
    ///
    /// # Errors
    /// It has no effect.
    pub fn decide(
        self,
        store: &impl Store,
        id: Id,
        digest: &[u8; 32],
        by: &str,
        verdict: Verdict<'_>,
        now: Nanos,
    ) -> Result<Decided, DecisionError> {
        let decided = store.update(&self.key(id.slot()), |stored| {
            let entry = match living(stored, now) {
                Ok(Some(entry)) if entry.id == id && entry.state != State::Used => entry,
                Ok(_) => return (None, Err(DecisionError::Unknown)),
                Err(error) => return (None, Err(error.into())),
            };
            if entry.digest != *digest {
                return (None, Err(DecisionError::OtherCall));
            }
            match after(entry, by, verdict, now) {
                Ok(entry) => (Some(entry.write()), Ok(Decided(entry))),
                Err(error) => (None, Err(error)),
            }
        });
        let decided = decided.map_err(DecisionError::from)?;
        // Also after an earlier denial: that one may have failed half-way.
        let is_denied = matches!(decided, Ok(_) | Err(DecisionError::Denied));
        if is_denied && matches!(verdict, Verdict::Deny(_)) {
            self.deny_others(store, id, digest, by, verdict, now)?;
        }
        decided
    }

    /// Denies the other entries of a digest: two workers can have made two, when a
    /// slot became free between them. An approval needs no more than one.
    fn deny_others(
        self,
        store: &impl Store,
        id: Id,
        digest: &[u8; 32],
        by: &str,
        verdict: Verdict<'_>,
        now: Nanos,
    ) -> Result<(), StoreError> {
        for slot in self.choices(digest).into_iter().filter(|slot| *slot != id.slot()) {
            store.update(&self.key(slot), |stored| {
                let other = match living(stored, now) {
                    Ok(Some(other)) if other.digest == *digest => other,
                    _ => return (None, ()),
                };
                let denied = after(other, by, verdict, now).ok();
                (denied.map(|entry| entry.write()), ())
            })?;
        }
        Ok(())
    }
}

/// The entry after a decision.
fn after(
    mut entry: Entry,
    by: &str,
    verdict: Verdict<'_>,
    now: Nanos,
) -> Result<Entry, DecisionError> {
    match (entry.state, verdict) {
        (State::Used, _) => Err(DecisionError::Unknown),
        (State::Denied, _) => Err(DecisionError::Denied),
        (State::Approved, Verdict::Approve) => Err(DecisionError::Approved),
        (State::Pending, Verdict::Approve) => {
            if entry.approved_by.iter().any(|other| other == by) {
                return Err(DecisionError::Twice);
            }
            entry.approved_by.push(by.to_owned());
            if entry.approved_by.len() >= usize::from(entry.need) {
                entry.state = State::Approved;
                entry.expires = now.later(entry.valid);
            }
            Ok(entry)
        }
        (State::Pending | State::Approved, Verdict::Deny(reason)) => {
            entry.state = State::Denied;
            entry.expires = now.later(entry.wait.max(LEAST_DENIAL));
            entry.params = String::new();
            entry.reason = reason.to_owned();
            entry.approved_by = vec![by.to_owned()];
            Ok(entry)
        }
    }
}
