//! Strings as spelt in the text, decoded only when needed.

use super::error::JsonErrorKind;
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
    pub fn is(self, other: &str) -> bool {
        if self.escaped { self.chars().eq(other.chars()) } else { self.raw == other }
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
        let may = self.raw.starts_with(['$', '\\']);
        let private = || self.chars().take(SERDE_PRIVATE.len()).eq(SERDE_PRIVATE.chars());
        (may && private()).then_some(JsonErrorKind::LibraryKey)
    }

    /// Whether two strings have the same value.
    pub(super) fn equals(self, other: Self) -> bool {
        if self.escaped || other.escaped {
            self.chars().eq(other.chars())
        } else {
            self.raw == other.raw
        }
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
