//! Lists of tools, prompts and resources in responses, without the ones that a caller is
//! not shown.
//!
//! Only responses to callers from whom the policy hides something are read. A JSON
//! body is read whole, and only if the request was for such a list: no other answer is
//! one. Events are recognised by their shape, since a GET may replay an answer to
//! a request of long ago; each goes on as soon as it is complete. A text that may be
//! a list and cannot be read is replaced by an error, and never passed on as it is.

mod changes;
mod events;
mod message;
mod signs;

use crate::exchange::head::is_utf8;
use crate::exchange::record::Asked;
use crate::exchange::reply::{Reply, unreadable_list};
use crate::policy::{Caller, Policy};
use crate::wire::mcp::{List, Lists};
use changes::{Change, Changes};
use core::cell::Cell;
use events::{Editor, Events};
use signs::Signs;

/// The deepest nesting of JSON in a response: as much as the stack allows, since a
/// server is trusted not to attack.
const MAX_DEPTH: usize = 256;

/// The response to one request, of a caller from whom something is hidden.
#[derive(Debug)]
pub struct Listing {
    caller: Caller,
    /// The lists from which something may have to be taken out.
    lists: Lists,
    asked: Asked,
    state: State,
    unreadable: Cell<bool>,
}

#[derive(Debug)]
enum State {
    /// It passes as it comes.
    Pass,
    /// It is a list, of which this many bytes are there. It is read when all are.
    Whole(usize),
    /// It is a stream of events.
    Events(Events),
    /// Its replacement was sent. The rest of it is dropped.
    Replaced,
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
    /// Answer in its place.
    Replace(Reply),
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
}

impl Listing {
    /// The response to a request of this caller; `None` if it need not be read.
    pub fn for_caller(policy: &Policy, caller: &Caller) -> Option<Self> {
        let lists = policy.concealed(caller);
        (!lists.is_empty()).then(|| Self {
            caller: caller.clone(),
            lists,
            asked: Asked::default(),
            state: State::Pass,
            unreadable: Cell::new(false),
        })
    }

    /// Sets the lists that the request asked for.
    pub fn expect(&mut self, asked: Asked) {
        self.asked = asked;
    }

    /// Whether something was replaced because it could not be read, since this
    /// was last asked.
    pub fn take_unreadable(&self) -> bool {
        self.unreadable.take()
    }

