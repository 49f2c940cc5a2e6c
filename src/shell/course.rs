//! The request of a stream, and its end.

use super::{Headers, Host, Message, metrics, records};
use crate::exchange::head::repeats_requests;
use crate::exchange::permit::Permit;
use crate::exchange::record::Record;
use crate::exchange::{Exchange, Step};
use crate::limits::window::Nanos;
use crate::policy::Policy;

/// The course of one stream.
#[derive(Debug, Default)]
pub struct Course {
    pub(super) exchange: Exchange,
    /// The time at which the request was judged.
    judged: Option<Nanos>,
}

/// The state of a request after a step.
#[derive(Debug)]
pub enum Flow {
    /// It goes on, by its permit.
    Continue(Permit),
    /// It is held until more of it has come.
    Wait,
    /// It was answered; nothing of it goes on.
    Answered,
}

impl Course {
    /// Takes the request's headers; `end` if nothing follows.
    pub fn request_headers<H: Host>(&mut self, host: &mut H, policy: &Policy, end: bool) -> Flow {
        if policy.settings.mark_requests {
            records::publish(host, records::MARK, "yes");
        }
        let step = self.enter(host, policy, end);
        self.carry_out(host, policy, step)
    }

    /// Takes the size of the request's body so far; `end` if that is all.
    pub fn request_body<H: Host>(
        &mut self,
        host: &mut H,
        policy: &Policy,
        size: usize,
        end: bool,
    ) -> Flow {
        let step = self.exchange.body(policy, size, end);
        self.carry_out(host, policy, step)
    }

    /// Takes the request's trailers, by which its body ends.
    pub fn request_trailers<H: Host>(&mut self, host: &mut H, policy: &Policy) -> Flow {
        let step = self.exchange.trailers(policy);
        self.carry_out(host, policy, step)
    }

    /// Ends the stream: gives its charge back if no server got the request.
    pub fn end<H: Host>(&mut self, host: &H, policy: &Policy) {
        if self.exchange.is_charged()
            && let flags @ Some(1..) = host.response_flags()
            && let Some(now) = host.now()
        {
            self.exchange.end(policy, flags, host.store(), now);
        }
    }

    /// Whether the request is neither on its way nor answered.
    pub const fn waits(&self) -> bool {
        self.exchange.waits()
    }

    /// Whether the response may have to be changed.
    pub fn reads_response(&mut self) -> bool {
        self.exchange.listing().is_some()
    }

    /// Whether the request waited for a body and got none.
    pub fn starved(&self) -> bool {
        self.exchange.starved()
    }

    fn enter<H: Host>(&mut self, host: &mut H, policy: &Policy, end: bool) -> Step {
        let Ok(headers) = host.headers(Message::Request) else {
            return self.exchange.fail(policy, "the request's headers cannot be read");
        };
        let unwanted = unwanted(policy, &headers);
        let asked = if unwanted.is_empty() {
            let asked = self.ask(host, policy, &headers, end);
            drop(headers);
            Ok(asked)
        } else {
            // Before anything is decided: an approver's request decides at its head.
            let headers = H::keep_headers(headers);
            let mut unwanted = unwanted.iter();
            let removed = unwanted.try_for_each(|name| host.remove_header(Message::Request, name));
            removed.map(|()| self.ask(host, policy, &headers, end))
        };
        let changed = asked.and_then(|(step, encodings)| {
            if encodings {
                host.remove_header(Message::Request, ENCODINGS)?;
            }
            if self.exchange.is_untyped() {
                // Rack reads a body without a type as a form, and one text can be JSON
                // and a form with another message.
                host.set_header(Message::Request, "content-type", "application/json")?;
            }
            Ok(step)
        });
        match changed {
            Err(_) => self.exchange.fail(policy, "the request's headers cannot be changed"),
            Ok(_) if !host.keep(&self.exchange, policy) => self.exchange.crowd_out(policy),
            Ok(step) => step,
        }
    }

    /// The first step, and whether the request asks for encodings that it must not ask
    /// for, since the response has to be read.
    fn ask<H: Host>(
        &mut self,
        host: &H,
        policy: &Policy,
        headers: &impl Headers,
        end: bool,
    ) -> (Step, bool) {
        let (pairs, now) = (headers.pairs(), || host.now());
        let peer = host.peer(policy);
        let step = self.exchange.headers(policy, pairs.clone(), &peer, host.store(), now, end);
        let is_read = self.exchange.listing().is_some();
        (step, is_read && pairs.clone().any(|(name, _)| name == ENCODINGS))
    }

    fn carry_out<H: Host>(&mut self, host: &mut H, policy: &Policy, step: Step) -> Flow {
        match step {
            Step::Go(permit, records) => {
                metrics::evaluated(host, None);
                for record in &records {
                    metrics::went_on(host, record);
                    metrics::called(host, record);
                }
                self.record(host, policy, records.iter());
                self.exchange.forget();
                host.release();
                Flow::Continue(permit)
            }
            Step::Gone(permit) => Flow::Continue(permit),
            Step::Wait => Flow::Wait,
            Step::Answered => Flow::Answered,
            Step::Read => {
                let step = self.judge(host, policy);
                self.carry_out(host, policy, step)
            }
            Step::Serve(served) => {
                metrics::served(host);
                if let Some(decision) = &served.decision {
                    let now = host.now();
                    records::decided(host, policy, decision, self.exchange.trace(), now);
                }
                host.answer(served.reply, format!("mcp_policy_filter:{}", served.what).into());
                self.exchange.forget();
                Flow::Answered
            }
            Step::Refuse(refusal) => {
                metrics::evaluated(host, Some(&refusal));
                let records = core::iter::once(&refusal.record).chain(&refusal.others);
                records.clone().for_each(|record| metrics::called(host, record));
                self.record(host, policy, records);
                let details = format!("mcp_policy_filter:{}", refusal.reason);
                host.answer(refusal.reply, details.into());
                self.exchange.forget();
                host.release();
                Flow::Answered
            }
        }
    }

    fn record<'r, H: Host>(
        &self,
        host: &mut H,
        policy: &Policy,
        records: impl Iterator<Item = &'r Record>,
    ) {
        let now = self.judged.or_else(|| host.now());
        records::write(host, policy, records, self.exchange.trace(), now);
    }

    /// Reads the body, once and whole, and judges it.
    fn judge<H: Host>(&mut self, host: &mut H, policy: &Policy) -> Step {
        host.release();
        // One byte more than is allowed shows that there are too many.
        let most = policy.settings.max_body_bytes.saturating_add(1);
        let Ok(body) = host.body(Message::Request, most) else {
            return self.exchange.fail(policy, "the request's body cannot be read");
        };
        let Some(now) = host.now() else {
            return self.exchange.fail(policy, "the gateway has no clock");
        };
        self.judged = Some(now);
        self.exchange.judge(policy, &body, &host.peer(policy), host.store(), now)
    }
}

/// The header by which a client takes compressed responses.
const ENCODINGS: &[u8] = b"accept-encoding";

/// The headers that must not go on: those that make Envoy repeat a request, and tokens
/// that are for this filter alone. Copies, since the host's own are views that no change
/// outlives.
fn unwanted(policy: &Policy, headers: &impl Headers) -> Vec<Box<[u8]>> {
    let takes_tokens = policy.takes_tokens();
    let names = headers.pairs().map(|(name, _)| name);
    let unwanted =
        names.filter(|name| repeats_requests(name) || (takes_tokens && *name == b"authorization"));
    unwanted.map(Box::from).collect()
}
