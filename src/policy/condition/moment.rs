//! The moment of a call: the hour and the weekday of a clock that is a fixed time away
//! from UTC.

use crate::limits::window::Nanos;

/// The names of the weekdays.
pub const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The first day of 1970 is a Thursday.
const FIRST: i64 = 3;
const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A moment, and the minutes by which that clock is ahead of UTC; `None` where it is not
/// known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Moment(Option<(Nanos, i64)>);

impl Moment {
    /// A moment by a clock that is this many minutes ahead of UTC.
    pub const fn new(now: Nanos, ahead: i64) -> Self {
        Self(Some((now, ahead)))
    }

    /// The seconds of that clock since the beginning of 1970.
    fn seconds(self) -> Option<i64> {
        let (now, ahead) = self.0?;
        let seconds = i64::try_from(now.0 / 1_000_000_000).ok()?;
        seconds.checked_add(ahead.checked_mul(60)?)
    }

    /// The hour of the day, from 0 to 23.
    pub(super) fn hour(self) -> Option<u8> {
        u8::try_from(self.seconds()?.rem_euclid(DAY) / HOUR).ok()
    }

    /// The weekday.
    pub(super) fn weekday(self) -> Option<&'static str> {
        let day = self.seconds()?.div_euclid(DAY).checked_add(FIRST)?.rem_euclid(7);
        WEEKDAYS.get(usize::try_from(day).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_clock_is_ahead_of_utc_or_behind_it() {
        let second = |seconds: u64| Nanos(seconds * 1_000_000_000 + 999_999_999);
        for (seconds, ahead, hour, weekday) in [
            (0, 0, 0, "thu"),
            (3_599, 0, 0, "thu"),
            (3_600, 0, 1, "thu"),
            (86_399, 0, 23, "thu"),
            (86_400, 0, 0, "fri"),
            (0, -1, 23, "wed"),
            (0, -14 * 60, 10, "wed"),
            (86_399, 1, 0, "fri"),
            (3 * 86_400, 0, 0, "sun"),
            (4 * 86_400, 330, 5, "mon"),
            // 2024-02-29T12:00:00Z
            (1_709_208_000, 0, 12, "thu"),
            (1_709_208_000, 12 * 60, 0, "fri"),
        ] {
            let moment = Moment::new(second(seconds), ahead);
            let found = (moment.hour(), moment.weekday());
            assert_eq!(found, (Some(hour), Some(weekday)), "{seconds} {ahead}");
        }
        let last = Moment::new(Nanos(u64::MAX), 14 * 60);
        assert!(last.hour().is_some() && last.weekday().is_some());
        assert!(Moment::default().hour().is_none() && Moment::default().weekday().is_none());
    }
}
