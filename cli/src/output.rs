//! Standard output, and texts from outside that are safe to show on a terminal.

use mcp_policy_filter::text::disturbs;
use std::borrow::Cow;
use std::io::{BufWriter, StdoutLock};

/// Colour on standard output and standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Applies it to everything that is printed from now on.
    pub(crate) fn write_global(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Standard output, buffered. Its errors become [`crate::failure::Failure`]s by `?`;
/// flush it at the end, so that none is lost.
pub(crate) fn output() -> BufWriter<anstream::AutoStream<StdoutLock<'static>>> {
    BufWriter::new(anstream::stdout().lock())
}

/// A text from outside, on one line, with every character made visible that would
/// break the line, move the cursor or change the direction of text.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    if !text.chars().any(disturbs) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if disturbs(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// A value as JSON of several lines, whose texts can be shown as [`shown`]'s can.
pub(crate) fn json(value: &serde_json::Value) -> String {
    let json = serde_json::to_string_pretty(value).unwrap_or_default();
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // The serializer escapes those below U+0020, so line ends are its own.
        if c != '\n' && disturbs(c) {
            safe.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn escapes_of_terminals_are_shown_and_not_sent() {
        assert_eq!(shown("a\u{1b}[31mb\u{202e}\n"), "a\\u{1b}[31mb\\u{202e}\\n");
        assert_eq!(shown("é 漢"), "é 漢");
    }
}
