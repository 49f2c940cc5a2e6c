//! Calls that need the approval of a person.

use super::charging::Allowed;
use super::{Decided, Judge, Judged, Passed};
use crate::exchange::approvals::{ASKS, Asking, Draft, Required, Way};
use crate::exchange::record::Record;
use crate::exchange::refusal::{Client, Refusal};
use crate::limits::{Store, Trial};
use crate::policy::{Denial, Needed, Reason};
use crate::wire::jsonrpc::reply;

/// A call that goes on as soon as it is approved, and its limits are charged.
pub(super) struct Asks<'a> {
    allowed: Allowed<'a>,
    draft: Draft<'a>,
}

impl<'a, S: Store> Judge<'a, S> {
    /// The treatment of a call that needs approval and is denied by nothing else.
    pub(super) fn asks(
        &self,
        allowed: Allowed<'a>,
        needed: Needed<'a>,
        asking: &Asking<'_, '_>,
    ) -> Result<Decided<'a>, Box<Refusal<'a>>> {
        if self.is_shadow() {
            // Nobody is asked about a call that goes on in any case.
            let message = needed.message.unwrap_or(ASKS);
            let (reason, rule) = (Reason::ApprovalRequired, needed.rule);
            let denial = Denial { reason, rule, message: message.into(), retry_after: None };
            return self.deny(allowed.called, denial).map(Decided::Passes);
        }
        match Draft::new(self.policy, needed, asking) {
            Ok(draft) => Ok(Decided::Asks(Box::new(Asks { allowed, draft }))),
            Err(denial) => self.deny(allowed.called, denial).map(Decided::Passes),
        }
    }

    /// The outcome of a call that needs approval. Nobody is asked about one for which
    /// its limits have no room; an approval is used after they are charged.
    pub(super) fn approve(&self, Asks { allowed, draft }: Asks<'a>) -> Judged<'a> {
        let look = || {
            let trial = Trial::new(self.store);
            let charged = self.policy.table.charge(&trial, &allowed.charges, self.now);
            charged.map(drop).map_err(|refused| allowed.refused(refused))
        };
        let approved = match draft.find(self.policy, self.store, self.now, look) {
            Ok(approved) => approved,
            Err(required) => return self.require(allowed, *required),
        };
        let store = Trial::through(self.store);
        let mut receipt = match self.policy.table.charge(&store, &allowed.charges, self.now) {
            Ok(receipt) => receipt,
            Err(refused) => {
                let denial = allowed.refused(refused);
                return self.deny(allowed.called, denial);
            }
        };
        match approved.use_up(self.policy, self.store, self.now) {
            Ok(used) => {
                let record = self.goes(&store, allowed, &mut receipt, 0);
                let record = Record { approval: Some(Box::new(used)), ..record };
                Ok(Passed { receipt, records: vec![record], ..Passed::default() })
            }
            Err(required) => {
                self.policy.table.refund(&store, receipt, self.now);
                self.require(allowed, *required)
            }
        }
    }

    /// Refuses a call in a batch: nobody is asked about a part of one.
    pub(super) fn refuse_in_batch(&self, Asks { allowed, draft }: Asks<'a>) -> Box<Refusal<'a>> {
        match self.require(allowed, draft.in_batch()) {
            Err(refusal) => refusal,
            // Only shadow mode lets a denied call pass, and there nobody is asked.
            Ok(_) => Refusal::failed(self.policy, "the call needs approval"),
        }
    }

    fn require(&self, allowed: Allowed<'a>, required: Required<'a>) -> Judged<'a> {
        let Required { denial, record, data, logged, page, notice } = required;
        let id = allowed.called.id;
        let is_shown = matches!(page, Some((Way::UrlRequired, _)));
        let client = Client { is_shown, ..self.client(allowed.called.stateless) };
        self.deny_to(client, allowed.called, denial).map_err(|mut refusal| {
            refusal.record.approval = record.map(Box::new);
            refusal.refused.notice = notice;
            if let Some(logged) = logged {
                refusal.record.message = Some(logged.into());
            }
            let body = &mut refusal.refused.reply.body;
            match page {
                Some((Way::Question, page)) => {
                    *body = reply::result(id, &page.question());
                    return refusal;
                }
                Some((_, page)) => reply::add_member(body, "elicitations", &page.elicitations()),
                None => {}
            }
            if let Some(data) = data {
                reply::add_member(body, "approval", &data);
            }
            refusal
        })
    }
}
