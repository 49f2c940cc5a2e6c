//! The pages of the command and of operating, and the README, executed: each example is what the command prints.
//!
//! | fence | what is done |
//! | --- | --- |
//! | `console` | each line `$ COMMAND` is run by `sh`, and prints exactly the lines below it, on both of its outputs |
//! | `KIND file:NAME` | the file NAME is written, for the commands below it |
//!
//! The commands of a page run in one scratch folder, one after the other, where `envoy`
//! is the repository's and `mcp-policy` the command. `$ echo $?` prints the status of
//! the command before it. In an expected line, `[..]` is any text.
//!
//! `PAGE=check` runs one page alone. `UPDATE_GOLDEN=1` writes what was printed into the
//! page, to be read in the diff.

use crate::outputs::scratch;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The folder in which a page's commands run.
struct Scratch {
    folder: PathBuf,
    status: i32,
}

impl Scratch {
    fn new(page: &str) -> Self {
        let folder = scratch(&format!("page-{}", page.replace('/', "-")));
        std::os::unix::fs::symlink(root().join("envoy"), folder.join("envoy")).unwrap();
        Self { folder, status: 0 }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        assert!(path.starts_with(&self.folder) && !name.contains(".."), "{name}");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The outputs of a command line, in the order in which they were written.
    fn run(&mut self, line: &str) -> String {
        let binary = Path::new(env!("CARGO_BIN_EXE_mcp-policy"));
        let path = format!("{}:{}", binary.parent().unwrap().display(), env!("PATH"));
        let output = Command::new("sh")
            .arg("-c")
            .arg(format!("exec 2>&1; (exit {}); {line}", self.status))
            .current_dir(&self.folder)
            .env("PATH", path)
            .env_remove("CLICOLOR_FORCE")
            .env("COLUMNS", "100")
            .env("TZ", "UTC")
            .output()
            .unwrap();
        self.status = output.status.code().unwrap_or(-1);
        let mut text = String::from_utf8(output.stdout).unwrap();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}

/// Whether a text matches an expected one, line by line.
fn matches(found: &str, expected: &str) -> bool {
    let (mut found, mut expected) = (found.lines(), expected.lines());
    loop {
        match (found.next(), expected.next()) {
            (None, None) => return true,
            (Some(found), Some(expected)) if line_matches(found, expected) => {}
            _ => return false,
        }
    }
}

fn line_matches(found: &str, expected: &str) -> bool {
    let mut parts = expected.split("[..]");
    let Some(mut rest) = found.strip_prefix(parts.next().unwrap()) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// The text of a `console` fence with the outputs that its commands have.
fn console(scratch: &mut Scratch, fence: &str) -> Result<String, String> {
    let mut printed = String::new();
    let (before, rest) = fence.split_once("$ ").ok_or("it has no line `$ COMMAND`")?;
    if !before.is_empty() {
        return Err("it does not begin with `$ COMMAND`".into());
    }
    for part in rest.split("\n$ ") {
        // The end of the part before it, unless it was the last.
        let (line, expected) = part.split_once('\n').unwrap_or((part, ""));
        let expected = expected.strip_suffix('\n').unwrap_or(expected);
        let found = scratch.run(line);
        let shown = if matches(&found, expected) { expected } else { found.trim_end_matches('\n') };
        printed += &format!("$ {line}\n");
        if !shown.is_empty() {
            printed += &format!("{shown}\n");
        }
    }
    Ok(printed)
}

/// Executes a page, and returns it with what its commands print.
fn execute(name: &str, text: &str) -> (String, Vec<String>, usize) {
    let mut scratch = Scratch::new(name);
    let (mut page, mut wrong, mut examples) = (String::new(), Vec::new(), 0);
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        page += &format!("{line}\n");
        let Some(info) = line.strip_prefix("```") else { continue };
        let mut fence = String::new();
        for (_, line) in lines.by_ref().take_while(|(_, line)| !line.starts_with("```")) {
            fence += &format!("{line}\n");
        }
        let at = format!("{name}.md:{}", index + 1);
        let shown = match info.split_once(" file:") {
            Some((_, file)) => {
                scratch.write(file, &fence);
                fence
            }
            None if info == "console" => {
                examples += 1;
                console(&mut scratch, &fence).unwrap_or_else(|why| {
                    wrong.push(format!("{at}: {why}"));
                    fence
                })
            }
            // The others are for the tests of all pages.
            None => fence,
        };
        page += &format!("{shown}```\n");
    }
    (page, wrong, examples)
}

#[test]
fn every_example_prints_what_its_page_shows() {
    let only = std::env::var("PAGE").ok();
    let (mut wrong, mut examples) = (Vec::new(), 0);
    let folders = ["docs/command", "docs/operate"].map(|folder| root().join(folder));
    let pages = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let others =
        ["README.md", "docs/policies.md", "docs/quickstart.md"].map(|page| root().join(page));
    let pages = pages.map(|entry| entry.unwrap().path()).chain(others);
    for path in pages.filter(|path| path.extension().is_some_and(|ending| ending == "md")) {
        let name = path.strip_prefix(root()).unwrap().with_extension("");
        let name = name.to_str().unwrap().to_owned();
        if only.as_ref().is_some_and(|only| !name.ends_with(&**only)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let (found, faults, count) = execute(&name, &text);
        examples += count;
        wrong.extend(faults);
        if found == text {
            continue;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &found).unwrap();
            continue;
        }
        let (file, diff) = (path.display(), difference(&text, &found));
        wrong.push(format!("{file} (UPDATE_GOLDEN=1 writes it anew):\n{diff}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(examples >= 1, "no example was executed");
}

/// The lines that differ, those of the page with `-`.
fn difference(page: &str, found: &str) -> String {
    let (page, found): (Vec<_>, Vec<_>) = (page.lines().collect(), found.lines().collect());
    let same = page.iter().zip(&found).take_while(|(a, b)| a == b).count();
    let (page, found) = (&page[same..], &found[same..]);
    let end = page.iter().rev().zip(found.iter().rev()).take_while(|(a, b)| a == b).count();
    let removed = page[..page.len() - end].iter().map(|line| format!("-{line}\n"));
    let added = found[..found.len() - end].iter().map(|line| format!("+{line}\n"));
    format!("line {}:\n{}", same + 1, removed.chain(added).collect::<String>())
}

#[test]
fn expected_lines_may_have_gaps() {
    for (found, expected) in [("a 12 b", "a [..] b"), ("a b\nc", "a[..]\nc"), ("x", "x"), ("", "")]
    {
        assert!(matches(found, expected), "{found} {expected}");
    }
    for (found, expected) in [("a", "b"), ("a\nb", "a"), ("a 12", "a [..] b"), ("", "a")] {
        assert!(!matches(found, expected), "{found} {expected}");
    }
}
