//! Cases kept as files: hand-written ones, and every one that ever failed.
//!
//! A file holds the bytes of a request, so it can also be sent with netcat. A
//! run begins with them, and writes there what fails.

use std::fs;
use std::path::{Path, PathBuf};

use crate::case::{Case, Kind};

/// All kept cases of a kind.
pub fn cases(kind: Kind) -> Vec<Case> {
    let folder = folder(kind);
    let entries = fs::read_dir(&folder).expect("the folder of kept cases");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let case = |path: &PathBuf| Case {
        kind,
        about: vec![],
        bytes: fs::read(path).expect("a kept case"),
        name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
    };
    paths.iter().map(case).collect()
}

/// Writes a case that failed, and returns where it is.
pub fn keep(case: &Case) -> PathBuf {
    let path = folder(case.kind).join(format!("{}.http", case.name));
    fs::write(&path, &case.bytes).expect("writing a failure down");
    path
}

fn folder(kind: Kind) -> PathBuf {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/kept");
    kept.join(match kind {
        Kind::Hostile => "hostile",
        Kind::Honest => "honest",
        Kind::Batch => "batches",
    })
}
