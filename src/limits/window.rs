//! The arithmetic of limits, on time that is given as an argument.
//!
//! Nothing here reads a clock or remembers anything: a stored state and the
//! present moment go in, the next state or the wait comes out. Amounts are in
//! millionths, so that money is counted exactly; a plain call weighs
//! [`ONE_CALL`].

mod fixed;
mod sliding;

pub use fixed::Fixed;
pub use sliding::Sliding;

use core::fmt;

/// The weight of a call under a limit without `increment_from`.
pub const ONE_CALL: u64 = 1_000_000;

const NANOS: u64 = 1_000_000_000;

/// A moment: nanoseconds since 1970 in UTC, good until the year 2554.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nanos(pub u64);

impl Nanos {
    /// Whole seconds since 1970.
    pub const fn seconds(self) -> u64 {
        self.0 / NANOS
    }

    /// The seconds from now until `later`, rounded up; at least one.
    const fn until_moment(self, later: Self) -> u64 {
        let wait = later.0.saturating_sub(self.0).div_ceil(NANOS);
        if wait == 0 { 1 } else { wait }
    }

    /// The moment this many seconds earlier.
    #[must_use]
    pub const fn earlier(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds.saturating_mul(NANOS)))
    }

    /// The moment this many seconds later.
    #[must_use]
    pub const fn later(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(NANOS)))
    }

    /// The seconds from now until a moment in whole seconds, rounded up; at
    /// least one.
    const fn until(self, second: u64) -> u64 {
        self.until_moment(Self(second.saturating_mul(NANOS)))
    }
}

/// The callers that share one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each caller has a count.
    Grant,
    /// Each session of each caller has a count.
    Session,
    /// All callers share one count.
    Global,
}

impl Scope {
    /// The word for it in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Session => "session",
            Self::Global => "global",
        }
    }
}

/// The length of a window, in seconds. Windows are aligned to UTC: one of 60
/// seconds begins with each minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window(u32);

impl Window {
    /// 31 days.
    pub const MAX_SECONDS: u32 = 2_678_400;

    /// A window of 1 to [`Self::MAX_SECONDS`] seconds.
    pub fn new(seconds: u32) -> Option<Self> {
        (1..=Self::MAX_SECONDS).contains(&seconds).then_some(Self(seconds))
    }

    /// Its length in seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// The start of the window that `now` falls in, in seconds since 1970.
    fn start(self, now: Nanos) -> u64 {
        let seconds = now.seconds();
        seconds.saturating_sub(seconds.checked_rem(u64::from(self.0)).unwrap_or_default())
    }

    const fn end(self, start: u64) -> u64 {
        start.saturating_add(self.0 as u64)
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("second"),
            60 => f.write_str("minute"),
            3_600 => f.write_str("hour"),
            86_400 => f.write_str("day"),
            seconds => write!(f, "{seconds} seconds"),
        }
    }
}

/// The way in which a window moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// From one boundary of the clock to the next.
    Fixed,
    /// With the present moment.
    Sliding,
}

impl Algorithm {
    /// The word for it in policies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Sliding => "sliding",
        }
    }

    /// The start of the aligned window in which the charge under `handle` took
    /// its seat.
    pub fn seat_window(self, window: Window, handle: u64) -> u64 {
        match self {
            Self::Fixed => handle,
            Self::Sliding => window.start(sliding::start(window, handle)),
        }
    }
}

/// The used part of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The used part of a fixed window.
    Fixed(Fixed),
    /// The used part of a sliding window.
    Sliding(Sliding),
}

/// The outcome of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The charge fits.
    Admitted {
        /// The state to store.
        state: State,
        /// The handle by which the charge can be given back.
        handle: u64,
    },
    /// The window is full.
    Full {
        /// The seconds after which there is room again.
        retry_after: u64,
    },
    /// The stored window is so far ahead that the clock cannot be trusted.
    ClockAhead,
}

impl State {
    /// Charges `weight` to the `stored` state, if there is room under `max`. A
    /// state of another algorithm counts as none: the two never share an entry.
    pub fn charge(
        stored: Option<Self>,
        algorithm: Algorithm,
        window: Window,
        max: u64,
        weight: u64,
        now: Nanos,
    ) -> Outcome {
        match (algorithm, stored) {
            (Algorithm::Fixed, Some(Self::Fixed(stored))) => {
                Fixed::charge(Some(stored), window, max, weight, now)
            }
            (Algorithm::Fixed, _) => Fixed::charge(None, window, max, weight, now),
            (Algorithm::Sliding, Some(Self::Sliding(stored))) => {
                Sliding::charge(Some(stored), window, max, weight, now)
            }
            (Algorithm::Sliding, _) => Sliding::charge(None, window, max, weight, now),
        }
    }

    /// Whether its count no longer matters.
    pub fn is_over(&self, window: Window, now: Nanos) -> bool {
        match self {
            Self::Fixed(state) => state.is_over(window, now),
            Self::Sliding(state) => state.is_over(window, now),
        }
    }

    /// Whether it was last charged before the aligned window that `now` falls
    /// in, so that its seat has not been counted in this one.
    pub fn is_of_earlier_window(&self, window: Window, now: Nanos) -> bool {
        match self {
            Self::Fixed(state) => state.is_over(window, now),
            Self::Sliding(state) => {
                state.last_charged(window).0 < window.start(now).saturating_mul(NANOS)
            }
        }
    }

    /// Gives back the charge under `handle`, as far as it still counts.
    #[must_use]
    pub fn refund(self, handle: u64, weight: u64) -> Self {
        match self {
            Self::Fixed(state) => Self::Fixed(state.refund(handle, weight)),
            Self::Sliding(state) => Self::Sliding(state.refund(handle, weight)),
        }
    }

    /// Whether the charge under `handle` still counts.
    pub fn counts(&self, handle: u64) -> bool {
        match self {
            Self::Fixed(state) => state.start == handle,
            Self::Sliding(state) => state.counts(handle),
        }
    }

    /// The used amount, in millionths.
    pub fn used(&self) -> u64 {
        match self {
            Self::Fixed(state) => state.used,
            Self::Sliding(state) => state.used(),
        }
    }
}
