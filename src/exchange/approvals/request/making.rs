//! The making of a request, and of the notice about it: for calls of this gateway, and
//! for those of others whose requests are kept here.

use super::Notice;
use crate::approvals::{Entry, Requested, Slot, Slots};
use crate::limits::window::Nanos;
use crate::limits::{Charge, ChargeError, Store, StoreError, Trial};
use crate::policy::{Approvals, Policy};

/// The outcome of making a request.
#[derive(Debug)]
pub(in crate::exchange::approvals) enum Made {
    /// It was made.
    New(Entry),
    /// Another worker made the same one first.
    Found(Entry),
    /// No slot is free.
    Full,
    /// The caller has made too many.
    Limited {
        /// Seconds until there is room.
        retry_after: u64,
    },
    /// The store failed.
    Failed(StoreError),
}

/// Makes a request in one of these slots, unless its caller has made too many.
pub(in crate::exchange::approvals) fn make(
    policy: &Policy,
    requests: Charge,
    store: &impl Store,
    free: &[Slot],
    draft: &Entry,
    now: Nanos,
) -> Made {
    let store = Trial::through(store);
    let receipt = match policy.table.charge(&store, &[requests], now) {
        Ok(receipt) => receipt,
        Err(ChargeError::Limit { retry_after, .. }) => return Made::Limited { retry_after },
        Err(ChargeError::Counter { error, .. }) => return Made::Failed(error),
    };
    let made = match Slots::new(&policy.table).request(&store, free, draft, now) {
        Ok(Requested::Made(entry)) => return Made::New(entry),
        Ok(Requested::Found(entry)) => Made::Found(entry),
        Ok(Requested::Full) => Made::Full,
        Err(error) => Made::Failed(error),
    };
    policy.table.refund(&store, receipt, now);
    made
}

/// The notice about a request that waits, if it is due and this worker's to send. It has
/// the rule that asks, and the message of its author.
pub(in crate::exchange::approvals) fn notice(
    approvals: &Approvals,
    says: (&str, Option<&str>),
    slots: Slots<'_>,
    store: &impl Store,
    entry: &Entry,
    now: Nanos,
) -> Option<Box<Notice>> {
    let notify = approvals.notify.as_ref()?;
    // One that cannot be noted is sent by a later poll.
    let sends = entry.notice.is_due(now)
        && slots.send(&Trial::through(store), entry.id, now).is_ok_and(|sends| sends);
    sends.then(|| Box::new(Notice::new(approvals, notify, says, entry, now)))
}
