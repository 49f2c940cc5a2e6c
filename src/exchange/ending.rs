//! The end of an exchange, and the charge that is given back if no server got the call.

use super::{Exchange, State};
use crate::limits::window::Nanos;
use crate::limits::{Receipt, Store, Trial};
use crate::policy::Policy;

impl Exchange {
    /// Whether there is a charge that could be given back.
    pub fn is_charged(&self) -> bool {
        !self.receipt.is_empty()
    }

    /// Whether nothing of the request went to a server, or goes to one: it waits for an
    /// answer, or was answered here.
    pub const fn is_kept_back(&self) -> bool {
        matches!(self.state, State::Asking(..) | State::Answered)
    }

    /// Ends the exchange. `flags` are Envoy's response flags, if they could be read.
    /// If they show that nothing was sent upstream, the charge is given back. Any
    /// other end keeps it: a client that resets after its call has run must not get
    /// its budget back. Of a request that waits for an answer, or that was answered here,
    /// nothing was sent, whatever the flags are.
    pub fn end(&mut self, policy: &Policy, flags: Option<u64>, store: &impl Store, now: Nanos) {
        let kept = self.is_kept_back();
        if kept {
            // An answer that comes now is for nobody.
            self.state = State::Answered;
        }
        if kept || flags.is_some_and(is_unsent) {
            self.take_back(policy, store, now);
        }
        self.receipt = Receipt::default();
    }

    /// Gives the charge of a request back that goes to no server.
    pub fn take_back(&mut self, policy: &Policy, store: &impl Store, now: Nanos) {
        let receipt = core::mem::take(&mut self.receipt);
        policy.table.refund(&Trial::through(store), receipt, now);
    }
}

/// Envoy's response flags for a request that no upstream got: no healthy host (UH),
/// no connection (UF), too many requests (UO), no route (NR), no cluster (NC).
const UNSENT: u64 = 0x2 | 0x20 | 0x80 | 0x100 | 0x100_0000;

const fn is_unsent(flags: u64) -> bool {
    flags != 0 && flags & !UNSENT == 0
}
