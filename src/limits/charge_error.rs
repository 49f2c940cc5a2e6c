//! Reasons why a call was not charged.

use super::StoreError;

/// The reason why nothing was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeError {
    /// The limit of this charge has no room.
    Limit {
        /// The index of the charge.
        index: usize,
        /// Seconds until there is room, at least one.
        retry_after: u64,
    },
    /// The counter of this charge failed.
    Counter {
        /// The index of the charge.
        index: usize,
        /// The reason.
        error: StoreError,
    },
}

impl ChargeError {
    /// The index of the charge.
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
            Self::Counter { error, .. } => Self::Counter { index, error },
        })
    }

    /// The error after which the call may go on: a failure before a limit, then
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
