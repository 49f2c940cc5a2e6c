//! Refusals in a form that every client can handle.
//!
//! A policy denial goes out under HTTP 200 with the request's id. So every client
//! gets code, message and data and keeps its session; an HTTP 403 or 429 ends the
//! session of some clients and loses the body in others. Only a client that accepts
//! neither of MCP's answer types gets an HTTP status for it.
//!
//! A request without a caller is another matter where callers have tokens: a client
//! begins to sign in at HTTP 401 and at nothing else.

use crate::exchange::approvals::{Notice, URL_REQUIRED};
use crate::exchange::head::HeadError;
use crate::exchange::head::Trace;
use crate::exchange::identity::NoIdentity;
use crate::exchange::metadata;
use crate::exchange::record::{Record, Records};
use crate::exchange::reply::Reply;
use crate::policy::document::DeniedAs;
use crate::policy::{Denial, Policy, Reason};
use crate::wire::jsonrpc::{
    DecodeError, INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, Id, METHOD_NOT_FOUND,
    UndecodableKind, reply,
};
use crate::wire::mcp::{HeaderMismatch, Offer, OfferKind};
use std::borrow::Cow;

/// Revision 2026-07-28's code for headers that contradict the body.
const HEADER_MISMATCH: i32 = -32020;

/// A request that does not go on, for its host.
#[derive(Debug)]
pub struct Refused {
    /// The answer to the client.
    pub reply: Reply,
    /// The kind, for metrics.
    pub reason: Reason,
    /// The fault in it, for metrics too, if the reason is `undecodable`.
    pub flaw: Option<UndecodableKind>,
    /// The notice to send about it, if people are to be told.
    pub notice: Option<Box<Notice>>,
}

/// A request that does not go on, with its records.
#[derive(Debug)]
pub struct Refusal<'r> {
    /// The part that outlives the request.
    pub refused: Refused,
    /// The record of it.
    pub record: Record<'r>,
    /// The records of the other calls of a batch.
    pub others: Vec<Record<'r>>,
}

/// The parts of a message that its answer repeats.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct To<'a> {
    /// The id of the message, if it could be read.
    pub(super) id: Option<Id<'a>>,
    /// The tool, of a call.
    pub(super) tool: Option<&'a str>,
    /// The prompt or resource by which it was judged.
    pub(super) offer: Option<&'a Offer<'a>>,
}

/// The client that asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client {
    /// Whether it takes one of MCP's two answer types.
    pub(super) accepts_mcp: bool,
    /// Whether its message is of revision 2026-07-28 or later.
    pub(super) stateless: bool,
    /// Whether its user is shown the page of a request for approval, by an error.
    pub(super) is_shown: bool,
}

/// The content of an error reply.
struct Answer<'r> {
    status: u16,
    code: i32,
    reason: Reason,
    rule: &'r str,
    /// The beginning of the message, which its record does not have.
    mark: &'static str,
    message: Cow<'r, str>,
    retry_after: Option<u64>,
}

impl<'r> Refusal<'r> {
    /// Has its records written, and keeps the rest for the host.
    #[cold]
    pub(super) fn write(self, trace: &Trace, records: &mut dyn Records) -> Refused {
        for record in core::iter::once(&self.record).chain(&self.others) {
            records.record(record, trace);
        }
        self.refused
    }

    #[cold]
    fn answer(policy: &Policy, to: To<'_>, answer: Answer<'r>) -> Box<Self> {
        let Answer { status, code, reason, rule, mark, message, retry_after } = answer;
        let To { id, tool, offer } = to;
        let named = |kind| offer.filter(|offer| offer.kind == kind).map(|offer| &*offer.name);
        let marked = [mark, &message].concat();
        let data = reply::Data {
            kind: "policy_violation",
            reason: reason.as_str(),
            rule,
            tool,
            prompt: named(OfferKind::Prompt),
            resource: named(OfferKind::Resource),
            policy: &policy.fingerprint,
            retry_after,
        };
        let body = reply::error(id, &reply::Error { code, message: &marked, data });
        let reply = Reply { status, retry_after, headers: Vec::new(), body };
        Box::new(Self {
            refused: Refused { reply, reason, flaw: None, notice: None },
            record: Record::denied(reason, rule, Some(message)),
            others: Vec::new(),
        })
    }

