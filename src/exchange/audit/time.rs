//! Moments as people and programs write them.

use super::push;
use crate::limits::window::Nanos;

/// Days of 400 years, after which the calendar repeats.
const ERA: u64 = 146_097;

/// Writes a moment in UTC by RFC 3339, to the millisecond. Leap seconds are not
/// known: the clock counts none.
pub(crate) fn rfc3339(text: &mut String, moment: Nanos) {
    let seconds = moment.seconds();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = date(days);
    let milliseconds = moment.0 / 1_000_000 % 1_000;
    let ([a, b], [c, d]) = (two(year / 100), two(year % 100));
    let ([e, f], [g, h]) = (two(month), two(day));
    let ([i, j], [k, l]) = (two(second / 3_600), two(second / 60 % 60));
    let ([m, n], [_, o], [p, q]) =
        (two(second % 60), two(milliseconds / 100), two(milliseconds % 100));
    let written = [
        a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n, b'.', o, p, q, b'Z',
    ];
    push(text, &written);
}

/// The digits of a number below 100.
const fn two(number: u64) -> [u8; 2] {
    let [number, ..] = number.to_le_bytes();
    [b'0' | (number / 10), b'0' | (number % 10)]
}

/// The date this many days after 1970-01-01, by the arithmetic of Howard Hinnant's
/// `civil_from_days`, in which a year begins with March.
#[expect(clippy::arithmetic_side_effects, reason = "a u64 of nanoseconds ends in the year 2554")]
const fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + if month <= 2 { 1 } else { 0 }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn moments_are_written_as_rfc_3339_has_them() {
        let written = |moment| {
            let mut text = String::new();
            rfc3339(&mut text, moment);
            text
        };
        for (seconds, milliseconds, expected) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, 999, "2000-02-28T23:59:59.999Z"),
            (951_782_400, 1, "2000-02-29T00:00:00.001Z"),
            (1_483_228_799, 0, "2016-12-31T23:59:59.000Z"),
            (1_483_228_800, 0, "2017-01-01T00:00:00.000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
            (4_294_967_296, 0, "2106-02-07T06:28:16.000Z"),
        ] {
            let moment = Nanos(seconds * 1_000_000_000 + milliseconds * 1_000_000);
            assert_eq!(written(moment), expected);
        }
        assert_eq!(written(Nanos(u64::MAX)), "2554-07-21T23:34:33.709Z");
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut last = date(0);
        for day in 1..213_000 {
            let (year, month, number) = date(day);
            let next = match last {
                (y, m, d) if (year, month) == (y, m) => number == d + 1,
                (y, m, d) if year == y => month == m + 1 && number == 1 && d >= 28,
                (y, 12, 31) => (year, month, number) == (y + 1, 1, 1),
                _ => false,
            };
            assert!(next, "{last:?} {:?}", date(day));
            last = date(day);
        }
    }
}
