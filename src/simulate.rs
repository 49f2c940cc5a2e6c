//! A gateway in memory, which plays the host's part of an exchange: headers, a body
//! in pieces, its end, then the response. Tests, benchmarks and fuzzers drive this
//! one, so that none of them has an order of events of its own. It is not in the
//! module.
//!
//! | module | holds |
//! | --- | --- |
//! | [`caller`] | requests by the id of their caller |
//! | [`client`] | the client of a request |
//! | [`explain`] | a request taken apart |
//! | `home` | the home of other gateways' approvals |
//! | [`notation`] | requests as people write them |
//! | [`table`] | lines of calls, with the outcome that each must have |
//! | [`stage`] | a policy on which such lines are played |
//! | [`tree`] | a policy with the places of its parts in the author's text |
//! | [`words`] | a request taken apart, in words and as JSON |

pub mod caller;
pub mod client;
pub mod explain;
mod home;
pub mod notation;
mod recorded;
pub mod stage;
pub mod table;
pub mod tree;
pub mod words;

pub use recorded::{Recorded, Recorder};

use crate::exchange::approvals::Notice;
use crate::exchange::identity::{NoPeer, Peer};
use crate::exchange::listing::{BodyStep, HeadStep, Listing, Reading};
use crate::exchange::question::{Answer, Question};
use crate::exchange::reply::Reply;
use crate::exchange::{Exchange, Lent, Served, Step, refusal};
use crate::limits::window::Nanos;
use crate::limits::{MemoryStore, Store};
use crate::policy::document::Findings;
use crate::policy::{Policy, Reason};
use crate::wire::jsonrpc::UndecodableKind;

/// The headers of a POST as MCP clients send it.
pub const POST: [(&str, &str); 3] =
    [(":method", "POST"), (":path", "/mcp"), ("accept", "application/json, text/event-stream")];

/// A policy in force, its counters, and a clock that is set by hand.
#[derive(Debug)]
pub struct Gateway<S = MemoryStore> {
    /// The policy.
    pub policy: Policy,
    /// The counters.
    pub store: S,
    /// The present moment.
    pub now: Nanos,
}

impl<S: Default> Gateway<S> {
    /// A gateway under the policy of this text, in 1970.
    ///
    /// # Errors
    /// The errors of the policy, for its author.
    pub fn new(policy: &str) -> Result<Self, Findings> {
        let policy = Policy::parse(policy.as_bytes(), "")?;
        Ok(Self { policy, store: S::default(), now: Nanos(0) })
    }
}

impl<S: Store> Gateway<S> {
    /// The host of its exchanges.
    pub const fn host(&self) -> Host<'_, S> {
        Host { policy: &self.policy, store: &self.store, now: self.now }
    }

    /// Sends a body by POST, whole, from a client of which nothing is known.
    ///
    /// # Errors
    /// See [`Host::send`].
    pub fn post(&self, body: &str) -> Result<Sent, Step> {
        self.host().send(pairs(&POST), &NoPeer, &Body::whole(body.as_bytes()))
    }
}

/// The host of an exchange, at one moment.
#[derive(Debug)]
pub struct Host<'a, S> {
    /// The policy.
    pub policy: &'a Policy,
    /// The counters.
    pub store: &'a S,
    /// The present moment.
    pub now: Nanos,
}

/// A body, and the way in which it comes.
#[derive(Clone, Copy, Debug)]
pub struct Body<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// The sizes of its pieces, one after the other and again from the first;
    /// without any, it comes in one piece.
    pub sizes: &'a [usize],
    /// The way in which it ends.
    pub ending: Ending,
}

/// The ways in which a host says that a body is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With its last piece, or with the headers if there is none.
    Last,
    /// With a piece of no bytes.
    Empty,
    /// With trailers.
    Trailers,
}

