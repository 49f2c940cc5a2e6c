//! Strings, with every escape checked.

mod blocks;
#[cfg(test)]
mod tests;

use super::{Reader, Step};
use crate::wire::json::error::JsonErrorKind;
use crate::wire::json::text::{Text, is_high_surrogate, is_low_surrogate};

impl<'a> Reader<'a> {
    /// Reads a string. The reader is at its opening quote.
    pub(super) fn string(&mut self) -> Step<Text<'a>> {
        self.skip(1);
        let start = self.at();
        // Most strings are short, and done before a block of bytes is loaded.
        if let Some(length) = short(self.rest) {
            let raw = self.text.get(start..start.saturating_add(length)).unwrap_or_default();
            self.skip(length.saturating_add(1));
            return Ok(Text::new(raw, false));
        }
        let mut escaped = false;
        loop {
            let (run, escapes) = blocks::plain(self.rest);
            escaped |= escapes;
            self.skip(run);
            match self.rest {
                [b'"', ..] => break,
                [b'\\', ..] => {
                    escaped = true;
                    self.escape()?;
                }
                [] => return self.fault(JsonErrorKind::Expected("the end of a string")),
                _ => return self.fault(JsonErrorKind::ControlCharacter),
            }
        }
        let raw = self.text.get(start..self.at()).unwrap_or_default();
        self.skip(1);
        Ok(Text::new(raw, escaped))
    }

    fn escape(&mut self) -> Step<()> {
        match self.rest {
            [_, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => self.skip(2),
            [_, b'u', ..] => {
                let Some(first) = unit(self.rest) else { return self.fault(JsonErrorKind::Escape) };
                if is_low_surrogate(first) {
                    return self.fault(JsonErrorKind::LoneSurrogate);
                }
                if is_high_surrogate(first) {
                    let second = self.rest.get(6..).and_then(unit);
                    if !second.is_some_and(is_low_surrogate) {
                        return self.fault(JsonErrorKind::LoneSurrogate);
                    }
                    self.skip(6);
                }
                self.skip(6);
            }
            _ => return self.fault(JsonErrorKind::Escape),
        }
        Ok(())
    }
}

/// The length of a string that ends within eight bytes and holds nothing to be looked at.
fn short(bytes: &[u8]) -> Option<usize> {
    let word = bytes.first_chunk()?;
    let first = (stops(u64::from_le_bytes(*word)).trailing_zeros() / 8) as usize;
    (word.get(first) == Some(&b'"')).then_some(first)
}

/// The number of bytes before the next quote, backslash or control character.
/// Most of a body is in strings, so eight bytes are looked at together.
fn by_words(bytes: &[u8]) -> usize {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut seen = 0_usize;
    for word in words {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return seen.saturating_add((stops.trailing_zeros() / 8) as usize);
        }
        seen = seen.saturating_add(8);
    }
    let stop = tail.iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
    seen.saturating_add(stop.unwrap_or(tail.len()))
}

/// Sets the highest bit of the first of eight bytes that ends a run.
/// Subtracting from all of them at once sets that bit where a byte was too
/// small; a borrow can do so too, but only above a byte that is: bits beyond
/// the first mean nothing.
const fn stops(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const QUOTES: u64 = u64::from_le_bytes([b'"'; 8]);
    const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; 8]);
    const SPACES: u64 = u64::from_le_bytes([b' '; 8]);
    const fn zero(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word
    }
    let quote = zero(word ^ QUOTES);
    let backslash = zero(word ^ BACKSLASHES);
    let control = word.wrapping_sub(SPACES) & !word;
    (quote | backslash | control) & HIGH
}

/// The UTF-16 unit of a `\uXXXX` that `rest` begins with.
fn unit(rest: &[u8]) -> Option<u16> {
    let [b'\\', b'u', digits @ ..] = rest else { return None };
    digits.get(..4)?.iter().try_fold(0, |unit: u16, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some((unit << 4) | u16::try_from(digit).ok()?)
    })
}
