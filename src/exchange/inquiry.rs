//! The questions of one request, one after another, as a state machine: an answer goes
//! in, and the next question or the outcome comes out.

mod counting;
mod home;
#[cfg(any(test, feature = "test-questions"))]
mod script;

pub use super::consulted::{Consulted, FailureKind};
pub use counting::Asked;
#[cfg(any(test, feature = "test-questions"))]
pub use script::Script;

use super::approvals::{ApprovalRecord, Edge, Told};
use super::question::{Answer, Question};
use crate::limits::Tag;
use crate::limits::window::Nanos;
use crate::policy::Reason;
use crate::policy::document::LimitService;
use counting::Counting;
use home::Home;
use std::borrow::Cow;

/// The most questions of one request. One that would take more is refused before the
/// first, and a state machine that asks more never ends.
const MOST_QUESTIONS: u8 = 64;
/// The same with the two of the home of its approval.
const MOST_WITH_HOME: u8 = MOST_QUESTIONS + 2;

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
    /// The service that counts limits across replicas.
    Limits(Box<Counting>),
    /// The home that keeps the requests for approval, and the service for its limits.
    Home(Box<Home>),
    /// The questions that a test wrote into its call. In no module that is shipped.
    #[cfg(any(test, feature = "test-questions"))]
    Scripted(Script),
}

/// The next event of an inquiry.
#[derive(Debug)]
pub enum Next {
    /// Another question.
    Ask(Box<Question>),
    /// The request goes on, if nothing else is against it. If it was approved elsewhere,
    /// the approval is used.
    Pass(Counted, Option<ApprovalRecord>),
    /// It does not.
    Deny(Denied),
    /// It is not approved.
    Unapproved(Told),
    /// The gateway is the home of its own calls, as in a simulation.
    #[cfg(any(test, not(target_os = "wasi")))]
    Here,
}

/// The place in which the limits across replicas of a request were counted.
#[derive(Debug)]
pub enum Counted {
    /// The process alone, or there are none.
    Process,
    /// The service: each limit by the index of its call and its pointer, with the rest of
    /// `max` in millionths where the service tells it.
    Replicas(Vec<(usize, Box<str>, Option<u64>)>),
    /// Neither. The charges with these tags have to be given back.
    Nowhere {
        /// Each limit by the index of its call, and its pointer.
        limits: Vec<(usize, Box<str>)>,
        /// Their counters.
        tags: Vec<Tag>,
    },
}

/// A request that does not go on, by an answer or without one.
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
        match inquiry.next(None, Nanos(0), &mut |_| {}) {
            Next::Ask(question) => Some((inquiry, question)),
            _ => None,
        }
    }

    /// The questions about limits across replicas, and the first of them; `None` if no
    /// call weighs anything.
    ///
    /// # Errors
    /// The index of a limit that the charges alone exceed.
    pub fn counting(
        service: &LimitService,
        asked: &[Asked<'_>],
    ) -> Result<Option<(Self, Box<Question>)>, usize> {
        let kind = Kind::Limits(Box::new(Counting::new(service, asked)?));
        let mut inquiry = Self { kind, asked: 0 };
        Ok(match inquiry.next(None, Nanos(0), &mut |_| {}) {
            Next::Ask(question) => Some((inquiry, question)),
            _ => None,
        })
    }

    /// The questions about a call whose request for approval is kept at a home, and the
    /// first of them. `limits` are those about its limits across replicas.
    pub(super) fn at_home(
        edge: Edge,
        salt: [u8; 16],
        limits: Option<(Self, Box<Question>)>,
        is_declined: bool,
        now: Nanos,
    ) -> Option<(Self, Box<Question>)> {
        let kind = Kind::Home(Box::new(Home::new(edge, salt, limits, is_declined)));
        let mut inquiry = Self { kind, asked: 0 };
        match inquiry.next(None, now, &mut |_| {}) {
            Next::Ask(question) => Some((inquiry, question)),
            _ => None,
        }
    }

    /// Takes the answer to the last question; `None` before the first.
    pub fn next(
        &mut self,
        answer: Option<Answer>,
        now: Nanos,
        report: &mut dyn FnMut(Consulted),
    ) -> Next {
        let mut most = MOST_QUESTIONS;
        let next = match self.kind {
            Kind::Home(ref mut home) => {
                most = MOST_WITH_HOME;
                home.next(answer, now, report)
            }
            Kind::Limits(ref mut counting) => counting.next(answer, report),
            #[cfg(any(test, feature = "test-questions"))]
            Kind::Scripted(ref mut script) => script.next(answer),
        };
        match next {
            Next::Ask(_) if self.asked >= most => Next::Deny(Denied {
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
            Kind::Limits(ref counting) => counting.size(),
            Kind::Home(ref home) => home.size(),
            #[cfg(any(test, feature = "test-questions"))]
            Kind::Scripted(ref script) => script.size(),
        }
    }
}
