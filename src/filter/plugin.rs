//! The state that all streams under one configuration share: made by the root
//! context, read by the streams.

use super::held::Held;
use super::host;
use super::metrics::Metrics;
use super::outbox::Outbox;
use super::shared_data::SharedData;
use crate::approvals::Id;
use crate::exchange::Waiting;
use crate::exchange::approvals::{Notice, arrived};
use crate::limits::window::Nanos;
use crate::policy::Policy;
use crate::shell::metrics::Family;
use std::cell::{Cell, RefCell};

/// The remedy for requests that are held for ever.
pub(super) const REMEDY: &str = "if this repeats, set `allow_on_headers_stop_iteration: true` in \
    Envoy's PluginConfig, which `settings.hold_request_headers` needs";

/// One configuration in one worker.
pub(super) struct Plugin {
    pub(super) policy: Policy,
    pub(super) metrics: Metrics,
    /// Whether Envoy has let a body through to this VM. If it has, then requests
    /// that end without one were ended by their clients.
    pub(super) gets_bodies: Cell<bool>,
    /// The requests that are held while it has not.
    pub(super) held: RefCell<Held>,
    /// The requests whose bodies have not come yet.
    pub(super) waiting: RefCell<Waiting>,
    /// The notices that are in line or on the way.
    outbox: RefCell<Outbox>,
}

impl Plugin {
    pub(super) fn new(policy: Policy, metrics: Metrics) -> Self {
        Self {
            policy,
            metrics,
            gets_bodies: Cell::new(false),
            held: RefCell::default(),
            waiting: RefCell::default(),
            outbox: RefCell::default(),
        }
    }

    /// Notes that a body came.
    pub(super) fn got_body(&self) {
        if !self.gets_bodies.replace(true)
            && let Ok(mut held) = self.held.try_borrow_mut()
        {
            held.stop();
        }
    }

    /// Whether held requests may wait for bodies that Envoy does not hand over.
    pub(super) fn is_suspicious(&self) -> bool {
        self.policy.settings.hold_request_headers && !self.gets_bodies.get()
    }

    /// Whether a line about such a request is due.
    pub(super) fn may_say(&self) -> bool {
        let now = host::now().ok().map(Nanos);
        self.held.try_borrow_mut().is_ok_and(|mut held| held.may_say(now))
    }

    /// Puts a notice in line, if there is room.
    pub(super) fn notify(&self, notice: Notice) {
        let id = notice.id;
        if !self.outbox.try_borrow_mut().is_ok_and(|mut outbox| outbox.add(notice)) {
            self.arrived(id, Err(Notice::TOO_MANY));
        }
    }

    /// Takes the end of a call of the filter: the status of the answer, or its fault.
    pub(super) fn called(&self, token: u32, answer: Result<&[u8], &'static str>) {
        let id = self.outbox.try_borrow_mut().ok().and_then(|mut outbox| outbox.end(token));
        if let Some(id) = id {
            self.arrived(id, answer);
        }
    }

    fn arrived(&self, id: Id, answer: Result<&[u8], &'static str>) {
        if !arrived(&self.policy, &SharedData, id, answer, host::now().ok().map(Nanos)) {
            self.metrics.count(Family::ApprovalsNoticesFailed, "");
        }
    }

    /// Sends the notices in line, and looks after the requests that are held without a
    /// body. Of these there are none in a VM that has a notice to send: it has seen the
    /// body of a call.
    pub(super) fn tick(&self) {
        if let Some(notify) = self.policy.approvals.as_ref().and_then(|all| all.notify.as_ref())
            && let Ok(mut outbox) = self.outbox.try_borrow_mut()
        {
            let failed = outbox.send(notify);
            drop(outbox);
            failed.into_iter().for_each(|id| self.arrived(id, Err(Notice::UNSENT)));
        }
        let Ok(mut held) = self.held.try_borrow_mut() else { return };
        let now = host::now().ok().map(Nanos);
        if held.look(now) {
            log::error!(
                "mcp-policy-filter: requests have been held for their bodies for 2 s or more, and \
                 no body has come yet; {REMEDY}"
            );
        }
    }
}
