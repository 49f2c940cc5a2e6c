//! The lists that pages promise are whole, and the names on them exist.

use super::markdown::{Page, Row, quoted};
use super::play::Stage;
use super::{all_pages, reference};
use crate::config::root;
use crate::tidy::tracked;
use crate::yaml::documents;
use mcp_policy_filter::policy::condition::{PathError, Test};
use mcp_policy_filter::wire::mcp::KNOWN_METHODS;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Objects of the language, each with a key that is none, so that the error
/// lists those that are.
const OBJECTS: [(&str, &str); 29] = [
    ("(top level)", r#"{"zzzzzzzz": 0}"#),
    ("tools", r#"{"tools": {"a": {"zzzzzzzz": 0}}}"#),
    ("limits", r#"{"tools": {"a": {"limits": [{"zzzzzzzz": 0}]}}}"#),
    ("rate_limit", r#"{"tools": {"a": {"rate_limit": {"zzzzzzzz": 0}}}}"#),
    ("approval", r#"{"tools": {"a": {"approval": {"zzzzzzzz": 0}}}}"#),
    ("settings.approvals", r#"{"settings": {"approvals": {"zzzzzzzz": 0}}}"#),
    ("settings.approvals.store", r#"{"settings": {"approvals": {"store": {"zzzzzzzz": 0}}}}"#),
    (
        "settings.approvals.serve_store",
        r#"{"settings": {"approvals": {"serve_store": {"zzzzzzzz": 0}}}}"#,
    ),
    ("all_tools", r#"{"all_tools": {"zzzzzzzz": 0}}"#),
    ("all_tools limits", r#"{"all_tools": {"limits": [{"zzzzzzzz": 0}]}}"#),
    ("require", r#"{"tools": {"a": {"require": [{"zzzzzzzz": 0}]}}}"#),
    ("deny_if", r#"{"tools": {"a": {"deny_if": [{"zzzzzzzz": 0}]}}}"#),
    ("all_tools require", r#"{"all_tools": {"require": [{"zzzzzzzz": 0}]}}"#),
    ("conditions", r#"{"all_tools": {"deny_if": [{"conditions": [{"zzzzzzzz": 0}]}]}}"#),
    ("identity", r#"{"identity": [{"zzzzzzzz": 0}]}"#),
    ("jwt", r#"{"identity": [{"jwt": {"zzzzzzzz": 0}}]}"#),
    ("bearer", r#"{"identity": [{"bearer": {"zzzzzzzz": 0}}]}"#),
    ("grants", r#"{"grants": {"a": {"zzzzzzzz": 0}}}"#),
    ("grants tools", r#"{"grants": {"a": {"default": "deny", "tools": {"b": {"zzzzzzzz": 0}}}}}"#),
    (
        "grants limits",
        r#"{"grants": {"a": {"default": "deny", "all_tools": {"limits": [{"zzzzzzzz": 0}]}}}}"#,
    ),
    ("prompts", r#"{"prompts": {"zzzzzzzz": 0}}"#),
    ("resources", r#"{"resources": {"zzzzzzzz": 0}}"#),
    ("rules", r#"{"prompts": {"default": "deny", "rules": {"a": {"zzzzzzzz": 0}}}}"#),
    ("checks", r#"{"checks": {"a": {"zzzzzzzz": 0}}}"#),
    ("groups", r#"{"groups": [{"zzzzzzzz": 0}]}"#),
    ("settings", r#"{"settings": {"zzzzzzzz": 0}}"#),
    ("protected_resource", r#"{"settings": {"protected_resource": {"zzzzzzzz": 0}}}"#),
    ("counters", r#"{"settings": {"counters": {"zzzzzzzz": 0}}}"#),
    ("limit_service", r#"{"settings": {"limit_service": {"zzzzzzzz": 0}}}"#),
];

fn keys(policy: &str) -> Vec<String> {
    let errors = Stage::new(policy).err().unwrap();
    let list = errors.iter().find_map(|line| line.split_once("unknown key; expected "));
    let (_, list) = list.unwrap_or_else(|| panic!("{errors:?}"));
    quoted(list).into_iter().map(str::to_owned).collect()
}

fn reference_rows() -> Vec<Row> {
    reference().iter().flat_map(Page::rows).collect()
}

#[test]
fn every_key_has_a_row() {
    let rows = reference_rows();
    for (object, policy) in OBJECTS {
        for key in keys(policy) {
            let named = |cell: &String| quoted(cell).contains(&&*key);
            let found = rows.iter().any(|row| row.cells.first().is_some_and(named));
            assert!(found, "the reference has no row for the key `{key}` of {object}");
        }
    }
}

/// A reader who looks for a topic begins at the index, and sees by its first line whether
/// a page is the one.
#[test]
fn the_index_leads_to_each_page_which_says_what_it_answers() {
    let index = Page::read("docs/policy/README.md");
    let links: BTreeSet<String> = index.links().into_iter().map(|(_, link)| link).collect();
    for page in reference() {
        let file = page.name.rsplit('/').next().unwrap();
        assert!(file == "README.md" || links.contains(file), "the index does not lead to {file}");
        let first = page.text.lines().nth(2).unwrap_or_default();
        assert!(first.starts_with("This page answers: ") && first.contains('?'), "{file}: {first}");
    }
}

#[test]
fn every_operator_and_every_root_has_a_row() {
    let rows = reference_rows();
    let first = |word: &str| {
        rows.iter().any(|row| row.cells.first().is_some_and(|cell| quoted(cell).contains(&word)))
    };
    for word in Test::NAMES {
        assert!(first(word), "the reference has no row for the operator `{word}`");
    }
    let error = PathError::Root.to_string();
    let roots = quoted(&error);
    assert_eq!(roots.len(), 6);
    for word in roots {
        assert!(first(word), "the reference has no row for the root `{word}`");
    }
}

#[test]
fn every_method_that_passes_by_default_is_listed() {
    let page = Page::read("docs/policy/unjudged.md");
    let words: BTreeSet<String> = page.quoted().into_iter().map(|(_, word)| word).collect();
    let missing: Vec<_> = KNOWN_METHODS
        .into_iter()
        .chain(["notifications/*"])
        .filter(|method| !words.contains(*method))
        .collect();
    assert!(missing.is_empty(), "{} does not list {missing:?}", page.name);
}

#[test]
fn every_alarm_has_a_row() {
    let rows = Page::read("docs/operate/metrics.md").rows();
    let file = &documents("envoy/prometheus/alerts.yml")[0];
    let groups = file["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let alarms: BTreeSet<&str> = rules.filter_map(|rule| rule["alert"].as_str()).collect();
    let shown = rows.iter().map(|row| &*row.cells[0]).filter(|cell| cell.starts_with("McpPol"));
    assert_eq!(shown.collect::<BTreeSet<_>>(), alarms);
}

/// A reader finds an answer on a page within a minute.
#[test]
fn pages_are_short() {
    let pages = all_pages();
    for page in &pages {
        let bytes = page.text.len();
        assert!(bytes <= 30 * 1024, "{} has {bytes} bytes; make two pages of it", page.name);
    }
    let readme = pages.iter().find(|page| page.name == "README.md").unwrap();
    let lines = readme.text.lines().count();
    assert!(lines <= 150, "README.md has {lines} lines; move some to the page of their topic");
}

/// CONTRIBUTING.md, "Sentences", as far as a program can read them.
#[test]
fn pages_keep_the_law_of_sentences() {
    let barred = [" but for ", " so many ", " so much ", " is no ", " are no "];
    for page in all_pages() {
        for (number, line) in page.prose() {
            let line = line.to_lowercase();
            // "There is no look-around" says that there is none.
            let plain = line.replace("there is no ", "").replace("there are no ", "");
            let plain = plain.replace(" is no longer ", " ");
            for words in barred {
                assert!(!plain.contains(words), "{}:{number}:{words}in {line}", page.name);
            }
        }
    }
}

#[test]
fn every_page_is_in_a_folder_that_is_read() {
    let read: BTreeSet<String> = all_pages().into_iter().map(|page| page.name).collect();
    for file in tracked() {
        let name = file.strip_prefix(root()).unwrap().to_str().unwrap();
        assert!(!name.ends_with(".md") || read.contains(name), "no test reads {name}");
    }
}

/// The page that `make playground` builds, of which pages name the examples.
const PLAYGROUND: &str = "target/playground/index.html";

#[test]
fn links_lead_somewhere() {
    for page in all_pages() {
        for (line, link) in page.links() {
            let at = format!("{}:{line}", page.name);
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let path = if file.is_empty() { page.name.clone() } else { below(&page.name, file) };
            if path == PLAYGROUND {
                let is_step = anchor.strip_prefix("tour/").is_some_and(|step| {
                    root().join("docs/tour").join(format!("{step}.md")).is_file()
                });
                assert!(anchor.is_empty() || is_step, "{at}: {link}");
                continue;
            }
            assert!(root().join(&path).exists(), "{at}: {link}");
            let target = path.ends_with(".md").then(|| Page::read(&path));
            let anchors = target.map(|page| page.anchors()).unwrap_or_default();
            assert!(anchor.is_empty() || anchors.iter().any(|a| a == anchor), "{at}: {link}");
        }
    }
}

/// The path that a link of a page leads to, from the project's folder.
fn below(page: &str, link: &str) -> String {
    let mut path: Vec<&str> = page.split('/').collect();
    path.pop();
    for part in link.split('/') {
        match part {
            ".." => assert!(path.pop().is_some(), "{page}: {link} leads out of the project"),
            part => path.push(part),
        }
    }
    path.join("/")
}

#[test]
fn files_that_are_named_exist() {
    for page in all_pages() {
        for (line, word) in page.quoted() {
            let ours =
                ["src/", "tests/", "scripts/", "envoy/", "docs/", "benches/", "fuzz/", ".ci/"];
            if ours.iter().any(|folder| word.starts_with(folder)) {
                assert!(root().join(&word).exists(), "{}:{line}: {word}", page.name);
            }
        }
    }
}

/// A promise names, in the last cell of its row, the tests and the case files
/// that show it.
#[test]
fn promises_name_tests_that_are_there() {
    let sources = functions();
    let mut shown = 0;
    let pages = ["SECURITY.md", "docs/native-security.md"].map(Page::read);
    for row in pages.iter().flat_map(Page::rows) {
        for word in quoted(row.cells.last().unwrap()) {
            shown += 1;
            let there = if word.contains('/') {
                root().join(word).exists()
            } else {
                sources.contains(word)
            };
            assert!(there, "{}: there is no {word}", row.at);
        }
    }
    assert!(shown >= 200, "{shown} tests are named");
}

/// The names of all functions under `src` and `tests`.
fn functions() -> BTreeSet<String> {
    fn walk(folder: &Path, found: &mut BTreeSet<String>) {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                for rest in text.split("fn ").skip(1) {
                    found.insert(rest.split(['(', '<']).next().unwrap().to_owned());
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    for folder in ["src", "tests", "native"] {
        walk(&root().join(folder), &mut found);
    }
    found
}
