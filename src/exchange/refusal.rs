//! Refusals in a form that every client can handle.
//!
//! A policy denial goes out under HTTP 200 with the request's id. So every client
//! gets code, message and data and keeps its session; an HTTP 403 or 429 ends the
//! session of some clients and loses the body in others. Only a client that accepts
//! neither of MCP's answer types gets an HTTP status for it.
//!
//! A request without a caller is another matter where callers have tokens: a client
//! begins to sign in at HTTP 401 and at nothing else.

use crate::exchange::head::HeadError;
use crate::exchange::identity::NoIdentity;
use crate::exchange::metadata;
use crate::exchange::record::{Decision, Record};
use crate::exchange::reply::Reply;
use crate::policy::document::DeniedAs;
use crate::policy::{Denial, Policy, Reason};
use crate::wire::jsonrpc::{
    DecodeError, INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, Id, METHOD_NOT_FOUND,
    UndecodableKind, reply,
};
use crate::wire::mcp::HeaderMismatch;

/// Revision 2026-07-28's code for headers that contradict the body.
const HEADER_MISMATCH: i32 = -32020;

/// A request that does not go on.
#[derive(Debug)]
pub struct Refusal {
    /// The answer to the client.
    pub reply: Reply,
    /// The kind, for metrics.
    pub reason: Reason,
    /// The fault in it, for metrics too, if the reason is `undecodable`.
    pub flaw: Option<UndecodableKind>,
    /// The record of it.
    pub record: Record,
    /// The records of the other calls of a batch.
    pub others: Vec<Record>,
}

/// The parts of a request that its answer needs, owned, so that they outlive its
/// body.
#[derive(Clone, Debug)]
pub struct ReplyTo {
    /// The id of the message, as a JSON text.
    pub id: String,
    /// The tool, of a call.
    pub tool: Option<String>,
    /// Whether the client takes one of MCP's two answer types.
    pub accepts_mcp: bool,
    /// Whether the message is of revision 2026-07-28 or later.
    pub stateless: bool,
}

impl ReplyTo {
    fn id(&self) -> Option<Id<'_>> {
        Some(Id::new(&self.id))
    }
}

/// The content of an error reply.
struct Answer<'a> {
    status: u16,
    code: i32,
    id: Option<Id<'a>>,
    reason: Reason,
    rule: &'a str,
    tool: Option<&'a str>,
    message: &'a str,
    retry_after: Option<u64>,
}

impl Refusal {
    fn answer(policy: &Policy, answer: &Answer<'_>) -> Box<Self> {
        let Answer { status, code, id, reason, rule, tool, message, retry_after } = *answer;
        let data = reply::Data {
            kind: "policy_violation",
            reason: reason.as_str(),
            rule,
            tool,
            policy: &policy.fingerprint,
            retry_after,
        };
        let body = reply::error(id, &reply::Error { code, message, data });
        Box::new(Self {
            reply: Reply { status, retry_after, headers: Vec::new(), body },
            reason,
            flaw: None,
            record: denied(reason, rule, tool, Some(message)),
            others: Vec::new(),
        })
    }

    /// A call that the policy denies.
    pub(super) fn denied(policy: &Policy, to: &ReplyTo, denial: &Denial<'_>) -> Box<Self> {
        let Denial { reason, rule, ref message, retry_after } = *denial;
        let code = match reason {
            Reason::RateLimited => 429,
            Reason::ApprovalRequired => 428,
            Reason::CounterFull | Reason::CounterContended | Reason::ApprovalsFull => 503,
            Reason::NoIdentity => 403,
            _ if reason.is_by_rule() => 403,
            _ => INTERNAL_ERROR,
        };
        let status = match (to.accepts_mcp, code) {
            (true, _) => 200,
            (false, 429) => 429,
            (false, 428) => 428,
            (false, 403) => 403,
            (false, _) => 503,
        };
        let mark = if reason == Reason::ApprovalRequired { APPROVAL } else { DENIED };
        let message = &format!("{mark}{message}");
        let (id, tool) = (to.id(), to.tool.as_deref());
        let answer = Answer { status, code, id, reason, rule, tool, message, retry_after };
        let mut refusal = Self::answer(policy, &answer);
        if policy.settings.denied_as == DeniedAs::Result && tool.is_some() {
            let why = reply::Why { reason: reason.as_str(), rule, retry_after };
            refusal.reply.body = reply::error_result(Id::new(&to.id), message, why, to.stateless);
        }
        refusal
    }

    /// A body that is not one unambiguous message.
    pub(super) fn malformed(policy: &Policy, reason: Reason, what: &DecodeError<'_>) -> Box<Self> {
        let message = format!("Refused: {} (at byte {})", what.problem, what.at);
        let answer = Answer { id: what.id, ..fault(400, what.code, reason, &message) };
        let mut refusal = Self::answer(policy, &answer);
        refusal.flaw = UndecodableKind::new(what.problem);
        refusal
    }

