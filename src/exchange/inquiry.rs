//! The questions of one request, one after another, as a state machine: an answer goes
//! in, and the next question or the outcome comes out.

#![cfg_attr(
    not(any(test, feature = "test-questions")),
    expect(unreachable_code, unused_variables, reason = "there is no service to ask yet")
)]

#[cfg(any(test, feature = "test-questions"))]
mod script;

#[cfg(any(test, feature = "test-questions"))]
pub use script::Script;

use super::question::{Answer, Question};
use crate::policy::Reason;
use std::borrow::Cow;

/// The most questions of one request. No policy asks more; a state machine that does
/// never ends.
const MOST_QUESTIONS: u8 = 64;

/// The questions about one request.
#[derive(Debug)]
pub struct Inquiry {
    kind: Kind,
    /// The questions that were asked.
    asked: u8,
}

/// The services that can be asked.
#[derive(Debug)]
enum Kind {
    /// The questions that a test wrote into its call. In no module that is shipped.
    #[cfg(any(test, feature = "test-questions"))]
    Scripted(Script),
}

/// The next event of an inquiry.
#[derive(Debug)]
pub enum Next {
    /// Another question.
    Ask(Box<Question>),
    /// The request goes on, if nothing else is against it.
    Pass,
    /// It does not.
    Deny(Denied),
}

/// A request that does not go on for an answer, or for want of one.
#[derive(Debug)]
pub struct Denied {
    /// The index of the call that is denied, among those that were asked about.
    pub call: usize,
    /// The kind.
    pub reason: Reason,
    /// The rule that decided.
    pub rule: Cow<'static, str>,
    /// One or two sentences for the agent.
    pub message: Cow<'static, str>,
    /// Seconds until the same call may go on, if time alone helps.
    pub retry_after: Option<u64>,
}

impl Inquiry {
    /// The questions that a test wrote into the name of its tool, and the first of them.
    #[cfg(any(test, feature = "test-questions"))]
    pub fn scripted(tool: &str) -> Option<(Self, Box<Question>)> {
        let mut inquiry = Self { kind: Kind::Scripted(Script::parse(tool)?), asked: 0 };
        match inquiry.next(None) {
            Next::Ask(question) => Some((inquiry, question)),
            Next::Pass | Next::Deny(_) => None,
        }
    }

    /// Takes the answer to the last question; `None` before the first.
    pub fn next(&mut self, answer: Option<Answer>) -> Next {
        let next = match self.kind {
            #[cfg(any(test, feature = "test-questions"))]
            Kind::Scripted(ref mut script) => script.next(answer),
        };
        match next {
            Next::Ask(_) if self.asked >= MOST_QUESTIONS => Next::Deny(Denied {
                call: 0,
                reason: Reason::Internal,
                rule: "(internal)".into(),
                message: "The gateway has asked too often about this call.".into(),
                retry_after: None,
            }),
            Next::Ask(question) => {
                self.asked = self.asked.saturating_add(1);
                Next::Ask(question)
            }
            next => next,
        }
    }

    /// The bytes that it keeps besides itself, about.
    pub fn size(&self) -> usize {
        match self.kind {
            #[cfg(any(test, feature = "test-questions"))]
            Kind::Scripted(ref script) => script.size(),
        }
    }
}
