//! Folders, and paths that all servers take for ones within them.
//!
//! A server resolves a path before it opens it, so the text that a path begins with
//! says little: `/srv/a/../b` begins with `/srv/a/`. A path is compared only if there
//! is nothing in it to resolve, trim or decode. Then the folder that it names is the
//! same to all, except for links and case, which no text shows.

use super::{Literal, TestError, Truth, Why, Work};
use crate::meter;

/// The folders of `within`: texts of absolute paths without a `/` at the end.
#[derive(Debug)]
pub struct Folders(pub(super) Vec<Literal>);

/// Faults of the policy's value.
const LIST: &str = "a list of at least one folder";
const EVERY: &str = "every path is within it; name a folder, as in `/srv/files`";

/// Faults of a path.
const RELATIVE: &str = "the path does not begin with `/`";
const CONTROL: &str = "the path has a control character in it";
const ESCAPED: &str = "the path has `\\` or `%` in it";
const TRIMMED: &str = "the path ends with white space or a quote";
const DOTS: &str = "a part of the path is empty, `.` or `..`";

impl Folders {
    pub(super) fn new(value: Literal) -> Result<Self, TestError> {
        let mut folders = texts(value, LIST)?;
        for folder in &mut folders {
            let Literal::String(text) = folder else { continue };
            let why = match plain(text) {
                Ok("") => EVERY,
                Ok(plain) => {
                    *text = plain.into();
                    continue;
                }
                Err(why) => why,
            };
            return Err(TestError::Element(core::mem::take(text), why));
        }
        Ok(Self(folders))
    }

    /// Whether a path is one of the folders or within one.
    pub(super) fn hold(&self, path: &str, work: &Work) -> Truth {
        if !work.decoding(path.len()) || !work.comparisons(self.0.len()) {
            return Truth::Undecidable(Why::Work);
        }
        meter::steps(path.len());
        match plain(path) {
            Ok(path) => Truth::decided(self.0.iter().any(|folder| match folder {
                Literal::String(folder) => is_within(path, folder),
                _ => false,
            })),
            Err(why) => Truth::Undecidable(Why::Form(why)),
        }
    }
}

fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The elements of a list that has at least one, each of them a text.
pub(super) fn texts(value: Literal, expected: &'static str) -> Result<Vec<Literal>, TestError> {
    match value {
        Literal::List(texts)
            if !texts.is_empty() && texts.iter().all(|one| matches!(one, Literal::String(_))) =>
        {
            Ok(texts)
        }
        _ => Err(TestError::Value(expected)),
    }
}

/// A path that no server resolves to another, without a `/` at its end.
fn plain(path: &str) -> Result<&str, &'static str> {
    let Some(parts) = path.strip_prefix('/') else { return Err(RELATIVE) };
    let (path, parts) = match parts.strip_suffix('/') {
        Some(parts) => (path.get(..parts.len().saturating_add(1)).unwrap_or(path), parts),
        None if parts.is_empty() => return Ok(parts),
        None => (path, parts),
    };
    if parts.chars().next_back().is_some_and(is_trimmed) {
        return Err(TRIMMED);
    }
    // Whether the part has nothing so far but what a reader resolves or trims: of `.. `
    // some trim the space, and Windows a third dot.
    let mut is_dots = true;
    for c in parts.chars() {
        match c {
            '/' if is_dots => return Err(DOTS),
            '/' => is_dots = true,
            '\\' | '%' => return Err(ESCAPED),
            '.' => {}
            c if c.is_control() => return Err(CONTROL),
            c => is_dots &= is_trimmed(c),
        }
    }
    if is_dots { Err(DOTS) } else { Ok(path) }
}

