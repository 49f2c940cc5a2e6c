//! Events in a response: each is changed as soon as it is complete, or replaced if it may
//! hide a list.

use super::changes::{Change, Changes};
use super::events::Editor;
use super::signs::Signs;
use super::{Listing, MAX_DEPTH, Reading, State, message};
use crate::exchange::awaited::Awaited;
use crate::exchange::reply::unreadable_list;
use crate::limits::Store;
use crate::policy::Policy;

impl Listing {
    /// Reads a piece of a body, which [`BodyStep::Piece`] asked for; its replacement,
    /// if it changes.
    pub fn piece(
        &mut self,
        lent: &Reading<'_, impl Store>,
        piece: &[u8],
        end: bool,
    ) -> Option<Vec<u8>> {
        let mut events = match core::mem::replace(&mut self.state, State::Replaced) {
            State::Events(events) => events,
            State::Scanned(scan) => return self.scan(lent.policy, scan, piece),
            _ => return Some(Vec::new()),
        };
        let editing = Editing { lent, listing: self };
        let out = events.pass(piece, end, &editing);
        self.state = if events.is_over() { self.after_events() } else { State::Events(events) };
        (out != piece).then_some(out)
    }

    /// The message in the place of one that could not be read. No client finds its
    /// request by an id that is null, so the message's own is used if it has one.
    pub(super) fn message_error(&self, policy: &Policy, data: &[u8]) -> Vec<u8> {
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
struct Editing<'a, 's, S> {
    lent: &'a Reading<'s, S>,
    listing: &'a Listing,
}

impl<S: Store> Editor for Editing<'_, '_, S> {
    fn reads(&self) -> bool {
        self.listing.reads_lists()
    }

    fn edit(&self, data: &[u8]) -> Changes {
        let replaced = || {
            let instead = self.instead(data).into_iter();
            instead.map(|with| Change { from: 0, to: data.len(), with: with.into() }).collect()
        };
        Changes::new(if self.signs().are_in(data) {
            self.listing.changes(self.lent, data).unwrap_or_else(|_| replaced())
        } else if self.signs().are_bare_in(data) && !message::is_json(data, MAX_DEPTH) {
            replaced()
        } else {
            Vec::new()
        })
    }

    fn instead(&self, data: &[u8]) -> Option<Vec<u8>> {
        let listing = self.listing;
        listing.unreadable.set(true);
        listing.conceals().then(|| listing.message_error(self.lent.policy, data))
    }

    fn most(&self) -> usize {
        match &self.listing.asked.awaited {
            Some(answer) if !self.reads() => answer.most(),
            _ => self.lent.policy.settings.max_body_bytes,
        }
    }

    fn notes(&self) -> bool {
        self.listing.asked.awaited.as_deref().is_some_and(Awaited::has_parts)
    }

    fn note(&self, data: &[u8]) {
        if let Some(answer) = self.listing.asked.awaited.as_deref() {
            message::each_answered(data, MAX_DEPTH, &mut |id| answer.answers(id));
        }
    }

    fn signs(&self) -> Signs {
        Signs::new(self.listing.reads)
    }

    fn too_long(&self, size: usize) -> Option<Vec<Vec<u8>>> {
        self.listing.event_grows(self.lent.policy, size)
    }
}
