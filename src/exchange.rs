//! One HTTP exchange as a state machine without I/O: reports of the host go in, and
//! steps for the host come out.
//!
//! Filters of this kind have been bypassed by a request whose body ends with
//! trailers, by a body in pieces, and by a GET with a body. In each of these states
//! a request goes on by a [`Permit`] or not at all.

mod answering;
pub mod approvals;
pub mod audit;
pub mod awaited;
pub(crate) mod caller;
mod consulted;
mod ending;
pub mod head;
mod held;
pub mod identity;
pub mod inquiry;
pub mod judge;
pub mod listing;
pub mod metadata;
pub mod permit;
pub mod question;
pub mod record;
pub mod refusal;
pub mod reply;
mod serving;
mod step;
pub mod target;
mod waiting;
mod watching;

pub use step::{Lent, Served, Step};
pub use waiting::{Ticket, Waiting, Whose};

use crate::limits::window::Nanos;
use crate::limits::{Receipt, Store};
use crate::policy::condition::Work;
use crate::policy::{Caller, Policy};
use approvals::Opened;
use awaited::Asked;
use core::cell::Cell;
use head::{Entry, Head, HeadError, Trace};
use identity::{NoIdentity, Peer};
use inquiry::Consulted;
use judge::{Judge, Pending, Verdict};
use listing::Listing;
use permit::Permit;
use record::Records;
use refusal::{Refusal, Refused, To};

#[derive(Debug, Default)]
enum State {
    /// Before the headers.
    #[default]
    Start,
    /// A message, of which the body is not all there.
    Message(Head, Result<Caller, NoIdentity>),
    /// A request that must have no body, before its end.
    Bodyless,
    /// A question of another gateway about an approval, before its end.
    Question(Box<Opened>),
    /// A message that was judged, and waits for an answer until this moment.
    Asking(Box<Pending>, Trace, Nanos),
    /// The request went on.
    Gone,
    /// The request was answered.
    Answered,
}

/// One request and its answer.
#[derive(Debug, Default)]
pub struct Exchange {
    state: State,
    /// Whether anything came after the headers.
    body_seen: bool,
    receipt: Receipt,
    /// The response, if tools may have to be taken out of it.
    listing: Option<Box<Listing>>,
}

