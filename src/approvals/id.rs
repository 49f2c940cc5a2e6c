//! Ids of requests for approval.

use crate::digest::of_parts;
use core::fmt;

/// The id of a request: 80 bits, of which the first ten are its slot and the next
/// sixteen the same for all ids of one process. It is not a secret, and grants nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Id(pub(super) [u8; 10]);

/// The beginning of an id as people see it.
const PREFIX: &str = "apr_";
/// The digits of base32 (RFC 4648) in lower case.
const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Letters of an id: five bits each.
const LETTERS: usize = 16;

impl Id {
    /// An id for a request that is made now in a slot, after the one that was there
    /// before. The salt, which no client knows, makes it unpredictable; time and the id
    /// before make it new.
    pub(super) fn new(
        salt: &[u8; 16],
        slot: u16,
        digest: &[u8; 32],
        now: u64,
        before: Option<Self>,
    ) -> Self {
        let before = before.map_or([0; 10], |id| id.0);
        let random = of_parts(&[b"approval-id", salt, digest, &now.to_le_bytes(), &before]);
        let process = of_parts(&[b"approval-process", salt]);
        let [a, b, ..] = process;
        let tag = u128::from(u16::from_be_bytes([a, b]));
        let [r0, r1, r2, r3, r4, r5, r6, ..] = random;
        // 10 bits of the slot, 16 of the process, 54 that nobody foresees.
        let rest =
            u128::from(u64::from_be_bytes([0, r0, r1, r2, r3, r4, r5, r6])) & ((1 << 54) - 1);
        let bits = (u128::from(slot & 0x3ff) << 70) | (tag << 54) | rest;
        let mut id = [0; 10];
        id.copy_from_slice(bits.to_be_bytes().last_chunk::<10>().unwrap_or(&[0; 10]));
        Self(id)
    }

    /// The id of a request that is not made yet.
    pub const fn none() -> Self {
        Self([0; 10])
    }

    /// Reads an id as people write it.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.strip_prefix(PREFIX)?.as_bytes();
        if letters.len() != LETTERS {
            return None;
        }
        let mut bits: u128 = 0;
        for letter in letters {
            let digit = DIGITS.iter().position(|digit| digit == letter)?;
            bits = (bits << 5) | u128::try_from(digit).ok()?;
        }
        bits.to_be_bytes().last_chunk().copied().map(Self)
    }

    /// The slot of its request.
    pub const fn slot(self) -> u16 {
        let [a, b, ..] = self.0;
        u16::from_be_bytes([a, b]) >> 6
    }

    /// Whether a process with this salt made it.
    pub fn is_of(self, salt: &[u8; 16]) -> bool {
        let own = Self::new(salt, 0, &[0; 32], 0, None);
        (self.bits() ^ own.bits()) & (0xffff << 54) == 0
    }

    const fn bits(self) -> u128 {
        let [a, b, c, d, e, f, g, h, i, j] = self.0;
        u128::from_be_bytes([0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h, i, j])
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        let bits = self.bits();
        for at in (0..16_u32).rev() {
            let digit = usize::try_from((bits >> at.saturating_mul(5)) & 31).unwrap_or_default();
            let letter = DIGITS.get(digit).copied().unwrap_or(b'a');
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn an_id_says_its_slot_and_its_process() {
        let (salt, other) = ([7; 16], [8; 16]);
        for slot in [0, 1, 511, 1023] {
            let id = Id::new(&salt, slot, &[3; 32], 9, None);
            assert_eq!(id.slot(), slot);
            assert!(id.is_of(&salt) && !id.is_of(&other));
            let text = id.to_string();
            assert_eq!(text.len(), 20, "{text}");
            assert_eq!(Id::parse(&text), Some(id));
            assert_ne!(Id::new(&salt, slot, &[3; 32], 10, None), id);
            assert_ne!(Id::new(&salt, slot, &[3; 32], 9, Some(id)), id);
            assert_ne!(Id::new(&salt, slot, &[4; 32], 9, None), id);
        }
        assert_eq!(Id([0xff; 10]).to_string(), "apr_7777777777777777");
        for wrong in [
            "",
            "apr_",
            "apr_777777777777777",
            "apr_77777777777777777",
            "APR_7777777777777777",
            "apr_777777777777777A",
            "apr_7777777777777770",
            "7777777777777777",
        ] {
            assert_eq!(Id::parse(wrong), None, "{wrong}");
        }
    }
}
