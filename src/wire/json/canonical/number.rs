//! Numbers as ECMAScript writes doubles.
//!
//! The standard library's `{:e}` would add 30 KB to the module, and where a
//! double is in the middle between two spellings it takes the larger one, not
//! the even one. So the exact digits are made here, and of their shortest
//! beginnings the one is taken that reads as the double.

use super::super::decimal::Decimal;
use core::cmp::Ordering;
use core::ops::RangeInclusive;

/// The most digits that it takes to tell a double from all others.
const MOST_DIGITS: usize = 17;
/// The magnitudes at which no exponent is written.
const PLAIN: RangeInclusive<i32> = -5..=21;

/// A number that the reader let pass, as a double of its value is written. Digits
/// that no double needs stay, since a policy compares numbers exactly.
pub(super) fn canonical(text: &str) -> String {
    Decimal::parse(text).map_or_else(
        || text.into(),
        |decimal| {
            let digits = decimal.digits().map(|digit| char::from(digit.wrapping_add(b'0')));
            written(decimal.is_negative(), &digits.collect::<String>(), decimal.magnitude())
        },
    )
}

/// Whether every reader has the same double of a number that the reader let pass, and
/// writes it with these digits: one of at most 15 digits within the range of doubles, or a
/// whole one up to 2^53.
pub fn is_certain(text: &str) -> bool {
    /// The magnitudes at which 15 digits make a double that no others make.
    const RANGE: RangeInclusive<i32> = -300..=308;
    Decimal::parse(text).is_some_and(|decimal| {
        let few = decimal.precision() <= 15 && RANGE.contains(&decimal.magnitude());
        let spelt = text.trim_start_matches('-').parse::<u64>();
        match spelt {
            Ok(whole) => whole < 1 << 53,
            // Digits alone, and too many for that.
            Err(_) if Decimal::is_spelt_whole(text) => false,
            Err(_) => few,
        }
    })
}

/// A double as ECMAScript writes it: by the fewest digits that make it, those
/// that are closest to it, and by even ones if two are as close.
pub fn of_double(double: f64) -> String {
    let (digits, magnitude) = exact(double.abs());
    let digits = digits.as_bytes();
    for count in 1..=MOST_DIGITS {
        let (cut, rest) = digits.split_at_checked(count).unwrap_or((digits, b""));
        let down = (text(cut), magnitude);
        let up = next(cut, magnitude);
        let odd = cut.last().is_some_and(|digit| digit % 2 == 1);
        let first_up = match half(rest) {
            Ordering::Less => false,
            Ordering::Equal => odd,
            Ordering::Greater => true,
        };
        let (first, second) = if first_up { (up, down) } else { (down, up) };
        for (digits, magnitude) in [first, second] {
            if format!("0.{digits}e{magnitude}").parse() == Ok(double.abs()) {
                return written(double < 0.0, digits.trim_end_matches('0'), magnitude);
            }
        }
    }
    // Not reached: 17 digits are enough for every double.
    written(double < 0.0, &text(digits), magnitude)
}

fn text(digits: &[u8]) -> String {
    digits.iter().map(|digit| char::from(*digit)).collect()
}

/// The number of as many digits that comes next.
fn next(digits: &[u8], magnitude: i32) -> (String, i32) {
    let kept = digits.len().saturating_sub(digits.iter().rev().take_while(|d| **d == b'9').count());
    match digits.get(..kept).and_then(<[u8]>::split_last) {
        Some((last, before)) => (text(before) + &text(&[last.wrapping_add(1)]), magnitude),
        // 999 is followed by 1000.
        None => ("1".into(), magnitude.saturating_add(1)),
    }
}

/// The digits that were cut off, compared with a half.
fn half(rest: &[u8]) -> Ordering {
    let Some((first, others)) = rest.split_first() else { return Ordering::Less };
    let beyond =
        if others.iter().any(|digit| *digit != b'0') { Ordering::Greater } else { Ordering::Equal };
    first.cmp(&b'5').then(beyond)
}

/// All digits of a double that is not below zero, and its magnitude.
fn exact(double: f64) -> (String, i32) {
    const IMPLIED: u64 = 1 << 52;
    let bits = double.to_bits();
    let exponent = i32::try_from(bits.wrapping_shr(52)).unwrap_or_default();
    let fraction = bits % IMPLIED;
    let mantissa = if exponent == 0 { fraction } else { fraction | IMPLIED };
    // The double is the mantissa times two to this power.
    let power = exponent.max(1).saturating_sub(1075);
    let mut whole = Whole(vec![mantissa % LIMB, mantissa / LIMB]);
    // A half is five tenths: negative powers of two are fives, and a point.
    let (factor, places) = if power < 0 { (5_u64, power.saturating_neg()) } else { (2, 0) };
    let mut left = power.unsigned_abs();
    while left > 0 {
        let at_once = left.min(AT_ONCE);
        whole.multiply(factor.saturating_pow(at_once));
        left = left.saturating_sub(at_once);
    }
    let digits = whole.digits();
    let length = i32::try_from(digits.len()).unwrap_or_default();
    (digits, length.saturating_sub(places))
}

