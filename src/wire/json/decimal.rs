//! Numbers by their exact value.
//!
//! A number is never turned into a double to be compared: `9007199254740993` is
//! not `9007199254740992`, and `0.1` is `0.10`. Exponents are never expanded, so
//! `1e400` costs no more than `1`.

use super::number::{MAX_LENGTH, split_exponent};
use crate::meter;
use core::cmp::Ordering;
use core::iter;

/// The decimals that are counted: money and weights are in millionths.
const SCALE: i32 = 6;

/// A number by its exact value.
///
/// ```
/// use mcp_policy_filter::wire::json::Decimal;
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
        meter::steps(text.len());
        let (mantissa, exponent) = match split_exponent(text) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (negative, mantissa) = match mantissa.strip_prefix('-') {
            Some(mantissa) => (true, mantissa),
            None => (false, mantissa),
        };
        let find = |wanted: fn(u8) -> bool| mantissa.bytes().position(wanted);
        let whole = find(|byte| byte == b'.').unwrap_or(mantissa.len());
        let Some(first) = find(|byte| matches!(byte, b'1'..=b'9')) else {
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

    /// The digits from the first to the last that is not zero, as numbers.
    pub(super) fn digits(self) -> impl Iterator<Item = u8> + 'a {
        self.digits.bytes().filter(u8::is_ascii_digit).map(|digit| digit.wrapping_sub(b'0'))
    }

    /// The exponent of the value written as 0.DIGITS times a power of ten.
    pub(super) const fn magnitude(self) -> i32 {
        self.magnitude
    }

    /// Whether the value is below zero.
    pub(super) const fn is_negative(self) -> bool {
        self.negative
    }

    /// The number of digits from the first to the last that is not zero.
    pub fn precision(self) -> usize {
        self.digits().count()
    }

    /// Whether the value is a whole number, however spelt.
    pub fn is_whole(self) -> bool {
        usize::try_from(self.magnitude).is_ok_and(|before| self.precision() <= before)
    }

    /// Whether a reader that makes a whole number of this one, which has a
    /// fraction, can get `whole`: by cutting the fraction off or by rounding.
    ///
    /// ```
    /// use mcp_policy_filter::wire::json::Decimal;
    ///
    /// let number = |text| Decimal::parse(text).unwrap();
    /// let becomes = |text, whole| number(text).can_become(number(whole));
    /// assert!(becomes("5.5", "5") && becomes("5.5", "6"));
    /// assert!(becomes("5.4", "5") && !becomes("5.4", "6"));
    /// assert!(!becomes("5.0", "5"));
    /// ```
    pub fn can_become(self, whole: Self) -> bool {
        if self.is_whole() || !whole.is_whole() {
            return false;
        }
        let before_point = usize::try_from(self.magnitude).unwrap_or_default();
        let target = || whole.digits().chain(iter::repeat(0));
        let own = || self.digits().take(before_point);
        let same_sign = self.negative == whole.negative;
        let same_length = usize::try_from(whole.magnitude) == Ok(before_point);
        let is_cut = whole.digits.is_empty() && before_point == 0
            || same_sign && same_length && own().eq(target().take(before_point));
        let is_half =
            self.magnitude >= 0 && rounds_up(self.digits().skip(before_point), before_point);
        is_cut || is_half && same_sign && follows(own(), before_point, whole)
    }

    /// Whether one double may be the nearest to both values. It may say so of
    /// two that have different doubles, if they agree in some 15 digits or are
    /// both closer to zero than 1e-300.
    pub fn is_near(self, other: Self) -> bool {
        // A double's values are apart by at most 2^-52 of their size: by 222 of
        // what `leading` counts.
        const APART: u64 = 256;
        let tiny = |number: Self| number.digits.is_empty() || number.magnitude < -300;
        if tiny(self) && tiny(other) {
            return true;
        }
        if self.digits.is_empty() || other.digits.is_empty() || self.negative != other.negative {
            return false;
        }
        let (small, large) =
            if self.magnitude < other.magnitude { (self, other) } else { (other, self) };
        match large.magnitude.saturating_sub(small.magnitude) {
            0 => large.leading().abs_diff(small.leading()) <= APART,
            1 => {
                let leading = large.leading().saturating_mul(10);
                leading.abs_diff(small.leading()) <= APART.saturating_mul(10)
            }
            _ => false,
        }
    }

    /// The first 18 digits, with zeros where there are fewer.
    fn leading(self) -> u64 {
        let digits = self.digits().chain(iter::repeat(0)).take(18);
        digits.fold(0, |all, digit| all.saturating_mul(10).saturating_add(u64::from(digit)))
    }

    /// The value in millionths: `None` for a negative one, one with more than
    /// six decimals, and one that a u64 does not hold below its largest value.
    pub fn millionths(self) -> Option<u64> {
        self.saturating_millionths().filter(|value| *value < u64::MAX)
    }

    /// The value in millionths, at most the largest u64: `None` for a negative one
    /// and one with more than six decimals.
    ///
    /// ```
    /// use mcp_policy_filter::wire::json::Decimal;
    ///
    /// let weight = |text| Decimal::parse(text).unwrap().saturating_millionths();
    /// assert_eq!((weight("0.5"), weight("1e300")), (Some(500_000), Some(u64::MAX)));
    /// assert_eq!((weight("-1e300"), weight("1e-300")), (None, None));
    /// ```
    pub fn saturating_millionths(self) -> Option<u64> {
        if self.negative {
            return None;
        }
        let count = i32::try_from(self.digits().count()).ok()?;
        let zeros = self.magnitude.checked_add(SCALE)?.checked_sub(count)?;
        if self.digits.is_empty() {
            return Some(0);
        }
        let zeros = u32::try_from(zeros).ok()?;
        let value = self
            .digits()
            .fold(0_u64, |value, digit| value.saturating_mul(10).saturating_add(u64::from(digit)));
        Some(10_u64.saturating_pow(zeros).saturating_mul(value))
    }

    /// The value, where it is a whole number from 0 to 9e12.
    pub fn whole(self) -> Option<u64> {
        let millionths = self.millionths()?;
        (millionths % 1_000_000 == 0).then_some(millionths / 1_000_000)
    }

    /// The spelling of a whole number of at most 15 digits, each of which every reader
    /// has exactly.
    ///
    /// ```
    /// use mcp_policy_filter::wire::json::Decimal;
    ///
    /// let spelt = |text| Decimal::parse(text).unwrap().spelt_whole();
    /// assert_eq!(spelt("-1.20e3").as_deref(), Some("-1200"));
    /// assert_eq!(spelt("-0.0").as_deref(), Some("0"));
    /// assert_eq!((spelt("1.5"), spelt("1e15")), (None, None));
    /// ```
    pub fn spelt_whole(self) -> Option<String> {
        let length = usize::try_from(self.magnitude).ok().filter(|length| *length <= 15)?;
        if !self.is_whole() {
            return None;
        }
        let digits = self.digits().chain(iter::repeat(0)).take(length.max(1));
        let value =
            digits.fold(0, |all: i64, digit| all.saturating_mul(10).saturating_add(digit.into()));
        Some(if self.negative { value.saturating_neg() } else { value }.to_string())
    }

    /// Whether the value is a whole number as spelt: `1.0` and `1e2` are not.
    pub fn is_spelt_whole(text: &str) -> bool {
        !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
    }
}

