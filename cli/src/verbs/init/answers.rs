//! The answers of a server, whichever way they come: their bounds, the texts that are kept,
//! and words about their faults.

use crate::output::shown;
use mcp_policy_filter::text;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most bytes of all answers of a server.
pub(super) const MAX_BYTES: usize = 32 << 20;
/// The most bytes of a server's words that are shown.
const MAX_SHOWN: usize = 300;

/// The first trouble with a server, in words for the user. It is noted where it is met,
/// since the client's own errors do not have them.
#[derive(Clone, Debug, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<String>>>);

impl Trouble {
    /// Notes a trouble, if it is the first.
    pub(super) fn note(&self, words: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| words.into());
    }

    /// Takes the trouble that was noted.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The texts of a server's answers. The official client drops members that it does not
/// know, and a lock is of the whole definition.
#[derive(Clone, Debug, Default)]
pub(super) struct Tap(Arc<Mutex<Vec<String>>>);

impl Tap {
    /// Keeps a text, if it can have a list of tools: others may be many.
    pub(super) fn keep(&self, text: &[u8]) {
        if memchr::memmem::find(text, b"tools").is_some() || text.contains(&b'\\') {
            let text = String::from_utf8_lossy(text).into_owned();
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
    }

    /// Takes the texts that were kept.
    pub(super) fn take(&self) -> Vec<String> {
        core::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The words about a server whose answers are too large.
pub(super) fn too_much() -> String {
    format!("the server sends more than {} MiB; no list of tools is as large", MAX_BYTES >> 20)
}

/// The words about a server that takes too long.
pub(super) fn late(timeout: Duration) -> String {
    format!(
        "the server did not list its tools within {} s; see that it is an MCP server, or give it \
         more time with --timeout",
        timeout.as_secs_f64()
    )
}

/// Words from outside that are safe to show, and not too many.
pub(super) fn abridged(words: &str) -> String {
    let start = text::start(words, MAX_SHOWN);
    let more = if start.len() < words.len() { "…" } else { "" };
    format!("{}{more}", shown(start))
}
