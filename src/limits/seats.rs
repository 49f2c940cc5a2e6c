//! Seats for entries: the number of holders that have one, by counter and in
//! all; and of a counter by values, the number of values of each caller.
//!
//! All are counts by window, like those of the limits, and kept the same way:
//! an entry that a window made is free when that window is over, and so is its
//! seat. The number of a caller's values is in his own bucket, and is there only
//! while he has any.

use super::bucket::Bucket;
use super::charge::Values;
use super::{Charge, Holder, Store, StoreError, Table, Tag};
use crate::limits::window::{Algorithm, Nanos, ONE_CALL, Outcome, State, Window};

impl Table {
    /// Takes a seat for a new entry of a charge. Returns the start of the window
    /// that it was taken in.
    pub(super) fn reserve(
        &self,
        store: &impl Store,
        charge: &Charge,
        now: Nanos,
    ) -> Result<u64, StoreError> {
        let Some(seats) = charge.values_seats() else {
            return self.reserve_entry(store, charge, now);
        };
        let max = self.values.saturating_mul(ONE_CALL);
        // First his own: a flood of values ends here, and takes nothing from others.
        let start = store.update(&self.key(seats.1), |bytes| {
            add(bytes, seats, charge.window, now, |bucket, _| {
                let is_crowded = charge.apart && bucket.len() >= charge.room();
                if is_crowded { 0 } else { max }
            })
        })??;
        let reserved = self.reserve_entry(store, charge, now);
        if reserved.is_err() {
            subtract(store, &self.key(seats.1), seats, charge.window, start, now);
        }
        reserved
    }

    fn reserve_entry(
        &self,
        store: &impl Store,
        charge: &Charge,
        now: Nanos,
    ) -> Result<u64, StoreError> {
        let Charge { tag, window, .. } = *charge;
        let (tag, holder) = population(tag);
        let capacity = self.capacity.saturating_mul(ONE_CALL);
        let start = store.update(&self.key(holder), |bytes| {
            add(bytes, (tag, holder), window, now, |_, _| capacity)
        })??;
        let (total, everyone) = total(window);
        let added = store.update(&self.total_key(charge), |bytes| {
            add(bytes, (total, everyone), window, now, |bucket, now| {
                // The rest of the total beside the entries of the other
                // windows.
                let used = bucket
                    .entries()
                    .filter(|entry| entry.tag != total && !entry.state.is_over(entry.window, now))
                    .fold(0_u64, |sum, entry| sum.saturating_add(entry.state.used()));
                self.max_entries.saturating_mul(ONE_CALL).saturating_sub(used)
            })
        });
        let added = added.and_then(|added| added);
        if added.is_err() {
            subtract(store, &self.key(holder), (tag, holder), window, start, now);
        }
        added
    }

    /// Gives back a seat that was taken in the window that began at `start`.
    pub(super) fn release(&self, store: &impl Store, charge: &Charge, start: u64, now: Nanos) {
        let window = charge.window;
        for seats in charge.values_seats().into_iter().chain([population(charge.tag)]) {
            subtract(store, &self.key(seats.1), seats, window, start, now);
        }
        subtract(store, &self.total_key(charge), total(window), window, start, now);
    }
}

impl Charge {
    /// The count of the values that its caller holds entries of.
    fn values_seats(&self) -> Option<(Tag, Holder)> {
        let Values { caller, .. } = self.values?;
        Some((Tag::new(&[b"values", &self.tag.0]), caller))
    }
}

/// The count of the holders that have an entry of a counter.
fn population(tag: Tag) -> (Tag, Holder) {
    let tag = Tag::new(&[b"population", &tag.0]);
    (tag, Holder::for_everyone(tag))
}

/// The count of the entries of all counters with windows of one length: those
/// end together.
fn total(window: Window) -> (Tag, Holder) {
    let tag = Tag::new(&[b"total", &window.seconds().to_le_bytes()]);
    (tag, Holder::for_everyone(tag))
}

type Added = (Option<Vec<u8>>, Result<u64, StoreError>);

/// Counts one more in the stored `bytes`, if `max` has room for it.
fn add(
    bytes: Option<&[u8]>,
    (tag, holder): (Tag, Holder),
    window: Window,
    now: Nanos,
    max: impl Fn(&Bucket, Nanos) -> u64,
) -> Added {
    let mut bucket = match Bucket::read(bytes, now) {
        Ok(bucket) => bucket,
        Err(error) => return (None, Err(error)),
    };
    let stored = bucket.find(tag, holder);
    match State::charge(stored, Algorithm::Fixed, window, max(&bucket, now), ONE_CALL, now) {
        Outcome::Admitted { state, handle: start } => {
            bucket.put(tag, holder, window, state);
            (Some(bucket.write()), Ok(start))
        }
        Outcome::Full { .. } => (None, Err(StoreError::Full)),
        Outcome::ClockAhead => (None, Err(StoreError::Clock)),
    }
}

/// Gives a seat back. Where the store fails, it stays taken until its window is over.
fn subtract(
    store: &impl Store,
    key: &[u8],
    (tag, holder): (Tag, Holder),
    window: Window,
    start: u64,
    now: Nanos,
) {
    let _kept = store.update(key, |bytes| {
        let Ok(mut bucket) = Bucket::read(bytes, now) else { return (None, ()) };
        let Some(state) = bucket.find(tag, holder) else { return (None, ()) };
        let state = state.refund(start, ONE_CALL);
        if state.used() == 0 {
            bucket.remove(tag, holder);
        } else {
            bucket.put(tag, holder, window, state);
        }
        (Some(bucket.write()), ())
    });
}
