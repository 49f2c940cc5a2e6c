//! A request that waits for the answer of another service. All that the answer needs is
//! owned: the body is Envoy's again, and so are the headers.

use super::batch::{Refusals, whole};
use super::charging::Called;
use super::{Passed, Verdict};
use crate::exchange::approvals::{ApprovalRecord, KeptApproval, Told};
use crate::exchange::awaited::Asked;
use crate::exchange::inquiry::{Consulted, Counted, Denied, Inquiry, Next};
use crate::exchange::question::Answer;
use crate::exchange::record::{Counted as Place, Decision, Kept, Record};
use crate::exchange::refusal::Refusal;
use crate::limits::window::Nanos;
use crate::limits::{Receipt, Store, Trial};
use crate::policy::{Denial, Policy};
use crate::wire::jsonrpc::Id;

/// A request that was judged and charged, and goes on if the answers let it.
#[derive(Debug)]
pub struct Pending {
    pub(super) inquiry: Inquiry,
    pub(super) accepts_mcp: bool,
    pub(super) is_shadow: bool,
    pub(super) messages: Vec<Held>,
    /// The lists that it asks for, and whether it is a batch.
    pub(super) asked: Asked,
    pub(super) approval: Option<Box<KeptApproval>>,
}

/// The outcome of the questions about it.
#[derive(Debug)]
pub(in crate::exchange) enum Answered {
    /// Nothing is against it. It may have an approval that was kept elsewhere, and is used.
    Goes(Option<ApprovalRecord>),
    /// Something denies it.
    Denied(Denied),
    /// It has no approval.
    Unapproved(Told),
    /// The gateway itself keeps the requests, as in a simulation.
    #[cfg(any(test, not(target_os = "wasi")))]
    Here,
}

/// One of its messages.
#[derive(Debug)]
pub(super) struct Held {
    /// The JSON text of its id.
    pub(super) id: Option<Box<str>>,
    pub(super) stateless: bool,
    /// Its record, as if it went on.
    pub(super) record: Option<Kept>,
    /// Whether it is a call that is asked about.
    pub(super) is_asked: bool,
}

impl Held {
    fn id(&self) -> Option<Id<'_>> {
        self.id.as_deref().map(Id::new)
    }

    /// The call, to be answered.
    fn called(&self) -> Option<Called<'_>> {
        let record = Record { limits: Vec::new(), ..self.record.as_ref()?.record() };
        Some(Called { id: self.id()?, stateless: self.stateless, record })
    }
}

impl Pending {
    /// Takes the answer to the last question.
    pub(in crate::exchange) fn next(
        &mut self,
        answer: Answer,
        now: Nanos,
        report: &mut dyn FnMut(Consulted),
    ) -> Next {
        self.inquiry.next(Some(answer), now, report)
    }

    /// Writes into its records where its limits across replicas were counted.
    pub(in crate::exchange) fn count(&mut self, counted: &Counted) {
        let mut count = |call: usize, rule: &str, left, place| {
            let mut calls = self.messages.iter_mut().filter(|held| held.is_asked);
            if let Some(record) = calls.nth(call).and_then(|held| held.record.as_mut()) {
                record.count(rule, left, place);
            }
        };
        match counted {
            Counted::Process => {}
            Counted::Replicas(limits) => limits
                .iter()
                .for_each(|(call, rule, left)| count(*call, rule, *left, Place::Replicas)),
            Counted::Nowhere { limits, .. } => {
                limits.iter().for_each(|(call, rule)| count(*call, rule, None, Place::Nowhere));
            }
        }
    }

