//! The reasons why a verb could not run, each with the place and the remedy.

use core::fmt;
use std::io;

/// The reason why a verb could not run.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The program that reads standard output has closed it.
    ClosedPipe,
    /// The user pressed Ctrl-C.
    Interrupted,
    /// Anything else, in the words for the user, on one line.
    Told(String),
}

impl Failure {
    /// A failure in these words.
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self::Told(words.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedPipe => f.write_str("standard output was closed"),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Told(words) => f.write_str(words),
        }
    }
}

/// Errors of writing to standard output; those of reading name their file.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Told(format!("cannot write to standard output: {error}")),
        }
    }
}
