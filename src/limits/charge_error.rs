//! Why a call was not charged.

use super::StoreError;

/// Why nothing was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeError {
    /// The limit at this place has no room.
    Limit {
        /// Which of the charges.
        index: usize,
        /// Seconds until there is room, at least one.
        retry_after: u64,
    },
    /// The counter at this place could not be charged.
    Counter {
        /// Which of the charges.
        index: usize,
        /// Why.
        trouble: StoreError,
    },
}

impl ChargeError {
    /// Which of the charges.
    pub const fn index(self) -> usize {
        match self {
            Self::Limit { index, .. } | Self::Counter { index, .. } => index,
        }
    }

    /// The same, with charges counted from `first` on; `None` for one before it.
    pub fn less(self, first: usize) -> Option<Self> {
        let index = self.index().checked_sub(first)?;
        Some(match self {
            Self::Limit { retry_after, .. } => Self::Limit { index, retry_after },
            Self::Counter { trouble, .. } => Self::Counter { index, trouble },
        })
    }

    /// The one after which the call may go on: trouble before limits, then
    /// the limit that has room last.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Limit { retry_after: a, .. }, Self::Limit { retry_after: b, .. }) if b > a => {
                other
            }
            (Self::Limit { .. }, Self::Counter { .. }) => other,
            _ => self,
        }
    }
}
