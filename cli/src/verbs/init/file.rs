//! A file that is there whole or not at all: it is written beside its place and renamed.

use crate::failure::Failure;
use crate::output::shown;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

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

    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&self, text: &str) -> Result<(), Failure> {
        let told = |error: io::Error| {
            Failure::new(format!("{}: {error}", shown(&self.0.to_string_lossy())))
        };
        let name = self.0.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let beside = self.0.with_file_name(format!(".{name}.{}", std::process::id()));
        let written = || -> io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
            self.keep_permissions(&file)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &self.0)
        };
        written().map_err(|error| {
            let _ = fs::remove_file(&beside);
            told(error)
        })
    }

    /// The same people can read it as before.
    fn keep_permissions(&self, file: &File) -> io::Result<()> {
        match fs::metadata(Path::new(&self.0)) {
            Ok(before) => file.set_permissions(before.permissions()),
            Err(_) => Ok(()),
        }
    }
}
