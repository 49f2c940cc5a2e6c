//! Strings by 64 bytes at a time.
//!
//! In code as text, some ten bytes lie between two escapes. Whatever stops at each
//! spends its time on branches that are guessed wrong. So bytes become bits, and
//! arithmetic on 64 of them passes over escapes, as simdjson does.

use super::by_words;
use wide::u8x16;

/// Every second bit, from the second on.
const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;

/// The length of the next run of a string, which has neither its end nor a fault,
/// and whether it has escapes. It may end before a valid escape.
// Apart from its only caller, which is for short strings and would have to keep more.
#[inline(never)]
pub(super) fn plain(bytes: &[u8]) -> (usize, bool) {
    let (lanes, _) = bytes.as_chunks::<16>();
    let (blocks, _) = lanes.as_chunks::<4>();
    let mut seen = 0_usize;
    let mut has_escapes = false;
    // A bit for a byte, the lowest for the first. This one is set if a backslash
    // before the block escapes its first byte.
    let mut carry = 0;
    for lanes in blocks {
        let block = Block(lanes.map(u8x16::new));
        let quotes = block.bits(|lane| equal(lane, b'"'));
        let controls = block.bits(|lane| at_most(lane, 0x1f));
        let backslashes = block.bits(|lane| equal(lane, b'\\'));
        let (mut escaped, mut others) = (0, 0);
        if backslashes | carry != 0 {
            // Of a row of backslashes every second one escapes, from the first on. A
            // subtraction borrows through the whole row, and so finds these in rows
            // that begin at even bits and at odd ones.
            let first = backslashes & !carry;
            let codes = ((first << 1) | ODD).wrapping_sub(first) ^ ODD;
            escaped = codes ^ (backslashes | carry);
            others = escaped & !(quotes | backslashes | block.bits(is_letter));
            if others != 0 {
                others &= !block.units();
            }
            if others & carry != 0 {
                return (seen.saturating_sub(1), has_escapes);
            }
            carry = (codes & backslashes) >> 63;
        }
        // A run ends before the backslash of an escape that is looked at by itself.
        let ends = (quotes & !escaped) | controls | (others >> 1);
        let end = ends.trailing_zeros();
        if ends != 0 {
            has_escapes |= backslashes.trailing_zeros() < end;
            return (seen.saturating_add(end as usize), has_escapes);
        }
        has_escapes |= backslashes != 0;
        seen = seen.saturating_add(64);
    }
    if carry != 0 {
        return (seen.saturating_sub(1), has_escapes);
    }
    let run = by_words(bytes.get(seen..).unwrap_or_default());
    (seen.saturating_add(run), has_escapes)
}

/// 64 bytes of a text.
struct Block([u8x16; 4]);

impl Block {
    /// The bytes for which `lane` sets all bits, each as one bit.
    #[inline(always)]
    fn bits(&self, lane: impl Fn(u8x16) -> u8x16) -> u64 {
        let [a, b, c, d] = self.0.map(|bytes| u64::from(lane(bytes).to_bitmask()));
        a | b << 16 | c << 32 | d << 48
    }

    /// Each `u` with the four digits of a UTF-16 unit after it, except for halves of
    /// surrogate pairs and where digits are beyond the block.
    fn units(&self) -> u64 {
        let digits = self.bits(is_hex_digit);
        let d = self.bits(|lane| equal(lower_case(lane), b'd'));
        let from_8 = self.bits(|lane| lane.max(u8x16::splat(b'8')).simd_eq(lane));
        let surrogates = (d >> 1) & (from_8 >> 2);
        self.bits(|lane| equal(lane, b'u'))
            & (digits >> 1)
            & (digits >> 2)
            & (digits >> 3)
            & (digits >> 4)
            & !surrogates
    }
}

fn equal(lane: u8x16, byte: u8) -> u8x16 {
    lane.simd_eq(u8x16::splat(byte))
}

fn at_most(lane: u8x16, byte: u8) -> u8x16 {
    lane.min(u8x16::splat(byte)).simd_eq(lane)
}

fn lower_case(lane: u8x16) -> u8x16 {
    lane | u8x16::splat(0x20)
}

#[expect(clippy::arithmetic_side_effects, reason = "lanes wrap around")]
fn is_hex_digit(lane: u8x16) -> u8x16 {
    at_most(lane - u8x16::splat(b'0'), 9) | at_most(lower_case(lane) - u8x16::splat(b'a'), 5)
}

/// Whether a byte may follow a backslash by itself, quotes and backslashes aside.
fn is_letter(lane: u8x16) -> u8x16 {
    let mut letters = equal(lane, b'/');
    for letter in *b"bfnrt" {
        letters |= equal(lane, letter);
    }
    letters
}
