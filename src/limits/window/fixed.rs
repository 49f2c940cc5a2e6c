//! Windows from one boundary of the clock to the next.

use super::{Nanos, Outcome, State, Window};

/// The used part of a fixed window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The start of the window, in seconds since 1970: a multiple of its
    /// length.
    pub start: u64,
    /// The amount admitted in it, in millionths.
    pub used: u64,
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
    /// count. A window further ahead is a sign of a clock that cannot be
    /// trusted.
    pub fn charge(
        stored: Option<Self>,
        window: Window,
        max: u64,
        weight: u64,
        now: Nanos,
    ) -> Outcome {
        let start = window.start(now);
        let current = match stored {
            Some(stored) if stored.start >= start => stored,
            _ => Self { start, used: 0 },
        };
        if current.start > window.end(start) {
            return Outcome::ClockAhead;
        }
        match current.used.checked_add(weight) {
            Some(used) if used <= max => Outcome::Admitted {
                state: State::Fixed(Self { used, ..current }),
                handle: current.start,
            },
            _ => Outcome::Full { retry_after: now.until(window.end(current.start)) },
        }
    }

    /// Gives back a charge to the window that began at `start`; nothing where
    /// another window has begun since.
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
    use crate::limits::window::{NANOS, ONE_CALL};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn minute() -> Window {
        Window::new(60).unwrap()
    }

    fn at(seconds: u64, nanos: u64) -> Nanos {
        Nanos(seconds * NANOS + nanos)
    }

    fn charge(stored: Option<Fixed>, now: Nanos) -> Outcome {
        Fixed::charge(stored, minute(), 2 * ONE_CALL, ONE_CALL, now)
    }

    #[test]
    fn a_window_begins_with_the_minute_to_the_nanosecond() {
        let full = Fixed { start: 120, used: 2 * ONE_CALL };
        assert_eq!(charge(Some(full), at(179, NANOS - 1)), Outcome::Full { retry_after: 1 });
        assert_eq!(charge(Some(full), at(120, 0)), Outcome::Full { retry_after: 60 });
        assert_eq!(charge(Some(full), at(120, 1)), Outcome::Full { retry_after: 60 });
        assert_eq!(charge(Some(full), at(143, 0)), Outcome::Full { retry_after: 37 });
        let fresh = Fixed { start: 180, used: ONE_CALL };
        assert_eq!(
            charge(Some(full), at(180, 0)),
            Outcome::Admitted { state: State::Fixed(fresh), handle: 180 }
        );
        assert_eq!(
            charge(None, at(180, 0)),
            Outcome::Admitted { state: State::Fixed(fresh), handle: 180 }
        );
        assert!(!full.is_over(minute(), at(179, NANOS - 1)));
        assert!(full.is_over(minute(), at(180, 0)));
    }

    #[test]
    fn a_clock_that_steps_back_resets_nothing() {
        let full = Fixed { start: 120, used: 2 * ONE_CALL };
        assert_eq!(charge(Some(full), at(119, 0)), Outcome::Full { retry_after: 61 });
        assert_eq!(charge(Some(full), at(60, 0)), Outcome::Full { retry_after: 120 });
        assert_eq!(charge(Some(full), at(59, NANOS - 1)), Outcome::ClockAhead);
        let half = Fixed { start: 120, used: ONE_CALL };
        assert_eq!(
            charge(Some(half), at(60, 0)),
            Outcome::Admitted { state: State::Fixed(full), handle: 120 }
        );
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
        let Outcome::Admitted { state: State::Fixed(state), .. } = charge(None, year_2106) else {
            panic!("refused")
        };
        assert_eq!(state.start % 60, 0);
        assert!(state.start.abs_diff(u64::from(u32::MAX)) <= 60);
        let last = Nanos(u64::MAX);
        assert!(matches!(charge(None, last), Outcome::Admitted { .. }));
        let stored = Fixed { start: minute().start(last), used: u64::MAX };
        assert!(matches!(charge(Some(stored), last), Outcome::Full { retry_after: 1..=60 }));
    }

    #[test]
    fn windows_are_named_as_people_name_them() {
        let shown =
            [1, 60, 3600, 86_400, 90].map(|seconds| Window::new(seconds).unwrap().to_string());
        assert_eq!(shown, ["second", "minute", "hour", "day", "90 seconds"]);
        assert_eq!(Window::new(0), None);
        assert_eq!(Window::new(Window::MAX_SECONDS + 1), None);
    }
}
