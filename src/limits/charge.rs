//! Charging all limits of a call, or none.

use super::bucket::Bucket;
use super::{ChargeError, Holder, Store, StoreError, Table, Tag};
use crate::limits::window::{Algorithm, Nanos, Outcome, State, Window};

/// The most entries of one bucket: far more than callers that meet there by
/// chance, and few enough to be searched for every call.
const MAX_BUCKET: usize = 1536;
/// The same for entries of limits in shadow: whatever they take, limits that decide
/// have room for 1,024 beside them.
const MAX_BUCKET_APART: usize = 512;
/// Retries when a window rolls over during a charge.
const ROUNDS: usize = 4;

/// The charge of one limit for a call.
#[derive(Clone, Copy, Debug)]
pub struct Charge {
    /// The counter.
    pub tag: Tag,
    /// The holder of the count.
    pub holder: Holder,
    /// Whether `capacity` bounds its holders: not for the one that all share.
    pub per_caller: bool,
    /// The caller whose values the holder is one of, if the counter has one for each
    /// value.
    pub values: Option<Values>,
    /// Whether its entries take none of the room that `max_entries` gives all others.
    pub apart: bool,
    /// The window.
    pub window: Window,
    /// The algorithm of the window.
    pub algorithm: Algorithm,
    /// The amount that a window admits, in millionths.
    pub max: u64,
    /// The weight of the call, in millionths.
    pub weight: u64,
}

/// The caller for whom a count of a value is made. His values are bounded apart from
/// those of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Values {
    /// The caller.
    pub caller: Holder,
    /// Whether other callers are charged to the same count.
    pub shared: bool,
}

impl Charge {
    /// The most entries of a bucket that gets one of this charge.
    pub(super) const fn room(&self) -> usize {
        if self.apart { MAX_BUCKET_APART } else { MAX_BUCKET }
    }

    pub(super) fn ask(&self, stored: Option<State>, now: Nanos) -> Outcome {
        State::charge(stored, self.algorithm, self.window, self.max, self.weight, now)
    }
}

/// The charges that were made, for giving them back.
#[derive(Debug, Default)]
pub struct Receipt(Vec<Taken>);

impl Receipt {
    /// Adds the charges of another call.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Adds charges of which [`Self::left`] does not tell.
    pub fn add(&mut self, other: Self) {
        let apart = other.0.into_iter().map(|taken| Taken { index: usize::MAX, ..taken });
        self.0.extend(apart);
    }

    /// Takes the charges to these counters out.
    pub fn take(&mut self, tags: &[Tag]) -> Self {
        let (taken, kept) = core::mem::take(&mut self.0)
            .into_iter()
            .partition(|taken| tags.contains(&taken.charge.tag));
        self.0 = kept;
        Self(taken)
    }

    /// The rest of each `max` after its charge, in millionths, by the charge's
    /// index.
    pub fn left(&self) -> impl Iterator<Item = (usize, u64)> {
        self.0.iter().map(|taken| (taken.index, taken.left))
    }

