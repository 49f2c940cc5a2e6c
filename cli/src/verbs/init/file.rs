//! The file for a policy, which is there already or not.

use crate::failure::Failure;
use crate::output::{replace, shown};
use std::fs;
use std::io;
use std::path::PathBuf;

/// Whether a file that is there may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replace {
    /// It may.
    Yes,
    /// It may not.
    No,
}

/// The place of a file that is to be written.
#[derive(Debug)]
pub(super) struct Place(PathBuf);

impl Place {
    /// Looks whether a file can be written, before there is anything to write.
    ///
    /// # Errors
    /// There is one that may not be replaced, or no regular file.
    pub(super) fn new(name: &str, replace: Replace) -> Result<Self, Failure> {
        let told = |words: &str| Err(Failure::new(format!("{}: {words}", shown(name))));
        match fs::metadata(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(name.into())),
            Err(error) => told(&error.to_string()),
            Ok(kind) if kind.is_dir() => told("is a directory; name a file in it"),
            Ok(kind) if !kind.is_file() => {
                told("is not a regular file; without --output the policy comes on standard output")
            }
            Ok(_) if replace == Replace::No => {
                told("is there already; replace it with --force, or add what it lacks with --merge")
            }
            // Of a link, the file to which it leads is replaced.
            Ok(_) => fs::canonicalize(name).map(Self).or_else(|error| told(&error.to_string())),
        }
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        replace(&self.0, text.as_bytes())
    }
}
