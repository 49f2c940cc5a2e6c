//! Golden files of the configuration: every policy under `tests/policies/valid`
//! compiles, and every one under `broken` is refused with exactly the lines of
//! the `.txt` beside it. `UPDATE_GOLDEN=1` writes them anew, to be read in the
//! diff.

use mcp_policy_filter::policy::Policy;
use std::fs;
use std::path::{Path, PathBuf};

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|e| panic!("{folder}: {e}"));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no .{ending} file in {folder}");
    files
}

fn lines(text: &[u8]) -> Result<Vec<String>, Vec<String>> {
    match Policy::parse(text, "golden") {
        Ok(policy) => Ok(policy.warnings),
        Err(errors) => Err(errors.lines().map(Into::into).collect()),
    }
}

#[test]
fn valid_policies_compile() {
    for file in
        files("tests/policies/valid", "json").into_iter().chain(files("envoy/policies", "json"))
    {
        if let Err(errors) = lines(&fs::read(&file).unwrap()) {
            panic!("{}:\n{}", file.display(), errors.join("\n"));
        }
    }
}

#[test]
fn broken_policies_are_refused_in_these_words() {
    let mut wrong = Vec::new();
    for file in files("tests/policies/broken", "json") {
        let Err(errors) = lines(&fs::read(&file).unwrap()) else {
            wrong.push(format!("{} was accepted", file.display()));
            continue;
        };
        let found = errors.join("\n") + "\n";
        let golden = file.with_extension("txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &found).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\nexpected:\n{expected}found:\n{found}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn messages_follow_their_law() {
    for file in files("tests/policies/broken", "txt") {
        for line in fs::read_to_string(&file).unwrap().lines() {
            if line.starts_with("and ") {
                continue;
            }
            let (_, message) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
            let law = !message.ends_with('.')
                && !message.starts_with(char::is_uppercase)
                && !["Some(", "None", "::", "Err(", "unwrap"]
                    .iter()
                    .any(|rust| line.contains(rust));
            assert!(law, "{}: {line}", file.display());
        }
    }
}

#[test]
fn warnings_are_given_for_what_surprises() {
    let warned = lines(
        br#"{"version": "1", "default": "deny", "tools": {
            "github_*": {}, "*delete*": {"action": "deny"}, "github_list_*": {"action": "deny"},
            "x": {"rate_limit": "5/day", "reason": "x"}}}"#,
    );
    assert_eq!(
        warned.unwrap(),
        [
            "/tools/x/rate_limit: a window of one day is counted by each Envoy process alone and \
             starts afresh with it",
            "/tools/x/reason: is shown only with `\"action\": \"deny\"`",
            "/tools/github_*: overlaps with `*delete*`, which has another action; a denial decides",
        ]
    );
}

#[test]
fn key_order_does_not_matter() {
    let read = |text: &str| Policy::parse(text.as_bytes(), "").map(|policy| policy.warnings);
    let a = r#"{"version":"1","default":"deny","tools":{"a":{"limits":[{"counter":"c","window":60,"max":1}]}}}"#;
    let b = r#"{"tools":{"a":{"limits":[{"max":1e0,"window":60.0,"counter":"c"}]}},"default":"deny","version":"1"}"#;
    assert_eq!(read(a), read(b));
}