/// A request that was sent.
#[derive(Debug)]
pub struct Sent {
    /// The exchange, after its request.
    pub exchange: Exchange,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of a request.
#[derive(Debug)]
pub enum Outcome {
    /// It went on, with these records.
    WentOn(Vec<Recorded>),
    /// It was refused.
    Refused(Box<Refused>),
    /// It was answered by the filter, which refused nothing.
    Served(Box<Served>),
}

/// A request that did not go on.
#[derive(Debug)]
pub struct Refused {
    /// The answer to the client.
    pub reply: Reply,
    /// The kind of refusal.
    pub reason: Reason,
    /// The fault in it, if the reason is `undecodable`.
    pub flaw: Option<UndecodableKind>,
    /// The notice to send about it.
    pub notice: Option<Box<Notice>>,
    /// The record of it.
    pub record: Recorded,
    /// The records of the other calls of a batch.
    pub others: Vec<Recorded>,
}

impl Refused {
    /// A refusal with its records, of which there is at least one.
    pub fn new(refused: refusal::Refused, records: Vec<Recorded>) -> Option<Self> {
        let refusal::Refused { reply, reason, flaw, notice } = refused;
        let mut records = records.into_iter();
        let record = records.next()?;
        Some(Self { reply, reason, flaw, notice, record, others: records.collect() })
    }
}

/// A response that came back.
#[derive(Debug)]
pub struct Received {
    /// The fate of its head.
    pub head: HeadStep,
    /// The body that the client got, unless the head was replaced.
    pub body: Vec<u8>,
    /// Bytes that were held to the end and never went on.
    pub held: Vec<u8>,
    /// Whether it was broken off after that.
    pub is_cut: bool,
}

impl Received {
    /// Whether another answer was sent in its place.
    const fn is_answered(&self) -> bool {
        matches!(self.head, HeadStep::Replace(_) | HeadStep::Refuse(_))
    }
}

/// Headers as a host gives them.
pub fn pairs<'a>(
    headers: &'a [(&'a str, &'a str)],
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone {
    headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

impl<'a> Body<'a> {
    /// A body in one piece, or none.
    pub const fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes, sizes: &[], ending: Ending::Last }
    }

    /// Whether the message ends with its headers.
    fn is_missing(&self) -> bool {
        self.bytes.is_empty() && self.ending == Ending::Last
    }

    /// The pieces: the end of each, and whether the host says that it is the last.
    fn pieces(&self) -> impl Iterator<Item = (usize, bool)> {
        let (all, ending) = (self.bytes.len(), self.ending);
        let mut sizes = self.sizes.iter().cycle();
        let mut came = 0_usize;
        let pieces = core::iter::from_fn(move || {
            (came < all).then(|| {
                let size = sizes.next().map_or(all, |size| (*size).max(1));
                came = came.saturating_add(size).min(all);
                (came, came == all && ending == Ending::Last)
            })
        });
        pieces.chain((ending == Ending::Empty).then_some((all, true)))
    }
}