impl Exchange {
    /// Takes the request's headers; `end` if nothing follows. The store is for the
    /// endpoint of approvals, which a head decides alone. The clock, a call of the host,
    /// is asked at most once: by that endpoint, or for the times of a policy.
    pub fn headers<'a>(
        &mut self,
        lent: Lent<'_, impl Store>,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        now: impl FnOnce() -> Option<Nanos>,
        end: bool,
    ) -> Step {
        let Lent { policy, peer, store, records } = lent;
        let mut now = Some(now);
        let mut clock = || now.take().and_then(|now| now());
        let entered = match self.approvals(policy, headers.clone(), peer, store, &mut clock, end) {
            Some(step) => Ok(step),
            None => self.enter(policy, headers.clone(), peer, clock, end),
        };
        match entered {
            Ok(Step::Serve(served)) => {
                let trace = || Trace::from_headers(headers.clone());
                self.served(served, trace, records)
            }
            Ok(step) => step,
            Err(refusal) => self.refuse(refusal, &Trace::from_headers(headers), records),
        }
    }

    fn enter<'a>(
        &mut self,
        policy: &Policy,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        peer: &dyn Peer,
        now: impl FnOnce() -> Option<Nanos>,
        end: bool,
    ) -> Result<Step, Box<Refusal<'static>>> {
        let caller = || caller::caller(policy, headers.clone(), peer);
        match Entry::from_headers(headers.clone(), policy) {
            Entry::Metadata(kind) => match &policy.settings.protected_resource {
                Some(resource) => Ok(Step::Serve(Box::new(Served::new(
                    metadata::answer(resource, kind),
                    "protected_resource",
                )))),
                None => Err(out_of_order(policy)),
            },
            Entry::Exempt => Ok(self.pass()),
            Entry::Bodyless { identified } => {
                match caller() {
                    Err(why) if identified => {
                        return Err(Refusal::unidentified(policy, why, To::default()));
                    }
                    Ok(mut caller) => {
                        let head = Head::for_groups(policy, headers.clone());
                        policy.place(&mut caller, &head.about(peer), now);
                        self.watch_response(policy, &caller);
                        self.listing.iter_mut().for_each(|listing| listing.open());
                        self.watch_unasked(policy, &caller, || Trace::from_headers(headers));
                    }
                    Err(_) => {}
                }
                if end {
                    return Ok(self.pass());
                }
                self.state = State::Bodyless;
                Ok(Step::Wait)
            }
            Entry::Judge(mut head) => {
                let mut caller = caller();
                match &mut caller {
                    Ok(caller) => {
                        head.name(policy, headers.clone());
                        policy.place(caller, &head.about(peer), now);
                        self.watch_response(policy, caller);
                        if policy.approvals.is_some() {
                            head = head.targeting(headers);
                        }
                    }
                    Err(_) => head = head.unidentified(),
                }
                self.state = State::Message(head, caller);
                Ok(if end { Step::Read } else { Step::Wait })
            }
            Entry::Refuse(fault) => Err(Refusal::head(policy, fault)),
            Entry::Unread { fault, identified } => {
                let known = if identified { caller().map(drop) } else { Ok(()) };
                Err(unread(policy, known, fault))
            }
        }
    }

    /// Takes the size of the body so far; `end` if that is all.
    pub fn body(
        &mut self,
        policy: &Policy,
        size: usize,
        end: bool,
        records: &mut dyn Records,
    ) -> Step {
        self.body_seen = true;
        let refusal = match &self.state {
            State::Message(_, caller) if size > policy.settings.max_body_bytes => {
                let known = caller.as_ref().map(drop).map_err(|why| *why);
                unread(policy, known, HeadError::TooLarge)
            }
            State::Question(_) if size > approvals::longest(policy) => {
                return self.serve(Opened::too_long(), records);
            }
            State::Message(..) | State::Question(_) if end => return Step::Read,
            State::Bodyless if size > 0 => Refusal::head(policy, HeadError::Body),
            State::Bodyless if end => return self.pass(),
            // Nothing of it goes on before the answer is there.
            State::Message(..) | State::Question(_) | State::Bodyless | State::Asking(..) => {
                return Step::Wait;
            }
            State::Gone => return Step::Gone(Permit::unjudged()),
            State::Answered => return Step::Answered,
            State::Start => out_of_order(policy),
        };
        self.refuse_late(refusal, records)
    }

    /// Takes the end of a body by trailers, after which no piece was the last.
    pub fn trailers(&mut self, policy: &Policy, records: &mut dyn Records) -> Step {
        self.body_seen = true;
        match self.state {
            State::Message(..) | State::Question(_) => Step::Read,
            State::Bodyless => self.pass(),
            State::Asking(..) => Step::Wait,
            State::Gone => Step::Gone(Permit::unjudged()),
            State::Answered => Step::Answered,
            State::Start => self.refuse_late(out_of_order(policy), records),
        }
    }

    /// Judges the whole body, which [`Step::Read`] asked for.
    pub fn judge(&mut self, lent: Lent<'_, impl Store>, body: &[u8], now: Nanos) -> Step {
        let Lent { policy, peer, store, records } = lent;
        if let State::Question(opened) = &self.state {
            // Its end may have come with its last piece, or by trailers.
            let served = if body.len() > approvals::longest(policy) {
                Opened::too_long()
            } else {
                opened.answer(policy, body, store, now)
            };
            return self.serve(served, records);
        }
        let State::Message(head, caller) = &mut self.state else {
            return self.refuse_late(out_of_order(policy), records);
        };
        if let (true, Ok(caller)) = (policy.is_dated(), &mut *caller) {
            policy.place(caller, &head.about(peer), || Some(now));
        }
        let caller = caller.as_ref().map_err(|why| *why);
        if body.len() > policy.settings.max_body_bytes {
            let known = caller.map(drop);
            return self.refuse_late(unread(policy, known, HeadError::TooLarge), records);
        }
        let (work, beside) = (Work::default(), Work::default());
        let awaited = Cell::default();
        let recording = Work::of_records();
        let judge =
            Judge { policy, caller, head, peer, store, now, work, beside, recording, awaited };
        let verdict = judge.judge(body);
        match verdict {
            Verdict::Ask { pending, receipt, question } => {
                self.receipt = receipt;
                records.consulted(Consulted::asking(&question));
                let trace = core::mem::take(&mut head.trace);
                self.state = State::Asking(pending, trace, question.deadline(now));
                Step::Ask(question)
            }
            Verdict::Refuse(refusal) => {
                let refused = refusal.write(&head.trace, records);
                self.replied(refused)
            }
            Verdict::Go { permit, receipt, records: made, asked } => {
                made.into_iter().for_each(|record| records.record(&record, &head.trace));
                let trace = core::mem::take(&mut head.trace);
                self.gone(permit, receipt, asked, (trace, now))
            }
        }
    }

    /// Whether the request waits to be judged and has no Content-Type. Then it must
    /// go on as JSON, since it is judged as that.
    pub const fn is_untyped(&self) -> bool {
        matches!(&self.state, State::Message(Head { untyped: true, .. }, _))
    }

    /// Refuses a request because the host failed at the last step.
    #[cold]
    pub fn fail(&mut self, policy: &Policy, what: &str, records: &mut dyn Records) -> Step {
        self.refuse_late(Refusal::failed(policy, what), records)
    }

    /// Lets a request go on that carries no message, or is exempt.
    fn pass(&mut self) -> Step {
        self.state = State::Gone;
        Step::Go(Permit::unjudged())
    }

    /// Refuses a request of which the headers were taken before.
    #[cold]
    fn refuse_late(&mut self, refusal: Box<Refusal<'_>>, records: &mut dyn Records) -> Step {
        let trace = match core::mem::take(&mut self.state) {
            State::Message(head, _) => head.trace,
            State::Asking(_, trace, _) => trace,
            _ => Trace::default(),
        };
        self.refuse(refusal, &trace, records)
    }

    #[cold]
    fn refuse(
        &mut self,
        refusal: Box<Refusal<'_>>,
        trace: &Trace,
        records: &mut dyn Records,
    ) -> Step {
        self.replied(refusal.write(trace, records))
    }

    /// A request whose records are written, and which goes on.
    fn gone(
        &mut self,
        permit: Permit,
        receipt: Receipt,
        asked: Asked,
        (trace, now): (Trace, Nanos),
    ) -> Step {
        self.receipt = receipt;
        self.expect(asked, trace, now);
        self.state = State::Gone;
        Step::Go(permit)
    }

    #[cold]
    fn replied(&mut self, refused: Refused) -> Step {
        self.state = State::Answered;
        // Our own answer is not a server's.
        self.listing = None;
        Step::Refuse(Box::new(refused))
    }
}

/// The refusal of a body that is not read. Who can sign in is told so before.
#[cold]
fn unread(
    policy: &Policy,
    known: Result<(), NoIdentity>,
    fault: HeadError,
) -> Box<Refusal<'static>> {
    match known {
        Err(why) if policy.challenges() => Refusal::unidentified(policy, why, To::default()),
        _ => Refusal::head(policy, fault),
    }
}

/// The refusal for a host that reports a body before its headers.
#[cold]
fn out_of_order(policy: &Policy) -> Box<Refusal<'static>> {
    Refusal::failed(policy, "the request could not be followed")
}

#[cfg(test)]
mod tests;
