//! One stream: hooks in, and their outcomes out.

use crate::abi::{Answer, Envoy};
use crate::callout::{Asking, Callouts, Heard};
use crate::config::Config;
use crate::host::{After, Native};
use crate::tally::Ticket;
use core::cell::{Cell, OnceCell, RefCell};
use mcp_policy_filter::exchange::permit::Permit;
use mcp_policy_filter::exchange::question::{self, Failure, Question};
use mcp_policy_filter::shell::{Course, Flow, Message, Passage};
use std::borrow::Cow;

/// The filter of one stream.
pub(crate) struct Http {
    config: &'static Config,
    course: RefCell<Course>,
    /// Whether a hook began and did not end: it panicked, and the course may be at
    /// any point of it.
    broken: Cell<bool>,
    /// Whether the response is held here. If not, what Envoy holds of it has passed and
    /// is another filter's, in front of this one.
    holds_response: Cell<bool>,
    /// The ticket of the call that was counted last, until Envoy was told of it or left
    /// that to a later one.
    ticket: Cell<Option<Ticket>>,
    /// The question that was asked last, if any was. Hooks about it come while the course
    /// is lent.
    callouts: OnceCell<Box<Callouts>>,
}

/// The outcome of a hook.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The message goes on.
    GoOn,
    /// It is held until more of it has come.
    Wait,
    /// It is held until the answer to this question is there.
    Ask(Box<Question>),
    /// It was answered, or is by this; nothing of it goes on.
    Answered(Option<Box<Answer>>),
}

impl Outcome {
    /// The outcome of a hook that panicked.
    #[cold]
    pub(crate) fn panicked() -> Self {
        let details = Cow::Borrowed("mcp_policy_filter:panic");
        let answer = Answer { status: 500, headers: Vec::new(), body: Vec::new(), details };
        Self::Answered(Some(Box::new(answer)))
    }
}

impl Http {
    pub(crate) fn new(config: &'static Config) -> Self {
        config.trap("filter_new");
        Self {
            config,
            course: RefCell::default(),
            broken: Cell::default(),
            holds_response: Cell::default(),
            ticket: Cell::default(),
            callouts: OnceCell::new(),
        }
    }

    pub(crate) fn request_headers(&self, envoy: &mut Envoy, end: bool) -> Outcome {
        self.request(envoy, false, |course, host| {
            self.config.trap("request_headers");
            course.request_headers(host, &self.config.policy, end)
        })
    }

    pub(crate) fn request_body(&self, envoy: &mut Envoy, end: bool) -> Outcome {
        self.request(envoy, false, |course, host| {
            self.config.trap("request_body");
            let size = if course.measures(end) { host.size(Message::Request) } else { 0 };
            course.request_body(host, &self.config.policy, size, end)
        })
    }

    pub(crate) fn request_trailers(&self, envoy: &mut Envoy) -> Outcome {
        self.request(envoy, true, |course, host| {
            self.config.trap("request_trailers");
            course.request_trailers(host, &self.config.policy)
        })
    }

    pub(crate) fn response_headers(&self, envoy: &mut Envoy, end: bool) -> Outcome {
        self.settle(envoy);
        let passes = |course: &mut Course| course.passes_response(&self.config.policy);
        self.response(envoy, "response_headers:passes", passes, false, |course, host| {
            self.config.trap("response_headers");
            course.response_headers(host, &self.config.policy, end)
        })
    }

    pub(crate) fn response_body(&self, envoy: &mut Envoy, end: bool) -> Outcome {
        let passes = |course: &mut Course| !course.reads_response();
        self.response(envoy, "response_body:passes", passes, false, |course, host| {
            self.config.trap("response_body");
            let size = if course.reads_response() { host.size(Message::Response) } else { 0 };
            course.response_body(host, &self.config.policy, size, end)
        })
    }

    pub(crate) fn response_trailers(&self, envoy: &mut Envoy) -> Outcome {
        let passes = |course: &mut Course| !course.reads_response();
        self.response(envoy, "response_trailers:passes", passes, true, |course, host| {
            self.config.trap("response_trailers");
            course.response_trailers(host, &self.config.policy)
        })
    }

    pub(crate) fn complete(&self, envoy: &mut Envoy) {
        // First: the end counts no call, and may panic.
        self.settle(envoy);
        self.run(envoy, false, false, |course, host| {
            self.config.trap("stream_complete");
            course.end(host, &self.config.policy);
        });
    }

    /// Has Envoy told of the call that was counted, unless a later one does that.
    fn settle(&self, envoy: &Envoy) {
        if let Some(ticket) = self.ticket.take() {
            self.config.metrics.settle(envoy, ticket);
        }
    }

