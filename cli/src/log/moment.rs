//! Moments as logs and users write them.

use crate::failure::Failure;
use crate::output::shown;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::document;
use mcp_policy_filter::simulate::explain::rfc3339;

/// A moment as RFC 3339 writes it. Records have one form of it, which is read by itself:
/// a log has millions of them.
pub(crate) fn parse(text: &str) -> Option<Nanos> {
    own(text.as_bytes()).or_else(|| document::moment_of(text))
}

/// The form of records: `2024-10-04T00:00:00.000Z`.
fn own(text: &[u8]) -> Option<Nanos> {
    const FORM: &[u8; 24] = b"0000-00-00T00:00:00.000Z";
    let text: &[u8; 24] = text.try_into().ok()?;
    let fits = |(byte, form): (&u8, &u8)| match form {
        b'0' => byte.is_ascii_digit(),
        _ => byte == form,
    };
    if !text.iter().zip(FORM).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| {
        let digits = text.get(from..to).unwrap_or_default();
        digits.iter().fold(0_i64, |all, digit| {
            all.wrapping_mul(10).wrapping_add(i64::from(digit.wrapping_sub(b'0')))
        })
    };
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let (hour, minute, second) = (number(11, 13), number(14, 16), number(17, 19));
    let is_day = (1..=12).contains(&month) && (1..=28).contains(&day);
    if !(1970..=2500).contains(&year) || !is_day || hour > 23 || minute > 59 || second > 59 {
        // The last days of months are rare enough for the slow way.
        return None;
    }
    // Howard Hinnant's `days_from_civil`, in which a year begins with March.
    let (shifted, index) = match month {
        1 | 2 => (year.wrapping_sub(1), month.wrapping_add(9)),
        _ => (year, month.wrapping_sub(3)),
    };
    let day_of_year = index.wrapping_mul(153).wrapping_add(2) / 5;
    let days = shifted
        .wrapping_mul(365)
        .wrapping_add(shifted / 4)
        .wrapping_sub(shifted / 100)
        .wrapping_add(shifted / 400)
        .wrapping_add(day_of_year)
        .wrapping_add(day)
        .wrapping_sub(719_469);
    let seconds = days
        .wrapping_mul(86_400)
        .wrapping_add(hour.wrapping_mul(3_600))
        .wrapping_add(minute.wrapping_mul(60))
        .wrapping_add(second);
    let milliseconds = u64::try_from(number(20, 23)).ok()?;
    let nanos = u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?;
    nanos.checked_add(milliseconds.wrapping_mul(1_000_000)).map(Nanos)
}

/// A moment of an argument: as RFC 3339 writes it, or a date, which is its midnight in
/// UTC.
///
/// # Errors
/// It is neither.
pub(crate) fn argument(text: &str) -> Result<Nanos, Failure> {
    let midnight = || parse(&format!("{text}T00:00:00Z"));
    parse(text).or_else(midnight).ok_or_else(|| {
        Failure::new(format!(
            "`{}` is not a moment; write one like `2030-12-31T18:00:00Z` or `2030-12-31`",
            shown(text)
        ))
    })
}

/// A moment as RFC 3339 writes it in UTC, to the second.
pub(crate) fn written(moment: Nanos) -> String {
    let text = rfc3339(moment);
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::{argument, document, own, parse, written};

    #[test]
    fn the_form_of_records_is_read_as_the_core_reads_it() {
        let mut quick = 0;
        for year in ["1970", "1999", "2000", "2024", "2100", "2400"] {
            for month in 1..=12 {
                for day in 1..=31 {
                    let text = format!("{year}-{month:02}-{day:02}T23:59:58.765Z");
                    let mine = own(text.as_bytes());
                    quick += usize::from(mine.is_some());
                    assert!(mine.is_none() || mine == document::moment_of(&text), "{text}");
                    if let Some(moment) = parse(&text) {
                        assert_eq!(written(moment), text.replace(".765Z", "Z"));
                    }
                }
            }
        }
        assert_eq!(quick, 6 * 12 * 28);
        for wrong in
            ["2024-10-04T24:00:00.000Z", "2024-13-04T00:00:00.000Z", "1969-10-04T00:00:00.000Z"]
        {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_date_is_its_midnight() {
        assert_eq!(argument("2024-10-04").unwrap(), parse("2024-10-04T00:00:00.000Z").unwrap());
        assert!(argument("yesterday").is_err());
    }
}
