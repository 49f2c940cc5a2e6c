//! Strings, with every escape checked.

use super::{Reader, Step};
use crate::json::fault::FaultKind;
use crate::json::text::{Text, is_high_surrogate, is_low_surrogate};

impl<'a> Reader<'a> {
    /// Reads a string, at whose opening quote the reader stands.
    pub(super) fn string(&mut self) -> Step<Text<'a>> {
        self.skip(1);
        let start = self.at();
        let mut escaped = false;
        loop {
            let plain = self.rest.iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            self.skip(plain.unwrap_or(self.rest.len()));
            match self.rest {
                [b'"', ..] => break,
                [b'\\', ..] => {
                    escaped = true;
                    self.escape()?;
                }
                [] => return self.fault(FaultKind::Expected("the end of a string")),
                _ => return self.fault(FaultKind::ControlCharacter),
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
                let Some(first) = unit(self.rest) else { return self.fault(FaultKind::Escape) };
                if is_low_surrogate(first) {
                    return self.fault(FaultKind::LoneSurrogate);
                }
                if is_high_surrogate(first) {
                    let second = self.rest.get(6..).and_then(unit);
                    if !second.is_some_and(is_low_surrogate) {
                        return self.fault(FaultKind::LoneSurrogate);
                    }
                    self.skip(6);
                }
                self.skip(6);
            }
            _ => return self.fault(FaultKind::Escape),
        }
        Ok(())
    }
}

/// The UTF-16 unit of a `\uXXXX` that `rest` begins with.
fn unit(rest: &[u8]) -> Option<u16> {
    let [b'\\', b'u', digits @ ..] = rest else { return None };
    digits.get(..4)?.iter().try_fold(0, |unit: u16, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some((unit << 4) | u16::try_from(digit).ok()?)
    })
}
