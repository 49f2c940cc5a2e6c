//! From a body to a verdict: decode, decide, charge.
//!
//! A request goes on only by a [`Permit`]; every error on the way is a [`Refusal`]
//! with its reason.
//!
//! | part | holds |
//! | --- | --- |
//! | `calling` | calls of tools: the policy's decision |
//! | `methods`, `offers` | messages of other methods, and the prompts and resources that they name |
//! | `charging` | the limits of a call that nothing else denies |
//! | `approving` | calls that a person has to approve |
//! | `asking`, `pending` | questions to other services, and requests that wait for the answers |
//! | `batch` | several messages in one body |
//! | `awaiting` | the answer that the server will owe |
//! | `nobody` | messages without a caller |

mod approving;
mod asking;
mod awaiting;
mod batch;
mod calling;
mod charging;
mod methods;
mod nobody;
mod offers;
mod pending;

#[cfg(any(test, not(target_os = "wasi")))]
pub(crate) use charging::reason as reason_of;
pub(super) use pending::{Answered, Pending};

use crate::exchange::awaited::{Asked, Awaited, Owed};
use crate::exchange::head::Head;
use crate::exchange::identity::{NoIdentity, Peer};
use crate::exchange::permit::Permit;
use crate::exchange::question::Question;
use crate::exchange::record::Record;
use crate::exchange::refusal::{Client, Refusal, To};
use crate::limits::window::Nanos;
use crate::limits::{Receipt, Store, Trial};
use crate::policy::condition::Work;
use crate::policy::document::Batches;
use crate::policy::{Caller, Policy, Reason};
use crate::wire::jsonrpc::{self, Call, DecodeError, DecodeErrorKind, Message};
use crate::wire::mcp::{Method, TOOLS_CALL, ToolCall};
use approving::Approves;
use asking::Asks;
use charging::Allowed;
use core::cell::Cell;
use methods::Other;

/// The outcome of judging a request.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// It goes on.
    Go {
        /// The right to do so.
        permit: Permit,
        /// The charges.
        receipt: Receipt,
        /// The records of its calls of tools.
        records: Vec<Record<'a>>,
        /// The lists that it asks for, which may have to be changed.
        asked: Asked,
    },
    /// It is answered in the server's place.
    Refuse(Box<Refusal<'a>>),
    /// It waits for the answer to a question.
    Ask {
        /// All that the answer decides about.
        pending: Box<Pending>,
        /// The charges.
        receipt: Receipt,
        /// The question.
        question: Box<Question>,
    },
}

/// The inputs to judging one body.
pub struct Judge<'a, S> {
    /// The policy.
    pub policy: &'a Policy,
    /// The caller, or the reason for which it is not known.
    pub caller: Result<&'a Caller, NoIdentity>,
    /// The request's headers.
    pub head: &'a Head,
    /// The client at the other end of the connection.
    pub peer: &'a dyn Peer,
    /// The counters.
    pub store: &'a S,
    /// The present moment.
    pub now: Nanos,
    /// The budget of work for conditions, which a batch shares.
    pub work: Work,
    /// The budget of rules in shadow, which can take nothing from it.
    pub beside: Work,
    /// The budget of reading the values that records hold. It is their own, so that no call
    /// can leave its record without them by what its conditions cost.
    pub recording: Work,
    /// The answer that the server will owe, as far as the body is read.
    pub awaited: Cell<Option<Box<Awaited>>>,
}

impl<'a, S: Store> Judge<'a, S> {
    /// Judges the body of one POST.
    pub fn judge(&self, body: &'a [u8]) -> Verdict<'a> {
        match self.body(body) {
            Ok(mut passed) => {
                passed.asked.awaited = self.awaited.take().filter(|answer| answer.is_bounded());
                passed.verdict(self.head.accepts_mcp, self.is_shadow())
            }
            Err(mut refusal) => {
                refusal.record.caller_id = self.caller_id();
                Verdict::Refuse(refusal)
            }
        }
    }

    /// The id of the caller, where the policy tells callers apart.
    fn caller_id(&self) -> Option<&'a str> {
        let known = !self.policy.identity.is_empty();
        self.caller.ok().filter(|_| known).map(|caller| &*caller.id)
    }

