//! Counts that all workers of an Envoy process share.
//!
//! The host offers a map from key to bytes with compare-and-swap, without
//! removal and without expiry. [`Store`] is that map as one method; [`Table`]
//! lays the counts out in it, so that memory is bounded, one caller's counts
//! stand together, and a call's limits are charged all or none
//! ([`Table::charge`]).
//!
//! # Layout
//! ```text
//! mcp-policy-filter/1/NAMESPACE/0000 .. /0fff   buckets of entries
//! mcp-policy-filter/1/NAMESPACE/total           entries in use, by window length
//! mcp-policy-filter/1/NAMESPACE/salt            random bytes, drawn once
//! ```
//! An entry is found by a *holder* (128 bits of the salted SHA-256 of the
//! caller's id, so that no client can choose whose bucket it fills, or of the counter for those that all callers share) and a *tag* (64
//! bits of the SHA-256 of policy body, counter, window, algorithm and scope).
//! The holder alone picks the bucket: a caller's counts are read and written
//! in one go. Neither key nor tag depends on the policy's digest, `max` or
//! `capacity`, so a new configuration keeps the counts.
//!
//! # Bounds
//! The number of keys is fixed. An entry whose window is over goes when its
//! bucket is next written. A new entry is made only for a call that is
//! admitted, and only after a place was taken among the counter's `capacity`
//! and all counters' `max_entries`. Both are exact counts kept per window, so
//! nothing has to be given back when a window ends; where none is left, the
//! call is denied and no living count is ever dropped.

mod bucket;
mod charge;
mod charge_error;
#[cfg(any(test, not(target_family = "wasm")))]
mod memory;
mod seats;
mod table;
mod trial;
pub mod window;

pub use charge::{Charge, Receipt};
pub use charge_error::ChargeError;
#[cfg(any(test, not(target_family = "wasm")))]
pub use memory::MemoryStore;
pub use table::{Holder, Table, Tag};
pub use trial::Trial;

/// A shared map from key to bytes.
pub trait Store {
    /// Shows `step` the value under `key`, if there is one, and stores what it
    /// returns, if it returns something. Where somebody else wrote in between,
    /// `step` is asked again with the newer value; so it must have no effects
    /// but its result. Returns what the last `step` returned beside the value.
    ///
    /// # Errors
    /// Others were faster too often, or the host failed; nothing was stored.
    fn update<T>(
        &self,
        key: &[u8],
        step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError>;
}

/// Why the counters could not be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Too many others wrote at the same time.
    Contended,
    /// No place is left for another caller.
    Full,
    /// A stored value is not of the form that this version writes.
    Damaged,
    /// A stored window is too far ahead of the clock.
    Clock,
    /// The host failed.
    Host,
}
