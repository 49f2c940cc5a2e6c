//! Requests that are held for their bodies in a VM that has seen no body yet. An
//! Envoy that was not told to hand over bodies of held requests never does, and its
//! client gets no answer until a timeout of half a minute. A timer says so before.
//!
//! It runs while such a request waits, and never after the first body: for a gateway
//! that is set up well, that is its first request.

use super::host;
use crate::limits::window::Nanos;

/// Milliseconds between two looks.
const PERIOD: u32 = 2_000;
/// Nanoseconds between two lines in the log, however many requests wait.
const SILENCE: u64 = 60_000_000_000;

/// The waiting requests of one configuration in one worker, by their age.
#[derive(Debug, Default)]
pub(super) struct Held {
    runs: bool,
    /// The number of looks so far.
    looks: u64,
    /// Requests that have waited for a whole period at the next look.
    old: usize,
    /// Those that have not.
    young: usize,
    said: Option<Nanos>,
}

/// A waiting request: the number of looks before it came.
#[derive(Debug)]
pub(super) struct Since(u64);

impl Held {
    /// Counts a request that waits from now on.
    pub(super) fn enter(&mut self) -> Since {
        let since = Since(self.looks);
        if self.runs {
            self.young = self.young.saturating_add(1);
        } else {
            // The timer begins with it, so it is old at the first look.
            self.old = 1;
            self.looks = self.looks.saturating_add(1);
            self.runs = true;
            timer(PERIOD);
        }
        since
    }

    /// Counts it no more.
    pub(super) fn leave(&mut self, since: &Since) {
        let group = if since.0 < self.looks { &mut self.old } else { &mut self.young };
        *group = group.saturating_sub(1);
    }

    /// Takes a look; whether to say that requests wait.
    pub(super) fn look(&mut self, now: Option<Nanos>) -> bool {
        let say = self.old > 0 && self.may_say(now);
        self.old = self.old.saturating_add(self.young);
        self.young = 0;
        self.looks = self.looks.saturating_add(1);
        if self.old == 0 {
            // The timer may be that of a configuration before this one.
            self.end();
        }
        say
    }

    /// Whether a line is due. Without a clock there is one in all.
    pub(super) fn may_say(&mut self, now: Option<Nanos>) -> bool {
        let due = match (self.said, now) {
            (None, _) => true,
            (Some(said), Some(now)) => now.0.saturating_sub(said.0) >= SILENCE,
            (Some(_), None) => false,
        };
        if due {
            self.said = Some(now.unwrap_or(Nanos(0)));
        }
        due
    }

    /// Ends the timer, if it runs.
    pub(super) fn stop(&mut self) {
        if self.runs {
            self.end();
        }
    }

    fn end(&mut self) {
        (self.runs, self.old, self.young) = (false, 0, 0);
        timer(0);
    }
}

/// Sets the period of the root context's timer; zero ends it.
pub(super) fn timer(period: u32) {
    // Without a timer the line comes when the request ends.
    let _ = host::set_tick_period(period);
}
