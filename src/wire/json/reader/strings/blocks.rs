//! Strings by 64 bytes at a time, in WebAssembly.
//!
//! In code as text, some ten bytes lie between two escapes. Whatever stops at each
//! spends its time on branches that are guessed wrong. So bytes become bits, and
//! arithmetic on 64 of them passes over escapes, as simdjson does.

use super::by_words;
use core::arch::wasm32::{
    u8x16, u8x16_bitmask, u8x16_eq, u8x16_gt, u8x16_lt, u8x16_splat, u8x16_sub, u8x16_swizzle,
    u64x2, v128, v128_and, v128_or,
};

/// Every second bit, from the second on.
const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;

/// See [`super::plain`].
pub(super) fn plain(bytes: &[u8]) -> (usize, bool) {
    let (lanes, _) = bytes.as_chunks::<16>();
    let (blocks, _) = lanes.as_chunks::<4>();
    let mut seen = 0_usize;
    let mut has_escapes = false;
    // A bit for a byte, the lowest for the first. This one is set if a backslash
    // before the block escapes its first byte.
    let mut carry = 0;
    for lanes in blocks {
        let block = Block(lanes.map(load));
        let quotes = block.bits(|lane| equal(lane, b'"'));
        let controls = block.bits(|lane| u8x16_lt(lane, u8x16_splat(b' ')));
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
struct Block([v128; 4]);

impl Block {
    /// The bytes for which `lane` sets all bits, each as one bit.
    #[inline(always)]
    fn bits(&self, lane: impl Fn(v128) -> v128) -> u64 {
        let [a, b, c, d] = self.0.map(|bytes| u64::from(u8x16_bitmask(lane(bytes))));
        a | b << 16 | c << 32 | d << 48
    }

    /// Each `u` with the four digits of a UTF-16 unit after it, except for halves of
    /// surrogate pairs and where digits are beyond the block.
    fn units(&self) -> u64 {
        let digits = self.bits(is_hex_digit);
        let d = self.bits(|lane| equal(lower_case(lane), b'd'));
        let from_8 = self.bits(|lane| u8x16_gt(lane, u8x16_splat(b'7')));
        let surrogates = (d >> 1) & (from_8 >> 2);
        self.bits(|lane| equal(lane, b'u'))
            & (digits >> 1)
            & (digits >> 2)
            & (digits >> 3)
            & (digits >> 4)
            & !surrogates
    }
}

fn load(lane: [u8; 16]) -> v128 {
    let both = u128::from_le_bytes(lane);
    u64x2(both as u64, (both >> 64) as u64)
}

fn equal(lane: v128, byte: u8) -> v128 {
    u8x16_eq(lane, u8x16_splat(byte))
}

fn lower_case(lane: v128) -> v128 {
    v128_or(lane, u8x16_splat(0x20))
}

fn is_hex_digit(lane: v128) -> v128 {
    let from = |lane, first| u8x16_sub(lane, u8x16_splat(first));
    v128_or(
        u8x16_lt(from(lane, b'0'), u8x16_splat(10)),
        u8x16_lt(from(lower_case(lane), b'a'), u8x16_splat(6)),
    )
}

/// Whether a byte may follow a backslash by itself, quotes and backslashes aside:
/// one of `/bfnrt`. Of these, all but `r` differ in their lower halves, by which
/// they are found in a table.
fn is_letter(lane: v128) -> v128 {
    let table = u8x16(0xff, 0, b'b', 0, b't', 0, b'f', 0, 0, 0, 0, 0, 0, 0, b'n', b'/');
    let same_half = u8x16_swizzle(table, v128_and(lane, u8x16_splat(0x0f)));
    v128_or(equal(lane, b'r'), u8x16_eq(lane, same_half))
}