    /// The id of the caller whose counts the call is charged to.
    fn holder_id(&self) -> &'a str {
        self.caller.map_or("", |caller| &*caller.id)
    }

    fn body(&self, body: &'a [u8]) -> Judged<'a> {
        let settings = &self.policy.settings;
        // Without a caller the message is refused: its id, method and tool suffice.
        let is_known = self.caller.is_ok();
        let is_array = body.trim_ascii_start().first() == Some(&b'[');
        if is_array && settings.batches == Batches::Judge {
            let decode = if is_known { jsonrpc::decode_batch } else { jsonrpc::outline_batch };
            let batch = decode(body, settings.max_depth);
            return self.batch(batch.map_err(|why| self.malformed(why))?);
        }
        let decode = if is_known { jsonrpc::decode } else { jsonrpc::outline };
        match self.message(decode(body, settings.max_depth).map_err(|why| self.malformed(why))?)? {
            Decided::Passes(passed) => Ok(passed),
            Decided::Asks(call) => self.approve(*call),
            Decided::Allowed(call) => {
                let asks = match Asks::about(self.policy, self.holder_id(), &call) {
                    Ok(asks) => asks,
                    Err(refused) => {
                        let denial = call.refused(refused);
                        return self.deny(call.called, denial);
                    }
                };
                let passed = self.settle(&Trial::through(self.store), call, None)?;
                Ok(passed.asking(asks))
            }
        }
    }

    /// Decides one message by everything but limits.
    fn message(&self, message: Message<'a>) -> Result<Decided<'a>, Box<Refusal<'a>>> {
        let Message::Call(call) = message else {
            self.caller.map_err(|why| Refusal::unidentified(self.policy, why, To::default()))?;
            self.awaits(&Owed::default());
            return Ok(Decided::Passes(Passed::default()));
        };
        let method = Method::parse(call.method).map_err(|problem| {
            let code = jsonrpc::INVALID_REQUEST;
            self.malformed(DecodeError { code, id: call.id, problem, at: 0 })
        })?;
        match (method, call.id) {
            (Method::ToolsCall, Some(id)) => {
                let stateless = self.compare(&call, TOOLS_CALL)?;
                self.tool_call(id, &call, stateless)
            }
            // No official server executes one, and its sender expects no answer.
            (Method::ToolsCall, None) => {
                let mut refusal = match self.challenged() {
                    Some(why) => Refusal::unidentified(self.policy, why, To::default()),
                    None => Refusal::silent(Reason::Undecodable),
                };
                let called = ToolCall::parse(&call.params).ok();
                refusal.record.method = Some(TOOLS_CALL.into());
                refusal.record.tool = called.map(|call| call.tool);
                Err(refusal)
            }
            (Method::Other(method), _) => {
                let stateless = self.compare(&call, &method)?;
                self.other_method(Other { method, call: &call, stateless })
            }
        }
    }

    /// Compares the headers of revision 2026-07-28 with the body; whether the call
    /// is of that revision. Without a caller they are not kept, and the call is
    /// refused in any case.
    fn compare(&self, call: &Call<'_>, method: &str) -> Result<bool, Box<Refusal<'a>>> {
        if self.caller.is_err() {
            return Ok(self.head.revision.is_stateless(call));
        }
        self.head
            .revision
            .compare(call, method)
            .map_err(|mismatch| Refusal::header_mismatch(self.policy, call.id, mismatch))
    }

    /// Whether calls of this caller go on although the rules deny them.
    fn is_shadow(&self) -> bool {
        self.caller.is_ok_and(|caller| self.policy.is_shadow(caller))
    }

    const fn client(&self, stateless: bool) -> Client {
        Client { accepts_mcp: self.head.accepts_mcp, stateless, is_shown: false }
    }

    #[cold]
    fn malformed(&self, malformed: DecodeError<'_>) -> Box<Refusal<'a>> {
        if let Some(why) = self.challenged() {
            let to = To { id: malformed.id, ..To::default() };
            return Refusal::unidentified(self.policy, why, to);
        }
        let reason = match malformed.problem {
            DecodeErrorKind::Batch | DecodeErrorKind::BatchSize | DecodeErrorKind::BatchIds => {
                Reason::BatchRefused
            }
            _ => Reason::Undecodable,
        };
        Refusal::malformed(self.policy, reason, &malformed)
    }
}

/// A message that goes on.
#[derive(Default)]
struct Passed<'a> {
    receipt: Receipt,
    records: Vec<Record<'a>>,
    asked: Asked,
    /// The questions that have to be answered before.
    asks: Option<Box<Asks<'a>>>,
}

impl<'a> Passed<'a> {
    /// The verdict on a request that consists of it.
    fn verdict(self, accepts_mcp: bool, is_shadow: bool) -> Verdict<'a> {
        let Self { receipt, records, asked, asks } = self;
        match asks {
            None => Verdict::Go { permit: Permit::judged(), receipt, records, asked },
            Some(asks) => {
                let (pending, question) = asks.pending(records, asked, accepts_mcp, is_shadow);
                Verdict::Ask { pending, receipt, question }
            }
        }
    }
}

type Judged<'a> = Result<Passed<'a>, Box<Refusal<'a>>>;

/// A message that no rule denies.
#[expect(clippy::large_enum_variant, reason = "it lives for one request, on the stack")]
enum Decided<'a> {
    /// It goes on without a charge.
    Passes(Passed<'a>),
    /// It goes on as soon as its limits are charged.
    Allowed(Allowed<'a>),
    /// It goes on as soon as it is approved, and its limits are charged.
    Asks(Box<Approves<'a>>),
}

#[cfg(test)]
mod tests;
