//! The arithmetic of limits, on time that is given as an argument.
//!
//! Nothing here reads a clock or remembers anything: a stored state and the
//! present moment go in, the next state or the wait comes out. Amounts are in
//! millionths, so that money is counted exactly; a plain call weighs
//! [`ONE_CALL`].

use core::fmt;

/// What a call weighs that is only counted.
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

    /// The moment so many seconds before.
    #[must_use]
    pub const fn earlier(self, seconds: u64) -> Self {
        Self(self.0.saturating_sub(seconds.saturating_mul(NANOS)))
    }

    /// The seconds from now until a moment in whole seconds, rounded up; at
    /// least one.
    const fn until(self, second: u64) -> u64 {
        let wait = second.saturating_mul(NANOS).saturating_sub(self.0).div_ceil(NANOS);
        if wait == 0 { 1 } else { wait }
    }
}

/// Who shares one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Each caller has its own.
    Grant,
    /// All callers together.
    Global,
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

    /// When the window began that `now` falls in, in seconds since 1970.
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

/// What has been used of a fixed window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// When the window began, in seconds since 1970: a multiple of its length.
    pub start: u64,
    /// What was admitted in it, in millionths.
    pub used: u64,
}

/// What a limit says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It may go on; this is the state to store.
    Yes(Fixed),
    /// There is room again in so many seconds.
    In(u64),
    /// The stored window is so far ahead that the clock cannot be trusted.
    ClockAhead,
}

impl Fixed {
    /// Whether the window is over, so that its count no longer matters.
    pub fn is_over(self, window: Window, now: Nanos) -> bool {
        window.end(self.start) <= now.seconds()
    }

    /// Charges `weight` to the window that `now` falls in.
    ///
    /// A stored window later than now's is the current one: the clock stepped
    /// back, or a worker lost a race at the edge, and neither must reset a
    /// count. More than one window ahead it is a clock nobody should trust.
    pub fn charge(stored: Option<Self>, window: Window, max: u64, weight: u64, now: Nanos) -> Room {
        let start = window.start(now);
        let current = match stored {
            Some(stored) if stored.start >= start => stored,
            _ => Self { start, used: 0 },
        };
        if current.start > window.end(start) {
            return Room::ClockAhead;
        }
        match current.used.checked_add(weight) {
            Some(used) if used <= max => Room::Yes(Self { used, ..current }),
            _ => Room::In(now.until(window.end(current.start))),
        }
    }

    /// Gives back what was charged to the window that began at `start`;
    /// nothing where another window has begun since.
    #[must_use]
    pub fn refund(self, start: u64, weight: u64) -> Self {
        if self.start == start {
            Self { used: self.used.saturating_sub(weight), ..self }
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    const MINUTE: Window = Window(60);

    fn at(seconds: u64, nanos: u64) -> Nanos {
        Nanos(seconds * NANOS + nanos)
    }

    fn charge(stored: Option<Fixed>, now: Nanos) -> Room {
        Fixed::charge(stored, MINUTE, 2 * ONE_CALL, ONE_CALL, now)
    }

    #[test]
    fn a_window_begins_with_the_minute_to_the_nanosecond() {
        let full = Fixed { start: 120, used: 2 * ONE_CALL };
        assert_eq!(charge(Some(full), at(179, NANOS - 1)), Room::In(1));
        assert_eq!(charge(Some(full), at(120, 0)), Room::In(60));
        assert_eq!(charge(Some(full), at(120, 1)), Room::In(60));
        assert_eq!(charge(Some(full), at(143, 0)), Room::In(37));
        let fresh = Fixed { start: 180, used: ONE_CALL };
        assert_eq!(charge(Some(full), at(180, 0)), Room::Yes(fresh));
        assert_eq!(charge(None, at(180, 0)), Room::Yes(fresh));
        assert!(!full.is_over(MINUTE, at(179, NANOS - 1)));
        assert!(full.is_over(MINUTE, at(180, 0)));
    }

    #[test]
    fn a_clock_that_steps_back_resets_nothing() {
        let full = Fixed { start: 120, used: 2 * ONE_CALL };
        assert_eq!(charge(Some(full), at(119, 0)), Room::In(61));
        assert_eq!(charge(Some(full), at(60, 0)), Room::In(120));
        assert_eq!(charge(Some(full), at(59, NANOS - 1)), Room::ClockAhead);
        let half = Fixed { start: 120, used: ONE_CALL };
        assert_eq!(charge(Some(half), at(60, 0)), Room::Yes(full));
    }

    #[test]
    fn a_refund_goes_only_into_the_window_that_was_charged() {
        let stored = Fixed { start: 120, used: 2 * ONE_CALL };
        assert_eq!(stored.refund(120, ONE_CALL).used, ONE_CALL);
        assert_eq!(stored.refund(60, ONE_CALL), stored);
        assert_eq!(stored.refund(120, u64::MAX).used, 0);
    }

    #[test]
    fn far_years_and_large_sums_do_not_overflow() {
        let year_2106 = at(u64::from(u32::MAX) + 1, 0);
        let Room::Yes(state) = charge(None, year_2106) else { panic!("refused") };
        assert_eq!(state.start % 60, 0);
        assert!(state.start.abs_diff(u64::from(u32::MAX)) <= 60);
        let last = Nanos(u64::MAX);
        assert!(matches!(charge(None, last), Room::Yes(_)));
        let stored = Fixed { start: MINUTE.start(last), used: u64::MAX };
        assert!(matches!(charge(Some(stored), last), Room::In(1..=60)));
    }

    #[test]
    fn windows_are_named_as_people_name_them() {
        let shown = [1, 60, 3600, 86_400, 90].map(|seconds| Window(seconds).to_string());
        assert_eq!(shown, ["second", "minute", "hour", "day", "90 seconds"]);
        assert_eq!(Window::new(0), None);
        assert_eq!(Window::new(Window::MAX_SECONDS + 1), None);
    }
}
