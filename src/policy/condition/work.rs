//! The work that the conditions of one call may cost.
//!
//! Envoy sets a module no limit of time, and while a call is judged its worker
//! serves nobody else. Reading a body is linear, and is done once. Everything
//! that a condition does beyond that draws on one budget for each call: reading
//! arguments again, decoding and searching texts, comparing values, running
//! regular expressions. When the budget is spent, nothing more can be decided.
//!
//! A unit is what a step of a regular expression costs for a byte of text and a
//! byte of the expression, some 0.4 ns. The other prices were measured against
//! it in Envoy, with the bodies of `scripts/worst-call`, and are rounded up.

use core::cell::Cell;

/// The budget of one call, in units.
const BUDGET: usize = 1 << 28;
/// The price of a comparison of two values.
const COMPARISON: usize = 1 << 10;
/// The price of a byte of a list or an object for each part of another that it
/// is compared with.
const PART: usize = 1 << 5;
/// The price of a byte of JSON that was read before.
const READING: usize = 24;
/// The price of a byte of a text that is read as JSON for the first time.
const PARSING: usize = 96;
/// The price of a byte of a text whose escapes are decoded, or that is read as a path
/// or a URL.
const DECODING: usize = 16;
/// The price of a byte of a text that is decoded and hashed.
const HASHING: usize = 64;
/// The price of a byte of a text that is searched or compared.
const SEARCHING: usize = 8;
/// The price of a double that is made of more than [`EXACT_DIGITS`] digits.
const LONG_DOUBLE: usize = 1 << 16;
/// Of this many digits, a double is made without long arithmetic.
const EXACT_DIGITS: usize = 19;

/// The rest of a call's budget.
#[derive(Clone, Debug)]
pub struct Work(Cell<usize>);

impl Default for Work {
    fn default() -> Self {
        Self(Cell::new(BUDGET))
    }
}

impl Work {
    /// The budget of reading the values that records hold: some 40 MiB of JSON, which is
    /// more than a few dozen paths take of a body of the usual size.
    pub const fn of_records() -> Self {
        Self(Cell::new(BUDGET * 4))
    }

    /// The units taken so far.
    #[cfg(test)]
    pub(super) fn spent(&self) -> usize {
        BUDGET.saturating_sub(self.0.get())
    }

    /// The longest text that an expression of this many bytes may be run on.
    pub(super) const fn longest_text(expression: usize) -> usize {
        match BUDGET.checked_div(expression) {
            Some(longest) => longest,
            None => BUDGET,
        }
    }

    /// Takes the price of a match; whether there was enough.
    pub(super) fn match_of(&self, text: usize, expression: usize) -> bool {
        // An empty text has an end too, where the whole expression may be tried.
        self.take(text.saturating_add(1).saturating_mul(expression))
    }

    /// Takes the price of this many comparisons; whether there was enough.
    pub(super) fn comparisons(&self, count: usize) -> bool {
        self.take(count.saturating_mul(COMPARISON))
    }

    /// Takes the price of comparing a list or an object of `text` bytes with values
    /// of `parts` parts; whether there was enough.
    pub(super) fn comparison_of(&self, text: usize, parts: usize) -> bool {
        self.take(text.saturating_mul(parts).saturating_mul(PART))
    }

    /// Takes the price of reading this many bytes of JSON again; whether there was
    /// enough.
    pub(super) fn reading(&self, bytes: usize) -> bool {
        self.take(bytes.saturating_mul(READING))
    }

    /// Takes the price of reading a text of this many bytes as JSON; whether there
    /// was enough.
    pub fn parsing(&self, bytes: usize) -> bool {
        self.take(bytes.saturating_mul(PARSING))
    }

    /// Takes the price of decoding a text of this many bytes, or of reading it as a
    /// path or a URL; whether there was enough.
    pub(super) fn decoding(&self, bytes: usize) -> bool {
        self.take(bytes.saturating_mul(DECODING))
    }

    /// Takes the price of decoding and hashing a text of this many bytes; whether
    /// there was enough.
    pub fn hashing(&self, bytes: usize) -> bool {
        self.take(bytes.saturating_mul(HASHING))
    }

    /// Takes the price of searching a text of this many bytes, or comparing it with
    /// another; whether there was enough.
    pub(super) fn searching(&self, bytes: usize) -> bool {
        self.take(bytes.saturating_mul(SEARCHING))
    }

    /// Takes the price of making a double of this many digits; whether there was
    /// enough.
    pub(super) fn double(&self, digits: usize) -> bool {
        self.take(if digits > EXACT_DIGITS { LONG_DOUBLE } else { COMPARISON })
    }

    fn take(&self, work: usize) -> bool {
        match self.0.get().checked_sub(work) {
            Some(left) => {
                self.0.set(left);
                true
            }
            None => {
                self.0.set(0);
                false
            }
        }
    }
}
