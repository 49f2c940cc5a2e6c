//! Counts that all workers of an Envoy process share.
//!
//! The host offers a map from key to bytes with compare-and-swap, without
//! removal and without expiry. [`Store`] is that map as one method; [`Table`]
//! lays the counts out in it, so that memory is bounded, one caller's counts
//! lie together, and a call's limits are charged all or none
//! ([`Table::charge`]).
//!
//! # Layout
//! ```text
//! mcp-policy-filter/1/NAMESPACE/0000 .. /0fff   buckets of entries
//! mcp-policy-filter/1/NAMESPACE/total           entries in use, by window length
//! mcp-policy-filter/1/NAMESPACE/shadow          the same of limits in shadow
//! mcp-policy-filter/1/NAMESPACE/salt            random bytes, drawn once
//! mcp-policy-filter/1/NAMESPACE/lock            tools that are not as a policy locks them
//! ```
//! An entry is found by a *holder* (128 bits of the salted SHA-256 of the
//! caller's id, so that no client can choose whose bucket it fills, of the id and
//! values for counts by value, or of the counter for those that all callers share) and a *tag* (64 bits of the
//! SHA-256 of policy body, counter, window, algorithm, scope and the paths of values).
//! The holder alone picks the bucket: a caller's counts are read and written in one go.
//! Neither key nor tag depends on the policy's fingerprint, `max` or
//! `capacity`, so a new configuration keeps the counts.
//!
//! # Bounds
//! The number of keys is fixed. An entry whose window is over goes when its
//! bucket is next written. A new entry is made only for a call that is
//! admitted, and only after a seat was taken under the counter's `capacity` and
//! under the `max_entries` of all counters. Both are exact counts kept per
//! window, so nothing has to be given back when a window ends; where no seat is
//! left, the call is denied, and a count that matters is never dropped. Of a counter
//! by values, each caller has seats of his own ([`Table::with_values`]), which he
//! needs besides: whoever makes up values fills nobody else's.

mod bucket;
mod charge;
mod charge_error;
#[cfg(any(test, not(target_os = "wasi")))]
mod memory;
mod recent;
mod seats;
mod table;
mod trial;
#[cfg(any(test, not(target_os = "wasi")))]
mod used;
pub mod window;

pub use charge::{Charge, Receipt, Values};
pub use charge_error::ChargeError;
#[cfg(any(test, not(target_os = "wasi")))]
pub use memory::MemoryStore;
pub use table::{DEFAULT_VALUES, Holder, Table, Tag};
pub use trial::Trial;

/// A shared map from key to bytes.
pub trait Store {
    /// Shows `step` the value under `key`, if there is one, and stores the
    /// value that it returns, if there is one. Where another worker wrote in
    /// between, `step` is called again with the newer value; so it must have no
    /// effects except for its result. Returns the result of the last `step`.
    ///
    /// # Errors
    /// Other workers wrote first too often, or the host failed; nothing was
    /// stored.
    fn update<T>(
        &self,
        key: &[u8],
        step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError>;
}

/// Whether a stored value holds nothing but counts whose windows are over. A store that
/// can forget a key may then do so: the value says what no value says.
pub fn is_over(key: &[u8], value: &[u8], now: window::Nanos) -> bool {
    table::is_bucket(key)
        && bucket::Bucket::read(Some(value), now).is_ok_and(|bucket| bucket.len() == 0)
}

/// The reason why the counters could not be charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Other workers wrote at the same time, too often.
    Contended,
    /// No seat is left for another caller.
    Full,
    /// A stored value is not of the form that this version writes.
    Damaged,
    /// A stored window is too far ahead of the clock.
    Clock,
    /// The host failed.
    Host,
}