    /// Whether nothing was charged.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One charge that was made.
#[derive(Clone, Copy, Debug)]
struct Taken {
    index: usize,
    charge: Charge,
    /// The handle by which the charge can be found again.
    handle: u64,
    /// The rest of `max` after it.
    left: u64,
    /// Whether a seat was taken for it.
    new: bool,
}

/// The purpose of looking into one bucket.
#[derive(Clone, Copy)]
enum Attempt<'a> {
    /// Looks for room; nothing is stored.
    Look,
    /// Charges; new entries may be made for the callers' charges named here.
    Charge(&'a [usize]),
}

/// The answer of a bucket about the charges that fall into it.
enum Answer {
    /// There is room for all; with [`Attempt::Charge`] they are stored.
    Room(Vec<Taken>),
    /// There is room, but these callers' charges need a seat for an entry.
    NeedsSeats(Vec<usize>),
    /// A limit is full, or its counter failed.
    Refused(ChargeError),
}

impl Table {
    /// Charges every one of `charges`, or none. A counter may be among them more
    /// than once: the calls of a batch are charged together, in their order.
    ///
    /// All are looked at before any is written. Where one that had room is
    /// lost to another worker after all, those already taken are given back.
    ///
    /// # Errors
    /// The charge that was refused, and the reason. Of several without room, it
    /// is the one that has room last.
    pub fn charge(
        &self,
        store: &impl Store,
        charges: &[Charge],
        now: Nanos,
    ) -> Result<Receipt, ChargeError> {
        let Some((first, others)) = charges.split_first() else { return Ok(Receipt::default()) };
        if others.iter().all(|other| other.holder == first.holder) {
            // Most calls: one caller, whose entries exist. One read, one write.
            match self.try_bucket(store, charges, first.holder, now, Attempt::Charge(&[])) {
                Answer::Room(taken) => return Ok(Receipt(taken)),
                Answer::Refused(refused) => return Err(refused),
                Answer::NeedsSeats(_) => {}
            }
        }
        let holders = holders(charges);
        for _ in 0..ROUNDS {
            let seats = self.look(store, charges, &holders, now)?;
            if let Some(receipt) = self.commit(store, charges, &holders, &seats, now)? {
                return Ok(receipt);
            }
        }
        Err(ChargeError::Counter { index: 0, error: StoreError::Contended })
    }

    /// Gives everything back, each charge only into the window it went into.
    #[cold]
    pub fn refund(&self, store: &impl Store, receipt: Receipt, now: Nanos) {
        for Taken { charge, handle, new, .. } in receipt.0 {
            // What cannot be given back stays charged: the safe side.
            let removed = store.update(&self.key(charge.holder), |bytes| {
                let Ok(mut bucket) = Bucket::read(bytes, now) else { return (None, false) };
                let Some(state) = bucket.find(charge.tag, charge.holder) else {
                    return (None, false);
                };
                // An entry of a later window keeps its seat.
                let current = state.counts(handle);
                let state = state.refund(handle, charge.weight);
                // Of a shared one it is not known who else has made it, and whose seat
                // it has.
                let own = new || charge.values.is_none_or(|values| !values.shared);
                let unused = current && own && state.used() == 0;
                if unused {
                    bucket.remove(charge.tag, charge.holder);
                } else {
                    bucket.put(charge.tag, charge.holder, charge.window, state);
                }
                (Some(bucket.write()), unused)
            });
            if removed == Ok(true) && charge.per_caller {
                let start = charge.algorithm.seat_window(charge.window, handle);
                self.release(store, &charge, start, now);
            }
        }
    }

    /// Looks into all buckets without writing. Returns the charges that need a
    /// new entry.
    #[cold]
    fn look(
        &self,
        store: &impl Store,
        charges: &[Charge],
        holders: &[Holder],
        now: Nanos,
    ) -> Result<Vec<usize>, ChargeError> {
        let mut seats = Vec::new();
        let mut refused: Option<ChargeError> = None;
        for holder in holders {
            match self.try_bucket(store, charges, *holder, now, Attempt::Look) {
                Answer::Room(_) => {}
                Answer::NeedsSeats(indexes) => seats.extend(indexes),
                Answer::Refused(next) => {
                    refused = Some(refused.map_or(next, |refused| refused.or(next)));
                }
            }
        }
        refused.map_or(Ok(seats), Err)
    }

