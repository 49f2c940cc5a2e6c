//! Standard output, and texts from outside that are safe to show on a terminal.

use crate::failure::Failure;
use crate::interrupt;
use core::fmt::Display;
use mcp_policy_filter::text::disturbs;
use serde::Serialize;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::Path;

pub(crate) use mcp_policy_filter::text::shown;

/// The forms in which most verbs print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

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

/// Writes a line to standard error. Where that cannot be written to, the exit status
/// tells what it can.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// The end of printing what the exit status tells too: a reader that closes standard
/// output has read enough, and the status is that of all findings.
///
/// # Errors
/// Standard output cannot be written to for another reason.
pub(crate) fn heard(printed: Result<(), Failure>) -> Result<(), Failure> {
    match printed {
        Err(Failure::ClosedPipe) => Ok(()),
        other => other,
    }
}

/// Replaces a file, or makes it: it is written beside and moved into its place, so that
/// nobody finds a half of it, also after Ctrl-C. Whoever could read the old one can read
/// the new one.
///
/// # Errors
/// The file cannot be written, or Ctrl-C was pressed before it was in its place.
pub(crate) fn replace(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), Failure> {
    let path = path.as_ref();
    let told =
        |words: &dyn Display| Failure::new(format!("{}: {words}", shown(&path.to_string_lossy())));
    let before = path.metadata().ok();
    // A folder, a pipe or a device stays what it is.
    let other = before.as_ref().is_some_and(|kind| !kind.is_file());
    let Some(name) = path.file_name().filter(|_| !other) else {
        return Err(told(&"is not a regular file; name one to write to"));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(hidden);
    interrupt::check()?;
    // In a folder that others can write to, a link of this name may be there.
    let file = OpenOptions::new().write(true).create_new(true).open(&beside);
    let mut file = file.map_err(|error| told(&error))?;
    let written = || -> io::Result<()> {
        if let Some(before) = before {
            file.set_permissions(before.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()
    };
    let written = written().map_err(|error| told(&error)).and_then(|()| interrupt::check());
    let moved = written.and_then(|()| std::fs::rename(&beside, path).map_err(|error| told(&error)));
    // A file that was not moved into its place is removed.
    moved.inspect_err(|_| drop(std::fs::remove_file(&beside)))
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
    use super::{replace, write_json};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn a_file_is_replaced_with_its_permissions_and_through_no_link() {
        let folder = std::env::temp_dir().join(format!("mcp-policy-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.json");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        replace(&file, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let beside = folder.join(format!(".a.json.{}", std::process::id()));
        symlink(folder.join("other"), &beside).unwrap();
        replace(&file, b"newer").unwrap_err();
        assert!(beside.is_symlink() && !folder.join("other").exists());
        assert_eq!(fs::read(&file).unwrap(), b"new");
        replace(&folder, b"").unwrap_err();
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn json_has_no_character_that_disturbs_a_terminal() {
        let mut json = Vec::new();
        write_json(&mut json, &["a\u{7f}\u{202e}\u{1b}é"]).unwrap();
        assert_eq!(String::from_utf8(json).unwrap(), "[\n  \"a\\u007f\\u202e\\u001bé\"\n]\n");
    }
}
