//! The responses that are read: lists for callers from whom something is hidden, and those
//! whose size has a bound.

use super::awaited::{Asked, Awaited, Owed};
use super::head::Trace;
use super::listing::Listing;
use super::{Exchange, State};
use crate::limits::window::Nanos;
use crate::policy::{Caller, Policy};

impl Exchange {
    /// The response to the request, if it is read.
    pub fn listing(&mut self) -> Option<&mut Listing> {
        self.listing.as_deref_mut()
    }

    /// The response, if it is read or measured and came before the request was judged.
    /// A server can answer a head that goes ahead of its body.
    pub fn early(&mut self, policy: &Policy) -> Option<&mut Listing> {
        let conceals = self.listing.as_deref().is_some_and(Listing::conceals);
        let enforces = match &self.state {
            // Nothing is known of a caller from whom something may be hidden.
            State::Message(_, Err(_)) => true,
            // The least bound of all that can apply.
            State::Message(_, Ok(caller)) => {
                conceals || policy.task_bounds(caller).enforced.is_some()
            }
            State::Asking(..) => conceals || policy.bounds_results(),
            _ => false,
        };
        enforces.then(|| &mut **self.listing.get_or_insert_default())
    }

    pub(super) fn watch_response(&mut self, policy: &Policy, caller: &Caller) {
        self.listing = Listing::for_caller(policy, caller).map(Box::new);
    }

    /// Has the response read, if it is a list for a caller from whom something is hidden,
    /// or its size has a bound.
    pub(super) fn expect(&mut self, mut asked: Asked, trace: Trace, now: Nanos) {
        if let Some(answer) = &mut asked.awaited {
            answer.trace = trace;
            self.listing.get_or_insert_default().expect(asked, now);
        } else if let Some(listing) = &mut self.listing {
            listing.expect(asked, now);
        }
    }

    /// Watches the response to a request without a body, on which a server sends messages of
    /// its own.
    pub(super) fn watch_unasked(
        &mut self,
        policy: &Policy,
        caller: &Caller,
        trace: impl FnOnce() -> Trace,
    ) {
        if !policy.bounds_results() {
            return;
        }
        let answer = Awaited::new(policy, caller, true, &Owed::default());
        if answer.is_bounded() {
            let asked = Asked { awaited: Some(Box::new(answer)), ..Asked::default() };
            // It asks for nothing, so nothing of it began.
            self.expect(asked, trace(), Nanos(0));
        }
    }
}
