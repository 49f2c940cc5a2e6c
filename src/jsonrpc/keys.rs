//! The keys that mean something to some reader of a message.
//!
//! JSON's keys are case-sensitive, but not every library's are: Go's
//! `encoding/json` and others match them under Unicode case folding, which let
//! `Method` pass a filter that knew only `method` (CVE-2026-27896). So a key
//! that such a reader would take for one of the protocol's is refused.

use crate::json::Text;

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

/// A character as caseless readers see it: ASCII in lower case, and the few
/// others that Unicode folds (or some runtimes upper-case) onto ASCII letters.
pub fn fold(c: char) -> char {
    match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        'İ' | 'ı' => 'i',
        _ => c.to_ascii_lowercase(),
    }
}

/// Whether a caseless reader takes `text` for `word`, as which it is not spelt.
pub fn folds_to(text: impl Iterator<Item = char>, word: &str) -> bool {
    text.map(fold).eq(word.chars().map(fold))
}

/// The protocol's key that only some readers take `key` for.
pub(super) fn look_alike(key: Text<'_>) -> Option<&'static str> {
    PROTOCOL_KEYS.into_iter().find(|word| folds_to(key.chars(), word) && !key.is(word))
}
