//! The questions about calls that no rule denies and that are charged here.

use super::batch::Messages;
use super::charging::Allowed;
use super::pending::{Held, Pending};
use super::{Decided, Passed};
use crate::exchange::approvals::KeptApproval;
use crate::exchange::inquiry::Inquiry;
use crate::exchange::question::Question;
use crate::exchange::record::{Asked, Decision, Kept, Record};
use crate::wire::jsonrpc::Id;

/// The questions about a request, while its body is there.
pub(super) struct Asks<'a> {
    inquiry: Inquiry,
    question: Box<Question>,
    messages: Vec<To<'a>>,
    /// The approval that the call has, which is used once the questions are answered.
    pub(super) approval: Option<Box<KeptApproval>>,
}

/// A message of the request, which its answer is for.
struct To<'a> {
    id: Option<Id<'a>>,
    stateless: bool,
    /// Whether there is a record of it.
    is_recorded: bool,
    /// Whether it is a call that is asked about.
    is_asked: bool,
}

impl<'a> Asks<'a> {
    /// The questions about a call that is alone; `None` if there are none.
    pub(super) fn about(call: &Allowed<'a>) -> Option<Box<Self>> {
        let (inquiry, question) = inquiry(core::iter::once(call))?;
        Some(Box::new(Self { inquiry, question, messages: vec![To::new(call)], approval: None }))
    }

    /// The questions about a batch, none of whose messages is denied.
    pub(super) fn about_batch(messages: &Messages<'a>) -> Option<Box<Self>> {
        let (inquiry, question) = inquiry(messages.iter().filter_map(|(_, decided)| {
            let Ok(Decided::Allowed(call)) = decided else { return None };
            Some(call)
        }))?;
        let messages = messages.iter().map(|(id, decided)| match decided {
            Ok(Decided::Allowed(call)) => To::new(call),
            Ok(Decided::Passes(passed)) => To {
                id: *id,
                stateless: false,
                is_recorded: !passed.records.is_empty(),
                is_asked: false,
            },
            // None is there: nobody is asked about a batch with one.
            Ok(Decided::Asks(_)) | Err(_) => {
                To { id: *id, stateless: false, is_recorded: false, is_asked: false }
            }
        });
        Some(Box::new(Self { inquiry, question, messages: messages.collect(), approval: None }))
    }

    /// The request as it waits for the first answer, and the question. `records` are those
    /// of its messages, as if it went on.
    pub(super) fn pending(
        self,
        records: Vec<Record<'a>>,
        asked: Asked,
        accepts_mcp: bool,
        is_shadow: bool,
    ) -> (Box<Pending>, Box<Question>) {
        let Self { inquiry, question, messages, approval } = self;
        let mut records = records.into_iter();
        let messages = messages.into_iter().map(|to| Held {
            id: to.id.map(|id| id.as_json().into()),
            stateless: to.stateless,
            record: if to.is_recorded { records.next().map(Kept::new) } else { None },
            is_asked: to.is_asked,
        });
        let messages = messages.collect();
        let pending = Pending { inquiry, accepts_mcp, is_shadow, messages, asked, approval };
        (Box::new(pending), question)
    }
}

impl<'a> To<'a> {
    fn new(call: &Allowed<'a>) -> Self {
        let (id, stateless) = (Some(call.called.id), call.called.stateless);
        Self { id, stateless, is_recorded: true, is_asked: true }
    }
}

impl<'a> Passed<'a> {
    /// The same, once these questions are answered. Nobody is asked about a call that goes
    /// on although a limit here has no room for it.
    pub(super) fn asking(mut self, asks: Option<Box<Asks<'a>>>) -> Self {
        if asks.is_some() {
            let is_allowed = |record: &Record<'_>| record.decision == Decision::Allowed;
            self.asks = asks.filter(|_| self.records.iter().any(is_allowed));
        }
        self
    }
}

/// The questions about these calls, and the first of them.
#[cfg(any(test, feature = "test-questions"))]
fn inquiry<'c, 'a: 'c>(
    mut calls: impl Iterator<Item = &'c Allowed<'a>>,
) -> Option<(Inquiry, Box<Question>)> {
    calls.find_map(|call| Inquiry::scripted(call.called.record.tool.as_deref()?))
}

/// No questions: there is no service to ask.
#[cfg(not(any(test, feature = "test-questions")))]
fn inquiry<'c, 'a: 'c>(
    _: impl Iterator<Item = &'c Allowed<'a>>,
) -> Option<(Inquiry, Box<Question>)> {
    None
}
