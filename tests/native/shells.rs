//! `tests/shells.txt`, which says what runs with which form of the filter: no suite is
//! forgotten, no line speaks of a test that is gone, and nothing is left out without a
//! reason.

use crate::config::root;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Every suite that there is, and the place where it is.
const SUITES: [(&str, &str); 14] = [
    ("native", "tests/native"),
    ("native::fake_host", "tests/native/fake_host"),
    ("native-module", "native/tests"),
    ("e2e", "tests/e2e"),
    ("differential", "tests/differential"),
    ("conformance", "tools/conformance"),
    ("interop", "tools/interop"),
    ("soak", "tools/soak"),
    ("engine", "tests/engine"),
    ("fuzz", "fuzz/fuzz_targets"),
    ("release", "tests/release"),
    ("browser", "tests/browser"),
    ("playground", "playground/tests"),
    ("compose", "tools/compose"),
];

/// A line of the file.
struct Line {
    name: String,
    forms: String,
    reason: String,
}

fn lines() -> Vec<Line> {
    let text = fs::read_to_string(root().join("tests/shells.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let lines = lines.map(|line| {
        let (name, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line}"));
        let rest = rest.trim_start();
        let (forms, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        Line { name: name.into(), forms: forms.into(), reason: reason.trim_start().into() }
    });
    lines.collect()
}

/// The tests in a file of `tests/e2e` and below it, as cargo names them.
fn collect(found: &mut BTreeSet<String>, folder: &Path, module: &str) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let stem = entry.file_stem().unwrap().to_str().unwrap();
        let inner = if module.is_empty() { stem.into() } else { format!("{module}::{stem}") };
        if entry.is_dir() {
            collect(found, &entry, &inner);
            continue;
        }
        let mut is_test = false;
        for line in fs::read_to_string(&entry).unwrap().lines() {
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                is_test = true;
            } else if let Some((_, rest)) = line.split_once("fn ")
                && is_test
            {
                found.insert(format!("{inner}::{}", rest.split('(').next().unwrap()));
                is_test = false;
            }
        }
    }
}

fn tests_in_envoy() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(&mut found, &root().join("tests/e2e"), "");
    assert!(found.len() > 150, "only {} tests were found", found.len());
    found
}

#[test]
fn every_suite_has_a_line_and_every_line_that_leaves_a_form_out_has_a_reason() {
    let lines = lines();
    for (name, place) in SUITES {
        assert!(root().join(place).is_dir(), "{place}");
        assert!(lines.iter().any(|line| line.name == name), "{name} has no line");
    }
    let mut seen = BTreeSet::new();
    for Line { name, forms, reason } in &lines {
        assert!(seen.insert(name), "{name} has two lines");
        let is_suite = SUITES.iter().any(|(suite, _)| suite == name);
        assert!(is_suite || name.starts_with("e2e::"), "{name} is not a suite");
        match &**forms {
            // A test runs as its suite does, so a line for it would say nothing.
            "both" => assert!(is_suite && reason.is_empty(), "{name}"),
            "wasm" | "native" | "core" => assert!(reason.contains(' '), "{name} has no reason"),
            other => panic!("{name}: {other}"),
        }
    }
    let e2e = lines.iter().find(|line| line.name == "e2e").unwrap();
    assert_eq!(e2e.forms, "both", "a new test in Envoy runs with both");
}

#[test]
fn what_is_left_out_is_there_and_nothing_else_is_left_out_with_it() {
    let tests = tests_in_envoy();
    for line in lines() {
        let Some(name) = line.name.strip_prefix("e2e::") else { continue };
        let own = |test: &&String| match name.ends_with("::") {
            true => test.starts_with(name),
            false => *test == name,
        };
        let meant: Vec<_> = tests.iter().filter(own).collect();
        assert!(!meant.is_empty(), "there is no test {name}");
        // Cargo leaves out whatever has the word in its name.
        let left_out: Vec<_> = tests.iter().filter(|test| test.contains(name)).collect();
        assert_eq!(meant, left_out, "{name}");
    }
}

#[test]
fn the_scripts_leave_out_what_the_file_says() {
    let read = |name: &str| fs::read_to_string(root().join("scripts").join(name)).unwrap();
    let all = read("test");
    for (script, form) in [("test-native", "wasm"), ("test-shells", "native")] {
        let text = read(script);
        assert!(text.contains(&format!("< <(skips {form})")), "{script}");
        assert_eq!(text.matches("--skip").count(), 0, "{script}");
        assert!(all.split_whitespace().any(|word| word == script), "scripts/test runs no {script}");
    }
    for script in ["conformance", "interop", "soak", "test-browser"] {
        assert!(read(script).lines().any(|line| line.trim() == "build_module"), "{script}");
    }
    // With both forms each.
    let long = read("test-all");
    let runs = "for form in wasm native; do\n    for suite in conformance interop soak; do\n        \
                run env MCP_SHELL=$form \"scripts/$suite\"";
    assert!(long.contains(runs), "{long}");
}