    /// A call that the policy denies.
    #[cold]
    pub(super) fn denied(
        policy: &Policy,
        to: To<'_>,
        client: Client,
        denial: Denial<'r>,
    ) -> Box<Self> {
        let Denial { reason, rule, message, retry_after } = denial;
        let code = match reason {
            Reason::RateLimited => 429,
            Reason::ApprovalRequired if client.is_shown => URL_REQUIRED,
            Reason::ApprovalRequired => 428,
            Reason::CounterFull
            | Reason::CounterContended
            | Reason::LimitService
            | Reason::ApprovalsFull
            | Reason::ApprovalStore => 503,
            Reason::NoIdentity => 403,
            _ if reason.is_by_rule() => 403,
            _ => INTERNAL_ERROR,
        };
        let status = match (client.accepts_mcp, code) {
            (true, _) => 200,
            (false, 429) => 429,
            (false, 428) => 428,
            (false, 403) => 403,
            (false, _) => 503,
        };
        let mark = if reason == Reason::ApprovalRequired { APPROVAL } else { DENIED };
        let as_result = policy.settings.denied_as == DeniedAs::Result && !client.is_shown;
        let result = to.id.filter(|_| as_result && to.tool.is_some()).map(|id| {
            let why = reply::Why { reason: reason.as_str(), rule, retry_after };
            reply::error_result(id, &[mark, &message].concat(), why, client.stateless)
        });
        let answer = Answer { status, code, reason, rule, mark, message, retry_after };
        let mut refusal = Self::answer(policy, to, answer);
        if let Some(result) = result {
            refusal.refused.reply.body = result;
        }
        refusal
    }

    /// A body that is not one unambiguous message.
    #[cold]
    pub(super) fn malformed(policy: &Policy, reason: Reason, what: &DecodeError<'_>) -> Box<Self> {
        let message = format!("Refused: {} (at byte {})", what.problem, what.at);
        let to = To { id: what.id, ..To::default() };
        let mut refusal = Self::answer(policy, to, fault(400, what.code, reason, message.into()));
        refusal.refused.flaw = UndecodableKind::new(what.problem);
        refusal
    }

    /// Headers that contradict the body.
    #[cold]
    pub(super) fn header_mismatch(
        policy: &Policy,
        id: Option<Id<'_>>,
        what: HeaderMismatch,
    ) -> Box<Self> {
        // As the servers of that revision tell them apart.
        let code = match what {
            HeaderMismatch::MetaMissing => INVALID_PARAMS,
            _ => HEADER_MISMATCH,
        };
        let message = format!("Refused: {what}");
        let to = To { id, ..To::default() };
        Self::answer(policy, to, fault(400, code, Reason::HeaderMismatch, message.into()))
    }

    /// A method that is not on the list.
    #[cold]
    pub(super) fn unknown_method(policy: &Policy, id: Id<'_>, stateless: bool) -> Box<Self> {
        let status = if stateless { 404 } else { 200 };
        let message = "Refused: the gateway does not pass this method";
        let answer = fault(status, METHOD_NOT_FOUND, Reason::Method, message.into());
        let to = To { id: Some(id), ..To::default() };
        Self::answer(policy, to, Answer { rule: "/settings/methods", ..answer })
    }

