//! Charging a call to its limits, after every other rule has allowed it.

use super::{Judge, Judged, Passed};
use crate::exchange::record::{Left, Record};
use crate::limits::{Charge, ChargeError, Receipt, Store, StoreError, Trial};
use crate::policy::condition::Facts;
use crate::policy::{Caller, Denial, Holders, Limit, Reason};
use crate::wire::jsonrpc::Id;

/// A call of a tool, for its answer and its record.
pub(super) struct Called<'m> {
    pub(super) id: Id<'m>,
    /// Whether it is of revision 2026-07-28 or later.
    pub(super) stateless: bool,
    /// Its record, as if it went on.
    pub(super) record: Record,
}

/// A call that goes on as soon as its limits are charged.
pub(super) struct Allowed<'m, 'p> {
    pub(super) called: Called<'m>,
    /// The limits that have to have room.
    pub(super) limits: &'p [Limit],
    /// One charge for each of them.
    pub(super) charges: Vec<Charge>,
}

impl<'p> Allowed<'_, 'p> {
    /// The denial of a call that was not charged.
    pub(super) fn refused(&self, refused: ChargeError) -> Denial<'p> {
        match refused {
            ChargeError::Limit { index, retry_after } => self.limits.get(index).map_or_else(
                || counting_failed(self.limits, index, StoreError::Host),
                |limit| limit.full(retry_after),
            ),
            ChargeError::Counter { index, error } => counting_failed(self.limits, index, error),
        }
    }

    /// The record of a call that goes on, whose charges begin at `first` in the
    /// receipt.
    pub(super) fn goes(self, receipt: &Receipt, first: usize) -> Record {
        Record { limits: Left::from_receipt(self.limits, receipt, first), ..self.called.record }
    }
}

impl<S: Store> Judge<'_, S> {
    /// The charges of a call, one for each limit.
    pub(super) fn charges<'p>(
        &self,
        limits: &'p [Limit],
        caller: &Caller,
        facts: &Facts<'_>,
    ) -> Result<Vec<Charge>, Denial<'p>> {
        let mut charges = Vec::with_capacity(limits.len());
        if !limits.is_empty() {
            let session = self.head.trace.session.as_ref();
            let holders = Holders::new(&self.policy.table, caller, session);
            for limit in limits {
                charges.push(limit.charge(&holders, facts)?);
            }
        }
        Ok(charges)
    }

    /// Charges one call, and returns its outcome. With `refused`, it is refused in
    /// any case.
    pub(super) fn settle(
        &self,
        store: &Trial<'_, S>,
        call: Allowed<'_, '_>,
        refused: Option<ChargeError>,
    ) -> Judged {
        let charged = self.policy.table.charge(store, &call.charges, self.now);
        match (charged, refused) {
            (Ok(receipt), None) => {
                let records = vec![call.goes(&receipt, 0)];
                Ok(Passed { receipt, records, ..Passed::default() })
            }
            (Err(refused), _) | (Ok(_), Some(refused)) => {
                let denial = call.refused(refused);
                self.deny(call.called, &denial)
            }
        }
    }
}

fn counting_failed(limits: &[Limit], index: usize, trouble: StoreError) -> Denial<'_> {
    let limit = limits.get(index);
    let (reason, message) = match trouble {
        StoreError::Full if limit.is_some_and(Limit::is_by_value) => {
            (Reason::CounterFull, "The gateway cannot count another value at the moment.")
        }
        StoreError::Full => {
            (Reason::CounterFull, "The gateway cannot count another caller at the moment.")
        }
        StoreError::Contended => {
            (Reason::CounterContended, "The gateway is too busy to count this call. Try again.")
        }
        StoreError::Damaged => {
            (Reason::CounterDamaged, "The gateway cannot read the count of this call's limit.")
        }
        StoreError::Clock => {
            (Reason::CounterClock, "The gateway's clock is behind the count of this call's limit.")
        }
        StoreError::Host => (Reason::Internal, "The gateway cannot count this call."),
    };
    let rule = limit.map_or("(internal)", |limit| &limit.pointer);
    Denial { reason, rule, message: message.into(), retry_after: None }
}
