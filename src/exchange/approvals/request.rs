//! A call that needs approval: its standing, and what its client is told.

mod kept;
mod making;
mod telling;

pub(in crate::exchange) use kept::KeptApproval;
pub(super) use making::{Made, make, notice};

use super::notice::Notice;
use super::stage::{ApprovalRecord, Stage};
use super::store::Told;
use super::way::{Page, Way};
use crate::approvals::{
    Bound, Call, Edge, Entry, Id, Sent, Slot, Slots, Standing, State, TooLarge, digest,
};
use crate::exchange::target::Target;
use crate::limits::window::Nanos;
use crate::limits::{Charge, Store};
use crate::policy::{Approvals, Caller, Denial, Holders, Needed, Policy, Reason};
use crate::wire::jsonrpc::Params;
use std::borrow::Cow;

/// The message for a caller without a credential, who asks for no approval.
const UNKNOWN_ASKS: &str =
    "This call needs approval, for which a caller without a credential cannot ask. Sign in first.";

/// A call without approval: the denial, and the request if there is one.
#[derive(Debug)]
pub(in crate::exchange) struct Required<'p> {
    pub(in crate::exchange) denial: Denial<'p>,
    pub(in crate::exchange) record: Option<ApprovalRecord>,
    /// The member `approval` of the answer's data, as JSON.
    pub(in crate::exchange) data: Option<String>,
    /// The message for the record, where the answer's has values of arguments.
    pub(in crate::exchange) logged: Option<String>,
    /// The page of the request, where the client shows it to its user.
    pub(in crate::exchange) page: Option<(Way, Page)>,
    /// The notice to send about the request, if it is this worker's to send.
    pub(in crate::exchange) notice: Option<Box<Notice>>,
}

/// A request as it would be made, and all that is needed to make it.
#[derive(Debug)]
pub(in crate::exchange) struct Draft<'p> {
    approvals: &'p Approvals,
    /// The rule that asks for it, and the message of its author.
    rule: &'p str,
    message: Option<&'p str>,
    entry: Entry,
    call: Call,
    requests: Charge,
    way: Way,
}

/// A call that was approved.
#[derive(Debug)]
pub(in crate::exchange) struct Approved<'p> {
    slot: Slot,
    draft: Draft<'p>,
}

impl<'p> From<Denial<'p>> for Required<'p> {
    fn from(denial: Denial<'p>) -> Self {
        Self { denial, record: None, data: None, logged: None, page: None, notice: None }
    }
}

/// The parts of a call that its approval binds.
pub(in crate::exchange) struct Asking<'a, 'm> {
    pub(in crate::exchange) caller: &'a Caller,
    pub(in crate::exchange) tool: &'a str,
    pub(in crate::exchange) params: &'a Params<'m>,
    pub(in crate::exchange) target: Option<&'a Target>,
    /// The way in which its client learns that it waits.
    pub(in crate::exchange) way: Way,
}

/// The settings by which a caller may ask for the approval of a call.
///
/// # Errors
/// The caller may not.
fn may_ask<'p>(
    policy: &'p Policy,
    needed: &Needed<'p>,
    caller: &Caller,
) -> Result<&'p Approvals, Denial<'p>> {
    let Some(approvals) = &policy.approvals else {
        let message = "Nobody can approve this call.".into();
        return Err(denial(Reason::Internal, "(internal)", message));
    };
    // He may have left out a credential, by which he would then approve this.
    if policy.is_stranger(&caller.id) {
        return Err(denial(Reason::Denied, needed.rule, UNKNOWN_ASKS.into()));
    }
    if needed.terms.name(&caller.id) && !approvals.approvers_may_ask {
        let message = "Callers who approve such calls cannot make them.".into();
        return Err(denial(Reason::Denied, needed.rule, message));
    }
    Ok(approvals)
}

/// The denial of a call of which an approver could not be shown everything.
fn too_large(rule: &str, max: usize) -> Denial<'_> {
    let message = format!(
        "The call's arguments are too long to be shown to an approver: more than {max} bytes."
    );
    denial(Reason::ApprovalTooLarge, rule, message.into())
}

const fn denial<'p>(reason: Reason, rule: &'p str, message: Cow<'static, str>) -> Denial<'p> {
    Denial { reason, rule, message, retry_after: None }
}

