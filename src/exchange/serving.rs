//! Requests that are for the filter itself, and its answers to them.

use super::approvals::{Endpoint, Opened, is_for_home};
use super::head::Trace;
use super::identity::Peer;
use super::record::Records;
use super::{Exchange, Served, State, Step, caller};
use crate::limits::Store;
use crate::limits::window::Nanos;
use crate::policy::Policy;
use core::cell::OnceCell;

impl Exchange {
    /// The first step of a request about approvals; `None` if it is about none. People
    /// are answered by their heads, and other gateways by their bodies.
    pub(super) fn approvals<'a>(
        &mut self,
        policy: &Policy,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
        peer: &dyn Peer,
        store: &impl Store,
        now: impl FnOnce() -> Option<Nanos>,
        end: bool,
    ) -> Option<Step> {
        let approvals = policy.approvals.as_ref()?;
        if is_for_home(approvals, headers.clone()) {
            return Some(match Opened::new(headers, now(), end) {
                Ok(opened) => {
                    self.state = State::Question(Box::new(opened));
                    Step::Wait
                }
                Err(served) => Step::Serve(served),
            });
        }
        let caller = || caller::approver(policy, headers.clone(), peer);
        let (caller, admitted) = (&caller, OnceCell::new());
        let headers = headers.clone();
        let endpoint = Endpoint { policy, approvals, headers, peer, store, caller, admitted };
        endpoint.answer(end, now).map(|served| Step::Serve(Box::new(served)))
    }

    /// Answers a request whose body was read.
    pub(super) fn serve(&mut self, served: Served, records: &mut dyn Records) -> Step {
        self.served(Box::new(served), Trace::default, records)
    }

    /// Answers a request, and has its record written if it has one.
    pub(super) fn served(
        &mut self,
        served: Box<Served>,
        trace: impl FnOnce() -> Trace,
        records: &mut dyn Records,
    ) -> Step {
        if let Some(decision) = &served.decision {
            records.decided(decision, &trace());
        }
        if let Some(event) = served.event {
            records.consulted(event);
        }
        self.state = State::Answered;
        Step::Serve(served)
    }
}
