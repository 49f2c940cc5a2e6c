//! Notices in line and on the way. Workers put them in line, and Envoy's main thread
//! sends them.

use crate::abi::{MainThread, Scheduler};
use crate::config::Config;
use crate::host::now;
use crate::store::SHARED;
use mcp_policy_filter::approvals::Id;
use mcp_policy_filter::exchange::approvals::{Notice, arrived};
use mcp_policy_filter::shell::metrics::Family;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The notices of one configuration.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// The way to the main thread; none if nobody is to be told.
    scheduler: Option<Scheduler>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    line: VecDeque<Notice>,
    /// The calls on the way, by Envoy's numbers.
    calls: Vec<(u64, Id)>,
}

impl Outbox {
    pub(crate) fn new(scheduler: Option<Scheduler>) -> Self {
        Self { scheduler, state: Mutex::default() }
    }

    /// Puts a notice in line.
    ///
    /// # Errors
    /// The reason for which it is not sent.
    pub(crate) fn add(&self, notice: Notice) -> Result<(), &'static str> {
        let scheduler = self.scheduler.as_ref().ok_or(Notice::UNSENT)?;
        let has_room = self.with(|state| {
            let has_room = state.line.len().saturating_add(state.calls.len()) < Notice::MOST;
            if has_room {
                state.line.push_back(notice);
            }
            has_room
        });
        if !has_room {
            return Err(Notice::TOO_MANY);
        }
        scheduler.schedule();
        Ok(())
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        // No step of a change panics, so a poisoned state is whole.
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Config {
    /// Sends the notices in line.
    pub(crate) fn scheduled(&self, main: &mut MainThread) {
        self.trap("config_scheduled");
        let Some(notify) = self.policy.approvals.as_ref().and_then(|all| all.notify.as_ref())
        else {
            return;
        };
        // Each stays in line until its call is made, so that it is counted all the time.
        while let Some(notice) = self.outbox.with(|state| state.line.front().cloned()) {
            let headers = notice.headers(notify);
            let call = main.call(&notify.cluster, &headers, &notice.body, Notice::TIMEOUT);
            self.outbox.with(|state| {
                state.line.pop_front();
                state.calls.extend(call.map(|call| (call, notice.id)));
            });
            if call.is_err() {
                self.arrived(main, notice.id, Err(Notice::UNSENT));
            }
        }
    }

    /// Takes the end of a call: the status of the answer, if there is one.
    pub(crate) fn called(&self, main: &mut MainThread, call: u64, status: Option<&[u8]>) {
        self.trap("config_callout_done");
        let id = self.outbox.with(|state| {
            let at = state.calls.iter().position(|(other, _)| *other == call)?;
            Some(state.calls.swap_remove(at).1)
        });
        if let Some(id) = id {
            self.arrived(main, id, status.ok_or(Notice::UNANSWERED));
        }
    }

    fn arrived(&self, main: &mut MainThread, id: Id, answer: Result<&[u8], &'static str>) {
        if !arrived(&self.policy, &SHARED, id, answer, now()) {
            self.metrics.count_alone(main, Family::ApprovalsNoticesFailed);
        }
    }
}
