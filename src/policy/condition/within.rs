//! Folders, and paths that all servers take for ones within them.
//!
//! A server resolves a path before it opens it, so the text that a path begins with
//! says little: `/srv/a/../b` begins with `/srv/a/`. A path is compared only if there
//! is nothing in it to resolve, trim or decode. Then the folder that it names is the
//! same to all, except for links and case, which no text shows.

use super::{Literal, TestError, Truth, Unusable, Why, Work};
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
const ENDED: &str = "some servers end the path, or a part of it, at its `?`, `#` or `;`";

impl Folders {
    pub(super) fn new(value: Literal) -> Result<Self, TestError> {
        let (mut folders, mut bad) = (texts(value, LIST)?, Vec::new());
        reshape(&mut folders, "", &folder, &mut bad);
        if bad.is_empty() { Ok(Self(folders)) } else { Err(TestError::Parts(bad)) }
    }

    /// Whether a path is one of the folders or within one.
    pub(super) fn hold(&self, path: &str, work: &Work) -> Truth {
        if !work.decoding(path.len()) || !work.comparisons(self.0.len()) {
            return Truth::Undecidable(Why::Work);
        }
        meter::steps(path.len());
        match plain(path) {
            Ok(path) => {
                let any = |is: fn(&str, &str) -> bool| {
                    let mut folders = self.0.iter();
                    folders.any(|one| matches!(one, Literal::String(folder) if is(path, folder)))
                };
                match any(is_within) {
                    false if path.contains(is_end) && any(may_be_within) => {
                        Truth::Undecidable(Why::Form(ENDED))
                    }
                    answer => Truth::decided(answer),
                }
            }
            Err(why) => Truth::Undecidable(Why::Form(why)),
        }
    }
}

fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path is within a folder to one who ends its parts at a `?`, `#` or `;`:
/// `/srv/a#b` is `/srv/a` to a reader of URLs.
fn may_be_within(path: &str, folder: &str) -> bool {
    let mut parts = path.split('/');
    folder.split('/').all(|one| {
        let rest = parts.next().and_then(|part| part.strip_prefix(one));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(is_end))
    })
}

/// Whether a path, or a part of one, ends here to those who make a URL of it.
const fn is_end(c: char) -> bool {
    matches!(c, '?' | '#' | ';')
}

/// A folder in the form that is compared.
fn folder(text: &str) -> Result<Box<str>, &'static str> {
    match plain(text)? {
        "" => Err(EVERY),
        plain if plain.contains(is_end) => Err(ENDED),
        plain => Ok(plain.into()),
    }
}

/// Gives each text of a list another form, and notes those that have none. The list is at
/// this JSON pointer from the operator's value.
pub(super) fn reshape(
    list: &mut [Literal],
    at: &str,
    form: &dyn Fn(&str) -> Result<Box<str>, &'static str>,
    bad: &mut Vec<Unusable>,
) {
    for (index, one) in list.iter_mut().enumerate() {
        let Literal::String(text) = one else { continue };
        match form(text) {
            Ok(formed) => *text = formed,
            Err(why) => bad.push(Unusable { at: format!("{at}/{index}"), text: text.clone(), why }),
        }
    }
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
            c if is_dots && is_end(c) => return Err(ENDED),
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
            ("/srv/a/b#1.txt", true),
            ("/srv/a/b?#;/c", true),
            ("/srv/a/..b;c", true),
            ("/srv/b#/a", false),
            ("/srv/ab#", false),
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
            ("/srv/a/..#", ENDED),
            ("/srv/a/..?b", ENDED),
            ("/srv/a/..;b", ENDED),
            ("/srv/a/..;b/c", ENDED),
            ("/srv/a/.. #", ENDED),
            ("/srv/a/.#b", ENDED),
            ("/srv/a/#b", ENDED),
            ("/..;/srv/a", ENDED),
            ("/srv/a#", ENDED),
            ("/srv/a#b/c", ENDED),
            ("/srv/a?b", ENDED),
            ("/srv/a;b", ENDED),
            ("/srv;b/a/c", ENDED),
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
            ("/srv#", ENDED),
            ("/srv/a?b/c", ENDED),
            ("/srv/a;b", ENDED),
            ("", RELATIVE),
        ] {
            let bad = |at: &str| Unusable { at: at.into(), text: folder.into(), why: part };
            let fault = folders(&["/srv/a", folder, folder]).unwrap_err();
            assert_eq!(fault, TestError::Parts(vec![bad("/1"), bad("/2")]), "{folder}");
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
