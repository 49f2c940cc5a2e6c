//! The form of numbers, and the ones that readers disagree on.

use super::decimal::Decimal;
use super::error::JsonErrorKind;
use core::cmp::Ordering;

/// The most characters of a number: readers cut or round longer ones
/// differently.
pub(super) const MAX_LENGTH: usize = 128;
/// The largest exponent. It is beyond every double (1e308), so a larger one is
/// a mistake or an attack.
const MAX_EXPONENT: i32 = 400;

/// The length of the number that `text` begins with.
///
/// # Errors
/// The offset at which a digit is missing.
pub(super) fn scan(text: &[u8]) -> Result<usize, usize> {
    let mut scan = Scan { all: text.len(), rest: text };
    scan.take(b"-");
    if !scan.take(b"0") {
        scan.digits()?;
    }
    if scan.take(b".") {
        scan.digits()?;
    }
    if scan.take(b"eE") {
        scan.take(b"+-");
        scan.digits()?;
    }
    Ok(scan.offset())
}

struct Scan<'a> {
    all: usize,
    rest: &'a [u8],
}

impl Scan<'_> {
    fn offset(&self) -> usize {
        self.all.saturating_sub(self.rest.len())
    }

    fn take(&mut self, any: &[u8]) -> bool {
        match self.rest {
            [first, rest @ ..] if any.contains(first) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    fn digits(&mut self) -> Result<(), usize> {
        if !self.take(b"0123456789") {
            return Err(self.offset());
        }
        while let [b'0'..=b'9', rest @ ..] = self.rest {
            self.rest = rest;
        }
        Ok(())
    }
}

/// The digits of the largest double, and the number of those before the point.
const LARGEST: &[u8; 17] = b"17976931348623157";
const LARGEST_MAGNITUDE: i32 = 309;
/// The most digits of a number of that magnitude: some readers round longer
/// ones to infinity.
const LARGEST_DIGITS: usize = 18;

/// The reason why readers may take a well-formed number for different values, if
/// they may. No double is made: reading one can take a hundred times as long as
/// reading the text.
pub(super) fn doubt(text: &str) -> Option<JsonErrorKind> {
    if text.len() > MAX_LENGTH {
        return Some(JsonErrorKind::NumberLength);
    }
    // Without an exponent, 128 characters stay below the largest double.
    let (mantissa, exponent) = split_exponent(text)?;
    if !exponent.parse().is_ok_and(|e: i32| e.abs() <= MAX_EXPONENT) {
        return Some(JsonErrorKind::NumberExponent);
    }
    match Decimal::parse(text) {
        Some(number) if !overflows(mantissa, number) => None,
        _ => Some(JsonErrorKind::NumberRange),
    }
}

/// The parts of a number before and behind its exponent's letter, if it has one. It is
/// short: a search made for long texts takes several times as long.
pub(super) fn split_exponent(text: &str) -> Option<(&str, &str)> {
    let at = text.bytes().position(|byte| matches!(byte, b'e' | b'E'))?;
    Some((text.get(..at)?, text.get(at.checked_add(1)?..)?))
}

/// Whether some reader takes a number for an infinite one.
fn overflows(mantissa: &str, number: Decimal<'_>) -> bool {
    match number.magnitude().cmp(&LARGEST_MAGNITUDE) {
        Ordering::Less => false,
        Ordering::Equal => {
            let digits = mantissa.trim_start_matches(['-', '0', '.']).bytes();
            number.digits().gt(LARGEST.iter().map(|digit| digit.wrapping_sub(b'0')))
                || digits.filter(u8::is_ascii_digit).count() > LARGEST_DIGITS
        }
        Ordering::Greater => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn doubtful_numbers_are_told_apart() {
        for (text, expected) in [
            ("1e308", None),
            ("1.7976931348623157e308", None),
            ("1.7976931348623158e308", Some(JsonErrorKind::NumberRange)),
            ("179769313486231570e291", None),
            ("1797693134862315700e290", Some(JsonErrorKind::NumberRange)),
            ("1797693134862315699e290", Some(JsonErrorKind::NumberRange)),
            ("0.00017976931348623157e312", None),
            ("1.8e308", Some(JsonErrorKind::NumberRange)),
            ("0.01e312", Some(JsonErrorKind::NumberRange)),
            ("0e400", None),
            ("1e-400", None),
            ("1e401", Some(JsonErrorKind::NumberExponent)),
            ("1e99999999999", Some(JsonErrorKind::NumberExponent)),
            ("1e-401", Some(JsonErrorKind::NumberExponent)),
        ] {
            assert_eq!(doubt(text), expected, "{text}");
        }
        assert_eq!(doubt(&"1".repeat(128)), None);
        assert_eq!(doubt(&"1".repeat(129)), Some(JsonErrorKind::NumberLength));
    }
}
