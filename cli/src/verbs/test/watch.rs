//! The tests again at each change.
//!
//! The files are asked for their times of change, a few times a second. A watcher of the
//! operating system would be told sooner, and not at all about files on a network or
//! under a container's mount, where editors of policies often are.

use super::policies::Policies;
use super::{Arguments, find, once, report};
use crate::Outcome;
use crate::failure::Failure;
use crate::output::say;
use core::time::Duration;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::SystemTime;

/// The time between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// A file, and the time and the size of its last change; none where it is not there.
pub(super) type Seen = (PathBuf, Option<(SystemTime, u64)>);

/// Runs the tests, and again at each change, until the process is ended.
///
/// # Errors
/// Standard output was closed.
pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    loop {
        // A change while the tests run is seen too: each file is looked at before it is
        // read.
        let tests = suites(arguments);
        let mut policies = Policies::default();
        match once(arguments, &mut policies) {
            Ok(results) => report::write(arguments.format, &results)?,
            Err(Failure::ClosedPipe) => return Err(Failure::ClosedPipe),
            Err(failure) => say(format_args!("mcp-policy: {failure}")),
        }
        let is_same = |known: &Seen| seen(known.0.clone()) == *known;
        while tests == suites(arguments) && policies.seen().iter().all(is_same) {
            thread::sleep(PAUSE);
        }
    }
}

/// The files with tests, as they are now.
fn suites(arguments: &Arguments) -> Vec<Seen> {
    let files = find::files(&arguments.paths).map(|(_, files)| files).unwrap_or_default();
    files.into_iter().map(|file| seen(file.into())).collect()
}

/// A file as it is now.
pub(super) fn seen(file: PathBuf) -> Seen {
    let about = fs::metadata(&file).ok();
    let stamp = about.and_then(|about| Some((about.modified().ok()?, about.len())));
    (file, stamp)
}
