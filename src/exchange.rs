//! One HTTP exchange as a state machine without I/O: reports of the host go in, and
//! steps for the host come out.
//!
//! Filters of this kind have been bypassed by a request whose body ends with
//! trailers, by a body in pieces, and by a GET with a body. In each of these states
//! a request goes on by a [`Permit`] or not at all.

pub mod approvals;
pub mod audit;
pub(crate) mod caller;
pub mod head;
pub mod identity;
pub mod judge;
pub mod listing;
pub mod metadata;
pub mod permit;
pub mod record;
pub mod refusal;
pub mod reply;
pub mod target;
mod waiting;

pub use waiting::{Ticket, Waiting, Whose};

use crate::limits::window::Nanos;
use crate::limits::{Receipt, Store, Trial};
use crate::policy::condition::Work;
use crate::policy::{Caller, Policy};
use approvals::{DecisionRecord, Endpoint};
use core::cell::OnceCell;
use head::{Entry, Head, HeadError, Trace};
use identity::{NoIdentity, Peer};
use judge::{Judge, Verdict};
use listing::Listing;
use permit::Permit;
use record::Record;
use refusal::Refusal;
use reply::Reply;

/// The next action for the host to take.
#[derive(Debug)]
pub enum Step {
    /// Let the request go on, and write these records.
    Go(Permit, Vec<Record>),
    /// Do nothing: the request went on before.
    Gone(Permit),
    /// Keep the body so far, and wait for more.
    Wait,
    /// Read the whole body and hand it to [`Exchange::judge`].
    Read,
    /// Answer in the server's place.
    Refuse(Box<Refusal>),
    /// Answer what the filter serves itself; nothing was refused.
    Serve(Box<Served>),
    /// Do nothing: the answer was sent before.
    Answered,
}

/// An answer of the filter to a request that is for itself.
#[derive(Debug)]
pub struct Served {
    /// The answer.
    pub reply: Reply,
    /// The word for what was served, for access logs.
    pub what: &'static str,
    /// The decision of a person, or the attempt at one.
    pub decision: Option<DecisionRecord>,
}

#[derive(Debug, Default)]
#[expect(clippy::large_enum_variant, reason = "nearly every exchange is a message")]
enum State {
    /// Before the headers.
    #[default]
    Start,
    /// A message, of which the body is not all there.
    Message(Head, Result<Caller, NoIdentity>),
    /// A request that must have no body, before its end.
    Bodyless,
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
    trace: Trace,
    /// The response, if tools may have to be taken out of it.
    listing: Option<Box<Listing>>,
}

