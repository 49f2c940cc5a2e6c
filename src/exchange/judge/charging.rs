//! Charging a call to its limits, after every other rule has allowed it.

use super::{Judge, Judged, Passed};
use crate::exchange::record::{Decision, Left, Record};
use crate::exchange::refusal::{Client, Refusal, To};
use crate::limits::{Charge, ChargeError, Receipt, Store, StoreError, Trial};
use crate::policy::condition::Facts;
use crate::policy::{Caller, Deciding, Denial, Holders, Limit, Limits, Policy, Reason, Shadowed};
use crate::wire::jsonrpc::Id;

/// A call of a tool, for its answer and its record.
pub(super) struct Called<'a> {
    pub(super) id: Id<'a>,
    /// Whether it is of revision 2026-07-28 or later.
    pub(super) stateless: bool,
    /// Its record, as if it went on.
    pub(super) record: Record<'a>,
}

impl<'a> Called<'a> {
    /// Its refusal by a denial.
    pub(super) fn denied(
        self,
        policy: &Policy,
        accepts_mcp: bool,
        denial: Denial<'a>,
    ) -> Box<Refusal<'a>> {
        let client = Client { accepts_mcp, stateless: self.stateless, is_shown: false };
        self.denied_to(policy, client, denial)
    }

    /// The same, for a client that may show its user the page of a request.
    #[cold]
    pub(super) fn denied_to(
        self,
        policy: &Policy,
        client: Client,
        denial: Denial<'a>,
    ) -> Box<Refusal<'a>> {
        let Self { id, record, .. } = self;
        let (rule, reason) = (denial.rule, Some(denial.reason));
        let (tool, offer) = (record.tool.as_deref(), record.offer.as_ref());
        let to = To { id: Some(id), tool, offer };
        let mut refusal = Refusal::denied(policy, to, client, denial);
        let (decision, message) = (Decision::Denied, refusal.record.message.take());
        refusal.record = Record { decision, reason, rule, message, ..record };
        refusal
    }
}

/// A call that goes on as soon as its limits are charged.
pub(super) struct Allowed<'a> {
    pub(super) called: Called<'a>,
    /// The limits that have to have room.
    pub(super) limits: Charged<'a>,
    /// One charge for each of them.
    pub(super) charges: Vec<Charge>,
    /// The limits in shadow, with their charges.
    pub(super) beside: Vec<(&'a Limit, Charge)>,
}

/// The limits of a message.
pub(super) enum Charged<'a> {
    /// Those of one call, or of one thing that a message names.
    One(Limits<'a>),
    /// Those of all things that a message names, one after the other.
    Several(Vec<&'a Limit>),
}

impl<'a> Charged<'a> {
    /// The limit of this number.
    pub(super) fn get(&self, index: usize) -> Option<&'a Limit> {
        match self {
            Self::One(limits) => limits.get(index),
            Self::Several(limits) => limits.get(index).copied(),
        }
    }
}

impl<'a> Allowed<'a> {
    /// The denial of a call that was not charged.
    #[cold]
    pub(super) fn refused(&self, refused: ChargeError) -> Denial<'a> {
        match refused {
            ChargeError::Limit { index, retry_after } => self.limits.get(index).map_or_else(
                || counting_failed(None, StoreError::Host),
                |limit| limit.full(retry_after),
            ),
            ChargeError::Counter { index, error } => counting_failed(self.limits.get(index), error),
        }
    }
}

