//! The answer that a server owes to a request, and the bounds of its size.
//!
//! All of it is owned: the answer comes when the body is Envoy's again. It is made only
//! where a policy bounds answers.

use super::head::Trace;
use super::record::{Decision, Record};
use super::refusal::{Client, Refusal, To};
use super::reply::Reply;
use crate::policy::{Caller, Deciding, Denial, Policy, Reason, ResultBound, ResultBounds};
use crate::wire::jsonrpc::Id;
use crate::wire::mcp::is_task_result;
use core::cell::{Cell, RefCell};
use std::borrow::Cow;

/// The parts of a POST by which its answer is read.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The ids of its requests for a list of tools, as JSON texts.
    pub ids: Vec<String>,
    /// Whether the POST is an array, and so its answer.
    pub batch: bool,
    /// The answer, if its size has a bound.
    pub awaited: Option<Box<Awaited>>,
}

/// The answer to one request, or what comes on an open stream.
#[derive(Clone, Debug)]
pub struct Awaited {
    bounds: ResultBounds,
    /// The ids of the messages that it answers, as JSON texts; none of a GET.
    ids: Vec<String>,
    /// Those of them that call tools.
    calls: Vec<String>,
    method: Option<Box<str>>,
    tool: Option<Box<str>>,
    caller_id: Option<Box<str>>,
    accepts_mcp: bool,
    stateless: bool,
    /// The ids whose answers have passed, where there are several.
    answered: RefCell<Vec<String>>,
    /// The request, for records.
    pub(super) trace: Trace,
    /// Whether each of the bounds was passed, and whether that was told.
    enforced: Cell<News>,
    shadow: Cell<News>,
}

/// An event that is told once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum News {
    /// It has not happened.
    #[default]
    Nothing,
    Untold,
    Told,
}

impl News {
    fn happen(news: &Cell<Self>) {
        if news.get() == Self::Nothing {
            news.set(Self::Untold);
        }
    }

    fn tell(news: &Cell<Self>) -> bool {
        news.get() == Self::Untold && news.replace(Self::Told) == Self::Untold
    }
}

/// The message that an answer is owed to.
#[derive(Default)]
pub(super) struct Owed<'a> {
    pub(super) id: Option<Id<'a>>,
    pub(super) method: Option<&'a str>,
    pub(super) tool: Option<&'a str>,
    /// The rules about its call, if it is one.
    pub(super) deciding: Option<&'a Deciding<'a>>,
    /// Whether it is of revision 2026-07-28 or later.
    pub(super) stateless: bool,
}

impl Awaited {
    /// The answer to a message of a caller.
    pub(super) fn new(policy: &Policy, caller: &Caller, accepts_mcp: bool, to: &Owed<'_>) -> Self {
        let known = !policy.identity.is_empty();
        let ids: Vec<_> = to.id.map(|id| id.as_json().to_owned()).into_iter().collect();
        Self {
            bounds: match to.method {
                Some(method) if is_task_result(method) => policy.task_bounds(caller),
                _ => policy.result_bounds(caller, to.deciding),
            },
            calls: if to.tool.is_some() { ids.clone() } else { Vec::new() },
            ids,
            method: to.method.map(Box::from),
            tool: to.tool.map(Box::from),
            caller_id: known.then(|| Box::from(&*caller.id)),
            accepts_mcp,
            stateless: to.stateless,
            answered: RefCell::default(),
            trace: Trace::default(),
            enforced: Cell::default(),
            shadow: Cell::default(),
        }
    }

    /// Adds the answer to another message of the same body. The lesser bound holds for
    /// all of them: their answers come in one, of which no part is read.
    pub(super) fn join(&mut self, other: Self) {
        self.ids.extend(other.ids);
        self.calls.extend(other.calls);
        if self.bounds.lower(other.bounds) {
            (self.method, self.tool) = (other.method, other.tool);
        }
        self.stateless |= other.stateless;
    }

    /// Whether its size has a bound.
    pub(super) const fn is_bounded(&self) -> bool {
        !self.bounds.is_empty()
    }

    /// Whether something is refused for its size, and not only recorded.
    pub(super) const fn is_enforced(&self) -> bool {
        self.bounds.enforced.is_some()
    }

    /// Whether it is what a server sends on a stream of its own.
    pub(super) const fn is_unasked(&self) -> bool {
        self.ids.is_empty()
    }

    /// The bytes of an event that are held to see whether it is too long.
    pub(super) fn most(&self) -> usize {
        let ResultBounds { enforced, shadow } = &self.bounds;
        enforced.as_ref().or(shadow.as_ref()).map_or(usize::MAX, |bound| bound.most)
    }