    /// Takes the seats, then charges all holders. `None` asks for another
    /// round: a window rolled over meanwhile, and more seats are needed.
    #[cold]
    fn commit(
        &self,
        store: &impl Store,
        charges: &[Charge],
        holders: &[Holder],
        seats: &[usize],
        now: Nanos,
    ) -> Result<Option<Receipt>, ChargeError> {
        let mut reserved: Vec<(usize, &Charge, u64)> = Vec::new();
        let mut taken: Vec<Taken> = Vec::new();
        let mut all = || {
            for &index in seats {
                let Some(charge) = charges.get(index) else { continue };
                let start = self
                    .reserve(store, charge, now)
                    .map_err(|error| ChargeError::Counter { index, error })?;
                reserved.push((index, charge, start));
            }
            for holder in holders {
                match self.try_bucket(store, charges, *holder, now, Attempt::Charge(seats)) {
                    Answer::Room(more) => taken.extend(more),
                    Answer::NeedsSeats(_) => return Ok(false),
                    Answer::Refused(refused) => return Err(refused),
                }
            }
            Ok(true)
        };
        let outcome = all();
        for (index, charge, start) in reserved {
            // The entry was not made, or by another worker in the meantime.
            if !taken.iter().any(|taken| taken.index == index && taken.new) {
                self.release(store, charge, start, now);
            }
        }
        let receipt = Receipt(taken);
        match outcome {
            Ok(true) => Ok(Some(receipt)),
            Ok(false) => {
                self.refund(store, receipt, now);
                Ok(None)
            }
            Err(refused) => {
                self.refund(store, receipt, now);
                Err(refused)
            }
        }
    }

    /// Looks at, or charges, the charges of one holder.
    fn try_bucket(
        &self,
        store: &impl Store,
        charges: &[Charge],
        holder: Holder,
        now: Nanos,
        attempt: Attempt<'_>,
    ) -> Answer {
        let members = || charges.iter().enumerate().filter(|(_, charge)| charge.holder == holder);
        let first = members().next().map_or(0, |(index, _)| index);
        let failed = |error| Answer::Refused(ChargeError::Counter { index: first, error });
        let answer = store.update(&self.key(holder), |bytes| {
            let mut bucket = match Bucket::read(bytes, now) {
                Ok(bucket) => bucket,
                Err(damage) => return (None, failed(damage)),
            };
            let mut taken = Vec::with_capacity(charges.len());
            let mut seats = Vec::new();
            let mut refused: Option<ChargeError> = None;
            let mut crowded = false;
            for (index, charge) in members() {
                let span = bucket.span(charge.tag, charge.holder);
                let stored = span.clone().and_then(|span| bucket.at(span));
                let new = stored.is_none_or(|state| state.is_of_earlier_window(charge.window, now));
                match charge.ask(stored, now) {
                    Outcome::Admitted { state, handle } => {
                        if new && charge.per_caller {
                            seats.push(index);
                        }
                        let left = charge.max.saturating_sub(state.used());
                        taken.push(Taken { index, charge: *charge, handle, left, new });
                        bucket.put_at(span, charge.tag, charge.holder, charge.window, state);
                        crowded |= stored.is_none() && bucket.len() > charge.room();
                    }
                    Outcome::Full { retry_after } => {
                        let next = ChargeError::Limit { index, retry_after };
                        refused = Some(refused.map_or(next, |refused| refused.or(next)));
                    }
                    Outcome::ClockAhead => return (None, failed(StoreError::Clock)),
                }
            }
            if let Some(refused) = refused {
                return (None, Answer::Refused(refused));
            }
            match attempt {
                Attempt::Look if seats.is_empty() => (None, Answer::Room(taken)),
                Attempt::Look => (None, Answer::NeedsSeats(seats)),
                Attempt::Charge(granted) if seats.iter().any(|index| !granted.contains(index)) => {
                    (None, Answer::NeedsSeats(seats))
                }
                Attempt::Charge(_) if crowded => (None, failed(StoreError::Full)),
                Attempt::Charge(_) => (Some(bucket.write()), Answer::Room(taken)),
            }
        });
        answer.unwrap_or_else(failed)
    }
}

/// The holders of the charges, each once, in the order of their charges.
#[cold]
fn holders(charges: &[Charge]) -> Vec<Holder> {
    let mut holders = Vec::new();
    for charge in charges {
        if !holders.contains(&charge.holder) {
            holders.push(charge.holder);
        }
    }
    holders
}

#[cfg(test)]
mod tests;
