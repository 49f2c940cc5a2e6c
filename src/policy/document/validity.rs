//! `valid_from` and `valid_until`: the time in which a part of a policy applies.

use super::at::{At, Object};
use super::wording::quote;
use crate::limits::window::Nanos;
use core::cmp::Ordering;

/// The time in which something applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Validity {
    /// `valid_from`: the first moment of it.
    pub(crate) from: Option<Nanos>,
    /// `valid_until`: the first moment after it.
    pub(crate) until: Option<Nanos>,
}

/// The moment in the place of every later one: the clock ends with it.
const NEVER: Nanos = Nanos(u64::MAX);

impl Validity {
    /// Its keys.
    pub const KEYS: [&str; 2] = ["valid_from", "valid_until"];

    /// Reads its keys from an object that may have others.
    pub(super) fn read(object: &Object<'_>) -> Self {
        let [from, until] = Self::KEYS.map(|key| object.get(key));
        let this = Self { from: from.and_then(moment), until: until.and_then(moment) };
        if let (Some(from), Some(until), Some(at)) = (this.from, this.until, until)
            && from >= until
            && from != NEVER
        {
            at.wrong("is not after `valid_from`, so there is no time between them");
        }
        this
    }

    /// Whether it has a beginning or an end.
    pub fn is_bounded(&self) -> bool {
        *self != Self::default()
    }

    /// Whether it has an end.
    pub fn ends(&self) -> bool {
        self.until.is_some_and(|until| until != NEVER)
    }

    /// Whether a moment comes before it, is in it, or comes after it.
    pub fn of(&self, now: Nanos) -> Ordering {
        if self.from.is_some_and(|first| now < first) {
            return Ordering::Less;
        }
        self.until.map_or(Ordering::Equal, |end| match now < end {
            true => Ordering::Equal,
            false => Ordering::Greater,
        })
    }

    /// Whether it holds at a moment.
    pub fn holds(&self, now: Nanos) -> bool {
        self.of(now).is_eq()
    }
}

/// A moment as RFC 3339 writes it, unless it is beyond those of the clock.
#[cfg(any(test, not(target_os = "wasi")))]
pub fn moment_of(text: &str) -> Option<Nanos> {
    parse(text).filter(|moment| *moment < Nanos(u64::MAX))
}

fn moment(at: &At<'_>) -> Option<Nanos> {
    let text = at.string()?;
    let moment = parse(text);
    if moment.is_none() {
        at.wrong(format!(
            "{} is not a moment; write the date, the time and the offset from UTC, from 1970 on, \
             like `2030-12-31T18:00:00Z` or `2030-12-31T19:00:00+01:00`",
            quote(text)
        ));
    }
    moment
}

/// A moment as RFC 3339 writes it. A leap second cannot be written. The clock ends in the
/// year 2554: a moment beyond, such as one of the year 9999, is its last one.
fn parse(text: &str) -> Option<Nanos> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, rest) = rest.strip_prefix(['T', 't'])?.split_at_checked(8)?;
    let [year, month, day] = numbers(date, '-', &[4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', &[2, 2, 2])?;
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?),
        None => ("0", rest),
    };
    let (sign, zone) = match offset.split_at_checked(1)? {
        ("Z" | "z", "") => (0, "00:00"),
        ("+", zone) => (-60, zone),
        ("-", zone) => (60, zone),
        _ => return None,
    };
    let [zone_hour, zone_minute, _] = numbers(zone, ':', &[2, 2])?;
    let in_day = hour < 24 && minute < 60 && second < 60 && zone_hour < 24 && zone_minute < 60;
    if !in_day || !(1..=9).contains(&fraction.len()) {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<9}").parse().ok()?;
    let minutes = hour.checked_mul(60)?.checked_add(minute)?;
    let shift = zone_hour.checked_mul(60)?.checked_add(zone_minute)?.checked_mul(sign)?;
    let seconds = days(year, month, day)?
        .checked_mul(86_400)?
        .checked_add(minutes.checked_mul(60)?)?
        .checked_add(second)?
        .checked_add(shift)?;
    let nanos = u64::try_from(seconds).ok()?.saturating_mul(1_000_000_000);
    Some(Nanos(nanos.saturating_add(fraction)))
}