impl<'p> Draft<'p> {
    /// The request for a call.
    ///
    /// # Errors
    /// The call cannot be approved by anybody.
    pub(in crate::exchange) fn new(
        policy: &'p Policy,
        needed: Needed<'p>,
        asking: &Asking<'_, '_>,
    ) -> Result<Self, Denial<'p>> {
        let approvals = may_ask(policy, &needed, asking.caller)?;
        let call = Call::new(asking.params.all, approvals.max_arguments_bytes)
            .map_err(|TooLarge| too_large(needed.rule, approvals.max_arguments_bytes))?;
        let target = asking.target.ok_or_else(|| {
            let message = "The call's route, host and path cannot be shown to an approver whole.";
            denial(Reason::ApprovalTooLarge, needed.rule, message.into())
        })?;
        let digest = digest(&Bound {
            namespace: Slots::new(&policy.table).namespace(),
            caller: &asking.caller.id,
            route: target.route.as_bytes(),
            authority: target.authority.as_bytes(),
            path: target.path.as_bytes(),
            tool: asking.tool,
            rule: &needed.hash,
            params: call.text(),
        });
        let entry = Entry {
            state: State::Pending,
            need: needed.terms.need,
            made: Nanos(0),
            expires: Nanos(0),
            wait: needed.terms.wait,
            valid: needed.terms.valid,
            notice: Sent::Never,
            digest,
            rule_hash: needed.hash,
            id: Id::none(),
            policy: policy.fingerprint.clone(),
            caller: asking.caller.id.clone(),
            route: target.route.clone(),
            authority: target.authority.clone(),
            path: target.path.clone(),
            tool: asking.tool.to_owned(),
            rules: needed.rules.iter().map(|rule| (*rule).to_owned()).collect(),
            params: call.text().to_owned(),
            approved_by: Vec::new(),
            reason: String::new(),
            edge: approvals.store.as_ref().map(|_| Edge {
                identity: approvals.identity,
                approvers: needed.terms.approvers(),
            }),
            used_by: [0; 16],
            used_at: 0,
        };
        let holders = Holders::new(&policy.table, asking.caller, None);
        let requests = approvals.requests.plain(&holders);
        let Needed { rule, message, .. } = needed;
        Ok(Self { approvals, rule, message, entry, call, requests, way: asking.way })
    }

    /// The standing of the call. An approval is not used yet.
    ///
    /// # Errors
    /// The call is not approved. `look` says whether its limits have room: nobody is
    /// asked about a call that would be refused for one.
    pub(in crate::exchange) fn find(
        self,
        policy: &'p Policy,
        store: &impl Store,
        now: Nanos,
        look: impl FnOnce() -> Result<(), Denial<'p>>,
    ) -> Result<Approved<'p>, Box<Required<'p>>> {
        let slots = Slots::new(&policy.table);
        let standing = slots.find(store, &self.entry.digest, now);
        match standing.map_err(|error| self.store_failed(error))? {
            // Its user said no, whoever else said yes.
            Standing::Approved(_, entry) if self.way == Way::Declined => {
                Err(Box::new(self.declined(entry.id, entry.approved_by)))
            }
            Standing::Approved(slot, _) => Ok(Approved { slot, draft: self }),
            Standing::Denied(entry) => Err(Box::new(self.tell(Told::denied(&entry)))),
            Standing::Pending(entry) => {
                look().map_err(Required::from)?;
                Err(Box::new(self.waits(policy, &entry, Stage::Pending, store, now)))
            }
            Standing::Unknown(free) => {
                look().map_err(Required::from)?;
                Err(self.request(policy, store, &free, now))
            }
        }
    }

    /// Makes the request, unless the caller has made too many.
    fn request(
        self,
        policy: &'p Policy,
        store: &impl Store,
        free: &[Slot],
        now: Nanos,
    ) -> Box<Required<'p>> {
        match make(policy, self.requests, store, free, &self.entry, now) {
            Made::New(entry) => Box::new(self.waits(policy, &entry, Stage::Requested, store, now)),
            Made::Found(entry) => {
                Box::new(self.tell(Told::waits(self.approvals, &entry, Stage::Pending, now)))
            }
            Made::Full => Box::new(self.tell(Told::Full)),
            Made::Limited { retry_after } => Box::new(self.tell(Told::Limited { retry_after })),
            Made::Failed(error) => self.store_failed(error),
        }
    }

    /// The answer to a call whose request waits here, with the notice about it.
    fn waits(
        &self,
        policy: &'p Policy,
        entry: &Entry,
        stage: Stage,
        store: &impl Store,
        now: Nanos,
    ) -> Required<'p> {
        let slots = Slots::new(&policy.table);
        let notice = notice(self.approvals, (self.rule, self.message), slots, store, entry, now);
        Required { notice, ..self.tell(Told::waits(self.approvals, entry, stage, now)) }
    }
}

impl<'p> Approved<'p> {
    /// Uses the approval, once the call is charged.
    ///
    /// # Errors
    /// Another call used it first, or it was taken back.
    pub(in crate::exchange) fn use_up(
        self,
        policy: &'p Policy,
        store: &impl Store,
        now: Nanos,
    ) -> Result<ApprovalRecord, Box<Required<'p>>> {
        let Self { slot, draft } = self;
        let slots = Slots::new(&policy.table);
        match slots.use_up(store, slot, &draft.entry.digest, now) {
            Ok(Some(used)) => {
                Ok(ApprovalRecord { id: used.id, stage: Stage::Used, by: used.approved_by })
            }
            Ok(None) => match slots.find(store, &draft.entry.digest, now) {
                Ok(Standing::Unknown(free)) => Err(draft.request(policy, store, &free, now)),
                Ok(Standing::Denied(entry)) => Err(Box::new(draft.tell(Told::denied(&entry)))),
                Ok(Standing::Pending(entry) | Standing::Approved(_, entry)) => {
                    let told = Told::waits(draft.approvals, &entry, Stage::Pending, now);
                    Err(Box::new(draft.tell(told)))
                }
                Err(error) => Err(draft.store_failed(error)),
            },
            Err(error) => Err(draft.store_failed(error)),
        }
    }
}