/// Whether some reader rounds up a fraction behind this many digits of a number: one
/// of a half or more, or one that is a half as a double, like 0.49999999999999999.
fn rounds_up(mut fraction: impl Iterator<Item = u8>, before_point: usize) -> bool {
    match fraction.next() {
        Some(5..) => true,
        // A double that is a half comes from no number that has fewer nines here.
        Some(4) => {
            let nines = 14_usize.saturating_sub(before_point);
            fraction.take(nines).filter(|digit| *digit == 9).count() == nines
        }
        _ => false,
    }
}

/// Whether `whole` is one more than the number that these `count` digits make up.
fn follows(digits: impl Iterator<Item = u8>, count: usize, whole: Decimal<'_>) -> bool {
    let mut target = whole.digits().chain(iter::repeat(0));
    let length = usize::try_from(whole.magnitude).ok();
    // 999 is followed by 1000, which has one digit more.
    let mut carried = length == count.checked_add(1) && target.next() == Some(1);
    if !carried && length != Some(count) {
        return false;
    }
    for digit in digits {
        match target.next() {
            Some(next) if carried && (digit, next) != (9, 0) => return false,
            Some(next) if !carried && next == digit.wrapping_add(1) => carried = true,
            Some(next) if !carried && next != digit => return false,
            _ => {}
        }
    }
    carried
}

/// A [`Decimal`] with digits of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecimalBuf {
    digits: Box<str>,
    magnitude: i32,
    negative: bool,
}

impl DecimalBuf {
    /// The number.
    pub const fn get(&self) -> Decimal<'_> {
        Decimal { negative: self.negative, digits: &self.digits, magnitude: self.magnitude }
    }
}

impl From<Decimal<'_>> for DecimalBuf {
    fn from(number: Decimal<'_>) -> Self {
        let digits = number.digits.replace('.', "").into();
        Self { digits, magnitude: number.magnitude, negative: number.negative }
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
        meter::steps(self.digits.len().min(other.digits.len()));
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
            ("18446744073709.551614", Some(u64::MAX - 1)),
            ("18446744073709.551615", None),
            ("18446744073709.551616", None),
        ] {
            assert_eq!(number(text).millionths(), expected, "{text}");
        }
        for (text, expected) in [
            ("9e12", Some(9_000_000_000_000_000_000)),
            ("18446744073709.551614", Some(u64::MAX - 1)),
            ("18446744073709.551615", Some(u64::MAX)),
            ("18446744073709.551616", Some(u64::MAX)),
            ("99999999999999.1234567", None),
            ("9e13", Some(u64::MAX)),
            ("1e400", Some(u64::MAX)),
            ("-1e400", None),
            ("1e-400", None),
        ] {
            assert_eq!(number(text).saturating_millionths(), expected, "{text}");
        }
    }
}