impl Exchange {
    /// Takes the request's headers; `end` if nothing follows. The store is for the
    /// endpoint of approvals, which a head decides alone. The clock, a call of the host,
    /// is asked at most once: by that endpoint, or for the times of a policy.
    pub fn headers<'a>(
        &mut self,
        policy: &Policy,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        peer: &dyn Peer,
        store: &impl Store,
        now: impl FnOnce() -> Option<Nanos>,
        end: bool,
    ) -> Step {
        let mut now = Some(now);
        let mut clock = || now.take().and_then(|now| now());
        let step = match self.approvals(policy, headers.clone(), peer, store, &mut clock, end) {
            Some(served) => self.serve(served),
            None => self.enter(policy, headers.clone(), peer, clock, end),
        };
        if let Step::Refuse(_) | Step::Serve(_) = step {
            self.trace = Trace::from_headers(headers);
        }
        step
    }

    /// The answer of the endpoint of approvals, if the request is for it.
    fn approvals<'a>(
        &self,
        policy: &Policy,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        peer: &dyn Peer,
        store: &impl Store,
        now: impl FnOnce() -> Option<Nanos>,
        end: bool,
    ) -> Option<Served> {
        let approvals = policy.approvals.as_ref()?;
        let caller = || caller::approver(policy, headers.clone(), peer);
        let (caller, admitted) = (&caller, OnceCell::new());
        let headers = headers.clone();
        Endpoint { policy, approvals, headers, peer, store, caller, admitted }.answer(end, now)
    }

    fn enter<'a>(
        &mut self,
        policy: &Policy,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        peer: &dyn Peer,
        now: impl FnOnce() -> Option<Nanos>,
        end: bool,
    ) -> Step {
        let caller = || caller::caller(policy, headers.clone(), peer);
        match Entry::from_headers(headers.clone(), policy) {
            Entry::Metadata(kind) => match &policy.settings.protected_resource {
                Some(resource) => self.serve(Served {
                    reply: metadata::answer(resource, kind),
                    what: "protected_resource",
                    decision: None,
                }),
                None => self.refuse(out_of_order(policy)),
            },
            Entry::Exempt => self.go(Permit::unjudged(), Vec::new()),
            Entry::Bodyless { identified } => {
                match caller() {
                    Err(why) if identified => {
                        return self.refuse(Refusal::unidentified(policy, why, None, None));
                    }
                    Ok(mut caller) => {
                        let head = Head::for_groups(policy, headers);
                        policy.place(&mut caller, &head.about(peer), now);
                        self.watch_response(policy, &caller);
                    }
                    Err(_) => {}
                }
                if end {
                    return self.go(Permit::unjudged(), Vec::new());
                }
                self.state = State::Bodyless;
                Step::Wait
            }
            Entry::Judge(head) => {
                let mut caller = caller();
                let head = match &mut caller {
                    Ok(caller) => {
                        let head = head.naming(policy, headers.clone());
                        policy.place(caller, &head.about(peer), now);
                        self.watch_response(policy, caller);
                        match policy.approvals {
                            Some(_) => head.targeting(headers, peer),
                            None => head,
                        }
                    }
                    Err(_) => head.unidentified(),
                };
                self.state = State::Message(head, caller);
                if end { Step::Read } else { Step::Wait }
            }
            Entry::Refuse(fault) => self.refuse(Refusal::head(policy, fault)),
            Entry::Unread { fault, identified } => {
                let known = if identified { caller().map(drop) } else { Ok(()) };
                self.refuse(unread(policy, known, fault))
            }
        }
    }

    /// Takes the size of the body so far; `end` if that is all.
    pub fn body(&mut self, policy: &Policy, size: usize, end: bool) -> Step {
        self.body_seen = true;
        match &self.state {
            State::Message(_, caller) if size > policy.settings.max_body_bytes => {
                let known = caller.as_ref().map(drop).map_err(|why| *why);
                self.refuse(unread(policy, known, HeadError::TooLarge))
            }
            State::Message(..) if end => Step::Read,
            State::Bodyless if size > 0 => self.refuse(Refusal::head(policy, HeadError::Body)),
            State::Bodyless if end => self.go(Permit::unjudged(), Vec::new()),
            State::Message(..) | State::Bodyless => Step::Wait,
            State::Gone => Step::Gone(Permit::unjudged()),
            State::Answered => Step::Answered,
            State::Start => self.refuse(out_of_order(policy)),
        }
    }

    /// Takes the end of a body by trailers, after which no piece was the last.
    pub fn trailers(&mut self, policy: &Policy) -> Step {
        self.body_seen = true;
        match self.state {
            State::Message(..) => Step::Read,
            State::Bodyless => self.go(Permit::unjudged(), Vec::new()),
            State::Gone => Step::Gone(Permit::unjudged()),
            State::Answered => Step::Answered,
            State::Start => self.refuse(out_of_order(policy)),
        }
    }

    /// Judges the whole body, which [`Step::Read`] asked for.
    pub fn judge(
        &mut self,
        policy: &Policy,
        body: &[u8],
        peer: &dyn Peer,
        store: &impl Store,
        now: Nanos,
    ) -> Step {
        let State::Message(head, caller) = &mut self.state else {
            return self.refuse(out_of_order(policy));
        };
        if let (true, Ok(caller)) = (policy.is_dated(), &mut *caller) {
            policy.place(caller, &head.about(peer), || Some(now));
        }
        let caller = caller.as_ref().map_err(|why| *why);
        if body.len() > policy.settings.max_body_bytes {
            let known = caller.map(drop);
            return self.refuse(unread(policy, known, HeadError::TooLarge));
        }
        let (work, beside) = (Work::default(), Work::default());
        match (Judge { policy, caller, head, peer, store, now, work, beside }).judge(body) {
            Verdict::Go { permit, receipt, records, asked } => {
                self.receipt = receipt;
                if let Some(listing) = &mut self.listing {
                    listing.expect(asked);
                }
                self.go(permit, records)
            }
            Verdict::Refuse(refusal) => self.refuse(refusal),
        }
    }

    /// The response to the request, if it may have to be changed. Then the
    /// request must not ask for compression.
    pub fn listing(&mut self) -> Option<&mut Listing> {
        self.listing.as_deref_mut()
    }

    /// Whether the request waits to be judged and has no Content-Type. Then it must
    /// go on as JSON, since it is judged as that.
    pub const fn is_untyped(&self) -> bool {
        matches!(&self.state, State::Message(Head { untyped: true, .. }, _))
    }

    /// Refuses a request because the host failed at the last step.
    pub fn fail(&mut self, policy: &Policy, what: &str) -> Step {
        self.refuse(Refusal::failed(policy, what))
    }

    /// Whether the request is neither on its way nor refused.
    pub const fn waits(&self) -> bool {
        matches!(self.state, State::Start | State::Message(..) | State::Bodyless)
    }

    /// Bytes that are kept of a request until its body is there, about, and its
    /// owner; `None` unless it waits for one.
    pub fn waiting(&self, policy: &Policy) -> Option<(usize, Whose<'_>)> {
        let listing = self.listing.as_ref().map_or(0, |_| size_of::<Listing>());
        let inside = size_of::<Self>().saturating_add(listing);
        let (head, caller) = match &self.state {
            State::Message(head, caller) => (head, caller),
            // It waits for the end of a body that it must not have.
            State::Bodyless => return Some((inside, Whose::Anonymous)),
            _ => return None,
        };
        let (id, whose) = match caller {
            Ok(_) if policy.identity.is_empty() => (0, Whose::Anonymous),
            Ok(caller) => (caller.id.len(), Whose::Caller(&caller.id)),
            Err(_) => (0, Whose::Nobody),
        };
        Some((inside.saturating_add(head.size()).saturating_add(id), whose))
    }

    /// Refuses a request for which there is no room while it waits for its body.
    pub fn crowd_out(&mut self, policy: &Policy) -> Step {
        let refusal = match self.state {
            // This is what the answer would have been with a body, too.
            State::Message(_, Err(why)) => Refusal::unidentified(policy, why, None, None),
            _ => Refusal::crowded(policy),
        };
        self.refuse(refusal)
    }

    /// Whether the exchange waited for a body and got none. With
    /// `hold_request_headers`, this is the sign of an Envoy that is not configured
    /// to let bodies through to a filter that holds the headers.
    pub fn starved(&self) -> bool {
        !self.body_seen && matches!(self.state, State::Message(..) | State::Bodyless)
    }

    /// Whether there is a charge that could be given back.
    pub fn is_charged(&self) -> bool {
        !self.receipt.is_empty()
    }

    /// Ends the exchange. `flags` are Envoy's response flags, if they could be read.
    /// If they show that nothing was sent upstream, the charge is given back. Any
    /// other end keeps it: a client that resets after its call has run must not get
    /// its budget back.
    pub fn end(&mut self, policy: &Policy, flags: Option<u64>, store: &impl Store, now: Nanos) {
        let receipt = core::mem::take(&mut self.receipt);
        if flags.is_some_and(is_unsent) {
            policy.table.refund(&Trial::through(store), receipt, now);
        }
    }

    /// The identification of the request for its records, once it was judged or
    /// refused.
    pub const fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Drops all that only records need: a stream may stay open for hours.
    pub fn forget(&mut self) {
        self.trace = Trace::default();
    }

    fn go(&mut self, permit: Permit, records: Vec<Record>) -> Step {
        self.move_to(State::Gone);
        Step::Go(permit, records)
    }

    fn move_to(&mut self, state: State) {
        if let State::Message(head, _) = core::mem::replace(&mut self.state, state) {
            self.trace = head.trace;
        }
    }

    fn watch_response(&mut self, policy: &Policy, caller: &Caller) {
        self.listing = Listing::for_caller(policy, caller).map(Box::new);
    }

    fn serve(&mut self, served: Served) -> Step {
        self.move_to(State::Answered);
        Step::Serve(Box::new(served))
    }

    fn refuse(&mut self, refusal: Box<Refusal>) -> Step {
        self.move_to(State::Answered);
        // Our own answer is not a server's.
        self.listing = None;
        Step::Refuse(refusal)
    }
}

/// Envoy's response flags for a request that no upstream got: no healthy host (UH),
/// no connection (UF), too many requests (UO), no route (NR), no cluster (NC).
const UNSENT: u64 = 0x2 | 0x20 | 0x80 | 0x100 | 0x100_0000;

const fn is_unsent(flags: u64) -> bool {
    flags != 0 && flags & !UNSENT == 0
}

/// The refusal of a body that is not read. Who can sign in is told so before.
fn unread(policy: &Policy, known: Result<(), NoIdentity>, fault: HeadError) -> Box<Refusal> {
    match known {
        Err(why) if policy.challenges() => Refusal::unidentified(policy, why, None, None),
        _ => Refusal::head(policy, fault),
    }
}

/// The refusal for a host that reports a body before its headers.
fn out_of_order(policy: &Policy) -> Box<Refusal> {
    Refusal::failed(policy, "the request could not be followed")
}

#[cfg(test)]
mod tests;
