//! A call whose approval is kept at a home: the questions to the home, and between them
//! those about its limits across replicas.
//!
//! Nobody else is asked about a call that is not approved, since each question about
//! limits counts: an agent that waits would use up the limits of all. And the approval is
//! used last, once nothing else is against the call.

use super::{Consulted, Counted, Denied, Inquiry, Next};
use crate::exchange::approvals::{ApprovalRecord, Edge, Fault, Stage, Told};
use crate::exchange::question::{Answer, Question};
use crate::limits::window::Nanos;
use crate::policy::Reason;

/// The rule of a call about which the home gives no answer that counts.
const RULE: &str = "/settings/approvals/store";
const FAILED: &str = "The gateway cannot ask for this call's approval at the moment. Try again.";

/// The questions about one call.
#[derive(Debug)]
pub(super) struct Home {
    edge: Edge,
    /// The salt of the gateway's counters.
    salt: [u8; 16],
    state: State,
    /// The questions about its limits, and the first of them until it is asked.
    limits: Option<(Box<Inquiry>, Option<Box<Question>>)>,
    /// Whether it is not to be used, whoever approves: its own user has declined.
    is_declined: bool,
    counted: Counted,
}

/// The question that is asked, or to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Whether there is an approval.
    Look,
    /// Those about limits.
    Limits,
    /// For the use of the approval.
    Take,
}

impl Home {
    pub(super) fn new(
        edge: Edge,
        salt: [u8; 16],
        limits: Option<(Inquiry, Box<Question>)>,
        is_declined: bool,
    ) -> Self {
        let limits = limits.map(|(inquiry, first)| (Box::new(inquiry), Some(first)));
        // Without limits to ask about in between, one question is enough.
        let state = if limits.is_some() || is_declined { State::Look } else { State::Take };
        Self { edge, salt, state, limits, is_declined, counted: Counted::Process }
    }

    pub(super) fn next(
        &mut self,
        answer: Option<Answer>,
        now: Nanos,
        report: &mut dyn FnMut(Consulted),
    ) -> Next {
        let answer = match answer {
            None => return self.ask(now),
            #[cfg(any(test, not(target_os = "wasi")))]
            Some(Answer::Simulated) if self.state != State::Limits => return Next::Here,
            Some(answer) => answer,
        };
        if self.state == State::Limits {
            return self.limits(Some(answer), now, report);
        }
        match self.edge.answered(answer, now) {
            Ok(Told::Approved { id, by }) if !self.is_declined => {
                if self.state == State::Look {
                    return self.limits(None, now, report);
                }
                let counted = core::mem::replace(&mut self.counted, Counted::Process);
                Next::Pass(counted, Some(ApprovalRecord { id, stage: Stage::Used, by }))
            }
            Ok(told) => Next::Unapproved(told),
            Err(Fault { kind, why }) => {
                report(Consulted::StoreFailed(kind, why));
                Next::Deny(Denied {
                    call: 0,
                    reason: Reason::ApprovalStore,
                    rule: RULE.into(),
                    message: FAILED.into(),
                    retry_after: None,
                })
            }
        }
    }

    /// The next question about limits, or the one for the use.
    fn limits(
        &mut self,
        answer: Option<Answer>,
        now: Nanos,
        report: &mut dyn FnMut(Consulted),
    ) -> Next {
        self.state = State::Limits;
        let next = match (&mut self.limits, answer) {
            (Some((_, first)), None) => first.take().map(Next::Ask),
            (Some((inquiry, _)), Some(answer)) => Some(inquiry.next(Some(answer), now, report)),
            (None, _) => None,
        };
        match next {
            Some(Next::Pass(counted, _)) => self.counted = counted,
            Some(next) => return next,
            None => {}
        }
        self.state = State::Take;
        self.ask(now)
    }

    fn ask(&mut self, now: Nanos) -> Next {
        Next::Ask(self.edge.question(self.state == State::Look, &self.salt, now))
    }

    pub(super) fn size(&self) -> usize {
        let limits = self.limits.as_ref().map_or(0, |(inquiry, first)| {
            let first = first.as_ref().map_or(0, |question| question.bytes.len());
            size_of::<Inquiry>().saturating_add(inquiry.size()).saturating_add(first)
        });
        size_of::<Self>().saturating_add(self.edge.size()).saturating_add(limits)
    }
}