    /// The verdict after the last answer. What was charged is given back unless the request
    /// goes on.
    pub(in crate::exchange) fn verdict<'k>(
        &'k mut self,
        answered: &'k Answered,
        receipt: Receipt,
        policy: &'k Policy,
        store: &impl Store,
        now: Nanos,
    ) -> Verdict<'k> {
        if let Answered::Denied(denied) = answered {
            return self.denied(denied, receipt, policy, store, now);
        }
        let Self { accepts_mcp, is_shadow, messages, asked, approval, .. } = self;
        let approved = match (answered, approval) {
            (Answered::Goes(None), None) => Some(Ok(None)),
            (Answered::Goes(Some(used)), _) => Some(Ok(Some(used.clone()))),
            (Answered::Goes(None), Some(kept)) => Some(kept.use_up(policy, store, now).map(Some)),
            (Answered::Unapproved(told), Some(kept)) => {
                Some(Err(Box::new(kept.tell(policy, told.clone()))))
            }
            #[cfg(any(test, not(target_os = "wasi")))]
            (Answered::Here, Some(kept)) => Some(kept.use_up_here(policy, store, now).map(Some)),
            // Nobody asks for the approval of a call that needs none.
            (_, _) => None,
        };
        match approved {
            Some(Ok(used)) => {
                let mut records: Vec<_> = records(messages).collect();
                if let (Some(used), Some(record)) = (used, records.first_mut()) {
                    record.approval = Some(Box::new(used));
                }
                let asked = core::mem::take(asked);
                let passed = Passed { receipt, records, asked, asks: None };
                passed.verdict(*accepts_mcp, *is_shadow)
            }
            refused => {
                policy.table.refund(&Trial::through(store), receipt, now);
                let called = messages.iter().find_map(Held::called);
                Verdict::Refuse(match (called, refused) {
                    (Some(called), Some(Err(required))) => {
                        called.unapproved(policy, *accepts_mcp, *required)
                    }
                    _ => unanswerable(policy),
                })
            }
        }
    }

    /// The verdict on a request of which something is denied.
    fn denied<'k>(
        &'k mut self,
        denied: &'k Denied,
        receipt: Receipt,
        policy: &'k Policy,
        store: &impl Store,
        now: Nanos,
    ) -> Verdict<'k> {
        let Self { accepts_mcp, is_shadow, messages, asked, .. } = self;
        let (accepts_mcp, is_shadow) = (*accepts_mcp, *is_shadow);
        let refund = |receipt| policy.table.refund(&Trial::through(store), receipt, now);
        let asked = core::mem::take(asked);
        let index = messages.iter().enumerate().filter(|(_, held)| held.is_asked);
        let index = index.map(|(index, _)| index).nth(denied.call);
        let denial = Denial {
            reason: denied.reason,
            rule: &denied.rule,
            message: (&*denied.message).into(),
            retry_after: denied.retry_after,
        };
        if is_shadow && denied.reason.is_by_rule() {
            let shadowed = messages.iter().enumerate().filter_map(|(at, held)| {
                let record = held.record.as_ref()?.record();
                Some(if Some(at) == index { shadowed(record, &denial) } else { record })
            });
            let records = shadowed.collect();
            let receipt = match asked.batch {
                // The charges of its other calls are among these.
                true => receipt,
                false => {
                    refund(receipt);
                    Receipt::default()
                }
            };
            return Passed { receipt, records, asked, asks: None }.verdict(accepts_mcp, is_shadow);
        }
        refund(receipt);
        let called = index.and_then(|index| messages.get(index)?.called());
        let Some(called) = called else { return Verdict::Refuse(unanswerable(policy)) };
        let refusal = called.denied(policy, accepts_mcp, denial);
        if !asked.batch {
            return Verdict::Refuse(refusal);
        }
        let mut refusal = Some(refusal);
        let (mut refusals, mut others) = (Refusals::with_capacity(messages.len()), Vec::new());
        for (at, held) in messages.iter().enumerate() {
            let own = if Some(at) == index { refusal.take() } else { None };
            if own.is_none() {
                others.extend(held.record.as_ref().map(Kept::record));
            }
            refusals.push((held.id(), own));
        }
        Verdict::Refuse(whole(policy, others, refusals))
    }

    /// The id of the caller, where callers are told apart.
    pub(in crate::exchange) fn caller_id(&self) -> Option<&str> {
        self.messages.iter().find_map(|held| held.record.as_ref()?.caller_id())
    }

    /// The bytes that it keeps, about.
    pub(in crate::exchange) fn size(&self) -> usize {
        let messages = self.messages.iter().map(|held| {
            let record = held.record.as_ref().map_or(0, Kept::size);
            record.saturating_add(held.id.as_ref().map_or(0, |id| id.len()))
        });
        let ids = self.asked.ids.iter().map(String::len);
        let rest = size_of::<Self>()
            .saturating_add(self.inquiry.size())
            .saturating_add(self.approval.as_ref().map_or(0, |kept| kept.size()));
        let answer = self.asked.awaited.iter().map(|answer| answer.size());
        messages.chain(ids).chain(answer).fold(rest, usize::saturating_add)
    }
}

/// The records of a request that goes on.
fn records(messages: &[Held]) -> impl Iterator<Item = Record<'_>> {
    messages.iter().filter_map(|held| Some(held.record.as_ref()?.record()))
}

/// The record of a call that goes on although it is denied.
fn shadowed<'k>(record: Record<'k>, denial: &Denial<'k>) -> Record<'k> {
    Record {
        decision: Decision::Shadow,
        reason: Some(denial.reason),
        rule: denial.rule,
        message: Some(denial.message.clone()),
        limits: Vec::new(),
        ..record
    }
}

/// The refusal of a request of which no call is known: none waits.
fn unanswerable(policy: &Policy) -> Box<Refusal<'static>> {
    Refusal::failed(policy, "the request could not be followed")
}