/// Whether some reader leaves a character out at either end of a path. Those that
/// take paths from people leave out quotes.
fn is_trimmed(c: char) -> bool {
    matches!(c, '"' | '\'' | '`' | '\u{feff}') || c.is_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn folders(of: &[&str]) -> Result<Folders, TestError> {
        Folders::new(Literal::List(of.iter().map(|one| Literal::String((*one).into())).collect()))
    }

    #[test]
    fn a_path_is_within_a_folder_by_its_parts() {
        let folders = folders(&["/srv/a", "/data/", "/with space/é"]).unwrap();
        for (path, expected) in [
            ("/srv/a", true),
            ("/srv/a/", true),
            ("/srv/a/b/c.txt", true),
            ("/srv/a/.hidden", true),
            ("/srv/a/..hidden", true),
            ("/srv/a/b..", true),
            ("/srv/a/b c", true),
            ("/srv/a/~b", true),
            ("/data", true),
            ("/data/x", true),
            ("/with space/é/x", true),
            ("/srv/ab", false),
            ("/srv/ab/c", false),
            ("/srv", false),
            ("/srv/A/b", false),
            ("/", false),
            ("/etc/passwd", false),
            ("/x/srv/a", false),
            ("/with space/e\u{301}", false),
        ] {
            let work = Work::default();
            assert_eq!(folders.hold(path, &work), Truth::decided(expected), "{path}");
        }
    }

    #[test]
    fn a_path_that_some_server_resolves_to_another_is_undecidable() {
        let folders = folders(&["/srv/a"]).unwrap();
        for (path, why) in [
            ("", RELATIVE),
            ("srv/a/b", RELATIVE),
            ("~/a", RELATIVE),
            (" /srv/a", RELATIVE),
            ("C:/srv/a", RELATIVE),
            ("\u{feff}/srv/a", RELATIVE),
            ("file:///srv/a", RELATIVE),
            ("/srv/a/\0", CONTROL),
            ("/srv/a/b\n", TRIMMED),
            ("/srv/a\nb", CONTROL),
            ("/srv/a/\u{85}b", CONTROL),
            ("/srv/a/\u{7f}b", CONTROL),
            ("/srv/a/..\\b", ESCAPED),
            ("/srv/a/%2e%2e/b", ESCAPED),
            ("/srv/a ", TRIMMED),
            ("/srv/a\u{a0}", TRIMMED),
            ("/srv/a\u{2028}", TRIMMED),
            ("/srv/a\u{feff}", TRIMMED),
            ("/srv/a/..'", TRIMMED),
            ("/srv/a\"", TRIMMED),
            ("/srv/a /", TRIMMED),
            ("/srv/a'/", TRIMMED),
            ("/srv/a/.", DOTS),
            ("/srv/a/..", DOTS),
            ("/srv/a/../", DOTS),
            ("/srv/a/../b", DOTS),
            ("/../srv/a", DOTS),
            ("/srv/a/./b", DOTS),
            ("/srv/a//b", DOTS),
            ("//srv/a", DOTS),
            ("/srv/a//", DOTS),
            ("//", DOTS),
            ("/srv/a/.../b", DOTS),
            ("/srv/a/.. /b", DOTS),
            ("/srv/a/. ./b", DOTS),
            ("/srv/a/ /b", DOTS),
            ("/srv/a/'..'/b", DOTS),
        ] {
            let work = Work::default();
            assert_eq!(folders.hold(path, &work), Truth::Undecidable(Why::Form(why)), "{path}");
        }
    }

    #[test]
    fn folders_obey_what_paths_do() {
        for (folder, part) in [
            ("srv", RELATIVE),
            ("/", EVERY),
            ("//", DOTS),
            ("/srv/..", DOTS),
            ("/srv/%41", ESCAPED),
            ("/srv ", TRIMMED),
            ("", RELATIVE),
        ] {
            let fault = folders(&["/srv/a", folder]).unwrap_err().to_string();
            assert!(fault.contains(part), "{folder}: {fault}");
        }
        let wrong = Err(TestError::Value(LIST));
        for value in [
            Literal::List(Vec::new()),
            Literal::String("/srv".into()),
            Literal::List(vec![Literal::String("/srv".into()), Literal::Null]),
        ] {
            assert_eq!(Folders::new(value).map(|_| ()), wrong);
        }
    }

    #[test]
    fn a_path_is_paid_for() {
        let folders = folders(&["/srv/a"]).unwrap();
        let work = Work::default();
        let long = format!("/srv/a/{}", "b".repeat(1_000));
        assert_eq!(folders.hold(&long, &work), Truth::True);
        let one = work.spent();
        assert!(one > 16 * 1_000);
        while work.searching(1 << 20) {}
        assert_eq!(folders.hold(&long, &work), Truth::Undecidable(Why::Work));
    }
}
