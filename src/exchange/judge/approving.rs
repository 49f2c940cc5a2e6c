//! Calls that need the approval of a person.

use super::asking::Asks;
use super::charging::{Allowed, Called};
use super::{Decided, Judge, Judged, Passed};
use crate::exchange::approvals::{ASKS, Asking, Draft, Required, Way};
use crate::exchange::record::Record;
use crate::exchange::refusal::{Client, Refusal};
use crate::limits::{Store, Trial};
use crate::policy::{Denial, Needed, Policy, Reason, document};
use crate::wire::jsonrpc::reply;

/// A call that goes on as soon as it is approved, and its limits are charged.
pub(super) struct Approves<'a> {
    allowed: Allowed<'a>,
    draft: Draft<'a>,
}

impl<'a, S: Store> Judge<'a, S> {
    /// The treatment of a call that needs approval and is denied by nothing else.
    #[cold]
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
            Ok(draft) => Ok(Decided::Asks(Box::new(Approves { allowed, draft }))),
            Err(denial) => self.deny(allowed.called, denial).map(Decided::Passes),
        }
    }

    /// The outcome of a call that needs approval. Nobody is asked about one for which
    /// its limits have no room; an approval is used after they are charged.
    #[cold]
    pub(super) fn approve(&self, Approves { allowed, draft }: Approves<'a>) -> Judged<'a> {
        if let Some(home) = draft.store() {
            return self.ask_home(home, allowed, draft);
        }
        let look = || {
            let trial = Trial::new(self.store);
            let charged = self.policy.table.charge(&trial, &allowed.charges, self.now);
            charged.map(drop).map_err(|refused| allowed.refused(refused))
        };
        let approved = match draft.find(self.policy, self.store, self.now, look) {
            Ok(approved) => approved,
            Err(required) => return Err(self.require(allowed, *required)),
        };
        let asks = match Asks::about(self.policy, self.holder_id(), &allowed) {
            Ok(asks) => asks,
            Err(refused) => {
                let denial = allowed.refused(refused);
                return self.deny(allowed.called, denial);
            }
        };
        let store = Trial::through(self.store);
        let mut receipt = match self.policy.table.charge(&store, &allowed.charges, self.now) {
            Ok(receipt) => receipt,
            Err(refused) => {
                let denial = allowed.refused(refused);
                return self.deny(allowed.called, denial);
            }
        };
        if let Some(mut asks) = asks {
            let records = vec![self.goes(&store, allowed, &mut receipt, 0)];
            asks.approval = Some(approved.keep());
            return Ok(Passed { receipt, records, asks: Some(asks), ..Passed::default() });
        }
        match approved.use_up(self.policy, self.store, self.now) {
            Ok(used) => {
                let record = self.goes(&store, allowed, &mut receipt, 0);
                let record = Record { approval: Some(Box::new(used)), ..record };
                Ok(Passed { receipt, records: vec![record], ..Passed::default() })
            }
            Err(required) => {
                self.policy.table.refund(&store, receipt, self.now);
                Err(self.require(allowed, *required))
            }
        }
    }

    /// The outcome of a call whose request is kept at a home, which is asked once the call
    /// is charged here.
    fn ask_home(
        &self,
        home: &document::Store,
        allowed: Allowed<'a>,
        draft: Draft<'a>,
    ) -> Judged<'a> {
        let asks = Asks::at_home(self.policy, self.holder_id(), &allowed, &draft, home, self.now);
        let mut asks = match asks {
            Ok(Some(asks)) => asks,
            Ok(None) => {
                let denial = draft.unasked();
                return self.deny(allowed.called, denial);
            }
            Err(refused) => {
                let denial = allowed.refused(refused);
                return self.deny(allowed.called, denial);
            }
        };
        let store = Trial::through(self.store);
        match self.policy.table.charge(&store, &allowed.charges, self.now) {
            Ok(mut receipt) => {
                let records = vec![self.goes(&store, allowed, &mut receipt, 0)];
                asks.approval = Some(draft.keep());
                Ok(Passed { receipt, records, asks: Some(asks), ..Passed::default() })
            }
            Err(refused) => {
                let denial = allowed.refused(refused);
                self.deny(allowed.called, denial)
            }
        }
    }

    /// Refuses a call in a batch: nobody is asked about a part of one.
    pub(super) fn refuse_in_batch(
        &self,
        Approves { allowed, draft }: Approves<'a>,
    ) -> Box<Refusal<'a>> {
        self.require(allowed, draft.in_batch())
    }

    fn require(&self, allowed: Allowed<'a>, required: Required<'a>) -> Box<Refusal<'a>> {
        allowed.called.unapproved(self.policy, self.head.accepts_mcp, required)
    }
}

impl<'a> Called<'a> {
    /// The refusal of a call without approval. In shadow mode there is none: nobody is
    /// asked there.
    pub(super) fn unapproved(
        self,
        policy: &Policy,
        accepts_mcp: bool,
        required: Required<'a>,
    ) -> Box<Refusal<'a>> {
        let Required { denial, record, data, logged, page, notice } = required;
        let (id, stateless) = (self.id, self.stateless);
        let is_shown = matches!(page, Some((Way::UrlRequired, _)));
        let client = Client { accepts_mcp, stateless, is_shown };
        let mut refusal = self.denied_to(policy, client, denial);
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
    }
}
