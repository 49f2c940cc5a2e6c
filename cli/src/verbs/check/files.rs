//! The files to check: those that were named, and those of folders that may hold
//! policies.

use crate::document::Node;
use crate::failure::Failure;
use crate::input;
use crate::output::shown;
use std::fs;
use std::path::Path;

/// The most files of all folders.
const MAX_FILES: usize = 100_000;
/// The deepest folder.
const MAX_DEPTH: usize = 64;

/// A file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum File {
    /// It was named.
    Named(String),
    /// It is in a folder that was named.
    Found(String),
}

/// The files, in the order of the arguments, and of their names within a folder.
///
/// # Errors
/// A folder cannot be read, or has too many files.
pub(super) fn named(arguments: &[String]) -> Result<Vec<File>, Failure> {
    let mut files = Vec::new();
    for name in arguments {
        if name != input::STDIN && Path::new(name).is_dir() {
            folder(Path::new(name), 0, &mut files)?;
        } else {
            files.push(File::Named(name.clone()));
        }
    }
    Ok(files)
}

fn folder(path: &Path, depth: usize, files: &mut Vec<File>) -> Result<(), Failure> {
    let shown_path = || shown(&path.to_string_lossy()).into_owned();
    let told = |error| Failure::new(format!("{}: {error}", shown_path()));
    if depth > MAX_DEPTH {
        return Err(Failure::new(format!("{}: folders nest too deeply", shown_path())));
    }
    let mut entries =
        fs::read_dir(path).map_err(told)?.collect::<Result<Vec<_>, _>>().map_err(told)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (kind, name) = (entry.file_type().map_err(told)?, entry.file_name());
        // Hidden files are those of other tools; a link to a folder may be a circle.
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if kind.is_dir() && !hidden && name != "node_modules" {
            folder(&entry.path(), depth.saturating_add(1), files)?;
        }
        let path = entry.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_known = ["json", "yaml", "yml"].iter().any(|one| ending.eq_ignore_ascii_case(one));
        if hidden || !is_known || !path.is_file() {
            continue;
        }
        if files.len() >= MAX_FILES {
            let most = format!("more than {MAX_FILES} files; name folders with fewer");
            return Err(Failure::new(format!("{}: {most}", shown_path())));
        }
        let Some(name) = path.to_str() else {
            let name = path.to_string_lossy();
            return Err(Failure::new(format!("{}: its name is not UTF-8", shown(&name))));
        };
        files.push(File::Found(name.to_owned()));
    }
    Ok(())
}

/// The text of a file of a folder, if it is one.
///
/// # Errors
/// The file cannot be read, or may be meant as a policy and is not UTF-8.
pub(super) fn text(name: &str) -> Result<Option<String>, Failure> {
    if fs::metadata(name).is_ok_and(|data| data.len() > input::MAX_BYTES) {
        return Ok(None);
    }
    match input::utf8(name, input::bytes(name)?) {
        Ok(text) => Ok(Some(text)),
        Err((bytes, told)) => {
            // UTF-16 has a NUL beside each letter.
            let words = String::from_utf8_lossy(&bytes).replace('\0', "");
            if may_be_ours(&words) { Err(told) } else { Ok(None) }
        }
    }
}

/// Whether a document is a file of tests, as `mcp-policy test` reads them.
pub(super) fn has_tests(documents: &[Node]) -> bool {
    let [document] = documents else { return false };
    let own = ["policy", "cases"];
    let keys = || document.members().iter().map(|member| &*member.key);
    keys().any(|key| key == "cases") && keys().all(|key| own.contains(&key))
}

/// Whether a text that is neither JSON nor YAML may be meant as a policy, or as a
/// configuration with one.
pub(super) fn may_be_ours(text: &str) -> bool {
    let has = |word| text.contains(word);
    has("mcp_policy") || has("mcp-policy") || (has("version") && has("default") && has("tools"))
}
