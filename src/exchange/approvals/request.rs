//! A call that needs approval: its standing, and what its client is told.

mod kept;
mod telling;

pub(in crate::exchange) use kept::KeptApproval;

use super::json::Object;
use super::notice::Notice;
use super::stage::{ApprovalRecord, Stage};
use super::way::{Page, Way};
use crate::approvals::{
    Bound, Call, Entry, Id, Requested, Sent, Slot, Slots, Standing, State, TooLarge, digest,
};
use crate::exchange::target::Target;
use crate::limits::window::Nanos;
use crate::limits::{Charge, ChargeError, Store, StoreError, Trial};
use crate::policy::{Approvals, Caller, Denial, Holders, Needed, Policy, Reason, duration};
use crate::wire::jsonrpc::Params;
use std::borrow::Cow;

/// The most bytes of arguments that a message repeats: a model does not copy more
/// without a mistake.
const REPEATED: usize = 512;
/// The message for a call whose rule has none.
pub(in crate::exchange) const ASKS: &str = "A call like this one needs approval.";
/// The seconds after which a client may ask again.
const POLL_AFTER: u64 = 30;

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
        let Asking { caller, tool, params, target, way } = *asking;
        let deny = |reason, rule, message: Cow<'static, str>| Denial {
            reason,
            rule,
            message,
            retry_after: None,
        };
        let Some(approvals) = &policy.approvals else {
            return Err(deny(
                Reason::Internal,
                "(internal)",
                "Nobody can approve this call.".into(),
            ));
        };
        if needed.terms.name(&caller.id) && !approvals.approvers_may_ask {
            return Err(deny(
                Reason::Denied,
                needed.rule,
                "Callers who approve such calls cannot make them.".into(),
            ));
        }
        let max = approvals.max_arguments_bytes;
        let too_large = || {
            let message = format!(
                "The call's arguments are too long to be shown to an approver: more than {max} \
                 bytes."
            );
            deny(Reason::ApprovalTooLarge, needed.rule, message.into())
        };
        let call = Call::new(params.all, max).map_err(|TooLarge| too_large())?;
        let target = target.ok_or_else(|| {
            let message = "The call's route, host and path cannot be shown to an approver whole.";
            deny(Reason::ApprovalTooLarge, needed.rule, message.into())
        })?;
        let slots = Slots::new(&policy.table);
        let digest = digest(&Bound {
            namespace: slots.namespace(),
            caller: &caller.id,
            route: target.route.as_bytes(),
            authority: target.authority.as_bytes(),
            path: target.path.as_bytes(),
            tool,
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
            caller: caller.id.clone(),
            route: target.route.clone(),
            authority: target.authority.clone(),
            path: target.path.clone(),
            tool: tool.to_owned(),
            rules: needed.rules.iter().map(|rule| (*rule).to_owned()).collect(),
            params: call.text().to_owned(),
            approved_by: Vec::new(),
            reason: String::new(),
        };
        let holders = Holders::new(&policy.table, caller, None);
        let requests = approvals.requests.plain(&holders);
        let Needed { rule, message, .. } = needed;
        Ok(Self { approvals, rule, message, entry, call, requests, way })
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
                Err(Box::new(self.declined(&entry)))
            }
            Standing::Approved(slot, _) => Ok(Approved { slot, draft: self }),
            Standing::Denied(entry) => Err(Box::new(self.denied(&entry))),
            Standing::Pending(entry) => {
                look().map_err(Required::from)?;
                let mut required = self.required(&entry, Stage::Pending, now);
                required.notice = self.notice(slots, &Trial::through(store), &entry, now);
                Err(Box::new(required))
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
        let store = Trial::through(store);
        let charged = policy.table.charge(&store, &[self.requests], now);
        let receipt = match charged {
            Ok(receipt) => receipt,
            Err(ChargeError::Limit { retry_after, .. }) => {
                let approvals = self.approvals;
                return Box::new(approvals.requests.full(retry_after).into());
            }
            Err(ChargeError::Counter { error, .. }) => return self.store_failed(error),
        };
        let slots = Slots::new(&policy.table);
        match slots.request(&store, free, &self.entry, now) {
            Ok(Requested::Made(entry)) => {
                let mut required = self.required(&entry, Stage::Requested, now);
                required.notice = self.notice(slots, &store, &entry, now);
                Box::new(required)
            }
            Ok(Requested::Found(entry)) => {
                // Another worker made the same request first.
                policy.table.refund(&store, receipt, now);
                match entry.state {
                    State::Denied => Box::new(self.denied(&entry)),
                    _ => Box::new(self.required(&entry, Stage::Pending, now)),
                }
            }
            Ok(Requested::Full) => {
                policy.table.refund(&store, receipt, now);
                Box::new(self.full())
            }
            Err(error) => {
                policy.table.refund(&store, receipt, now);
                self.store_failed(error)
            }
        }
    }

    /// The answer to a call in a batch.
    pub(in crate::exchange) fn in_batch(&self) -> Required<'p> {
        let asks = self.message.unwrap_or(ASKS);
        let message = format!("{asks} A call in a batch cannot be approved; make it alone.");
        self.denial(Reason::ApprovalRequired, message).into()
    }

    fn denial(&self, reason: Reason, message: String) -> Denial<'p> {
        Denial { reason, rule: self.rule, message: message.into(), retry_after: None }
    }

    fn full(&self) -> Required<'p> {
        let message =
            "The gateway has no place for another request for approval. Try again later.".into();
        self.denial(Reason::ApprovalsFull, message).into()
    }

    fn store_failed(&self, error: StoreError) -> Box<Required<'p>> {
        let (reason, message) = match error {
            StoreError::Contended => (
                Reason::CounterContended,
                "The gateway is too busy to look for the call's approval. Try again.",
            ),
            StoreError::Clock => (
                Reason::CounterClock,
                "The gateway's clock is behind the request for the call's approval.",
            ),
            StoreError::Damaged => {
                (Reason::CounterDamaged, "The gateway cannot read the requests for approval.")
            }
            StoreError::Full => (
                Reason::CounterFull,
                "The gateway cannot count another caller's requests at the moment.",
            ),
            StoreError::Host => {
                (Reason::Internal, "The gateway cannot look for the call's approval.")
            }
        };
        Box::new(self.denial(reason, message.into()).into())
    }

    fn denied(&self, entry: &Entry) -> Required<'p> {
        let message = match &*entry.reason {
            "" => format!("Request {} was denied.", entry.id),
            reason => format!("Request {} was denied: {reason}", entry.id),
        };
        let by = entry.approved_by.clone();
        Required {
            denial: self.denial(Reason::ApprovalDenied, message),
            record: Some(ApprovalRecord { id: entry.id, stage: Stage::Denied, by }),
            data: None,
            logged: None,
            page: None,
            notice: None,
        }
    }

    /// The answer to a call whose request waits. Its message suffices alone: some
    /// clients show a model nothing else.
    fn required(&self, entry: &Entry, stage: Stage, now: Nanos) -> Required<'p> {
        let Self { approvals, message: asks, call, .. } = self;
        let expires_in = entry.expires_in(now);
        let url = approvals.url_of(entry.id);
        let asks = asks.unwrap_or(ASKS);
        let page = url.as_ref().and_then(|url| {
            Some((self.way, Page::new(self.way, entry.id, url, asks, stage, expires_in)?))
        });
        let mut message = asks.to_owned();
        let waits = match stage {
            Stage::Requested => "waits for a decision for",
            _ => "is still waiting, for another",
        };
        message.push_str(&format!(" Request {} {waits} {}", entry.id, duration(expires_in)));
        match &url {
            Some(url) => message.extend([": ", url, " ."]),
            None => message.push('.'),
        }
        let logged = message.clone();
        message.push_str(&format!(
            " Tell your user now; check again after {POLL_AFTER} seconds or more by making the same \
             call with exactly these arguments"
        ));
        match call.arguments() {
            Some(arguments) if arguments.len() <= REPEATED => message.extend([": ", arguments]),
            _ => message.push('.'),
        }
        let mut data = Object::default();
        data.text("id", &entry.id.to_string());
        data.text("state", stage.as_str());
        data.number("expires_in", expires_in);
        data.number("poll_after", POLL_AFTER);
        if let Some(url) = &url {
            data.text("url", url);
        }
        if let Some(arguments) = call.arguments() {
            data.raw("arguments", arguments);
        }
        Required {
            denial: self.denial(Reason::ApprovalRequired, message),
            record: Some(ApprovalRecord { id: entry.id, stage, by: entry.approved_by.clone() }),
            data: Some(data.end()),
            logged: Some(logged),
            page,
            notice: None,
        }
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
                Ok(Standing::Denied(entry)) => Err(Box::new(draft.denied(&entry))),
                Ok(Standing::Pending(entry) | Standing::Approved(_, entry)) => {
                    Err(Box::new(draft.required(&entry, Stage::Pending, now)))
                }
                Err(error) => Err(draft.store_failed(error)),
            },
            Err(error) => Err(draft.store_failed(error)),
        }
    }
}
