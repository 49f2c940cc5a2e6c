//! Addresses in the spelling that all readers of URLs agree on.

/// A number of at most five decimal digits. To some readers a zero in front makes it
/// octal.
pub(super) fn number(text: &str) -> Option<u32> {
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() > 5 || (digits.len() > 1 && text.starts_with('0')) {
        return None;
    }
    let mut number = 0_u32;
    for digit in digits {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number = number.saturating_mul(10).saturating_add(digit.into());
    }
    Some(number)
}

/// Whether a text is an IPv6 address as RFC 5952 spells it. One with an IPv4 address
/// in it is not: it leads to where that leads.
pub(super) fn is_ipv6(text: &str) -> bool {
    const GROUPS: usize = 8;
    let gap = text.as_bytes().windows(2).position(|pair| pair == b"::");
    let parts = gap.and_then(|gap| Some((text.get(..gap)?, text.get(gap.checked_add(2)?..)?)));
    let Some((head, tail)) = parts else {
        return Side::new(text).is_some_and(|all| all.groups == GROUPS && all.longest < 2);
    };
    let (Some(before), Some(after)) = (Side::new(head), Side::new(tail)) else { return false };
    let Some(left_out) = GROUPS.checked_sub(before.groups.saturating_add(after.groups)) else {
        return false;
    };
    let is_mapped = before.groups == 0 && left_out == 5 && tail.starts_with("ffff:");
    // The longest run of zeros is left out whole, and of two the first.
    left_out >= 2
        && before.last == 0
        && after.first == 0
        && before.longest < left_out
        && after.longest <= left_out
        && !is_mapped
}

/// The groups on one side of `::`.
#[derive(Default)]
struct Side {
    groups: usize,
    /// The lengths of its runs of zeros: the first, if it begins with one, the last, if
    /// it ends with one, and the longest.
    first: usize,
    last: usize,
    longest: usize,
}

impl Side {
    /// Reads the groups, if each is a number as it should be.
    fn new(text: &str) -> Option<Self> {
        let mut side = Self::default();
        if text.is_empty() {
            return Some(side);
        }
        for group in text.split(':') {
            let is_hex = group.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let is_plain = group == "0" || !group.starts_with('0');
            if !is_hex || !is_plain || !matches!(group.len(), 1..=4) {
                return None;
            }
            side.last = if group == "0" { side.last.saturating_add(1) } else { 0 };
            side.longest = side.longest.max(side.last);
            if side.last > side.groups {
                side.first = side.last;
            }
            side.groups = side.groups.saturating_add(1);
        }
        Some(side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_number_has_one_spelling() {
        for good in [0, 1, 9, 10, 255, 256, 65_535, 65_536, 99_999] {
            assert_eq!(number(&good.to_string()), Some(good));
        }
        for bad in ["", "00", "01", "+1", "-1", "1 ", "1a", "a", "１", "100000", "4294967297"] {
            assert_eq!(number(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_ipv6_address_has_one_spelling() {
        // All addresses of groups of a few values, in the spelling of the standard library,
        // whose own tests hold it to RFC 5952.
        let values = [0_u16, 1, 0xffff];
        for number in 0..3_usize.pow(8) {
            let mut rest = number;
            let groups: [u16; 8] = std::array::from_fn(|_| {
                let value = values[rest % 3];
                rest /= 3;
                value
            });
            let address = Ipv6Addr::from(groups);
            let text = address.to_string();
            assert_eq!(is_ipv6(&text), address.to_ipv4_mapped().is_none(), "{text}");
            let long = groups.map(|group| format!("{group:x}")).join(":");
            assert_eq!(is_ipv6(&long), long == text, "{long}");
        }
        for bad in [
            "",
            ":",
            "::1::",
            ":::",
            "1",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "::1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "2001:DB8::1",
            "2001:0db8::1",
            "::00",
            "::0",
            "0::1",
            "::12345",
            "::g",
            "::1%25eth0",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:7f00:1",
            "1::2::3",
            ":1:2:3:4:5:6:7",
            " ::1",
        ] {
            assert!(!is_ipv6(bad), "{bad}");
        }
    }
}