impl<S: Store> Host<'_, S> {
    /// Sends a request, to the end of its body even where it is refused before. Limits
    /// across replicas are counted here, as if this were the only one.
    ///
    /// # Errors
    /// The step that came out of turn. No exchange of a right core has one.
    pub fn send<'h>(
        &self,
        headers: impl Iterator<Item = (&'h [u8], &'h [u8])> + Clone,
        peer: &dyn Peer,
        body: &Body<'_>,
    ) -> Result<Sent, Step> {
        self.send_asking(headers, peer, body, &mut |_| Answer::Simulated)
    }

    /// The same, with a service that gives these answers.
    ///
    /// # Errors
    /// See [`Self::send`].
    pub fn send_asking<'h>(
        &self,
        headers: impl Iterator<Item = (&'h [u8], &'h [u8])> + Clone,
        peer: &dyn Peer,
        body: &Body<'_>,
        service: &mut dyn FnMut(&Question) -> Answer,
    ) -> Result<Sent, Step> {
        let Self { policy, now, .. } = *self;
        let mut sending = Sending {
            host: self,
            peer,
            service,
            body: body.bytes,
            exchange: Exchange::default(),
            recorder: Recorder::new(policy, now),
            outcome: None,
        };
        let end = body.is_missing();
        let (exchange, lent) = sending.lend();
        let step = exchange.headers(lent, headers, || Some(now), end);
        sending.carry_out(step)?;
        for (size, end) in body.pieces() {
            let (exchange, lent) = sending.lend();
            let step = exchange.body(policy, size, end, lent.records);
            sending.carry_out(step)?;
        }
        if body.ending == Ending::Trailers {
            let (exchange, lent) = sending.lend();
            let step = exchange.trailers(policy, lent.records);
            sending.carry_out(step)?;
        }
        let Sending { exchange, outcome, .. } = sending;
        match outcome {
            Some(outcome) if !exchange.waits() => Ok(Sent { exchange, outcome }),
            _ => Err(Step::Wait),
        }
    }

    /// Passes a response, in whose body the sizes are those of what comes in.
    pub fn receive<'h>(
        &self,
        listing: &mut Listing,
        headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
        body: &Body<'_>,
    ) -> Received {
        let holds = self.policy.settings.hold_request_headers;
        let head = listing.headers(self.policy, headers, body.is_missing(), holds);
        let mut received = Received { head, body: Vec::new(), held: Vec::new(), is_cut: false };
        if received.is_answered() {
            return received;
        }
        let mut from = 0;
        for (to, end) in body.pieces() {
            received.held.extend_from_slice(body.bytes.get(from..to).unwrap_or_default());
            from = to;
            let step = listing.body(self.policy, received.held.len(), end);
            self.pass(listing, step, end, &mut received);
            if received.is_cut || received.is_answered() {
                return received;
            }
        }
        if body.ending == Ending::Trailers {
            let step = listing.trailers();
            self.pass(listing, step, false, &mut received);
        }
        received
    }

    fn pass(&self, listing: &mut Listing, step: BodyStep, end: bool, to: &mut Received) {
        let now = || Some(self.now);
        let lent = Reading { policy: self.policy, store: self.store, now: &now };
        let instead = match step {
            BodyStep::Wait => return,
            BodyStep::Pass => None,
            BodyStep::Whole => listing.whole(&lent, &to.held),
            BodyStep::Piece => listing.piece(&lent, &to.held, end),
            BodyStep::Replace(body) => Some(body),
            BodyStep::Refuse(reply) => {
                let is_held =
                    self.policy.settings.hold_request_headers && matches!(to.head, HeadStep::Hold);
                to.held.clear();
                match is_held {
                    true => to.head = HeadStep::Refuse(reply),
                    false => to.is_cut = true,
                }
                return;
            }
        };
        let held = core::mem::take(&mut to.held);
        to.body.extend(instead.unwrap_or(held));
    }

    /// Ends an exchange with Envoy's response flags.
    pub fn end(&self, sent: &mut Sent, flags: Option<u64>) {
        sent.exchange.end(self.policy, flags, self.store, self.now);
    }

    /// The lines of the records of a request, as they are logged.
    pub fn lines(&self, sent: &Sent) -> Vec<String> {
        let (first, others) = match &sent.outcome {
            Outcome::WentOn(records) => (None, &**records),
            Outcome::Refused(refused) => (Some(&refused.record), &*refused.others),
            Outcome::Served(_) => (None, &[][..]),
        };
        first.into_iter().chain(others).map(|record| record.line.clone()).collect()
    }
}

/// A request on its way.
struct Sending<'a, S> {
    host: &'a Host<'a, S>,
    peer: &'a dyn Peer,
    service: &'a mut dyn FnMut(&Question) -> Answer,
    body: &'a [u8],
    exchange: Exchange,
    recorder: Recorder<'a>,
    outcome: Option<Outcome>,
}

impl<S: Store> Sending<'_, S> {
    fn lend(&mut self) -> (&mut Exchange, Lent<'_, S>) {
        let Self { host: Host { policy, store, .. }, peer, exchange, recorder, .. } = self;
        (exchange, Lent { policy, peer: *peer, store, records: recorder })
    }

    fn carry_out(&mut self, step: Step) -> Result<(), Step> {
        let (body, now) = (self.body, self.host.now);
        let mut step = match step {
            Step::Read => {
                let (exchange, lent) = self.lend();
                exchange.judge(lent, body, now)
            }
            step => step,
        };
        while let Step::Ask(question) = step {
            let answer = (self.service)(&question);
            let (exchange, lent) = self.lend();
            step = exchange.answered(lent, answer, now);
        }
        let records = self.recorder.take();
        self.outcome = match (step, self.outcome.take()) {
            (Step::Wait, None) if self.exchange.waits() => None,
            (Step::Go(_), None) => Some(Outcome::WentOn(records)),
            (Step::Refuse(refused), None) => {
                Refused::new(*refused, records).map(|refused| Outcome::Refused(Box::new(refused)))
            }
            (Step::Serve(served), None) => Some(Outcome::Served(served)),
            (Step::Gone(_), went_on @ Some(Outcome::WentOn(_))) => went_on,
            (Step::Answered, answered @ Some(Outcome::Refused(_) | Outcome::Served(_))) => answered,
            (step, _) => return Err(step),
        };
        Ok(())
    }
}
