//! Texts from outside: those that may be names, and those that are safe in a line
//! of a log.

/// The most bytes of a name: of a caller, a tool, a counter, a check.
pub const MAX_NAME: usize = 256;

/// Whether a text can name something: 1 to 256 bytes without control
/// characters.
pub fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// The start of a text: at most this many bytes, and whole characters.
pub fn start(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// Whether a character would break a line where it is shown, or change how the
/// rest is shown: control characters, line and paragraph separators, and those
/// that set the direction of text.
pub fn disturbs(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
