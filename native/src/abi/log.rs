//! Envoy's log.

use super::{imports, lend};

/// The levels of Envoy's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Trace = 0,
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
    Critical = 5,
}

/// Whether Envoy writes lines of a level.
pub(crate) fn is_logged(level: Level) -> bool {
    // SAFETY: only a number; Envoy's loggers are for any thread.
    unsafe { imports::log_enabled(level as u32) }
}

/// Writes a line to Envoy's log.
pub(crate) fn write_log(level: Level, line: &str) {
    // SAFETY: the line is live, and Envoy copies it before it returns.
    unsafe { imports::log(level as u32, lend(line.as_bytes())) }
}
