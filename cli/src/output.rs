//! Standard output, and texts from outside that are safe to show on a terminal.

use crate::failure::Failure;
use mcp_policy_filter::text::disturbs;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;

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

/// Replaces a file, or makes it: it is written beside and moved into its place, so that
/// nobody finds a half of it.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn replace(name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let told = |error: io::Error| Failure::new(format!("{}: {error}", shown(name)));
    let path = Path::new(name);
    // A folder, a pipe or a device stays what it is.
    if path.metadata().is_ok_and(|kind| !kind.is_file()) {
        let remedy = "is not a regular file; name one to write to";
        return Err(Failure::new(format!("{}: {remedy}", shown(name))));
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.new", std::process::id()));
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| {
        // What could not be moved is of no use to anybody.
        _ = std::fs::remove_file(&beside);
        told(error)
    })
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

/// Writes a value as JSON over several lines, in which every character is an escape that
/// would disturb a terminal.
pub(crate) fn write_json(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let json = serde_json::to_string_pretty(value)?;
    let mut rest = &*json;
    // Outside of texts, JSON has none of them except for the ends of lines.
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| *c != '\n' && disturbs(*c)) {
        let (before, after) = rest.split_at_checked(at).unwrap_or_default();
        out.write_all(before.as_bytes())?;
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}")?;
        }
        rest = after.get(c.len_utf8()..).unwrap_or_default();
    }
    writeln!(out, "{rest}")
}

#[cfg(test)]
mod tests {
    use super::{shown, write_json};

    #[test]
    fn escapes_of_terminals_are_shown_and_not_sent() {
        assert_eq!(shown("a\u{1b}[31mb\u{202e}\n"), "a\\u{1b}[31mb\\u{202e}\\n");
        assert_eq!(shown("é 漢"), "é 漢");
    }
    #[test]
    fn json_has_no_character_that_disturbs_a_terminal() {
        let mut json = Vec::new();
        write_json(&mut json, &["a\u{7f}\u{202e}\u{1b}é"]).unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), "[\n  \"a\\u007f\\u202e\\u001bé\"\n]\n");
    }
}
