//! Requests that are held: until their bodies are there, or an answer.

use super::approvals::Opened;
use super::listing::Listing;
use super::record::Records;
use super::refusal::{Refusal, To};
use super::{Exchange, State, Step, Whose};
use crate::policy::Policy;

impl Exchange {
    /// Whether the request is neither on its way nor refused.
    pub const fn waits(&self) -> bool {
        matches!(
            self.state,
            State::Start
                | State::Message(..)
                | State::Question(_)
                | State::Bodyless
                | State::Asking(..)
        )
    }

    /// Whether [`Self::body`] looks at the size. At the end of a message it need not:
    /// [`Self::judge`] measures the body.
    pub const fn measures(&self, end: bool) -> bool {
        match self.state {
            State::Message(..) | State::Question(_) => !end,
            State::Bodyless => true,
            _ => false,
        }
    }

    /// Bytes that are kept of a request until its body or an answer is there, about, and
    /// its owner; `None` unless it waits for one.
    pub fn waiting(&self, policy: &Policy) -> Option<(usize, Whose<'_>)> {
        let listing = self.listing.as_ref().map_or(0, |_| size_of::<Listing>());
        let inside = size_of::<Self>().saturating_add(listing);
        let (head, caller) = match &self.state {
            State::Message(head, caller) => (head, caller),
            // It waits for the end of a body that it must not have.
            State::Bodyless => return Some((inside, Whose::Anonymous)),
            State::Question(_) => {
                let inside = inside.saturating_add(size_of::<Opened>());
                return Some((inside, Whose::Anonymous));
            }
            State::Asking(pending, ..) => {
                let whose = pending.caller_id().map_or(Whose::Anonymous, Whose::Caller);
                return Some((inside.saturating_add(pending.size()), whose));
            }
            _ => return None,
        };
        let (id, whose) = match caller {
            Ok(_) if policy.identity.is_empty() => (0, Whose::Anonymous),
            Ok(caller) => (caller.id.len(), Whose::Caller(&caller.id)),
            Err(_) => (0, Whose::Nobody),
        };
        Some((inside.saturating_add(head.size()).saturating_add(id), whose))
    }

    /// Refuses a message of nobody, where its head would go ahead of its body: whoever has
    /// to sign in is told so in any case, and until then takes up no connection to a server.
    pub fn turn_away(&mut self, policy: &Policy, records: &mut dyn Records) -> Option<Step> {
        let signs_in = matches!(self.state, State::Message(_, Err(_))) && policy.challenges();
        signs_in.then(|| self.crowd_out(policy, records))
    }

    /// Refuses a request that finds all seats for waiting requests taken.
    pub fn crowd_out(&mut self, policy: &Policy, records: &mut dyn Records) -> Step {
        let refusal = match self.state {
            // This is what the answer would have been with a body, too.
            State::Message(_, Err(why)) => Refusal::unidentified(policy, why, To::default()),
            _ => Refusal::crowded(policy),
        };
        self.refuse_late(refusal, records)
    }

    /// Whether the exchange waited for a body and got none. With
    /// `hold_request_headers`, this is the sign of an Envoy that is not configured
    /// to let bodies through to a filter that holds the headers.
    pub fn starved(&self) -> bool {
        !self.body_seen
            && matches!(self.state, State::Message(..) | State::Question(_) | State::Bodyless)
    }
}
