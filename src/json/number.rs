//! Numbers, by their spelling.
//!
//! A number is never turned into a double to be judged: `9007199254740993` is
//! not `9007199254740992`, and `0.1` is `0.10`. Exponents are never expanded,
//! so `1e400` costs no more than `1`.

use super::fault::FaultKind;
use core::cmp::Ordering;

/// Longer numbers are cut or rounded differently by different readers.
const MAX_LENGTH: usize = 128;
/// Beyond every double (1e308), so a larger exponent is a mistake or an attack.
const MAX_EXPONENT: i32 = 400;
/// Money and weights are counted in millionths.
const SCALE: i32 = 6;

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

/// Why readers may take a well-formed number for different values, if they may.
pub(super) fn doubt(text: &str) -> Option<FaultKind> {
    if text.len() > MAX_LENGTH {
        return Some(FaultKind::NumberLength);
    }
    // Without an exponent, 128 characters stay below the largest double.
    let (_, exponent) = text.split_once(['e', 'E'])?;
    if !exponent.parse().is_ok_and(|e: i32| e.abs() <= MAX_EXPONENT) {
        return Some(FaultKind::NumberExponent);
    }
    match text.parse::<f64>() {
        Ok(double) if double.is_finite() => None,
        _ => Some(FaultKind::NumberRange),
    }
}

/// A number by its exact value.
///
/// ```
/// use mcp_policy_filter::json::Decimal;
///
/// let number = |text| Decimal::parse(text).unwrap();
/// assert_eq!(number("0.10"), number("1e-1"));
/// assert!(number("9007199254740993") > number("9007199254740992"));
/// assert_eq!(number("12.5").millionths(), Some(12_500_000));
/// assert_eq!(number("0.1234567").millionths(), None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Decimal<'a> {
    negative: bool,
    /// The digits from the first to the last that is not zero; they may hold
    /// the decimal point. Empty for zero.
    digits: &'a str,
    /// The value is 0.DIGITS times ten to this power; zero for zero.
    magnitude: i32,
}

impl<'a> Decimal<'a> {
    /// Reads a number that the reader let pass.
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_LENGTH {
            return None;
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let negative = mantissa.starts_with('-');
        let mantissa = mantissa.trim_start_matches('-');
        let whole = mantissa.find('.').unwrap_or(mantissa.len());
        let Some(first) = mantissa.find(|c| matches!(c, '1'..='9')) else {
            return Some(Self { negative: false, digits: "", magnitude: 0 });
        };
        let leading = if first < whole {
            i32::try_from(whole.checked_sub(first)?).ok()?
        } else {
            let zeros = i32::try_from(first.checked_sub(whole)?).ok()?;
            1_i32.checked_sub(zeros)?
        };
        // Zeros at the end may go on either side of the point: the magnitude
        // is already known.
        let digits = mantissa.get(first..)?.trim_end_matches(['0', '.']);
        Some(Self { negative, digits, magnitude: leading.checked_add(exponent)? })
    }

    fn digits(self) -> impl Iterator<Item = u8> + 'a {
        self.digits.bytes().filter(u8::is_ascii_digit).map(|digit| digit.wrapping_sub(b'0'))
    }

    /// The value in millionths: `None` for a negative one, one with more than
    /// six decimals, and one beyond a u64.
    pub fn millionths(self) -> Option<u64> {
        if self.negative {
            return None;
        }
        let count = i32::try_from(self.digits().count()).ok()?;
        let zeros = self.magnitude.checked_add(SCALE)?.checked_sub(count)?;
        if self.digits.is_empty() {
            return Some(0);
        }
        let value = self
            .digits()
            .try_fold(0_u64, |value, digit| value.checked_mul(10)?.checked_add(u64::from(digit)))?;
        10_u64.checked_pow(u32::try_from(zeros).ok()?)?.checked_mul(value)
    }

    /// The value, where it is a whole number from 0 to 9e12.
    pub fn whole(self) -> Option<u64> {
        let millionths = self.millionths()?;
        (millionths % 1_000_000 == 0).then_some(millionths / 1_000_000)
    }

    /// Whether the value is a whole number as spelt: `1.0` and `1e2` are not.
    pub fn is_spelt_whole(text: &str) -> bool {
        !text.contains(['.', 'e', 'E'])
    }
}

impl PartialEq for Decimal<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal<'_> {}

impl PartialOrd for Decimal<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |a: &Self, b: &Self| match (a.digits.is_empty(), b.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Neither begins or ends with a zero, so equal magnitudes leave
            // the order to the digits as text.
            (false, false) => {
                a.magnitude.cmp(&b.magnitude).then_with(|| a.digits().cmp(b.digits()))
            }
        };
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn number(text: &str) -> Decimal<'_> {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn spellings_of_one_value_are_equal() {
        for (a, b) in [
            ("0.1", "0.10"),
            ("100", "1e2"),
            ("100", "1.00E+2"),
            ("0", "-0"),
            ("0", "0.000e17"),
            ("-1.5", "-15e-1"),
            ("120", "12e1"),
            ("0.001", "1e-3"),
            ("10.05", "1005e-2"),
        ] {
            assert_eq!(number(a), number(b), "{a} {b}");
        }
    }

    #[test]
    fn order_is_exact() {
        let sorted = [
            "-1e400",
            "-101",
            "-100",
            "-0.5",
            "-1e-400",
            "0",
            "1e-400",
            "0.1",
            "0.1000000000000000000000000000001",
            "0.2",
            "1",
            "1.01",
            "1.1",
            "9007199254740992",
            "9007199254740993",
            "1e400",
        ];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(number(a).cmp(&number(b)), i.cmp(&j), "{a} {b}");
            }
        }
    }

    #[test]
    fn millionths_are_exact_or_nothing() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("0e99", Some(0)),
            ("1", Some(1_000_000)),
            ("0.000001", Some(1)),
            ("0.0000010", Some(1)),
            ("0.0000001", None),
            ("1e-7", None),
            ("19.99", Some(19_990_000)),
            ("1e3", Some(1_000_000_000)),
            ("9e12", Some(9_000_000_000_000_000_000)),
            ("9e13", None),
            ("1e400", None),
            ("-1", None),
            ("18446744073709.551615", Some(u64::MAX)),
            ("18446744073709.551616", None),
        ] {
            assert_eq!(number(text).millionths(), expected, "{text}");
        }
    }

    #[test]
    fn doubtful_numbers_are_told_apart() {
        for (text, expected) in [
            ("1e308", None),
            ("1.7976931348623157e308", None),
            ("1.8e308", Some(FaultKind::NumberRange)),
            ("0.01e312", Some(FaultKind::NumberRange)),
            ("0e400", None),
            ("1e-400", None),
            ("1e401", Some(FaultKind::NumberExponent)),
            ("1e99999999999", Some(FaultKind::NumberExponent)),
            ("1e-401", Some(FaultKind::NumberExponent)),
        ] {
            assert_eq!(doubt(text), expected, "{text}");
        }
        assert_eq!(doubt(&"1".repeat(128)), None);
        assert_eq!(doubt(&"1".repeat(129)), Some(FaultKind::NumberLength));
    }
}
