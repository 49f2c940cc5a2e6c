//! Files and standard input. Each is read whole and bounded: a directory, a pipe that
//! nobody writes to and a file of two gigabytes are refused before they are read.

use crate::failure::Failure;
use crate::output::shown;
use std::fs::File;
use std::io::{self, Read, StdinLock};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The name by which standard input is given and shown.
pub(crate) const STDIN: &str = "-";

/// The byte order mark.
const MARK: char = '\u{feff}';

/// The most bytes of a configuration: two policies of the largest size, and what is
/// around them.
pub(crate) const MAX_BYTES: u64 = 32 << 20;

/// The text of a file, or of standard input where the name is `-`.
///
/// # Errors
/// The file is missing, is not a regular one, is too large, or is not UTF-8.
pub(crate) fn text(name: &str) -> Result<String, Failure> {
    utf8(name, bytes(name)?).map_err(|(_, failure)| failure)
}

/// The text of the bytes of a file.
///
/// # Errors
/// It is not UTF-8; the bytes come back.
pub(crate) fn utf8(name: &str, bytes: Vec<u8>) -> Result<String, (Vec<u8>, Failure)> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let told = format!("{}: byte {at} is not UTF-8; save the file as UTF-8", shown(name));
        (error.into_bytes(), Failure::new(told))
    })
}

/// A text without the byte order mark that editors on Windows begin a file with.
pub(crate) fn without_mark(mut text: String) -> String {
    if text.starts_with(MARK) {
        text.drain(..MARK.len_utf8());
    }
    text
}

/// The bytes of a file, or of standard input where the name is `-`.
///
/// # Errors
/// As of [`text`], except for UTF-8.
pub(crate) fn bytes(name: &str) -> Result<Vec<u8>, Failure> {
    if name == STDIN {
        return bounded(name, stdin()?);
    }
    bounded(name, open(name)?)
}

/// Standard input. Whoever read it a second time would take it for empty.
///
/// # Errors
/// It was read before.
pub(crate) fn stdin() -> Result<StdinLock<'static>, Failure> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    match TAKEN.swap(true, Ordering::Relaxed) {
        true => Err(Failure::new("`-` is given twice, and standard input is one file")),
        false => Ok(io::stdin().lock()),
    }
}

/// A regular file, opened for reading.
///
/// # Errors
/// The file is missing, or is not a regular one.
pub(crate) fn open(name: &str) -> Result<File, Failure> {
    let told = |error: io::Error| Failure::new(format!("{}: {error}", shown(name)));
    // Opening a pipe would wait for its writer.
    let kind = std::fs::metadata(Path::new(name)).map_err(told)?;
    if kind.is_dir() {
        return Err(Failure::new(format!("{}: is a directory; name a file in it", shown(name))));
    }
    if !kind.is_file() {
        let remedy = "is not a regular file; read it through standard input, with `-`";
        return Err(Failure::new(format!("{}: {remedy}", shown(name))));
    }
    File::open(name).map_err(told)
}

fn bounded(name: &str, from: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(format!("{}: {error}", shown(name))))?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= MAX_BYTES) {
        return Ok(bytes);
    }
    let most = MAX_BYTES >> 20;
    Err(Failure::new(format!("{}: has more than {most} MiB; no policy is as large", shown(name))))
}
