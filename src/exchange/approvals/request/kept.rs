//! An approval that was found, or a request that is to be made elsewhere, while another
//! service is asked about the call.

use super::{Approved, Draft, Required, Told, Way};
use crate::approvals::{Call, Entry, Slot};
use crate::exchange::approvals::ApprovalRecord;
use crate::exchange::approvals::store::Edge;
use crate::limits::window::Nanos;
use crate::limits::{Charge, Store};
use crate::policy::document;
use crate::policy::{Denial, Policy, Reason};

/// All that an [`Approved`] or a [`Draft`] has, with nothing borrowed.
#[derive(Debug)]
pub(in crate::exchange) struct KeptApproval {
    /// The slot of the approval, where it is kept here.
    slot: Option<Slot>,
    rule: Box<str>,
    message: Option<Box<str>>,
    /// The request; `None` once the approval is used.
    request: Option<(Entry, Call)>,
    requests: Charge,
    way: Way,
}

impl Approved<'_> {
    /// The approval without what it borrows.
    pub(in crate::exchange) fn keep(self) -> Box<KeptApproval> {
        let Self { slot, draft } = self;
        draft.kept(Some(slot))
    }
}

impl<'p> Draft<'p> {
    /// The home of its request, if that is not kept here.
    pub(in crate::exchange) const fn store(&self) -> Option<&'p document::Store> {
        self.approvals.store.as_ref()
    }

    /// The questions to the home; `None` if the request is not one of an edge.
    pub(in crate::exchange) fn edge(&self, store: &document::Store) -> Option<Edge> {
        Edge::new(store, &self.entry, self.message)
    }

    /// Whether the client's user does not want the call to be made.
    pub(in crate::exchange) fn is_declined(&self) -> bool {
        self.way == Way::Declined
    }

    /// The request without what it borrows.
    pub(in crate::exchange) fn keep(self) -> Box<KeptApproval> {
        self.kept(None)
    }

    fn kept(self, slot: Option<Slot>) -> Box<KeptApproval> {
        let Self { approvals: _, rule, message, entry, call, requests, way } = self;
        Box::new(KeptApproval {
            slot,
            rule: rule.into(),
            message: message.map(Box::from),
            request: Some((entry, call)),
            requests,
            way,
        })
    }
}

impl KeptApproval {
    /// Uses the approval, as [`Approved::use_up`] does.
    ///
    /// # Errors
    /// As there.
    pub(in crate::exchange) fn use_up<'k>(
        &'k mut self,
        policy: &'k Policy,
        store: &impl Store,
        now: Nanos,
    ) -> Result<ApprovalRecord, Box<Required<'k>>> {
        let slot = self.slot;
        match (slot, self.draft(policy)) {
            (Some(slot), Ok(draft)) => Approved { slot, draft }.use_up(policy, store, now),
            (_, Err(denial)) => Err(Box::new(denial.into())),
            (None, Ok(draft)) => Err(Box::new(used_before(draft.rule).into())),
        }
    }

    /// The same where the requests are to be kept elsewhere, and a simulation has nothing
    /// but its own store.
    ///
    /// # Errors
    /// As there.
    #[cfg(any(test, not(target_os = "wasi")))]
    pub(in crate::exchange) fn use_up_here<'k>(
        &'k mut self,
        policy: &'k Policy,
        store: &impl Store,
        now: Nanos,
    ) -> Result<ApprovalRecord, Box<Required<'k>>> {
        let draft = self.draft(policy).map_err(|denial| Box::new(denial.into()))?;
        draft.find(policy, store, now, || Ok(()))?.use_up(policy, store, now)
    }

    /// The answer to a call that the home has not approved.
    pub(in crate::exchange) fn tell<'k>(
        &'k mut self,
        policy: &'k Policy,
        told: Told,
    ) -> Required<'k> {
        match self.draft(policy) {
            Ok(draft) => draft.tell(told),
            Err(denial) => denial.into(),
        }
    }

    /// The request again, once.
    fn draft<'k>(&'k mut self, policy: &'k Policy) -> Result<Draft<'k>, Denial<'k>> {
        let (requests, way) = (self.requests, self.way);
        let (rule, message) = (&*self.rule, self.message.as_deref());
        match (&policy.approvals, self.request.take()) {
            (Some(approvals), Some((entry, call))) => {
                Ok(Draft { approvals, rule, message, entry, call, requests, way })
            }
            _ => Err(used_before(rule)),
        }
    }

    /// The bytes that it keeps, about.
    pub(in crate::exchange) fn size(&self) -> usize {
        let request = self.request.as_ref().map_or(0, |(entry, call)| {
            let texts = [&entry.params, &entry.caller, &entry.path, &entry.authority];
            let texts = texts.into_iter().map(String::len).fold(0, usize::saturating_add);
            texts.saturating_add(call.text().len())
        });
        size_of::<Self>().saturating_add(self.rule.len()).saturating_add(request)
    }
}

/// The denial of a call whose state is used up.
fn used_before(rule: &str) -> Denial<'_> {
    let message = "The call's approval was used before.".into();
    Denial { reason: Reason::Internal, rule, message, retry_after: None }
}