/// A part of a whole number is below this: nine digits.
const LIMB: u64 = 1_000_000_000;
/// Fives that are multiplied at once, and make less than a limb.
const AT_ONCE: u32 = 12;

/// A whole number of any size, by its nine lowest digits, the next nine and so on.
struct Whole(Vec<u64>);

impl Whole {
    fn multiply(&mut self, factor: u64) {
        let mut carry = 0_u64;
        for limb in &mut self.0 {
            let product = limb.wrapping_mul(factor).wrapping_add(carry);
            *limb = product % LIMB;
            carry = product / LIMB;
        }
        if carry > 0 {
            self.0.push(carry);
        }
    }

    /// Its digits, without zeros at the beginning.
    fn digits(&self) -> String {
        let all: String = self.0.iter().rev().map(|limb| format!("{limb:09}")).collect();
        all.trim_start_matches('0').into()
    }
}

/// Lays a number out whose digits end with one that is not zero.
fn written(negative: bool, digits: &str, magnitude: i32) -> String {
    if digits.is_empty() {
        return "0".into();
    }
    let sign = if negative { "-" } else { "" };
    let places = usize::try_from(magnitude).unwrap_or_default();
    let plain = PLAIN.contains(&magnitude);
    let (whole, fraction) =
        digits.split_at_checked(if plain { places } else { 1 }).unwrap_or((digits, ""));
    let point = if fraction.is_empty() { "" } else { "." };
    if !plain {
        let exponent = magnitude.saturating_sub(1);
        return format!("{sign}{whole}{point}{fraction}e{exponent:+}");
    }
    let whole = if whole.is_empty() { "0" } else { whole };
    let after = "0".repeat(places.saturating_sub(digits.len()));
    let before = "0".repeat(usize::try_from(magnitude.saturating_neg()).unwrap_or_default());
    format!("{sign}{whole}{after}{point}{}{fraction}", if point.is_empty() { "" } else { &before })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn numbers_are_those_of_rfc_8785() {
        // Appendix B, by the bits of the double.
        for (bits, text) in [
            (0x0000_0000_0000_0000, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0xc340_0000_0000_0000, "-9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef4f, "999999999999999900000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0x41b3_de43_5555_5554, "333333333.33333325"),
            (0x41b3_de43_5555_5555, "333333333.3333333"),
            (0x41b3_de43_5555_5556, "333333333.3333334"),
            (0x41b3_de43_5555_5557, "333333333.33333343"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
            // The other way, and where two digits more would be exact.
            (0x4314_3ff3_c1cb_095b, "1424953923781206.8"),
            (0x4304_3ff3_c1cb_0959, "712476961890603.1"),
        ] {
            assert_eq!(of_double(f64::from_bits(bits)), text, "{bits:x}");
        }
    }

    #[test]
    fn numbers_are_certain_where_no_reader_rounds_them() {
        for text in [
            "0",
            "-0",
            "1",
            "0.1",
            "1e2",
            "-2.50",
            "9007199254740991",
            "-9007199254740991",
            "123456789012345e-10",
            "1e307",
            "1E-290",
            "1e21",
        ] {
            assert!(is_certain(text), "{text}");
        }
        for text in [
            "9007199254740992",
            "9007199254740993",
            "-9007199254740993",
            "1000000000000000000000",
            "18446744073709551615",
            "0.30000000000000004",
            "100000000000000.5e0",
            "1e309",
            "1e-320",
        ] {
            assert!(!is_certain(text), "{text}");
        }
    }

    #[test]
    fn certain_numbers_have_the_digits_of_their_doubles() {
        for text in
            ["0.1", "-2.5", "1e300", "123456789.012345", "9007199254740991", "1e-290", "0.07"]
        {
            assert!(is_certain(text), "{text}");
            assert_eq!(canonical(text), of_double(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn numbers_have_one_form_however_spelt() {
        for (text, expected) in [
            ("333333333.33333330", "333333333.3333333"),
            ("1E30", "1e+30"),
            ("4.50", "4.5"),
            ("2e-3", "0.002"),
            ("0.000000000000000000000000001", "1e-27"),
            ("10.0", "10"),
            ("1e+06", "1000000"),
            ("-0", "0"),
            ("-0.10", "-0.1"),
            ("123456.789", "123456.789"),
            ("1e21", "1e+21"),
            ("1e20", "100000000000000000000"),
            ("1e-6", "0.000001"),
            ("1e-7", "1e-7"),
            // RFC 8785 would round these to another value.
            ("333333333.33333329", "333333333.33333329"),
            ("9007199254740993", "9007199254740993"),
            ("1e-400", "1e-400"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }
}
