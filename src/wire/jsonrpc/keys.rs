//! The keys that mean something to some reader of a message.
//!
//! JSON's keys are case-sensitive, but not every library's are: Go's
//! `encoding/json` and others match them under Unicode case folding, which let
//! `Method` pass a filter that knew only `method` (CVE-2026-27896). So a key
//! that such a reader would take for one of the protocol's is refused.

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

/// The protocol's key that only some readers take `key` for.
pub(super) fn look_alike(key: Text<'_>) -> Option<&'static str> {
    if key.is(PROTOTYPE) {
        return Some(PROTOTYPE);
    }
    PROTOCOL_KEYS
        .into_iter()
        .find(|word| key.chars().map(fold_ascii).eq(word.chars().map(fold_ascii)) && !key.is(word))
}
