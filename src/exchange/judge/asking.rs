//! The questions about calls that no rule denies and that are charged here.

use super::batch::Messages;
use super::charging::Allowed;
use super::pending::{Held, Pending};
use super::{Decided, Passed};
use crate::exchange::approvals::{Draft, KeptApproval};
use crate::exchange::awaited::Asked;
use crate::exchange::inquiry::{self, Inquiry};
use crate::exchange::question::Question;
use crate::exchange::record::{Decision, Kept, Record};
use crate::limits::ChargeError;
use crate::limits::window::Nanos;
use crate::policy::{Policy, document};
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
    ///
    /// # Errors
    /// The service could never admit it.
    pub(super) fn about(
        policy: &Policy,
        caller_id: &str,
        call: &Allowed<'a>,
    ) -> Result<Option<Box<Self>>, ChargeError> {
        let asked = inquiry(policy, caller_id, core::iter::once(call))?;
        Ok(asked.map(|(inquiry, question)| {
            Box::new(Self { inquiry, question, messages: vec![To::new(call)], approval: None })
        }))
    }

    /// The questions to the home of a call's approval, and about its limits; `None` if there
    /// are none.
    ///
    /// # Errors
    /// As above.
    pub(super) fn at_home(
        policy: &Policy,
        caller_id: &str,
        call: &Allowed<'a>,
        draft: &Draft<'_>,
        home: &document::Store,
        now: Nanos,
    ) -> Result<Option<Box<Self>>, ChargeError> {
        let limits = inquiry(policy, caller_id, core::iter::once(call))?;
        let Some(edge) = draft.edge(home) else { return Ok(None) };
        let salt = *policy.table.salt();
        let asked = Inquiry::at_home(edge, salt, limits, draft.is_declined(), now);
        Ok(asked.map(|(inquiry, question)| {
            Box::new(Self { inquiry, question, messages: vec![To::new(call)], approval: None })
        }))
    }

    /// The questions about a batch, none of whose messages is denied.
    ///
    /// # Errors
    /// The charge, among those of all calls, for which the service has never room beside
    /// the others.
    pub(super) fn about_batch(
        policy: &Policy,
        caller_id: &str,
        messages: &Messages<'a>,
    ) -> Result<Option<Box<Self>>, ChargeError> {
        let calls = messages.iter().filter_map(|(_, decided)| {
            let Ok(Decided::Allowed(call)) = decided else { return None };
            Some(call)
        });
        let Some((inquiry, question)) = inquiry(policy, caller_id, calls)? else {
            return Ok(None);
        };
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
        let messages = messages.collect();
        Ok(Some(Box::new(Self { inquiry, question, messages, approval: None })))
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
    /// on in shadow mode alone, nor about a batch with one: without that mode, nothing of it
    /// would be charged.
    pub(super) fn asking(mut self, asks: Option<Box<Asks<'a>>>) -> Self {
        if asks.is_some() {
            let is_allowed = |record: &Record<'_>| record.decision == Decision::Allowed;
            self.asks = asks.filter(|_| self.records.iter().all(is_allowed));
        }
        self
    }
}

/// The questions about these calls, and the first of them; `None` if there are none.
///
/// # Errors
/// The charge, among those of all calls, that the service could never admit.
fn inquiry<'c, 'a: 'c>(
    policy: &Policy,
    caller_id: &str,
    calls: impl Iterator<Item = &'c Allowed<'a>> + Clone,
) -> Result<Option<(Inquiry, Box<Question>)>, ChargeError> {
    #[cfg(any(test, feature = "test-questions"))]
    for call in calls.clone() {
        let scripted = call.called.record.tool.as_deref().and_then(Inquiry::scripted);
        if scripted.is_some() {
            return Ok(scripted);
        }
    }
    let Some(service) = &policy.settings.limit_service else { return Ok(None) };
    let (mut asked, mut indexes, mut first) = (Vec::new(), Vec::new(), 0_usize);
    for (number, call) in calls.enumerate() {
        for (index, charge) in call.charges.iter().enumerate() {
            let limit = call.limits.get(index);
            let counted =
                limit.and_then(|limit| Some((limit, limit.in_service(caller_id, charge)?)));
            if let Some((limit, charge)) = counted {
                asked.push(inquiry::Asked { call: number, limit, charge });
                indexes.push(first.saturating_add(index));
            }
        }
        first = first.saturating_add(call.charges.len());
    }
    if asked.is_empty() {
        return Ok(None);
    }
    Inquiry::counting(service, &asked).map_err(|at| ChargeError::Limit {
        index: indexes.get(at).copied().unwrap_or_default(),
        // Together they never have room. In the next window each may have it alone.
        retry_after: asked.get(at).map_or(1, |asked| asked.charge.window.into()),
    })
}
