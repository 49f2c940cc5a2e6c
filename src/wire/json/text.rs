//! Strings as spelt in the text, decoded only when needed.

use super::error::JsonErrorKind;
use super::fold::same_but_for_case;
use crate::meter;
use core::str::Chars;
use std::borrow::Cow;

/// The beginning of a key that serde_json, a Rust library, keeps for itself:
/// with its feature `raw_value`, it reads the text under such a key as JSON,
/// and puts the result in the object's place.
const SERDE_PRIVATE: &str = "$serde_json::private::";

/// A JSON string that the reader has validated: the characters between its
/// quotes, and whether escapes are among them.
#[derive(Clone, Copy, Debug)]
pub struct Text<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    pub(super) const fn new(raw: &'a str, escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// Whether escapes make its value another text than the one between its
    /// quotes.
    pub const fn is_escaped(self) -> bool {
        self.escaped
    }

    /// The characters between its quotes, escapes and all.
    pub const fn raw(self) -> &'a str {
        self.raw
    }

    /// The string's value; a copy is made only where escapes force one.
    pub fn decode(self) -> Cow<'a, str> {
        meter::steps(if self.escaped { self.raw.len() } else { 1 });
        if self.escaped { Cow::Owned(self.chars().collect()) } else { Cow::Borrowed(self.raw) }
    }

    /// The start of the string's value: at most this many bytes, and whole
    /// characters.
    pub fn start(self, bytes: usize) -> String {
        let mut start = String::new();
        for c in self.chars() {
            if start.len().saturating_add(c.len_utf8()) > bytes {
                break;
            }
            start.push(c);
        }
        start
    }

    /// The characters of the string's value.
    pub fn chars(self) -> impl Iterator<Item = char> + Clone + 'a {
        Decoded { rest: self.raw.chars(), escaped: self.escaped }
    }

    /// Whether the string's value is `other`.
    #[inline]
    pub fn is(self, other: &str) -> bool {
        if self.escaped { self.decodes_to(other) } else { self.raw == other }
    }

    /// Whether a reader that ignores case takes the string's value for `other`.
    pub fn is_but_for_case(self, other: &str) -> bool {
        // Nearly all keys differ in their first letter, which nothing but another case of
        // itself is taken for where both are ASCII.
        if let ([a, ..], [b, ..], false) = (self.raw.as_bytes(), other.as_bytes(), self.escaped)
            && a.is_ascii()
            && b.is_ascii()
            && !a.eq_ignore_ascii_case(b)
        {
            return false;
        }
        same_but_for_case(self.chars(), other.chars())
    }

    // Apart, so that the comparison of a text without escapes is small enough to be
    // compiled into its callers.
    #[cold]
    #[inline(never)]
    fn decodes_to(self, other: &str) -> bool {
        self.chars().eq(other.chars())
    }

    /// Whether the value holds U+0000. Raw ones never pass the reader.
    pub fn has_nul(self) -> bool {
        meter::steps(if self.escaped { self.raw.len() } else { 1 });
        self.escaped && self.chars().any(|c| c == '\0')
    }

    /// The reason why readers may take the string for another key, if they may.
    pub(super) fn doubt(self) -> Option<JsonErrorKind> {
        if self.has_nul() {
            return Some(JsonErrorKind::NulInKey);
        }
        // Only these can begin it.
        let may = matches!(self.raw.as_bytes().first(), Some(b'$' | b'\\'));
        let private = || self.chars().take(SERDE_PRIVATE.len()).eq(SERDE_PRIVATE.chars());
        (may && private()).then_some(JsonErrorKind::LibraryKey)
    }

    /// Whether two strings have the same value.
    pub(super) fn equals(self, other: Self) -> bool {
        if self.escaped || other.escaped {
            self.decodes_alike(other)
        } else {
            self.raw == other.raw
        }
    }

    #[cold]
    #[inline(never)]
    fn decodes_alike(self, other: Self) -> bool {
        self.chars().eq(other.chars())
    }
}

#[derive(Clone)]
struct Decoded<'a> {
    rest: Chars<'a>,
    escaped: bool,
}

impl Iterator for Decoded<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if !self.escaped || c != '\\' {
            return Some(c);
        }
        Some(match self.rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let mut units = [self.unit()?, 0];
                if is_high_surrogate(units[0]) {
                    // The reader has seen that the other half follows.
                    self.rest.nth(1)?;
                    units[1] = self.unit()?;
                }
                char::decode_utf16(units).next()?.unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => other,
        })
    }
}

impl Decoded<'_> {
    fn unit(&mut self) -> Option<u16> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.rest.next()?.to_digit(16)?;
            unit = (unit << 4) | digit;
        }
        u16::try_from(unit).ok()
    }
}

/// Whether a UTF-16 unit is the first half of a surrogate pair.
pub(super) const fn is_high_surrogate(unit: u16) -> bool {
    matches!(unit, 0xd800..=0xdbff)
}

/// Whether a UTF-16 unit is the second half of a surrogate pair.
pub(super) const fn is_low_surrogate(unit: u16) -> bool {
    matches!(unit, 0xdc00..=0xdfff)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_first_letter_tells_only_texts_apart_that_differ() {
        let raw =
            ["", "a", "A", "b", "ab", "aB", "_a", "k", "\u{212a}", "ſ", "S", "ı", "I", "é", "É"];
        let escaped = [r"\u0061", r"\u0041b", r"\u212a", r"\u017f", r"\/", r"b\u00e9"];
        let raw_texts = raw.map(|raw| Text::new(raw, false));
        let texts = raw_texts.into_iter().chain(escaped.map(|raw| Text::new(raw, true)));
        for text in texts {
            for other in raw.into_iter().chain(["/", "BÉ", "\\"]) {
                let expected = same_but_for_case(text.chars(), other.chars());
                assert_eq!(text.is_but_for_case(other), expected, "{text:?} {other}");
            }
        }
    }
}
