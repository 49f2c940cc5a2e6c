//! The state that all streams under one configuration share: made by the root
//! context, read by the streams.

use super::metrics::Metrics;
use crate::exchange::Waiting;
use crate::policy::Policy;
use std::cell::{Cell, RefCell};

/// One configuration in one worker.
pub(super) struct Plugin {
    pub(super) policy: Policy,
    pub(super) metrics: Metrics,
    /// Whether Envoy has let a body through to this VM. If it has, then requests
    /// that end without one were ended by their clients.
    pub(super) gets_bodies: Cell<bool>,
    /// The requests whose bodies have not come yet.
    pub(super) waiting: RefCell<Waiting>,
}

impl Plugin {
    pub(super) fn new(policy: Policy, metrics: Metrics) -> Self {
        Self { policy, metrics, gets_bodies: Cell::new(false), waiting: RefCell::default() }
    }
}
