//! Files and standard input. Each is read whole and bounded: a directory, a pipe that
//! nobody writes to and a file of two gigabytes are refused before they are read.

use crate::failure::Failure;
use crate::output::shown;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The name by which standard input is given and shown.
pub(crate) const STDIN: &str = "-";

/// The most bytes of a configuration: two policies of the largest size, and what is
/// around them.
pub(crate) const MAX_BYTES: u64 = 32 << 20;

/// The text of a file, or of standard input where the name is `-`.
///
/// # Errors
/// The file is missing, is not a regular one, is too large, or is not UTF-8.
pub(crate) fn text(name: &str) -> Result<String, Failure> {
    let bytes = bytes(name)?;
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::new(format!("{}: byte {at} is not UTF-8; save the file as UTF-8", shown(name)))
    })
}

/// The bytes of a file, or of standard input where the name is `-`.
///
/// # Errors
/// As of [`text`], except for UTF-8.
pub(crate) fn bytes(name: &str) -> Result<Vec<u8>, Failure> {
    if name == STDIN {
        return bounded(name, io::stdin().lock());
    }
    bounded(name, open(name)?)
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