    /// The request that asks a question.
    pub(crate) fn asking<'q>(&self, question: &'q Question) -> Asking<'q> {
        self.callouts.get_or_init(Box::default).begin(question)
    }

    /// Notes the number of that request, or that it was not sent; whether that is an answer.
    pub(crate) fn asked(&self, callout: Option<u64>) -> bool {
        self.callouts.get().is_some_and(|callouts| callouts.begun(callout))
    }

    /// Runs a hook of a callout.
    pub(crate) fn hear(&self, hook: impl FnOnce(&Callouts) -> Heard) -> Heard {
        self.config.trap("http_stream");
        self.callouts.get().map_or(Heard::Part, |callouts| hook(callouts))
    }

    /// Takes the answer that is there.
    pub(crate) fn answered(&self, envoy: &mut Envoy) -> Outcome {
        // Without one, a hook of the callout panicked.
        let failed = question::Answer::Failed(Failure::Transport);
        let answer = self.callouts.get().and_then(|callouts| callouts.take()).unwrap_or(failed);
        let result = self.run(envoy, false, false, |course, host| {
            self.config.trap("scheduled");
            course.answered(host, &self.config.policy, answer)
        });
        // The hook that panicked before has answered.
        self.decided(envoy, result.map_or(Outcome::Wait, requested))
    }

    /// Runs a hook of the request.
    fn request(
        &self,
        envoy: &mut Envoy,
        trailers: bool,
        hook: impl FnOnce(&mut Course, &mut Native<'_>) -> Flow,
    ) -> Outcome {
        let result = self.run(envoy, trailers, true, hook);
        self.decided(envoy, result.map_or_else(Outcome::panicked, requested))
    }

    /// An outcome of the request. Where that is an answer, Envoy is told of the call before
    /// its client has it: no hook of a response follows.
    fn decided(&self, envoy: &Envoy, outcome: Outcome) -> Outcome {
        if matches!(outcome, Outcome::Answered(_)) {
            self.settle(envoy);
        }
        outcome
    }

    /// Whether a hook of the response has nothing to do, as most have: most code of one is
    /// for the others. Not after a panic.
    fn passes(&self, hook: &str, passes: impl FnOnce(&mut Course) -> bool) -> bool {
        let Ok(mut course) = self.course.try_borrow_mut() else { return false };
        if self.broken.replace(true) {
            return false;
        }
        self.config.trap(hook);
        let passes = passes(&mut course);
        self.broken.set(false);
        if passes {
            self.holds_response.set(false);
        }
        passes
    }

    /// Runs a hook of the response, unless it passes.
    fn response(
        &self,
        envoy: &mut Envoy,
        name: &str,
        passes: impl FnOnce(&mut Course) -> bool,
        trailers: bool,
        hook: impl FnOnce(&mut Course, &mut Native<'_>) -> Passage,
    ) -> Outcome {
        let passes = self.passes(name, passes);
        let other = if passes { None } else { self.read(envoy, trailers, hook) };
        other.unwrap_or(Outcome::GoOn)
    }

    /// Runs a hook of a response that is looked at; `None` if it passes.
    #[inline(never)]
    fn read(
        &self,
        envoy: &mut Envoy,
        trailers: bool,
        hook: impl FnOnce(&mut Course, &mut Native<'_>) -> Passage,
    ) -> Option<Outcome> {
        let result = self.run(envoy, trailers, self.holds_response.get(), hook);
        // An answer that is too long is counted as a call is, and a stream may stay open.
        self.settle(envoy);
        self.holds_response.set(matches!(result, Some((Passage::Wait, _))));
        match result {
            Some((Passage::Pass, _)) => None,
            Some((Passage::Wait, _)) => Some(Outcome::Wait),
            Some((Passage::Answered, after)) => Some(Outcome::Answered(after.answer)),
            None => Some(Outcome::panicked()),
        }
    }

    /// Runs a hook; `None` if one before it panicked.
    fn run<T>(
        &self,
        envoy: &mut Envoy,
        trailers: bool,
        held: bool,
        hook: impl FnOnce(&mut Course, &mut Native<'_>) -> T,
    ) -> Option<(T, After)> {
        let mut course = self.course.try_borrow_mut().ok()?;
        if self.broken.replace(true) {
            return None;
        }
        let mut host = Native::new(self.config, envoy, &self.ticket, trailers, held);
        let result = hook(&mut course, &mut host);
        self.broken.set(false);
        Some((result, host.after))
    }
}

/// The outcome of a hook of the request.
fn requested((flow, after): (Flow, After)) -> Outcome {
    match (flow, after.question) {
        (Flow::Continue(permit), _) => go(permit),
        (Flow::Asking, Some(question)) => Outcome::Ask(question),
        (Flow::Wait | Flow::Asking, _) => Outcome::Wait,
        (Flow::Answered, _) => Outcome::Answered(after.answer),
    }
}

/// The only way on for a request.
fn go(_: Permit) -> Outcome {
    Outcome::GoOn
}
