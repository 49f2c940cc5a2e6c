//! Outputs compared with golden files. `SNAPSHOTS=overwrite` writes these anew, to be
//! read in the diff.

use snapbox::cmd::{Command, cargo_bin};
use snapbox::{Assert, Data};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// An empty folder that no other test has, whatever names they give: tests run beside
/// each other.
pub(crate) fn scratch(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{number}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
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
