//! Files with tests: those that are named, and those in folders.

use crate::failure::Failure;
use crate::output::shown;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The endings that are looked for, for messages.
pub(super) const ENDINGS: &str =
    "*.calls, *.test.yaml, *.test.yml, *.test.json, and *.md with fences ```text calls";

/// The most folders and files of a search. A search from the root of a disk should end.
const MOST: usize = 100_000;

/// Folders that hold other people's files.
const SKIPPED: [&str; 2] = ["node_modules", "target"];

/// The places that were looked into, and the files with tests.
///
/// # Errors
/// A place is not there or cannot be read, or there is too much in it.
pub(super) fn files(paths: &[String]) -> Result<(Vec<String>, Vec<String>), Failure> {
    let paths = match paths {
        [] if Path::new("tests").is_dir() => vec!["tests".to_owned()],
        [] => vec![".".to_owned()],
        paths => paths.to_vec(),
    };
    let mut search = Search::default();
    for path in &paths {
        match fs::metadata(path) {
            Ok(kind) if kind.is_dir() => search.folder(Path::new(path))?,
            // A file that is named is read whatever its name is, and a bad one says so.
            Ok(_) => search.files.push(path.clone()),
            Err(error) => return Err(Failure::new(format!("{}: {error}", shown(path)))),
        }
    }
    let mut known = BTreeSet::new();
    search.files.retain(|file| known.insert(file.clone()));
    Ok((paths, search.files))
}

#[derive(Default)]
struct Search {
    files: Vec<String>,
    /// The folders that were searched, by their real paths: a link may lead back.
    folders: BTreeSet<PathBuf>,
    seen: usize,
}

impl Search {
    fn folder(&mut self, folder: &Path) -> Result<(), Failure> {
        let told =
            |error| Failure::new(format!("{}: {error}", shown(&folder.display().to_string())));
        if !self.folders.insert(folder.canonicalize().map_err(told)?) {
            return Ok(());
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(told)? {
            self.seen = self.seen.saturating_add(1);
            if self.seen > MOST {
                let place = folder.display().to_string();
                let told = format!("{}: more than {MOST} files; name a folder", shown(&place));
                return Err(Failure::new(told));
            }
            entries.push(entry.map_err(told)?.path());
        }
        entries.sort();
        for path in entries {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with('.') || SKIPPED.contains(&&*name) {
                continue;
            }
            // A link that leads nowhere is nothing; a pipe or a device is not read.
            match fs::metadata(&path) {
                Ok(kind) if kind.is_dir() => self.folder(&path)?,
                Ok(kind) if kind.is_file() && is_test(&name) => self.add(&path)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds a file, if it has tests. One whose name cannot be told is not passed over: its
    /// tests would be missing, and all others pass.
    fn add(&mut self, path: &Path) -> Result<(), Failure> {
        let path = path.strip_prefix("./").unwrap_or(path);
        let name = path.to_string_lossy();
        let has_tests = !name.ends_with(".md")
            || fs::read_to_string(path).is_ok_and(|text| super::tables::has_fences(&text));
        if !has_tests {
            return Ok(());
        }
        let Some(name) = path.to_str() else {
            return Err(Failure::new(format!("{}: its name is not UTF-8", shown(&name))));
        };
        self.files.push(name.to_owned());
        Ok(())
    }
}

fn is_test(name: &str) -> bool {
    [".calls", ".test.yaml", ".test.yml", ".test.json", ".md"]
        .iter()
        .any(|ending| name.ends_with(ending))
}
