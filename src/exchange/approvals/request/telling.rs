//! The words to a client about its request.

use super::{ApprovalRecord, Draft, Required, Stage};
use crate::approvals::Id;
use crate::exchange::approvals::json::Object;
use crate::exchange::approvals::store::Told;
use crate::exchange::approvals::way::{ASKS, Page};
use crate::limits::StoreError;
use crate::policy::{Denial, Reason, duration};

/// The most bytes of arguments that a message repeats: a model does not copy more
/// without a mistake.
const REPEATED: usize = 512;
/// The seconds after which a client may ask again.
const POLL_AFTER: u64 = 30;

impl<'p> Draft<'p> {
    /// The answer to a call in a batch.
    pub(in crate::exchange) fn in_batch(&self) -> Required<'p> {
        let asks = self.message.unwrap_or(ASKS);
        let message = format!("{asks} A call in a batch cannot be approved; make it alone.");
        self.denial(Reason::ApprovalRequired, message).into()
    }

    /// The answer to a call that is not approved. A limit on requests is the policy's of
    /// the gateway that keeps them.
    pub(in crate::exchange) fn tell(&self, told: Told) -> Required<'p> {
        match told {
            Told::Waits { id, stage, expires_in, by, url } => {
                let record = ApprovalRecord { id, stage, by };
                self.required(record, expires_in, url.as_deref())
            }
            Told::Denied { id, by, reason } => {
                let message = match &*reason {
                    "" => format!("Request {id} was denied."),
                    reason => format!("Request {id} was denied: {reason}"),
                };
                Required {
                    record: Some(ApprovalRecord { id, stage: Stage::Denied, by }),
                    ..self.denial(Reason::ApprovalDenied, message).into()
                }
            }
            Told::Full => {
                let message = "The gateway has no place for another request for approval. Try \
                               again later.";
                self.denial(Reason::ApprovalsFull, message.into()).into()
            }
            // A home has a limit of its own, of which nothing is known here.
            Told::Limited { retry_after } if self.store().is_some() => {
                let message = format!(
                    "The caller has made too many requests for approval. Try again in {}.",
                    duration(retry_after)
                );
                let (reason, rule) = (Reason::RateLimited, &*self.approvals.requests.pointer);
                let retry_after = Some(retry_after);
                Denial { reason, rule, message: message.into(), retry_after }.into()
            }
            Told::Limited { retry_after } => self.approvals.requests.full(retry_after).into(),
            // No approval stops a call, except for one that its own user does not want.
            Told::Approved { id, by } => self.declined(id, by),
        }
    }

    /// The denial of a call about which the home cannot be asked.
    pub(in crate::exchange) fn unasked(&self) -> Denial<'p> {
        self.denial(Reason::Internal, "Nobody can be asked about this call.".into())
    }

    fn denial(&self, reason: Reason, message: String) -> Denial<'p> {
        Denial { reason, rule: self.rule, message: message.into(), retry_after: None }
    }

    pub(super) fn store_failed(&self, error: StoreError) -> Box<Required<'p>> {
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

    /// The answer to an approved call which its own user does not want to be made.
    pub(super) fn declined(&self, id: Id, by: Vec<String>) -> Required<'p> {
        let message = format!(
            "Request {id} is approved, but the client's user has declined. Tell your user; nothing \
             runs until he wants it."
        );
        Required {
            record: Some(ApprovalRecord { id, stage: Stage::Pending, by }),
            ..self.denial(Reason::ApprovalRequired, message).into()
        }
    }

    /// The answer to a call whose request waits. Its message suffices alone: some
    /// clients show a model nothing else.
    fn required(&self, record: ApprovalRecord, expires_in: u64, url: Option<&str>) -> Required<'p> {
        let Self { message: asks, call, .. } = self;
        let (id, stage) = (record.id, record.stage);
        let asks = asks.unwrap_or(ASKS);
        let page = url.and_then(|url| {
            Some((self.way, Page::new(self.way, id, url, asks, stage, expires_in)?))
        });
        let mut message = asks.to_owned();
        let waits = match stage {
            Stage::Requested => "waits for a decision for",
            _ => "is still waiting, for another",
        };
        message.push_str(&format!(" Request {id} {waits} {}", duration(expires_in)));
        match url {
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
        data.text("id", &id.to_string());
        data.text("state", stage.as_str());
        data.number("expires_in", expires_in);
        data.number("poll_after", POLL_AFTER);
        if let Some(url) = url {
            data.text("url", url);
        }
        if let Some(arguments) = call.arguments() {
            data.raw("arguments", arguments);
        }
        Required {
            denial: self.denial(Reason::ApprovalRequired, message),
            record: Some(record),
            data: Some(data.end()),
            logged: Some(logged),
            page,
            notice: None,
        }
    }
}