    /// Takes the size of an answer, or of an event, as far as it is known; whether it is
    /// refused for it.
    pub(super) fn is_too_long(&self, size: usize) -> bool {
        let passed =
            |bound: &Option<ResultBound>| bound.as_ref().is_some_and(|bound| size > bound.most);
        if passed(&self.bounds.shadow) {
            News::happen(&self.shadow);
        }
        let refused = passed(&self.bounds.enforced);
        if refused {
            News::happen(&self.enforced);
        }
        refused
    }

    /// Whether its parts may pass one by one, so that errors are for the others.
    pub(super) fn has_parts(&self) -> bool {
        self.is_enforced() && self.ids.len() > 1
    }

    /// Takes the id of a message whose answer passes.
    pub(super) fn answers(&self, id: &str) {
        let mut answered = self.answered.borrow_mut();
        if self.ids.iter().any(|other| other == id) && !answered.iter().any(|other| other == id) {
            answered.push(id.to_owned());
        }
    }

    /// The errors in the place of an answer that is too long: one for each id that has no
    /// answer, or one without.
    pub(super) fn errors(&self, policy: &Policy) -> Vec<Vec<u8>> {
        let error = |id| self.error(policy, id).body;
        let answered = self.answered.borrow();
        match &*self.ids {
            [] => vec![error(None)],
            ids => {
                let open = ids.iter().filter(|id| !answered.contains(id));
                open.map(|id| error(Some(id))).collect()
            }
        }
    }

    /// The answer in the place of one that is too long.
    pub(super) fn refusal(&self, policy: &Policy, is_batch: bool) -> Reply {
        match &*self.ids {
            // No client finds its request by an error without an id.
            [] => Reply { status: 502, ..self.error(policy, None) },
            [id] if !is_batch => self.error(policy, Some(id)),
            [first, ..] => {
                let body = [b"[".as_slice(), &self.errors(policy).join(&b','), b"]"].concat();
                Reply { body, ..self.error(policy, Some(first)) }
            }
        }
    }

    fn error(&self, policy: &Policy, id: Option<&str>) -> Reply {
        let Self { accepts_mcp, stateless, .. } = *self;
        let client = Client { accepts_mcp, stateless, is_shown: false };
        // Only a call of a tool may have its error as a result.
        let is_call = |id: &str| self.calls.iter().any(|call| call == id);
        let tool = self.tool.as_deref().filter(|_| id.is_none_or(is_call));
        let to = To { id: id.map(Id::new), tool, ..To::default() };
        let denial = match &self.bounds.enforced {
            Some(bound) => self.denial(bound),
            None => nothing(),
        };
        Refusal::denied(policy, to, client, denial).refused.reply
    }

    fn denial<'b>(&'b self, bound: &'b ResultBound) -> Denial<'b> {
        let most = bound.most;
        let message = match &self.tool {
            Some(tool) => format!(
                "The result of {tool} is longer than {most} bytes, the most that the policy \
                 allows. Ask for less of it."
            ),
            None => format!(
                "The server's answer is longer than {most} bytes, the most that the policy allows."
            ),
        };
        let reason = Reason::ResultTooLarge;
        Denial { reason, rule: &bound.rule, message: message.into(), retry_after: None }
    }

    /// The records of the bounds that were passed since this was last asked.
    pub(super) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        let ResultBounds { enforced, shadow } = &self.bounds;
        let shadow = shadow.as_ref().filter(|_| News::tell(&self.shadow));
        let enforced = enforced.as_ref().filter(|_| News::tell(&self.enforced));
        let shadow = shadow.map(|bound| (bound, Decision::Shadow));
        shadow.into_iter().chain(enforced.map(|bound| (bound, Decision::Denied))).map(
            |(bound, decision)| {
                let Denial { reason, rule, message, .. } = self.denial(bound);
                Record {
                    decision,
                    method: self.method.as_deref().map(Cow::Borrowed),
                    tool: self.tool.as_deref().map(Cow::Borrowed),
                    caller_id: self.caller_id.as_deref(),
                    ..Record::denied(reason, rule, Some(message))
                }
            },
        )
    }

    /// The bytes that it keeps, about.
    pub(super) fn size(&self) -> usize {
        let ids = self
            .ids
            .iter()
            .chain(&self.calls)
            .map(|id| id.len().saturating_add(size_of::<String>()));
        let texts = [&self.method, &self.tool, &self.caller_id].into_iter().flatten();
        let texts = texts.map(|text| text.len());
        ids.chain(texts).fold(size_of::<Self>(), usize::saturating_add)
    }
}

/// The denial where no bound is enforced: then nothing is refused.
const fn nothing() -> Denial<'static> {
    let message = Cow::Borrowed("The server's answer is too long.");
    Denial { reason: Reason::ResultTooLarge, rule: "(internal)", message, retry_after: None }
}
