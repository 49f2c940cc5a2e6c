//! An approval that was found, while another service is asked about its call.

use super::{Approved, Draft, Required, Way};
use crate::approvals::{Call, Entry, Slot};
use crate::exchange::approvals::ApprovalRecord;
use crate::limits::window::Nanos;
use crate::limits::{Charge, Store};
use crate::policy::{Denial, Policy, Reason};

/// All that an [`Approved`] has, with nothing borrowed.
#[derive(Debug)]
pub(in crate::exchange) struct KeptApproval {
    slot: Slot,
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
        let Self { slot, draft: Draft { approvals: _, rule, message, entry, call, requests, way } } =
            self;
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
        let (slot, requests, way) = (self.slot, self.requests, self.way);
        let (rule, message) = (&*self.rule, self.message.as_deref());
        let (Some(approvals), Some((entry, call))) = (&policy.approvals, self.request.take())
        else {
            let (reason, message) = (Reason::Internal, "The call's approval was used before.");
            let denial = Denial { reason, rule, message: message.into(), retry_after: None };
            return Err(Box::new(denial.into()));
        };
        let draft = Draft { approvals, rule, message, entry, call, requests, way };
        Approved { slot, draft }.use_up(policy, store, now)
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
