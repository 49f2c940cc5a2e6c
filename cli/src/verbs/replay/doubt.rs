//! Counts that are in doubt. A call that cannot be judged may have been charged or not,
//! and a later call of the same counter depends on it. The store has the charges that
//! are certain; here is what there may be besides.

use mcp_policy_filter::limits::window::{Algorithm, Nanos};
use mcp_policy_filter::limits::{Charge, Holder, Tag};
use std::collections::HashMap;

/// The most counts in doubt; with more, every count is.
const MOST: usize = 1 << 16;

/// The counts in doubt.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// By counter and holder; without a holder, it may be any.
    counts: HashMap<(Tag, Option<Holder>), Doubt>,
    is_full: bool,
}

/// The weight in doubt of a window and of the one before.
#[derive(Clone, Copy, Debug, Default)]
struct Doubt {
    window: u64,
    now: u64,
    before: u64,
}

impl Doubts {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty() && !self.is_full
    }

    /// Adds a charge that may have been made; `to_anybody` if its holder is not known.
    pub(super) fn add(&mut self, charge: &Charge, to_anybody: bool, now: Nanos) {
        let key = (charge.tag, (!to_anybody).then_some(charge.holder));
        if self.counts.len() >= MOST && !self.counts.contains_key(&key) {
            self.is_full = true;
            return;
        }
        let doubt = self.counts.entry(key).or_default();
        doubt.turn(window(charge, now));
        doubt.now = doubt.now.saturating_add(charge.weight);
    }

    /// The largest weight that may have been charged besides, to a count that is charged
    /// now.
    pub(super) fn of(&self, charge: &Charge, now: Nanos) -> u64 {
        if self.is_full {
            return charge.max;
        }
        let window = window(charge, now);
        let of = |holder| {
            self.counts.get(&(charge.tag, holder)).map_or(0, |doubt| {
                let mut doubt = *doubt;
                doubt.turn(window);
                match charge.algorithm {
                    Algorithm::Fixed => doubt.now,
                    Algorithm::Sliding => doubt.now.saturating_add(doubt.before),
                }
            })
        };
        of(Some(charge.holder)).saturating_add(of(None))
    }
}

impl Doubt {
    /// Moves to a window, which may be a later one.
    fn turn(&mut self, window: u64) {
        match window.checked_sub(self.window) {
            None | Some(0) => {}
            Some(1) => *self = Self { window, now: 0, before: self.now },
            Some(_) => *self = Self { window, now: 0, before: 0 },
        }
    }
}

fn window(charge: &Charge, now: Nanos) -> u64 {
    now.seconds().checked_div(u64::from(charge.window.seconds())).unwrap_or_default()
}
