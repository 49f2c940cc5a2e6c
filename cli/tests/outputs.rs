//! Outputs compared with golden files. `SNAPSHOTS=overwrite` writes these anew, to be
//! read in the diff.

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use snapbox::cmd::{Command, cargo_bin};
use snapbox::{Assert, Data};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The start of the name of the folder of one run, before the number of its process.
const RUN_OF: &str = "run-";

/// An empty folder that no other test has, whatever names they give: tests run beside
/// each other, and so do runs of all.
pub(crate) fn scratch(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    let run = RUN.get_or_init(|| {
        let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
        sweep(all);
        let run = all.join(format!("{RUN_OF}{}", std::process::id()));
        // That of a process of the same number, which is over.
        let _ = fs::remove_dir_all(&run);
        run
    });
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = run.join(format!("{name}-{number}"));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// Deletes what runs have left whose process is over.
fn sweep(all: &Path) {
    for left in fs::read_dir(all).into_iter().flatten().flatten() {
        let name = left.file_name();
        let run = name.to_str().and_then(|name| name.strip_prefix(RUN_OF));
        let run = run.and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
        if run.is_some_and(|run| test_kill_process(run) == Err(Errno::SRCH)) {
            let _ = fs::remove_dir_all(left.path());
        }
    }
}

/// The folder of a verb's files beside its tests.
pub(crate) fn folder(verb: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(verb)
}

/// A golden file of a verb.
pub(crate) fn golden(verb: &str, name: &str) -> Data {
    Data::read_from(&folder(verb).join(name), None)
}

/// A verb, whose outputs are compared as they are, without a word about separators of
/// paths.
pub(crate) fn verb(verb: &str, arguments: &[&str]) -> Command {
    let exact = Assert::new().normalize_paths(false).action_env("SNAPSHOTS");
    Command::new(cargo_bin!("mcp-policy")).with_assert(exact).arg(verb).args(arguments)
}