/// Reads the time by which a clock is ahead of UTC, in minutes.
pub(super) fn utc_offset(at: &At<'_>) -> Option<i64> {
    /// No clock is further away.
    const MOST: i64 = 14 * 60;
    let text = at.string()?;
    let ahead = offset(text).filter(|ahead| (-MOST..=MOST).contains(ahead));
    if ahead.is_none() {
        at.wrong(format!(
            "{} is not an offset from UTC; write one from `-14:00` to `+14:00`, like `+01:00`",
            quote(text)
        ));
    }
    ahead
}

/// The minutes of an offset such as `+01:00`.
fn offset(text: &str) -> Option<i64> {
    let sign = match text.split_at_checked(1)?.0 {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let [hours, minutes, _] = numbers(text.get(1..)?, ':', &[2, 2])?;
    let minutes = Some(minutes).filter(|minutes| *minutes < 60)?;
    hours.checked_mul(60)?.checked_add(minutes)?.checked_mul(sign)
}

/// Up to three numbers of these many digits each, between separators.
fn numbers(text: &str, separator: char, digits: &[usize]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        if part.len() != *digits || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

/// The days from 1970 to a date of the Gregorian calendar, if there is such a date.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let months = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month.checked_sub(1)?).ok()?;
    if year < 1970 || !(1..=*months.get(before)?).contains(&day) {
        return None;
    }
    let years = year.checked_sub(1)?;
    // All days before the year 1970 of the calendar.
    const FIRST: i64 = 719_162;
    let leaps = (years / 4).checked_sub(years / 100)?.checked_add(years / 400)?;
    let of_years = years.checked_mul(365)?.checked_add(leaps)?.checked_sub(FIRST)?;
    let of_months: i64 = months.iter().take(before).sum();
    of_years.checked_add(of_months)?.checked_add(day.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn moments_are_read_as_rfc_3339_writes_them() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("1970-01-01t01:00:00+01:00", Some(0)),
            ("1969-12-31T23:00:00-01:00", None),
            ("1970-01-01T00:59:59+01:00", None),
            ("1970-01-01T00:00:00.000000001z", Some(1)),
            ("1970-01-01T00:00:01.5-00:00", Some(1_500_000_000)),
            ("2000-02-29T12:30:15Z", Some(951_827_415_000_000_000)),
            ("2024-12-31T23:59:59-05:30", Some(1_735_709_399_000_000_000)),
            ("2026-11-26T18:00:00Z", Some(1_795_716_000_000_000_000)),
            ("2554-07-21T23:34:33Z", Some(18_446_744_073_000_000_000)),
            ("2554-07-22T00:00:00Z", Some(u64::MAX)),
            ("9999-12-31T23:59:59Z", Some(u64::MAX)),
            ("9999-12-32T00:00:00Z", None),
            ("10000-01-01T00:00:00Z", None),
            ("2023-02-29T00:00:00Z", None),
            ("2100-02-29T00:00:00Z", None),
            ("2026-13-01T00:00:00Z", None),
            ("2026-00-01T00:00:00Z", None),
            ("2026-01-00T00:00:00Z", None),
            ("2026-01-32T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T00:60:00Z", None),
            ("2016-12-31T23:59:60Z", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01 00:00:00Z", None),
            ("2026-01-01T00:00Z", None),
            ("2026-01-01", None),
            ("2026-1-1T0:00:00Z", None),
            ("2026-01-01T00:00:00.Z", None),
            ("2026-01-01T00:00:00.1", None),
            ("2026-01-01T00:00:00.1234567890Z", None),
            ("2026-01-01T00:00:00+24:00", None),
            ("2026-01-01T00:00:00+1:00", None),
            ("2026-01-01T00:00:00+0100", None),
            ("2026-01-01T00:00:00Zx", None),
            ("+026-01-01T00:00:00Z", None),
            ("２026-01-01T00:00:00Z", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected.map(Nanos), "{text}");
            let of_clock = expected.filter(|nanos| *nanos < u64::MAX);
            assert_eq!(moment_of(text), of_clock.map(Nanos), "{text}");
        }
    }

    #[test]
    fn the_first_moment_is_within_and_the_last_is_not() {
        let validity = Validity { from: Some(Nanos(5)), until: Some(Nanos(7)) };
        let places: Vec<_> = (4..8).map(|at| validity.of(Nanos(at))).collect();
        use Ordering::{Equal, Greater, Less};
        assert_eq!(places, [Less, Equal, Equal, Greater]);
        assert!(Validity::default().holds(Nanos(u64::MAX)));
    }
}
