//! The parts of a judged message that outlive it: for the audit log, and for the
//! response that is to come.

use crate::exchange::approvals::ApprovalRecord;
use crate::limits::Receipt;
use crate::policy::{Limits, Reason, Values};
use crate::text::start;
use crate::wire::json::Members;
use std::borrow::Cow;
use std::sync::Arc;

/// The lists of tools that a POST asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The ids of its requests for one, as JSON texts.
    pub ids: Vec<String>,
    /// Whether the POST is an array, and so its answer.
    pub batch: bool,
}

/// A decision as it is recorded.
#[derive(Debug)]
pub struct Record {
    /// The decision.
    pub decision: Decision,
    /// The reason, unless it was allowed.
    pub reason: Option<Reason>,
    /// The rule that decided.
    pub rule: String,
    /// The message for the client, or that of a denial in shadow mode.
    pub message: Option<String>,
    /// The JSON-RPC method, if a message could be read.
    pub method: Option<Cow<'static, str>>,
    /// The tool, if the request was a call of one.
    pub tool: Option<String>,
    /// The caller's id, if one is known.
    pub caller_id: Option<String>,
    /// The names of a call's arguments.
    pub arguments: Option<Names>,
    /// The HMAC-SHA-256 of the arguments' text, if the policy has a key.
    pub arguments_hmac: Option<String>,
    /// The values of arguments that the policy asks for, if there are any.
    pub values: Option<Box<Values>>,
    /// The limits that an allowed call was charged.
    pub limits: Vec<Left>,
    /// The approval that the call has or waits for.
    pub approval: Option<Box<ApprovalRecord>>,
    /// The rules in shadow that the call did not pass, each with its reason.
    pub shadow: Vec<(String, Reason)>,
}

impl Record {
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

/// The rest of a limit for the same caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The limit's pointer.
    pub rule: Arc<str>,
    /// The rest of `max`, in millionths.
    pub millionths: u64,
}

impl Left {
    /// The rests of limits whose charges begin at `first` in a receipt.
    pub(super) fn from_receipt(limits: Limits<'_>, receipt: &Receipt, first: usize) -> Vec<Self> {
        let left = receipt.left().filter_map(|(index, millionths)| {
            let limit = limits.get(index.checked_sub(first)?)?;
            Some(Self { rule: limit.pointer.clone(), millionths })
        });
        left.collect()
    }
}

/// Names of arguments that are shown; more are counted.
const SHOWN: usize = 32;
/// Bytes of a client's name for something that are shown.
const NAME_BYTES: usize = 64;

/// The start of a name that a client has made up.
pub(super) fn short(name: &str) -> String {
    start(name, NAME_BYTES).to_owned()
}

/// The names of a call's arguments: never their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The 32 names that come first in the text, sorted by their bytes; of each
    /// the first 64 bytes.
    pub shown: Vec<String>,
    /// The number of further names.
    pub more: usize,
}

impl Names {
    pub(super) fn new(members: &Members<'_>) -> Self {
        // They are few: an insertion of each is less code on the way of a call than
        // sorting.
        let mut shown: Vec<String> = Vec::with_capacity(members.first().len().min(SHOWN));
        for (key, _) in members.first().iter().take(SHOWN) {
            let name = short(&key.decode());
            let place = shown.iter().take_while(|other| **other <= name).count();
            shown.insert(place, name);
        }
        Self { more: members.count().saturating_sub(shown.len()), shown }
    }
}
