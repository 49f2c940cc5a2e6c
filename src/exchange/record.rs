//! The parts of a judged message that outlive it: for the audit log, and for the
//! response that is to come.
//!
//! A record borrows from the body, which is a host's view, and from the policy. So it is
//! written as soon as it is made, into a text that the host keeps for the next.

mod kept;

pub(super) use kept::Kept;

use crate::exchange::approvals::{ApprovalRecord, DecisionRecord};
use crate::exchange::head::Trace;
use crate::exchange::inquiry::Consulted;
use crate::limits::Receipt;
use crate::policy::{Limit, Reason, Values};
use crate::text::start;
use crate::wire::json::Members;
use crate::wire::mcp::Offer;
use std::borrow::Cow;

/// The place to which a host has the records of its exchanges written.
pub trait Records {
    /// Writes a decision about a request, which `trace` identifies.
    fn record(&mut self, record: &Record<'_>, trace: &Trace);

    /// Writes a person's decision, or an attempt at one.
    fn decided(&mut self, decision: &DecisionRecord, trace: &Trace);

    /// Counts an event of asking the service that counts across replicas.
    fn consulted(&mut self, _: Consulted) {}
}

/// A decision as it is recorded.
#[derive(Debug)]
pub struct Record<'r> {
    /// The decision.
    pub decision: Decision,
    /// The reason, unless it was allowed.
    pub reason: Option<Reason>,
    /// The rule that decided.
    pub rule: &'r str,
    /// The message for the client, or that of a denial in shadow mode.
    pub message: Option<Cow<'r, str>>,
    /// The JSON-RPC method, if a message could be read.
    pub method: Option<Cow<'r, str>>,
    /// The tool, if the request was a call of one.
    pub tool: Option<Cow<'r, str>>,
    /// The prompt or resource, if the request was judged by one. A line of a log never has
    /// the URI of a resource.
    pub offer: Option<Offer<'r>>,
    /// The caller's id, if one is known.
    pub caller_id: Option<&'r str>,
    /// The names of a call's arguments.
    pub arguments: Option<Names<'r>>,
    /// The HMAC-SHA-256 of the arguments' text, if the policy has a key.
    pub arguments_hmac: Option<String>,
    /// The values of arguments that the policy asks for, if there are any.
    pub values: Option<Box<Values<'r>>>,
    /// The limits that an allowed call was charged.
    pub limits: Vec<Left<'r>>,
    /// The approval that the call has or waits for.
    pub approval: Option<Box<ApprovalRecord>>,
    /// The rules in shadow that the call did not pass, each with its reason.
    pub shadow: Vec<(&'r str, Reason)>,
}

impl<'r> Record<'r> {
    /// The record of a request that did not go on, of which no call is known.
    pub(super) fn denied(reason: Reason, rule: &'r str, message: Option<Cow<'r, str>>) -> Self {
        Self { reason: Some(reason), message, ..Self::of(Decision::Denied, rule) }
    }

    /// The record of a decision by a rule, of which nothing else is known.
    pub(super) const fn of(decision: Decision, rule: &'r str) -> Self {
        Self {
            decision,
            reason: None,
            rule,
            message: None,
            method: None,
            tool: None,
            offer: None,
            caller_id: None,
            arguments: None,
            arguments_hmac: None,
            values: None,
            limits: Vec::new(),
            approval: None,
            shadow: Vec::new(),
        }
    }

    /// Whether a rule was not passed, in shadow or not.
    pub fn is_of_denial(&self) -> bool {
        self.decision != Decision::Allowed || !self.shadow.is_empty()
    }
}

/// The kinds of decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The call went on.
    Allowed,
    /// The request did not go on.
    Denied,
    /// The call went on although the policy denies it, in shadow mode.
    Shadow,
}

impl Decision {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Shadow => "shadow",
        }
    }
}

/// The rest of a limit for the same caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left<'r> {
    /// The limit's pointer.
    pub rule: &'r str,
    /// The rest of `max`, in millionths, where it is known.
    pub millionths: Option<u64>,
    /// The place in which it was counted.
    pub counted: Counted,
}

/// The places in which limits are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// The process.
    Process,
    /// The service, for all replicas.
    Replicas,
    /// Neither, since the service failed.
    Nowhere,
}

impl<'r> Left<'r> {
    /// The rests of limits whose charges begin at `first` in a receipt.
    pub(super) fn from_receipt(
        limit: impl Fn(usize) -> Option<&'r Limit>,
        receipt: &Receipt,
        first: usize,
    ) -> Vec<Self> {
        let left = receipt.left().filter_map(|(index, millionths)| {
            let limit = limit(index.checked_sub(first)?)?;
            let (millionths, counted) = (Some(millionths), Counted::Process);
            Some(Self { rule: &limit.pointer, millionths, counted })
        });
        left.collect()
    }
}

/// Names of arguments that are shown; more are counted.
const SHOWN: usize = 32;
/// Bytes of a client's name for something that are shown.
const NAME_BYTES: usize = 64;

/// The start of a name that a client has made up.
pub(super) fn short(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(name) => start(name, NAME_BYTES).into(),
        Cow::Owned(mut name) => {
            name.truncate(start(&name, NAME_BYTES).len());
            name.into()
        }
    }
}

/// The names of a call's arguments: never their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names<'r> {
    /// The 32 names that come first in the text, sorted by their bytes; of each
    /// the first 64 bytes.
    pub shown: Vec<Cow<'r, str>>,
    /// The number of further names.
    pub more: usize,
}

impl<'r> Names<'r> {
    pub(super) fn new(members: &Members<'r>) -> Self {
        // They are few: an insertion of each is less code on the way of a call than
        // sorting.
        let mut shown: Vec<Cow<'r, str>> = Vec::with_capacity(members.first().len().min(SHOWN));
        for (key, _) in members.first().iter().take(SHOWN) {
            let name = short(key.decode());
            let place = shown.iter().take_while(|other| **other <= name).count();
            shown.insert(place, name);
        }
        Self { more: members.count().saturating_sub(shown.len()), shown }
    }
}