impl<'a, S: Store> Judge<'a, S> {
    /// The charges of a call, one for each limit.
    pub(super) fn charges<'p>(
        &self,
        limits: Limits<'p>,
        caller: &Caller,
        facts: &Facts<'_>,
    ) -> Result<Vec<Charge>, Denial<'p>> {
        if limits.is_empty() {
            return Ok(Vec::new());
        }
        let session = self.head.trace.session.as_ref();
        limits.charges(&Holders::new(&self.policy.table, caller, session), facts)
    }

    /// The rules in shadow that a call does not pass, and its charges to limits in
    /// shadow.
    #[expect(clippy::type_complexity, reason = "two lists, which the one caller takes apart")]
    pub(super) fn shadowed<'b>(
        &'b self,
        caller: &Caller,
        deciding: Option<&Deciding<'a>>,
        facts: &Facts<'b>,
    ) -> (Vec<(&'a str, Reason)>, Vec<(&'a Limit, Charge)>) {
        let facts = Facts { work: &self.beside, ..*facts };
        let reported = self.policy.reported(facts.tool, self.store);
        let shadowed = deciding.and_then(|deciding| self.policy.beside(caller, deciding, &facts));
        let Some(shadowed) = shadowed else {
            return (reported.into_iter().collect(), Vec::new());
        };
        let Shadowed { found: others, limits } = *shadowed;
        let mut found: Vec<_> = reported.into_iter().chain(others).collect();
        let session = self.head.trace.session.as_ref();
        let holders = Holders::new(&self.policy.table, caller, session);
        let mut charges = Vec::new();
        for limit in limits {
            match limit.charge(&holders, &facts) {
                Ok(charge) => charges.push((limit, charge)),
                Err(denial) => found.push((denial.rule, denial.reason)),
            }
        }
        (found, charges)
    }

    /// The record of a call that goes on, whose charges begin at `first` in the
    /// receipt. It is charged to its limits in shadow too, to each for itself and as
    /// far as there is room.
    pub(super) fn goes(
        &self,
        store: &Trial<'_, S>,
        call: Allowed<'a>,
        receipt: &mut Receipt,
        first: usize,
    ) -> Record<'a> {
        let mut record = call.called.record;
        record.limits = Left::from_receipt(|index| call.limits.get(index), receipt, first);
        for (limit, charge) in call.beside {
            let refused = match self.policy.table.charge(store, &[charge], self.now) {
                Ok(charged) => {
                    receipt.add(charged);
                    continue;
                }
                Err(ChargeError::Limit { .. }) => Reason::RateLimited,
                Err(ChargeError::Counter { error, .. }) => reason(error),
            };
            record.shadow.push((&limit.pointer, refused));
        }
        record
    }

    /// Charges one call, and returns its outcome. With `refused`, it is refused in
    /// any case.
    pub(super) fn settle(
        &self,
        store: &Trial<'_, S>,
        call: Allowed<'a>,
        refused: Option<ChargeError>,
    ) -> Judged<'a> {
        let charged = self.policy.table.charge(store, &call.charges, self.now);
        match (charged, refused) {
            (Ok(mut receipt), None) => {
                let records = vec![self.goes(store, call, &mut receipt, 0)];
                Ok(Passed { receipt, records, ..Passed::default() })
            }
            (Err(refused), _) | (Ok(_), Some(refused)) => {
                let denial = call.refused(refused);
                self.deny(call.called, denial)
            }
        }
    }
}

/// The reason where a counter failed.
pub(crate) const fn reason(trouble: StoreError) -> Reason {
    match trouble {
        StoreError::Full => Reason::CounterFull,
        StoreError::Contended => Reason::CounterContended,
        StoreError::Damaged => Reason::CounterDamaged,
        StoreError::Clock => Reason::CounterClock,
        StoreError::Host => Reason::Internal,
    }
}

#[cold]
fn counting_failed(limit: Option<&Limit>, trouble: StoreError) -> Denial<'_> {
    let message = match trouble {
        StoreError::Full if limit.is_some_and(Limit::is_by_value) => {
            "The gateway cannot count another value at the moment."
        }
        StoreError::Full => "The gateway cannot count another caller at the moment.",
        StoreError::Contended => "The gateway is too busy to count this call. Try again.",
        StoreError::Damaged => "The gateway cannot read the count of this call's limit.",
        StoreError::Clock => "The gateway's clock is behind the count of this call's limit.",
        StoreError::Host => "The gateway cannot count this call.",
    };
    let rule = limit.map_or("(internal)", |limit| &limit.pointer);
    Denial { reason: reason(trouble), rule, message: message.into(), retry_after: None }
}