    /// Takes the response's headers; `end` if nothing follows.
    pub fn headers<'a>(
        &mut self,
        policy: &Policy,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        end: bool,
    ) -> HeadStep {
        let seen = Seen::read(headers);
        if end {
            return HeadStep::Pass;
        }
        if seen.events {
            // Some clients read a response with both types as JSON.
            let both = seen.json && !self.asked.ids.is_empty();
            if seen.encoded || seen.recoded || both {
                return self.replace(policy);
            }
            self.state = State::Events(Events::default());
            return HeadStep::Stream;
        }
        // No client reads a list out of an error page.
        if self.asked.ids.is_empty() || !(seen.json || seen.success) {
            return HeadStep::Pass;
        }
        if seen.encoded || seen.recoded {
            return self.replace(policy);
        }
        self.state = State::Whole(0);
        HeadStep::Hold
    }

    /// Ends the response because the host failed: nothing more of it goes on.
    pub fn break_off(&mut self) {
        self.state = State::Broken;
    }

    /// Replaces a response that cannot be read.
    pub fn replace(&mut self, policy: &Policy) -> HeadStep {
        self.state = State::Broken;
        let status = if self.asked.ids.is_empty() { 502 } else { 200 };
        let body = self.error(policy);
        HeadStep::Replace(Reply { status, retry_after: None, headers: Vec::new(), body })
    }

    /// Takes the size of the part of the body that has not gone on; `end` if no more
    /// comes.
    pub fn body(&mut self, policy: &Policy, size: usize, end: bool) -> BodyStep {
        match &mut self.state {
            State::Pass => BodyStep::Pass,
            State::Whole(_) if size > policy.settings.max_body_bytes => {
                self.state = State::Replaced;
                BodyStep::Replace(self.error(policy))
            }
            State::Whole(held) => {
                *held = size;
                if end { BodyStep::Whole } else { BodyStep::Wait }
            }
            State::Events(_) => BodyStep::Piece,
            State::Replaced => BodyStep::Replace(Vec::new()),
            State::Broken => BodyStep::Wait,
        }
    }

    /// Takes the end of a body by trailers, after which no piece was the last. An
    /// event that is not complete is lost, as it is to every reader of events.
    pub fn trailers(&self) -> BodyStep {
        match self.state {
            State::Whole(_) => BodyStep::Whole,
            State::Broken => BodyStep::Wait,
            State::Pass | State::Events(_) | State::Replaced => BodyStep::Pass,
        }
    }

    /// Reads the whole body, which [`BodyStep::Whole`] asked for; its replacement, if
    /// it changes.
    pub fn whole(&mut self, policy: &Policy, body: &[u8]) -> Option<Vec<u8>> {
        let held = match core::mem::replace(&mut self.state, State::Replaced) {
            State::Whole(held) => held,
            _ => 0,
        };
        if body.len() > policy.settings.max_body_bytes || body.len() < held {
            return Some(self.error(policy));
        }
        if body.is_empty() {
            return None;
        }
        let shows = |list: List, name: &str| policy.shows_in(&self.caller, list, name);
        match message::changes(body, MAX_DEPTH, self.lists, &shows) {
            Ok(changes) if changes.is_empty() => None,
            Ok(changes) => {
                let mut out = Vec::with_capacity(body.len());
                Changes::new(changes).write(body, 0, &mut out);
                Some(out)
            }
            Err(_) => Some(self.error(policy)),
        }
    }

    /// Reads a piece of a body, which [`BodyStep::Piece`] asked for; its replacement,
    /// if it changes.
    pub fn piece(&mut self, policy: &Policy, piece: &[u8], end: bool) -> Option<Vec<u8>> {
        let State::Events(mut events) = core::mem::replace(&mut self.state, State::Replaced) else {
            return Some(Vec::new());
        };
        let editing = Editing { policy, listing: self };
        let out = events.pass(piece, end, &editing);
        self.state = State::Events(events);
        (out != piece).then_some(out)
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

    /// The data of an event in the place of one that could not be read. No client
    /// finds its request by an id that is null, so the event's own is used if it has
    /// one.
    fn event_error(&self, policy: &Policy, data: &[u8]) -> Vec<u8> {
        self.unreadable.set(true);
        let id = match (message::answers(data, MAX_DEPTH), &*self.asked.ids) {
            (Some(id), _) => id,
            (None, [id]) => id,
            (None, _) => "null",
        };
        unreadable_list(policy, id)
    }
}

/// Edits the events of one response.
struct Editing<'a> {
    policy: &'a Policy,
    listing: &'a Listing,
}

impl Editor for Editing<'_> {
    fn edit(&self, data: &[u8]) -> Changes {
        if !self.signs().are_in(data) {
            return Changes::new(Vec::new());
        }
        let Listing { caller, lists, .. } = self.listing;
        let shows = |list: List, name: &str| self.policy.shows_in(caller, list, name);
        Changes::new(message::changes(data, MAX_DEPTH, *lists, &shows).unwrap_or_else(|_| {
            vec![Change { from: 0, to: data.len(), with: self.instead(data).into() }]
        }))
    }

    fn instead(&self, data: &[u8]) -> Vec<u8> {
        self.listing.event_error(self.policy, data)
    }

    fn most(&self) -> usize {
        self.policy.settings.max_body_bytes
    }

    fn signs(&self) -> Signs {
        Signs::new(self.listing.lists)
    }
}

/// The head of a response, as far as it tells how to read its body.
#[derive(Default)]
struct Seen {
    success: bool,
    events: bool,
    json: bool,
    /// It is compressed, although the request did not allow that.
    encoded: bool,
    /// It names another charset than JSON has.
    recoded: bool,
}

impl Seen {
    fn read<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        let mut seen = Self::default();
        for (name, value) in headers {
            match name {
                b":status" => seen.success = value.first() == Some(&b'2'),
                b"content-type" => {
                    let kind = String::from_utf8_lossy(value).to_ascii_lowercase();
                    seen.events |= kind.contains("text/event-stream");
                    seen.json |= kind.contains("json");
                    seen.recoded |= !is_utf8(&kind);
                }
                b"content-encoding" => {
                    let value = value.trim_ascii();
                    seen.encoded |= !value.is_empty() && !value.eq_ignore_ascii_case(b"identity");
                }
                _ => {}
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests;