    /// A batch of which some messages were refused. Each message with an id gets an
    /// error: its own, or one about the batch.
    #[cold]
    pub(super) fn batch(
        policy: &Policy,
        answers: Vec<(Option<Id<'_>>, Option<Box<Self>>)>,
    ) -> Box<Self> {
        let mut body = Vec::new();
        let mut first: Option<Box<Self>> = None;
        let mut others = Vec::new();
        for (id, refusal) in answers {
            let answer = match (&refusal, id) {
                (Some(refusal), _) => refusal.refused.reply.body.clone(),
                (None, Some(_)) => {
                    let answer = fault(200, INVALID_REQUEST, Reason::BatchRefused, BATCH.into());
                    Self::answer(policy, To { id, ..To::default() }, answer).refused.reply.body
                }
                (None, None) => Vec::new(),
            };
            if !answer.is_empty() {
                body.push(if body.is_empty() { b'[' } else { b',' });
                body.extend(answer);
            }
            first = match (first, refusal) {
                // The status of a message that is answered comes before that of one
                // that is not.
                (Some(first), Some(next)) if first.refused.reply.body.is_empty() => {
                    others.push(first.record);
                    Some(next)
                }
                (Some(first), Some(next)) => {
                    others.push(next.record);
                    Some(first)
                }
                (first, next) => first.or(next),
            };
        }
        let mut refusal = first.unwrap_or_else(|| Self::silent(Reason::BatchRefused));
        if !body.is_empty() {
            body.push(b']');
            if refusal.refused.reply.status == 202 {
                refusal.refused.reply.status = 200;
            }
        }
        refusal.refused.reply.body = body;
        refusal.others = others;
        refusal
    }

    /// A notification that is dropped: it expects no answer, and an HTTP error
    /// would end some clients' sessions.
    #[cold]
    pub(super) fn silent(reason: Reason) -> Box<Self> {
        let flaw = (reason == Reason::Undecodable).then_some(UndecodableKind::NotJsonrpc);
        Box::new(Self {
            refused: Refused { reply: Reply::bare(202), reason, flaw, notice: None },
            record: Record::denied(reason, rule(reason), None),
            others: Vec::new(),
        })
    }

    /// Anything from an unknown caller that is not a JSON-RPC request, and that too
    /// where the caller can sign in: after an HTTP 200, no client begins to.
    #[cold]
    pub(super) fn unidentified(policy: &Policy, why: NoIdentity, to: To<'_>) -> Box<Self> {
        let answer = fault(401, 403, Reason::NoIdentity, why.to_string().into());
        let mut refusal = Self::answer(policy, to, Answer { mark: DENIED, ..answer });
        if policy.challenges() {
            let invalid_token = matches!(why, NoIdentity::InvalidToken(_));
            let challenge = policy.challenge(invalid_token).into();
            refusal.refused.reply.headers.push(("www-authenticate", challenge));
        }
        refusal
    }

    /// A request that is refused for its head alone.
    #[cold]
    pub(super) fn head(policy: &Policy, fault: HeadError) -> Box<Self> {
        let (status, reason) = match fault {
            HeadError::Path => (404, Reason::Path),
            HeadError::Method | HeadError::Metadata => (405, Reason::Method),
            HeadError::Upgrade => (403, Reason::Method),
            HeadError::TooLarge => (413, Reason::TooLarge),
            HeadError::Incomplete
            | HeadError::Body
            | HeadError::Query(_)
            | HeadError::Repeated(_)
            | HeadError::NotText(_)
            | HeadError::Long(_)
            | HeadError::Encoding
            | HeadError::ContentType
            | HeadError::Charset => (400, Reason::Undecodable),
        };
        let message = format!("Refused: {fault}");
        let answer = self::fault(status, INVALID_REQUEST, reason, message.into());
        let mut refusal = Self::answer(policy, To::default(), answer);
        refusal.refused.flaw = (reason == Reason::Undecodable).then_some(UndecodableKind::Head);
        let allowed = match fault {
            HeadError::Method => Some("GET, POST, DELETE, HEAD, OPTIONS"),
            HeadError::Metadata => Some(metadata::METHODS),
            _ => None,
        };
        refusal.refused.reply.headers.extend(allowed.map(|methods| ("allow", methods.into())));
        refusal
    }

    /// A request for which there is no room among those that wait for their bodies.
    #[cold]
    pub(super) fn crowded(policy: &Policy) -> Box<Self> {
        let message = "Refused: too many requests of this caller wait for their bodies";
        let answer = fault(503, INTERNAL_ERROR, Reason::Crowded, message.into());
        Self::answer(policy, To::default(), Answer { retry_after: Some(1), ..answer })
    }

    /// A request that could not be judged because the host failed.
    #[cold]
    pub(super) fn failed(policy: &Policy, what: &str) -> Box<Self> {
        let message = format!("Refused: {what}");
        let answer = fault(500, INTERNAL_ERROR, Reason::Internal, message.into());
        Self::answer(policy, To::default(), answer)
    }
}

/// The message for a call that would have gone on alone.
pub(super) const BATCH: &str = "Refused: another message of the batch was refused";
/// The beginning of a denial's message, for the model that reads it.
const DENIED: &str = "[POLICY DENIED] ";
/// The beginning of the message for a call that a person may still approve.
const APPROVAL: &str = "[APPROVAL REQUIRED] ";

/// The answer to a request on which there was no decision.
const fn fault<'r>(status: u16, code: i32, reason: Reason, message: Cow<'r, str>) -> Answer<'r> {
    Answer { status, code, reason, rule: rule(reason), mark: "", message, retry_after: None }
}

/// The rule that refuses a request on which there was no decision.
const fn rule(reason: Reason) -> &'static str {
    match reason {
        Reason::TooLarge => "/settings/max_body_bytes",
        Reason::Internal => "(internal)",
        Reason::Crowded => "(crowded)",
        Reason::NoIdentity => "(no identity)",
        Reason::Method => "(method)",
        Reason::Path => "/settings/paths",
        _ => "(undecodable)",
    }
}
