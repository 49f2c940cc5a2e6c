//! Paths, known to be odd and made up.

use std::path::{Component, Path};

use serde_json::json;

use super::readers::read;
use super::{Judge, Read, Tally};
use crate::budget::Budget;
use crate::dice::Dice;

const FOLDERS: [&str; 2] = ["/mcp-srv/files", "/mcp-data"];

/// Of each kind, more of what is plain.
const STARTS: [&str; 24] = [
    "/mcp-srv/files/",
    "/mcp-srv/files/",
    "/mcp-srv/files/",
    "/mcp-srv/files/",
    "/mcp-srv/files",
    "/mcp-data/",
    "/mcp-data/",
    "/mcp-data",
    "/mcp-srv/",
    "/mcp-srv/filesystem/",
    "/",
    "",
    "//mcp-data/",
    "/./mcp-data/",
    "/../mcp-data/",
    "/mcp-srv//files/",
    "/mcp-srv/./files/",
    "/MCP-DATA/",
    "mcp-data/",
    "~/",
    "\\mcp-data\\",
    "C:\\mcp-data\\",
    "file:///mcp-data/",
    " /mcp-data/",
];
const PARTS: [&str; 36] = [
    "a",
    "b.txt",
    "c d",
    "é",
    "e\u{301}",
    "..a",
    "a..",
    ".hidden",
    "~",
    "$HOME",
    "a;b",
    "-",
    "..",
    "..",
    "..",
    "..",
    ".",
    "...",
    ".. ",
    " ..",
    "..'",
    "\"..\"",
    "..\u{a0}",
    "..\u{feff}",
    "%2e%2e",
    "%252e%252e",
    "..%2f..",
    "..\\..",
    "..;",
    "．．",
    "‥",
    ".\u{200b}.",
    "",
    " ",
    "..\0",
    "mcp-data",
];
const BETWEEN: [&str; 12] = ["/", "/", "/", "/", "/", "/", "/", "//", "\\", "/./", "%2f", "／"];
const ENDS: [&str; 20] = [
    "", "", "", "", "", "", "", "/", "/", "/.", "/..", "//", " ", "\n", "\0", "\0.txt", "'", "\"",
    "\u{a0}", "\u{feff}",
];
const ODD: [char; 14] = [
    '\0', '\t', '\n', ' ', '.', '/', '\\', '%', '"', '\'', '\u{a0}', '\u{200b}', '\u{feff}',
    '\u{85}',
];

/// Texts that have let someone out of a folder somewhere.
const KNOWN: [&str; 16] = [
    "/mcp-data/../etc/passwd",
    "/mcp-data/..",
    "/mcp-data/a/../../mcp-srv/secret",
    "/mcp-data/....//....//etc/passwd",
    "/mcp-data/..%2f..%2fetc/passwd",
    "/mcp-data/%2e%2e/etc/passwd",
    "/mcp-data/..%c0%af../etc/passwd",
    "/mcp-data/..\\..\\etc\\passwd",
    "/mcp-data/..\0/etc/passwd",
    "/mcp-data/a.txt\0.png",
    "/mcp-data-backup/key",
    "/mcp-data/../mcp-data-backup/key",
    "/mcp-data/..'",
    "\"/mcp-data/../etc/passwd\"",
    "file:///mcp-data/../etc/passwd",
    "/mcp-data\n/../etc/passwd",
];

fn text(seed: u64, index: usize) -> String {
    let mut dice = Dice::of(seed, index);
    // Half of them with nothing odd but perhaps one character.
    let [starts, parts, between, ends] = match dice.one_in(2) {
        true => [&STARTS[..], &PARTS, &BETWEEN, &ENDS],
        false => [&STARTS[..11], &PARTS[..12], &BETWEEN[..7], &ENDS[..9]],
    };
    let mut text = dice.pick(starts).to_owned();
    for count in 0..dice.below(5) {
        if count > 0 {
            text += dice.pick(between);
        }
        text += dice.pick(parts);
    }
    text += dice.pick(ends);
    odd(&mut text, &ODD, &mut dice)
}

/// One text in eight with a character that does not belong there.
pub fn odd(text: &mut String, from: &[char], dice: &mut Dice) -> String {
    if dice.one_in(8) {
        let places: Vec<usize> =
            text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        text.insert(places[dice.below(places.len())], from[dice.below(from.len())]);
    }
    std::mem::take(text)
}

/// The path without its `.` and `..`, by Rust's reading of its parts.
fn by_rust(text: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in Path::new("/").join(text).components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?.to_owned()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    Some(format!("/{}", parts.join("/")))
}

fn is_inside(path: &str) -> bool {
    // POSIX leaves open what two slashes begin.
    let path = format!("/{}", path.trim_start_matches('/'));
    let mut folders = FOLDERS.iter();
    folders.any(|folder| path == *folder || path.starts_with(&format!("{folder}/")))
}

#[test]
fn no_reader_of_paths_resolves_one_to_the_other_side() {
    if !crate::is_wanted("filesystem") || !crate::is_wanted("fetch") {
        return;
    }
    let Budget { seed, hostile, .. } = Budget::from_env();
    let mut texts: Vec<String> = KNOWN.map(str::to_owned).into();
    texts.extend((0..hostile * 8).map(|index| text(seed, index)));
    let judge = Judge::new("within", &json!(FOLDERS));
    let mut tally = Tally::default();
    let mut readers = 0;
    let read: Vec<Read<String>> = read("path", &texts);
    for (text, mut read) in texts.iter().zip(read) {
        read.insert("rust".into(), by_rust(text));
        readers = read.len();
        tally.count(text, judge.place(text), &read, |path| is_inside(path));
    }
    tally.end("paths", readers);
}
