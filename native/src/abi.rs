//! Envoy's functions and the hooks that it calls, as Rust types: the one folder with
//! `unsafe` in it. The ABI is that of dynamic modules, `v0.2.0`, written by hand: the
//! official SDK is on no registry, and its wrappers do not fit a core that borrows.
//!
//! A pointer from Envoy is good for the hook that got it. So [`Envoy`] is made in a
//! hook and dies with it, and views of headers and bodies borrow from it: a header
//! can only be changed when no view is left.
#![expect(unsafe_code, reason = "Envoy's functions can be called in no other way")]

mod body;
mod callout;
mod config;
mod hooks;
mod imports;
mod log;
mod main_thread;
mod stream;

pub(crate) use config::Definitions;
pub use imports::{Bytes, Pair};
pub(crate) use log::{Level, is_logged, write_log};
pub(crate) use main_thread::{MainThread, Scheduler};
pub(crate) use stream::{Answer, Attribute, Envoy, Headers, KeptHeaders};

use core::ptr::null;

/// Bytes of this module, for a call.
const fn lend(bytes: &[u8]) -> Bytes {
    Bytes { data: bytes.as_ptr(), size: bytes.len() }
}

/// No bytes, to be filled in, or where Envoy takes a null for "none".
const NOTHING: Bytes = Bytes { data: null(), size: 0 };

impl Bytes {
    /// The bytes as a slice.
    ///
    /// # Safety
    /// Unless it is null or empty, Envoy must have lent the whole of it, and must not
    /// change it during `'b`.
    unsafe fn view<'b>(self) -> &'b [u8] {
        // Envoy writes a null for what is empty, of which Rust makes no slice.
        if self.data.is_null() || self.size == 0 {
            return &[];
        }
        // SAFETY: not null, and by the caller's promise live and unchanged.
        unsafe { core::slice::from_raw_parts(self.data, self.size) }
    }
}

/// Pairs that Envoy lent for the time of a hook.
///
/// # Safety
/// Envoy must have lent that many, and must not change them during `'b`.
unsafe fn pairs<'b>(
    pairs: *const Pair,
    count: usize,
) -> impl Iterator<Item = (&'b [u8], &'b [u8])> {
    // SAFETY: by the caller's promise.
    let views = unsafe { views(pairs, count) };
    // SAFETY: by the caller's promise.
    views.iter().map(|pair| unsafe { (pair.name.view(), pair.value.view()) })
}

/// An array that Envoy lent for the time of a hook.
///
/// # Safety
/// As for [`pairs`].
unsafe fn views<'b, T>(array: *const T, count: usize) -> &'b [T] {
    if array.is_null() || count == 0 {
        return &[];
    }
    // SAFETY: by the caller's promise.
    unsafe { core::slice::from_raw_parts(array, count) }
}
