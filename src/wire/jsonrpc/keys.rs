//! The keys that mean something to some reader of a message.
//!
//! JSON's keys are case-sensitive, but not every library's are: Go's
//! `encoding/json` and others match them under Unicode case folding, which let
//! `Method` pass a filter that knew only `method` (CVE-2026-27896). So a key
//! that such a reader would take for one of the protocol's is refused.

use crate::meter;
use crate::wire::json::{Text, fold_ascii};

/// Keys that decide what a message is, in the envelope and in `params`.
const PROTOCOL_KEYS: [&str; 12] = [
    "jsonrpc",
    "id",
    "method",
    "params",
    "result",
    "error",
    "name",
    "arguments",
    "_meta",
    "task",
    "inputResponses",
    "requestState",
];

/// The key that, in JavaScript, lends an object the members of its value:
/// `params` the arguments that they lack, for one.
const PROTOTYPE: &str = "__proto__";

/// The length of the longest of these keys.
const LONGEST: usize = 14;

/// The protocol's key that only some readers take `key` for.
pub(super) fn look_alike(key: Text<'_>) -> Option<&'static str> {
    meter::steps(LONGEST);
    // In one pass, for a body may have a hundred thousand keys.
    let mut folded = [0; LONGEST];
    let mut length = 0_usize;
    for c in key.chars() {
        *folded.get_mut(length)? = u8::try_from(fold_ascii(c)).ok().filter(u8::is_ascii)?;
        length = length.saturating_add(1);
    }
    let folded = folded.get(..length)?;
    if folded == PROTOTYPE.as_bytes() && key.is(PROTOTYPE) {
        return Some(PROTOTYPE);
    }
    let is = |word: &&str| word.as_bytes().eq_ignore_ascii_case(folded) && !key.is(word);
    PROTOCOL_KEYS.into_iter().find(is)
}
