//! The request of a stream, and its end.

use super::asking::Seat;
use super::records::{self, Records, recording};
use super::{Headers, Host, HostError, Message, metrics};
use crate::exchange::head::repeats_requests;
use crate::exchange::permit::Permit;
use crate::exchange::refusal::Refused;
use crate::exchange::{Exchange, Lent, Served, Step};
use crate::policy::Policy;

/// The course of one stream.
#[derive(Debug, Default)]
pub struct Course {
    pub(super) exchange: Exchange,
    /// The seat among the requests of this worker that wait for answers.
    pub(super) seat: Option<Box<Seat>>,
}

/// The state of a request after a step.
#[derive(Debug)]
pub enum Flow {
    /// It goes on, by its permit.
    Continue(Permit),
    /// It is held until more of it has come.
    Wait,
    /// It is held, head and all, until the answer to a question is there.
    Asking,
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
        let step =
            recording(host, policy, |_, records| self.exchange.body(policy, size, end, records));
        self.carry_out(host, policy, step)
    }

    /// Takes the request's trailers, by which its body ends.
    pub fn request_trailers<H: Host>(&mut self, host: &mut H, policy: &Policy) -> Flow {
        let step = recording(host, policy, |_, records| self.exchange.trailers(policy, records));
        self.carry_out(host, policy, step)
    }

    /// Ends the stream: gives its charge back if no server got the request.
    pub fn end<H: Host>(&mut self, host: &H, policy: &Policy) {
        self.seat = None;
        if !self.exchange.is_charged() {
            return;
        }
        // Where it was kept back nothing was sent, whatever the flags are.
        let kept_back = self.exchange.is_kept_back();
        let flags = if kept_back { None } else { host.response_flags() };
        if (kept_back || matches!(flags, Some(1..)))
            && let Some(now) = host.now()
        {
            self.exchange.end(policy, flags, host.store(), now);
        }
    }

    /// Whether [`Self::request_body`] looks at the size of a piece, which takes calls of
    /// the host.
    pub const fn measures(&self, end: bool) -> bool {
        self.exchange.measures(end)
    }

    /// Whether a response passes whose headers are there: no more of it is looked at.
    pub fn passes_response(&mut self, policy: &Policy) -> bool {
        self.exchange.early(policy).is_none() && !self.reads_response()
    }

    /// Whether the response is read, or its size has a bound.
    pub fn reads_response(&mut self) -> bool {
        self.exchange.listing().is_some()
    }

    /// Whether the request waited for a body and got none.
    pub fn starved(&self) -> bool {
        self.exchange.starved()
    }

    fn enter<H: Host>(&mut self, host: &mut H, policy: &Policy, end: bool) -> Step {
        let asked = recording(host, policy, |host, records| {
            let Ok(headers) = host.headers(Message::Request) else {
                let failed = "the request's headers cannot be read";
                return Ok((self.exchange.fail(policy, failed, records), false));
            };
            let unwanted = unwanted(policy, &headers);
            match &*unwanted {
                [] => Ok(self.ask(host, policy, &headers, end, records)),
                _ => Err((H::keep_headers(headers), unwanted)),
            }
        });
        let asked = asked.or_else(|(headers, unwanted)| -> Result<_, HostError> {
            // Before anything is decided: an approver's request decides at its head.
            let mut unwanted = unwanted.iter();
            unwanted.try_for_each(|name| host.remove_header(Message::Request, name))?;
            Ok(recording(host, policy, |host, records| {
                self.ask(host, policy, &headers, end, records)
            }))
        });
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
            Err(_) => recording(host, policy, |_, records| {
                self.exchange.fail(policy, "the request's headers cannot be changed", records)
            }),
            Ok(_) if !host.keep(&self.exchange, policy) => {
                recording(host, policy, |_, records| self.exchange.crowd_out(policy, records))
            }
            Ok(step) => step,
        }
    }

    /// The first step, and whether the request asks for encodings that it must not ask
    /// for, since the response has to be read, or measured.
    fn ask<H: Host>(
        &mut self,
        host: &H,
        policy: &Policy,
        headers: &impl Headers,
        end: bool,
        records: &mut Records<'_, H>,
    ) -> (Step, bool) {
        let (pairs, now) = (headers.pairs(), || host.now());
        let lent = Lent { policy, peer: &host.peer(policy), store: host.store(), records };
        let step = self.exchange.headers(lent, pairs.clone(), now, end);
        // The bytes that are bounded are those that the client reads.
        let is_bounded = policy.bounds_results();
        let is_read = match self.exchange.listing() {
            Some(listing) => is_bounded || listing.reads_lists(),
            None => is_bounded && matches!(step, Step::Wait | Step::Read),
        };
        (step, is_read && pairs.clone().any(|(name, _)| name == ENCODINGS))
    }

    pub(super) fn carry_out<H: Host>(&mut self, host: &mut H, policy: &Policy, step: Step) -> Flow {
        match step {
            Step::Go(permit) => {
                metrics::evaluated(host, None);
                host.release();
                Flow::Continue(permit)
            }
            Step::Gone(permit) => Flow::Continue(permit),
            Step::Wait if self.exchange.asks() => Flow::Asking,
            Step::Wait => Flow::Wait,
            Step::Answered => Flow::Answered,
            Step::Ask(question) => self.put(host, policy, *question),
            Step::Read => {
                let step = self.judge(host, policy);
                self.carry_out(host, policy, step)
            }
            Step::Serve(served) => serve(host, *served),
            Step::Refuse(refused) => refuse(host, *refused),
        }
    }

    /// Reads the body, once and whole, and judges it.
    fn judge<H: Host>(&mut self, host: &mut H, policy: &Policy) -> Step {
        host.release();
        // One byte more than is allowed shows that there are too many.
        let most = policy.settings.max_body_bytes.saturating_add(1);
        recording(host, policy, |host, records| {
            let Ok(body) = host.body(Message::Request, most) else {
                return self.exchange.fail(policy, "the request's body cannot be read", records);
            };
            let Some(now) = host.now() else {
                return self.exchange.fail(policy, "the gateway has no clock", records);
            };
            records.now = Some(now);
            let lent = Lent { policy, peer: &host.peer(policy), store: host.store(), records };
            self.exchange.judge(lent, &body, now)
        })
    }
}

/// Sends an answer of the filter's own.
#[cold]
fn serve<H: Host>(host: &mut H, served: Served) -> Flow {
    metrics::served(host);
    host.answer(served.reply, format!("mcp_policy_filter:{}", served.what).into());
    if let Some(notice) = served.notice {
        host.notify(*notice);
    }
    host.release();
    Flow::Answered
}

/// Sends a refusal, and counts it.
#[cold]
fn refuse<H: Host>(host: &mut H, refused: Refused) -> Flow {
    metrics::evaluated(host, Some(&refused));
    let details = format!("mcp_policy_filter:{}", refused.reason);
    host.answer(refused.reply, details.into());
    if let Some(notice) = refused.notice {
        host.notify(*notice);
    }
    host.release();
    Flow::Answered
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
