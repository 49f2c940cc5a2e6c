//! The state that all streams under one configuration share: made by the root
//! context, read by the streams.

use super::held::Held;
use super::host;
use super::metrics::Metrics;
use crate::exchange::Waiting;
use crate::limits::window::Nanos;
use crate::policy::Policy;
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
}

impl Plugin {
    pub(super) fn new(policy: Policy, metrics: Metrics) -> Self {
        Self {
            policy,
            metrics,
            gets_bodies: Cell::new(false),
            held: RefCell::default(),
            waiting: RefCell::default(),
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

    /// Looks after the requests that are held without a body.
    pub(super) fn tick(&self) {
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
