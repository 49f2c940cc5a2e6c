//! How much work the conditions of one call may cost.
//!
//! Envoy sets a module no limit of time, and while a call is judged its worker
//! serves nobody else. Reading is linear in the body; what can be more are
//! regular expressions (text times expression), lists to compare with (elements
//! times list), and lists and objects to be equal to (text times members). All
//! draw on one budget for each call, and when it is spent nothing more can be
//! decided.

use core::cell::Cell;

/// The budget, in bytes of text times bytes of a compiled expression: some 60
/// milliseconds at the very worst.
const BUDGET: usize = 1 << 28;
/// What one comparison of two values counts as.
const COMPARISON: usize = 1 << 10;
/// What a byte of a list or an object counts as for each part of another that
/// it is compared with.
const PART: usize = 1 << 5;

/// What is left of a call's budget.
#[derive(Debug)]
pub struct Work(Cell<usize>);

impl Default for Work {
    fn default() -> Self {
        Self(Cell::new(BUDGET))
    }
}

impl Work {
    /// The longest text that an expression of so many bytes may be run on.
    pub(super) const fn longest_text(expression: usize) -> usize {
        match BUDGET.checked_div(expression) {
            Some(longest) => longest,
            None => BUDGET,
        }
    }

    /// Takes what a match costs; whether there was enough.
    pub(super) fn match_of(&self, text: usize, expression: usize) -> bool {
        self.take(text.saturating_mul(expression))
    }

    /// Takes what so many comparisons cost; whether there was enough.
    pub(super) fn comparisons(&self, count: usize) -> bool {
        self.take(count.saturating_mul(COMPARISON))
    }

    /// Takes what it costs to compare a list or an object of so many bytes with
    /// values of so many parts; whether there was enough.
    pub(super) fn comparison_of(&self, text: usize, parts: usize) -> bool {
        self.take(text.saturating_mul(parts).saturating_mul(PART))
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