    /// Headers that contradict the body.
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
        let reason = Reason::HeaderMismatch;
        Self::answer(policy, &Answer { id, ..fault(400, code, reason, &message) })
    }

    /// A method that is not on the list.
    pub(super) fn unknown_method(policy: &Policy, to: &ReplyTo) -> Box<Self> {
        let status = if to.stateless { 404 } else { 200 };
        let message = "Refused: the gateway does not pass this method";
        let answer = fault(status, METHOD_NOT_FOUND, Reason::Method, message);
        Self::answer(policy, &Answer { id: to.id(), rule: "/settings/methods", ..answer })
    }

    /// A batch of which some messages were refused. Each message with an id gets an
    /// error: its own, or one about the batch.
    pub(super) fn batch(
        policy: &Policy,
        answers: Vec<(Option<Id<'_>>, Option<Box<Self>>)>,
    ) -> Box<Self> {
        let mut body = Vec::new();
        let mut first: Option<Box<Self>> = None;
        let mut others = Vec::new();
        for (id, refusal) in answers {
            let answer = match (&refusal, id) {
                (Some(refusal), _) => refusal.reply.body.clone(),
                (None, Some(_)) => {
                    let answer = fault(200, INVALID_REQUEST, Reason::BatchRefused, BATCH);
                    Self::answer(policy, &Answer { id, ..answer }).reply.body
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
                (Some(first), Some(next)) if first.reply.body.is_empty() => {
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
            if refusal.reply.status == 202 {
                refusal.reply.status = 200;
            }
        }
        refusal.reply.body = body;
        refusal.others = others;
        refusal
    }

    /// A notification that is dropped: it expects no answer, and an HTTP error
    /// would end some clients' sessions.
    pub(super) fn silent(reason: Reason) -> Box<Self> {
        Box::new(Self {
            reply: Reply::bare(202),
            reason,
            flaw: (reason == Reason::Undecodable).then_some(UndecodableKind::NotJsonrpc),
            record: denied(reason, rule(reason), None, None),
            others: Vec::new(),
        })
    }

    /// Anything from an unknown caller that is not a JSON-RPC request, and that too
    /// where the caller can sign in: after an HTTP 200, no client begins to.
    pub(super) fn unidentified(
        policy: &Policy,
        why: NoIdentity,
        id: Option<Id<'_>>,
        tool: Option<&str>,
    ) -> Box<Self> {
        let message = format!("{DENIED}{why}");
        let answer = fault(401, 403, Reason::NoIdentity, &message);
        let mut refusal = Self::answer(policy, &Answer { id, tool, ..answer });
        if policy.challenges() {
            let invalid_token = matches!(why, NoIdentity::InvalidToken(_));
            let challenge = policy.challenge(invalid_token).into();
            refusal.reply.headers.push(("www-authenticate", challenge));
        }
        refusal
    }

    /// A request that is refused for its head alone.
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
        let mut refusal =
            Self::answer(policy, &self::fault(status, INVALID_REQUEST, reason, &message));
        refusal.flaw = (reason == Reason::Undecodable).then_some(UndecodableKind::Head);
        let allowed = match fault {
            HeadError::Method => Some("GET, POST, DELETE, HEAD, OPTIONS"),
            HeadError::Metadata => Some(metadata::METHODS),
            _ => None,
        };
        refusal.reply.headers.extend(allowed.map(|methods| ("allow", methods.into())));
        refusal
    }

    /// A request for which there is no room among those that wait for their bodies.
    pub(super) fn crowded(policy: &Policy) -> Box<Self> {
        let message = "Refused: too many requests of this caller wait for their bodies";
        let answer = fault(503, INTERNAL_ERROR, Reason::Crowded, message);
        Self::answer(policy, &Answer { retry_after: Some(1), ..answer })
    }

    /// A request that could not be judged because the host failed.
    pub(super) fn failed(policy: &Policy, what: &str) -> Box<Self> {
        let message = format!("Refused: {what}");
        Self::answer(policy, &fault(500, INTERNAL_ERROR, Reason::Internal, &message))
    }
}

/// The message for a call that would have gone on alone.
pub(super) const BATCH: &str = "Refused: another message of the batch was refused";
/// The beginning of a denial's message, for the model that reads it.
const DENIED: &str = "[POLICY DENIED] ";
/// The beginning of the message for a call that a person may still approve.
const APPROVAL: &str = "[APPROVAL REQUIRED] ";

/// The record of a request that did not go on.
fn denied(reason: Reason, rule: &str, tool: Option<&str>, message: Option<&str>) -> Record {
    Record {
        decision: Decision::Denied,
        reason: Some(reason),
        rule: rule.into(),
        message: message.map(|text| {
            [DENIED, APPROVAL]
                .into_iter()
                .find_map(|mark| text.strip_prefix(mark))
                .unwrap_or(text)
                .to_owned()
        }),
        method: None,
        tool: tool.map(str::to_owned),
        caller_id: None,
        arguments: None,
        arguments_hmac: None,
        values: None,
        limits: Vec::new(),
        approval: None,
        shadow: Vec::new(),
    }
}

/// The answer to a request on which there was no decision.
fn fault(status: u16, code: i32, reason: Reason, message: &str) -> Answer<'_> {
    let rule = rule(reason);
    Answer { status, code, id: None, reason, rule, tool: None, message, retry_after: None }
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
