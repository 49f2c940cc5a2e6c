//! Lists of tools, prompts and resources in responses, without what a caller is not shown,
//! and responses whose size has a bound.
//!
//! Only responses to callers from whom the policy hides something are read, and all where
//! it has a lock. A JSON body is read whole, and only if the request was for such a list: no
//! other answer is one. Events are recognised by their shape, since a GET may replay an
//! answer to a request of long ago; each goes on as soon as it is complete. A text that may
//! be a list and cannot be read is replaced by an error, and never passed on as it is;
//! unless nothing is hidden from its caller, and lists are only looked at.
//! [`unasked`] has the lists that a server sends in the answer to another request, and
//! [`bounded`] the other responses that are watched.

mod bounded;
mod changes;
mod editing;
mod events;
mod message;
mod seen;
mod signs;
mod unasked;
mod watch;

use crate::exchange::awaited::Asked;
use crate::exchange::reply::{Reply, unreadable_list};
use crate::limits::Store;
use crate::limits::window::Nanos;
use crate::policy::{Caller, News, Policy};
use crate::wire::mcp::{List, Lists};
use bounded::Held;
use changes::Changes;
use core::cell::{Cell, RefCell};
use events::Events;
use seen::Seen;
use unasked::Scan;

/// The deepest nesting of JSON in a response: as much as the stack allows, since a
/// server is trusted not to attack.
const MAX_DEPTH: usize = 256;

/// The response to one request, of which the lists are read or the size has a bound.
#[derive(Debug, Default)]
pub struct Listing {
    /// The caller, if lists are read.
    caller: Option<Caller>,
    /// The lists from which something may have to be taken out. With any, one that cannot be
    /// read must not pass.
    lists: Lists,
    /// The lists that are read.
    reads: Lists,
    asked: Asked,
    /// The moment at which the request went on, if it asked for lists.
    began: Option<Nanos>,
    /// Whether it came before the request was judged.
    is_early: bool,
    /// Whether the request has no message, and opens a stream.
    opens: bool,
    state: State,
    unreadable: Cell<bool>,
    news: RefCell<Option<News>>,
}

/// The things that a host lends to read a response.
pub struct Reading<'a, S> {
    /// The policy.
    pub policy: &'a Policy,
    /// The tools that have changed, for all workers.
    pub store: &'a S,
    /// The present moment, unless there is no clock.
    pub now: &'a dyn Fn() -> Option<Nanos>,
}

#[derive(Debug, Default)]
enum State {
    /// It passes as it comes.
    #[default]
    Pass,
    /// It is a list, of which this many bytes are there. It is read when all are.
    Whole(usize),
    /// It is a stream of events.
    Events(Events),
    /// It passes as it comes, unless it has a list that nobody asked for.
    Scanned(Box<Scan>),
    /// It is held until its end, and not read.
    Held(Held),
    /// It passes as it comes, and this many bytes have.
    Counted(usize),
    /// Its replacement was sent. The rest of it is dropped.
    Replaced,
    /// One of its events was too long. It is broken off before anything follows.
    Over,
    /// Another answer was sent, or it is being broken off: nothing of it goes on.
    Broken,
}

/// The next action for the head of a response.
#[derive(Debug)]
pub enum HeadStep {
    /// Let it go on.
    Pass,
    /// Remove its Content-Length, since the body may get another, and let it go on.
    Stream,
    /// Remove its Content-Length, and hold it if the host can hold a head.
    Hold,
    /// Answer in its place, since it cannot be read.
    Replace(Reply),
    /// Answer in its place, since it is too long.
    Refuse(Reply),
}

/// The next action for a piece of a body.
#[derive(Debug, PartialEq, Eq)]
pub enum BodyStep {
    /// Let it go on.
    Pass,
    /// Keep it until more has come.
    Wait,
    /// Hand the whole body to [`Listing::whole`].
    Whole,
    /// Hand the piece to [`Listing::piece`].
    Piece,
    /// Put this in its place.
    Replace(Vec<u8>),
    /// Answer in its place, since it is too long; break it off if its head has gone on.
    Refuse(Reply),
}

