//! Lists in the answers to requests that ask for none.
//!
//! A client finds its request by the id in an answer, whichever request the answer came
//! to, and some read whatever comes to a GET as events. No honest server makes use of
//! that. But a lock is there for the other ones: where a policy has one, events are read
//! on every GET, and no other JSON than that of a list may have one. Such JSON is not
//! held to see that, unless its size has a bound.

use super::signs::Signs;
use super::{HeadStep, Held, Listing, Seen, State};
use crate::exchange::awaited::Awaited;
use crate::policy::Policy;

impl Listing {
    /// Has the response read as one on which a server sends messages of its own.
    pub const fn open(&mut self) {
        self.opens = true;
    }

    /// Whether some client reads the response as events, whatever its type is.
    pub(super) const fn opens_any(&self, policy: &Policy) -> bool {
        self.opens && policy.lock().is_some()
    }

    /// Whether some client may find a list in JSON although the request asked for none.
    pub(super) const fn answers_any(&self, policy: &Policy) -> bool {
        !self.opens && policy.lock().is_some()
    }

    /// Takes the headers of JSON that nobody asked a list of.
    pub(super) fn watch_unasked(&mut self, seen: &Seen, holds: bool) -> HeadStep {
        let scan = Box::default();
        let is_bounded = self.asked.awaited.as_deref().is_some_and(Awaited::is_enforced);
        if is_bounded && seen.length.is_none() {
            self.state = State::Held(Held { head: holds, encoded: false, scan: Some(scan) });
            return HeadStep::Hold;
        }
        self.state = State::Scanned(scan);
        HeadStep::Stream
    }

    /// Takes a piece of JSON that nobody asked a list of; its replacement, if it has one.
    pub(super) fn scan(
        &mut self,
        policy: &Policy,
        mut scan: Box<Scan>,
        piece: &[u8],
    ) -> Option<Vec<u8>> {
        let is_first = scan.is_first();
        // A lock that only reports replaces no answer.
        let lists = if self.conceals() { self.lists } else { self.reads };
        let found = scan.finds(Signs::new(lists), piece);
        if !found {
            self.state = State::Scanned(scan);
            return None;
        }
        self.unreadable.set(true);
        if !self.conceals() {
            self.state = State::Counted(scan.all);
            return None;
        }
        if is_first {
            return Some(self.message_error(policy, piece));
        }
        self.state = State::Over;
        Some(Vec::new())
    }
}

/// The most bytes of a key that are looked at: enough for one that is spelt in escapes.
const LONGEST_KEY: usize = 64;

/// The search for a list in JSON that passes in pieces: for a key of a result.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The bytes that have come.
    all: usize,
    /// The depth of nesting.
    depth: usize,
    /// The depth of the keys of a result; 0 before the text begins.
    results: usize,
    /// Whether the last byte is within a text, and escapes the next one.
    text: bool,
    escapes: bool,
    /// The last text at the depth of the keys, with its quotes.
    key: Vec<u8>,
    /// The last byte that is not white space.
    last: u8,
}

impl Scan {
    /// Counts a piece; the size of all.
    pub(super) const fn grow(&mut self, size: usize) -> usize {
        self.all = self.all.saturating_add(size);
        self.all
    }

    const fn is_first(&self) -> bool {
        self.results == 0
    }

    /// Whether a piece has the key of a list, however it is spelt, or a sign that it is not
    /// JSON in UTF-8: Kotlin's SDK reads keys without quotes.
    pub(super) fn finds(&mut self, signs: Signs, piece: &[u8]) -> bool {
        piece.iter().any(|byte| self.sees(signs, *byte))
    }

    fn sees(&mut self, signs: Signs, byte: u8) -> bool {
        if self.text {
            let ends = byte == b'"' && !self.escapes;
            self.escapes = byte == b'\\' && !self.escapes;
            self.text = !ends;
            if self.depth == self.results && self.key.len() < LONGEST_KEY {
                self.key.push(byte);
            }
            return byte == 0;
        }
        if byte.is_ascii_whitespace() {
            return false;
        }
        let last = core::mem::replace(&mut self.last, byte);
        match byte {
            b'"' => {
                self.text = true;
                self.key.clear();
                self.key.push(b'"');
            }
            b'{' | b'[' => {
                if self.is_first() {
                    // One message, or an array of them.
                    self.results = if byte == b'{' { 2 } else { 3 };
                }
                self.depth = self.depth.saturating_add(1);
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            b':' if last != b'"' => return true,
            b':' if self.depth == self.results => return signs.are_in(&self.key),
            0 => return true,
            _ => {}
        }
        false
    }
}
