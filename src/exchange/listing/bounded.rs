//! Responses whose size has a bound. They are counted as they pass, compressed or not, and
//! not read.
//!
//! JSON is refused by its length, or held until its end or the byte that is too many. So
//! its client gets a whole answer or an error with the id of its call. Each event is held
//! until it is complete, and after one that is too long comes an error, and nothing else.

use super::unasked::Scan;
use super::{BodyStep, HeadStep, Listing, Seen, State};
use crate::exchange::awaited::Awaited;
use crate::exchange::head::Trace;
use crate::exchange::record::Record;
use crate::exchange::reply::Reply;
use crate::policy::Policy;

/// The most bytes of an answer to a head alone, which is a page for an error.
const MOST_EARLY: usize = 64 << 10;

/// The way in which a body that is held can be replaced.
#[derive(Debug)]
pub(super) struct Held {
    /// Its head is held too.
    pub(super) head: bool,
    /// It is compressed, so that no other body can follow its head.
    pub(super) encoded: bool,
    /// The search for a list in it, if it may have one.
    pub(super) scan: Option<Box<Scan>>,
}

impl Seen {
    /// Whether every client reads the response as events. Some read one with both types
    /// as JSON.
    const fn is_stream(&self) -> bool {
        self.events && !self.json
    }
}

impl Listing {
    /// The records of answers that are too long, made since this was last asked, and the
    /// request that they are about.
    pub fn records(&self) -> impl Iterator<Item = (Record<'_>, &Trace)> {
        let answer = self.asked.awaited.as_deref().into_iter();
        answer.flat_map(|answer| answer.records().map(|record| (record, &answer.trace)))
    }

    /// Refuses a response by the length that it says.
    pub(super) fn refuse_length(&mut self, policy: &Policy, seen: &Seen) -> Option<HeadStep> {
        let length = seen.length.filter(|_| !seen.is_stream())?;
        if !self.passes_bound(length) {
            return None;
        }
        self.state = State::Broken;
        Some(HeadStep::Refuse(self.refusal(policy)))
    }

    /// Takes the headers of a response that is not read for its lists.
    pub(super) fn watch_size(&mut self, seen: &Seen, holds: bool) -> HeadStep {
        let Some(answer) = &self.asked.awaited else { return HeadStep::Pass };
        if seen.is_stream() && !seen.encoded {
            self.state = State::Events(super::Events::default());
            return HeadStep::Stream;
        }
        // The events of a stream that is compressed are not seen, and held ones might be
        // questions to the client.
        if seen.is_stream() || seen.length.is_some() || !answer.is_enforced() {
            self.state = State::Counted(0);
            return HeadStep::Pass;
        }
        self.state = State::Held(Held { head: holds, encoded: seen.encoded, scan: None });
        HeadStep::Hold
    }

    /// Takes the head of a response that came before the request was judged; `None` if it
    /// must not pass. No server has the message yet, so that nothing is an answer to it; one
    /// to its head, such as an error for want of a token, is for the client.
    pub fn before_its_request<'a>(
        &mut self,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        end: bool,
    ) -> Option<HeadStep> {
        let seen = Seen::read(headers);
        self.is_early = true;
        let is_short = seen.length.is_none_or(|length| length <= MOST_EARLY);
        if !seen.fits_a_head || !is_short {
            return None;
        }
        if end || !self.reads_lists() || !(seen.json || seen.events) {
            self.state = State::Counted(0);
            return Some(HeadStep::Pass);
        }
        if seen.events || seen.encoded || seen.recoded {
            return None;
        }
        self.state = State::Whole(0);
        Some(HeadStep::Hold)
    }

    /// Takes the size of a part of the body that has not gone on; whether the body is
    /// refused.
    pub(super) fn grows(&mut self, size: usize) -> bool {
        let size = match &mut self.state {
            State::Counted(all) => {
                *all = all.saturating_add(size);
                *all
            }
            State::Scanned(scan) => scan.grow(size),
            State::Events(events) => match events.grow(size) {
                Some(all) => all,
                None => return false,
            },
            State::Whole(_) | State::Held(_) => size,
            _ => return false,
        };
        (self.is_early && size > MOST_EARLY) || self.passes_bound(size)
    }

    /// Replaces a body that is too long.
    pub(super) fn refuse_body(&mut self, policy: &Policy) -> BodyStep {
        match self.state {
            _ if self.is_early => self.break_over(),
            State::Whole(_) | State::Held(Held { head: false, encoded: false, .. }) => {
                self.state = State::Replaced;
                BodyStep::Replace(self.refusal(policy).body)
            }
            State::Held(Held { head: true, .. }) => {
                self.state = State::Broken;
                BodyStep::Refuse(self.refusal(policy))
            }
            _ => self.break_over(),
        }
    }

    /// Ends a response of which a part has gone on.
    pub(super) fn break_over(&mut self) -> BodyStep {
        self.state = State::Broken;
        BodyStep::Refuse(Reply::bare(500))
    }

    /// The state after an event that is too long. The stream of a call ends by itself, and
    /// a client with its answer may take a broken one for a failure; one that a server
    /// keeps open for others has to be opened anew.
    pub(super) fn after_events(&self) -> State {
        let unasked = self.asked.awaited.as_deref().is_some_and(Awaited::is_unasked);
        if unasked { State::Over } else { State::Replaced }
    }

    /// Takes the size of an event so far; the data of the events after which nothing
    /// follows, if it is too long.
    pub(super) fn event_grows(&self, policy: &Policy, size: usize) -> Option<Vec<Vec<u8>>> {
        let answer = self.asked.awaited.as_deref()?;
        answer.is_too_long(size).then(|| answer.errors(policy))
    }

    fn passes_bound(&self, size: usize) -> bool {
        self.asked.awaited.as_deref().is_some_and(|answer| answer.is_too_long(size))
    }

    fn refusal(&self, policy: &Policy) -> Reply {
        let answer = self.asked.awaited.as_deref();
        answer.map_or_else(|| Reply::bare(500), |answer| answer.refusal(policy, self.asked.batch))
    }
}
