//! Texts from outside: those that may be names, and those that are safe in a line
//! of a log.

#[cfg(any(test, not(target_os = "wasi")))]
mod shown;

#[cfg(any(test, not(target_os = "wasi")))]
pub use shown::{position, positions, shown};

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

/// Whether a character is not seen where it is shown: those that Unicode has a program
/// ignore, and every space except for U+0020.
pub fn hides(c: char) -> bool {
    matches!(
        c,
        '\u{a0}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{1680}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2000}'..='\u{200f}'
            | '\u{202f}'
            | '\u{205f}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3000}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
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
