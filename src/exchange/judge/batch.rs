//! Several messages in one body.
//!
//! All of them are decided before any is charged, and then all are charged at
//! once: a batch that is refused leaves no count that others could meet in the
//! meantime.

use super::asking::Asks;
use super::{Decided, Judge, Judged, Passed};
use crate::exchange::record::{Decision, Record};
use crate::exchange::refusal::{self, Refusal};
use crate::limits::{Charge, ChargeError, Receipt, Store, Trial};
use crate::policy::{Policy, Reason};
use crate::wire::jsonrpc::{Id, Message};

/// The messages of a batch with their ids, each decided but not charged.
pub(super) type Messages<'a> = Vec<(Option<Id<'a>>, Result<Decided<'a>, Box<Refusal<'a>>>)>;
/// The refusals among them.
pub(super) type Refusals<'a> = Vec<(Option<Id<'a>>, Option<Box<Refusal<'a>>>)>;

impl<'a, S: Store> Judge<'a, S> {
    /// Judges every message of a batch. All go on, or none does and none is
    /// charged.
    #[cold]
    pub(super) fn batch(&self, messages: Vec<Message<'a>>) -> Judged<'a> {
        let mut decided: Messages<'a> = Vec::with_capacity(messages.len());
        let mut charges: Vec<Charge> = Vec::new();
        let mut all_allowed = true;
        for message in messages {
            let id = match &message {
                Message::Call(call) => call.id,
                Message::Response => None,
            };
            let message = self.message(message);
            match &message {
                Ok(Decided::Allowed(call)) => charges.extend_from_slice(&call.charges),
                Ok(Decided::Passes(_)) => {}
                Ok(Decided::Asks(_)) | Err(_) => all_allowed = false,
            }
            let message = match message {
                Ok(Decided::Asks(call)) => Err(self.refuse_in_batch(*call)),
                other => other,
            };
            decided.push((id, message));
        }
        let store = Trial::through(self.store);
        let asks = match all_allowed {
            true => Asks::about_batch(self.policy, self.holder_id(), &decided),
            false => Ok(None),
        };
        if all_allowed && self.is_shadow() {
            // A call without room goes on without a charge.
            let (passed, refusals) = self.one_by_one(decided, &store, None);
            if refusals.iter().all(|(_, refusal)| refusal.is_none()) {
                return Ok(passed.asking(asks.unwrap_or_default()));
            }
            self.policy.table.refund(&store, passed.receipt, self.now);
            return Err(self.whole(passed.records, refusals));
        }
        let refused = match (all_allowed, asks) {
            (true, Ok(asks)) => match self.policy.table.charge(&store, &charges, self.now) {
                Ok(receipt) => return Ok(self.gone(decided, &store, receipt).asking(asks)),
                Err(refused) => Some(refused),
            },
            (_, asks) => asks.err(),
        };
        // Nothing is charged. For which calls there would have been no room is found
        // on trial.
        let (passed, refusals) = self.one_by_one(decided, &Trial::new(self.store), refused);
        Err(self.whole(passed.records, refusals))
    }

    /// Charges call by call; the calls that go on, and those that do not. `refused`
    /// is the answer to all charges together. It holds if a trial finds nothing:
    /// then other workers have made room in the meantime.
    fn one_by_one(
        &self,
        messages: Messages<'a>,
        store: &Trial<'_, S>,
        refused: Option<ChargeError>,
    ) -> (Passed<'a>, Refusals<'a>) {
        let mut all = Passed::default();
        all.asked.batch = true;
        let mut refusals: Refusals<'a> = Vec::with_capacity(messages.len());
        let (mut first, mut any_refused) = (0_usize, false);
        for (id, decided) in messages {
            let judged = match decided {
                Ok(Decided::Allowed(call)) => {
                    let own = refused.and_then(|refused| refused.less(first));
                    first = first.saturating_add(call.charges.len());
                    let own = own.filter(|own| own.index() < call.charges.len() && !any_refused);
                    self.settle(store, call, own)
                }
                Ok(Decided::Passes(passed)) => Ok(passed),
                Ok(Decided::Asks(call)) => Err(self.refuse_in_batch(*call)),
                Err(refusal) => Err(refusal),
            };
            let refusal = match judged {
                Ok(passed) => {
                    all.add(passed);
                    None
                }
                Err(refusal) => Some(refusal),
            };
            any_refused |= refusal.is_some();
            refusals.push((id, refusal));
        }
        (all, refusals)
    }

    /// A batch that goes on, and was charged `receipt`.
    fn gone(
        &self,
        messages: Messages<'a>,
        store: &Trial<'_, S>,
        mut receipt: Receipt,
    ) -> Passed<'a> {
        let mut all = Passed::default();
        all.asked.batch = true;
        let mut first = 0_usize;
        for (_, decided) in messages {
            match decided {
                Ok(Decided::Passes(passed)) => all.add(passed),
                Ok(Decided::Allowed(call)) => {
                    let next = first.saturating_add(call.charges.len());
                    all.records.push(self.goes(store, call, &mut receipt, first));
                    first = next;
                }
                // None is there: a batch with one does not go on.
                Ok(Decided::Asks(_)) | Err(_) => {}
            }
        }
        Passed { receipt, ..all }
    }

    /// The refusal of the whole batch; `records` are those of the messages that
    /// would have gone on.
    fn whole(&self, records: Vec<Record<'a>>, refusals: Refusals<'a>) -> Box<Refusal<'a>> {
        let mut refusal = whole(self.policy, records, refusals);
        for record in &mut refusal.others {
            record.caller_id = self.caller_id();
        }
        refusal
    }
}

/// The same, where all records have their caller.
pub(super) fn whole<'a>(
    policy: &Policy,
    records: Vec<Record<'a>>,
    refusals: Refusals<'a>,
) -> Box<Refusal<'a>> {
    let mut refusal = Refusal::batch(policy, refusals);
    refusal.others.extend(records.into_iter().map(|record| Record {
        decision: Decision::Denied,
        reason: Some(Reason::BatchRefused),
        message: Some(refusal::BATCH.into()),
        limits: Vec::new(),
        ..record
    }));
    refusal
}

impl Passed<'_> {
    fn add(&mut self, other: Self) {
        self.receipt.extend(other.receipt);
        self.records.extend(other.records);
        self.asked.ids.extend(other.asked.ids);
    }
}