impl Listing {
    /// The response to a request of this caller; `None` if it need not be read.
    pub fn for_caller(policy: &Policy, caller: &Caller) -> Option<Self> {
        let lists = policy.concealed(caller);
        let reads = policy.lock().map_or(lists, |_| lists.with(List::Tools));
        let caller = (!reads.is_empty()).then(|| caller.clone())?;
        Some(Self { caller: Some(caller), lists, reads, ..Self::default() })
    }

    /// Whether lists are read. Then the request must not ask for compression.
    pub const fn reads_lists(&self) -> bool {
        !self.reads.is_empty()
    }

    /// Sets what the request asked for, and the moment at which it went on.
    pub fn expect(&mut self, asked: Asked, began: Nanos) {
        self.began = (!asked.ids.is_empty()).then_some(began);
        self.asked = asked;
    }

    /// Whether something is hidden from the caller, so that lists are changed.
    pub const fn conceals(&self) -> bool {
        !self.lists.is_empty()
    }

    /// The news about locked tools, since this was last asked.
    pub fn take_news(&self) -> Option<News> {
        self.news.take()
    }

    /// Whether something was replaced because it could not be read, since this
    /// was last asked.
    pub fn take_unreadable(&self) -> bool {
        self.unreadable.take()
    }

    /// Takes the response's headers; `end` if nothing follows, and `holds` if the host
    /// can hold them.
    pub fn headers<'a>(
        &mut self,
        policy: &Policy,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        end: bool,
        holds: bool,
    ) -> HeadStep {
        let seen = Seen::read(headers);
        if end {
            return HeadStep::Pass;
        }
        if let Some(refused) = self.refuse_length(policy, &seen) {
            return refused;
        }
        match self.lists(policy, &seen, holds) {
            HeadStep::Pass => self.watch_size(&seen, holds),
            step => step,
        }
    }

    /// Takes the headers of what may be a list.
    fn lists(&mut self, policy: &Policy, seen: &Seen, holds: bool) -> HeadStep {
        if !self.reads_lists() {
            return HeadStep::Pass;
        }
        if seen.events || (seen.success && self.opens_any(policy)) {
            // Some clients read a response with both types as JSON.
            let both = seen.json && (!self.asked.ids.is_empty() || self.answers_any(policy));
            if seen.encoded || (seen.recoded && seen.events) || both {
                return self.unreadable(policy);
            }
            self.state = State::Events(Events::of_lists(seen.events));
            return HeadStep::Stream;
        }
        // No client reads a list out of an error page.
        let is_list = !self.asked.ids.is_empty() && (seen.json || seen.success);
        let is_other = seen.json && self.answers_any(policy);
        if !(is_list || is_other) {
            return HeadStep::Pass;
        }
        if seen.encoded || seen.recoded {
            return self.unreadable(policy);
        }
        if !is_list {
            return self.watch_unasked(seen, holds);
        }
        self.state = State::Whole(0);
        HeadStep::Hold
    }

    /// Ends the response because the host failed: nothing more of it goes on.
    pub fn break_off(&mut self) {
        self.state = State::Broken;
    }

    /// Replaces a response that cannot be read, if it must not pass.
    fn unreadable(&mut self, policy: &Policy) -> HeadStep {
        if self.conceals() {
            return self.replace(policy);
        }
        self.unreadable.set(true);
        HeadStep::Pass
    }

    /// Replaces a response that cannot be read.
    pub fn replace(&mut self, policy: &Policy) -> HeadStep {
        self.state = State::Broken;
        if !self.reads_lists() {
            return HeadStep::Replace(Reply::bare(500));
        }
        let status = if self.asked.ids.is_empty() { 502 } else { 200 };
        let body = self.error(policy);
        HeadStep::Replace(Reply { status, retry_after: None, headers: Vec::new(), body })
    }

    /// Takes the size of the part of the body that has not gone on; `end` if no more
    /// comes.
    pub fn body(&mut self, policy: &Policy, size: usize, end: bool) -> BodyStep {
        if self.grows(size) {
            return self.refuse_body(policy);
        }
        let conceals = self.conceals();
        match &mut self.state {
            State::Held(_) if !end => BodyStep::Wait,
            State::Held(held) if held.scan.is_some() => {
                self.state = State::Scanned(held.scan.take().unwrap_or_default());
                BodyStep::Piece
            }
            State::Pass | State::Held(_) | State::Counted(_) => BodyStep::Pass,
            State::Over if !end => self.break_over(),
            State::Whole(_) if size > policy.settings.max_body_bytes && !conceals => {
                self.state = State::Counted(size);
                self.unreadable.set(true);
                BodyStep::Pass
            }
            State::Whole(_) if size > policy.settings.max_body_bytes => {
                self.state = State::Replaced;
                BodyStep::Replace(self.error(policy))
            }
            State::Whole(held) => {
                *held = size;
                if end { BodyStep::Whole } else { BodyStep::Wait }
            }
            State::Events(_) | State::Scanned(_) => BodyStep::Piece,
            State::Replaced | State::Over => BodyStep::Replace(Vec::new()),
            State::Broken => BodyStep::Wait,
        }
    }

    /// Takes the end of a body by trailers, after which no piece was the last. An
    /// event that is not complete is lost, as it is to every reader of events.
    pub fn trailers(&self) -> BodyStep {
        match self.state {
            State::Whole(_) | State::Held(Held { scan: Some(_), .. }) => BodyStep::Whole,
            State::Broken => BodyStep::Wait,
            State::Pass
            | State::Events(_)
            | State::Scanned(_)
            | State::Held(_)
            | State::Counted(_)
            | State::Replaced
            | State::Over => BodyStep::Pass,
        }
    }

    /// The most bytes of a whole body that are read.
    pub fn most(&self, policy: &Policy) -> usize {
        let most = policy.settings.max_body_bytes;
        match (&self.state, self.asked.awaited.as_deref()) {
            // Until its end it had room for as much as its bound admits.
            (State::Held(Held { scan: Some(_), .. }), Some(answer)) => most.max(answer.most()),
            _ => most,
        }
    }

    /// Reads the whole body, which [`BodyStep::Whole`] asked for; its replacement, if
    /// it changes.
    pub fn whole(&mut self, lent: &Reading<'_, impl Store>, body: &[u8]) -> Option<Vec<u8>> {
        let policy = lent.policy;
        let most = self.most(policy);
        let held = match core::mem::replace(&mut self.state, State::Replaced) {
            State::Whole(held) => held,
            State::Held(Held { scan: Some(scan), .. }) if body.len() <= most => {
                return self.scan(policy, scan, body);
            }
            _ => 0,
        };
        if body.len() > most || body.len() < held {
            return Some(self.error(policy));
        }
        if body.is_empty() {
            return None;
        }
        match self.changes(lent, body) {
            Ok(changes) if changes.is_empty() => None,
            Ok(changes) => {
                let mut out = Vec::with_capacity(body.len());
                Changes::new(changes).write(body, 0, &mut out);
                Some(out)
            }
            Err(_) if self.conceals() => Some(self.error(policy)),
            Err(_) => {
                self.unreadable.set(true);
                None
            }
        }
    }

    /// The answer to all lists that were asked for.
    fn error(&self, policy: &Policy) -> Vec<u8> {
        self.unreadable.set(true);
        let ids = &*self.asked.ids;
        match ids {
            [id] if !self.asked.batch => unreadable_list(policy, id),
            [] => unreadable_list(policy, "null"),
            ids => {
                let errors: Vec<Vec<u8>> =
                    ids.iter().map(|id| unreadable_list(policy, id)).collect();
                [b"[".as_slice(), &errors.join(&b','), b"]"].concat()
            }
        }
    }
}

#[cfg(test)]
mod tests;
