//! Rules of the tree that no compiler knows.

use crate::config::root;
use crate::yaml::documents;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders of `src` from the outermost to the innermost, and the ground that
/// all stand on: one may use those after it, and none before it or beside it.
const FLOORS: [&[&str]; 5] =
    [&["filter"], &["exchange"], &["policy"], &["limits", "wire"], &["meter", "order", "text"]];

/// The files in a folder and the folders in it, of which there are some.
fn walk(folder: &str) -> Vec<PathBuf> {
    fn into(found: &mut Vec<PathBuf>, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                into(found, &entry);
            } else {
                found.push(entry);
            }
        }
    }
    let mut found = Vec::new();
    into(&mut found, &root().join(folder));
    assert!(found.len() > 20, "{folder} has {} files", found.len());
    found
}

fn sources() -> Vec<PathBuf> {
    let is_source = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "rs");
    walk("src").into_iter().filter(is_source).collect()
}

/// Files as git knows them, or none outside a checkout.
fn tracked() -> Vec<PathBuf> {
    let git = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let list = git.map(|output| output.stdout).unwrap_or_default();
    let list = String::from_utf8(list).unwrap();
    // A file in a worktree, a folder elsewhere.
    assert!(!list.is_empty() || !root().join(".git").exists(), "git lists no files");
    list.split_terminator('\0')
        .map(|name| root().join(name))
        .filter(|path| path.is_file())
        .collect()
}

/// A source file without its comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The module that a file belongs to, by the two words of its path that the
/// import graph knows: `exchange::judge`, or `exchange` for the folder's own file.
fn module(file: &Path) -> String {
    let inner = file.strip_prefix(root().join("src")).unwrap().with_extension("");
    let words: Vec<_> = inner.iter().take(2).map(|word| word.to_str().unwrap()).collect();
    words.join("::")
}

/// The modules that each module names by a path from the crate's root.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let modules: BTreeSet<String> = sources().iter().map(|file| module(file)).collect();
    for file in sources() {
        let own = module(&file);
        let code = code(&file);
        let used = graph.entry(own.clone()).or_default();
        for path in code.split("crate::").skip(1) {
            let mut words = path.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let mut words = words.next().unwrap_or_default().split("::");
            let folder = words.next().unwrap_or_default();
            let inner = words.next().map(|word| format!("{folder}::{word}"));
            let named = inner.filter(|name| modules.contains(name)).unwrap_or(folder.to_owned());
            if modules.contains(&named) && named != own {
                used.insert(named);
            }
        }
    }
    graph.remove("lib");
    graph
}

#[test]
fn imports_point_inwards() {
    let floor = |module: &str| {
        let folder = module.split("::").next().unwrap();
        let found = FLOORS.iter().position(|floor| floor.contains(&folder));
        found.unwrap_or_else(|| panic!("{module} is on no floor"))
    };
    let mut wrong = Vec::new();
    for (module, used) in imports() {
        let folder = |name: &str| name.split("::").next().unwrap().to_owned();
        let apart = |other: &&String| folder(other) != folder(&module);
        for other in used.iter().filter(apart).filter(|other| floor(other) <= floor(&module)) {
            wrong.push(format!("{module} uses {other}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn imports_go_in_no_circle() {
    let mut graph = imports();
    // Whoever uses nothing that is left is in no circle.
    while let Some(done) = graph.iter().find(|(_, used)| used.is_empty()).map(|(name, _)| name) {
        let done = done.clone();
        graph.remove(&done);
        graph.values_mut().for_each(|used| {
            used.remove(&done);
        });
    }
    assert!(graph.is_empty(), "{graph:#?}");
}

#[test]
fn only_the_shell_knows_the_host_and_only_one_file_is_unsafe() {
    for file in sources() {
        let name = file.strip_prefix(root().join("src")).unwrap().display().to_string();
        let code = code(&file);
        assert!(!code.contains("proxy_wasm") || name.starts_with("filter"), "{name}");
        assert!(!code.contains("hostcalls"), "{name} calls the SDK's wrappers, which panic");
        assert!(!code.contains("unsafe ") || name == "filter/host.rs", "{name}");
    }
}

#[test]
fn only_the_exchange_lets_what_was_not_judged_go_on() {
    let mut makers = Vec::new();
    for file in sources() {
        let code = code(&file);
        if code.contains("unjudged") || code.contains("Permit(") {
            makers.push(file.strip_prefix(root().join("src")).unwrap().display().to_string());
        }
    }
    makers.sort();
    // Where it is made, and where it is asked for.
    assert_eq!(makers, ["exchange.rs", "exchange/judge.rs"]);
}

/// The SDK's traits lend their implementors a wrapper for each host call. With
/// these words their names begin, and with none other but `on_`.
const WRAPPERS: [&str; 17] = [
    "add_",
    "call_",
    "cancel_",
    "close_",
    "dequeue_",
    "dispatch_",
    "done(",
    "enqueue_",
    "get_",
    "open_",
    "register_",
    "remove_",
    "reset_",
    "resolve_",
    "resume_",
    "send_",
    "set_",
];

#[test]
fn nobody_calls_the_wrappers_of_the_sdk_which_panic() {
    let mut wrong = Vec::new();
    for file in sources() {
        // However the lines are broken.
        let code: String = code(&file).split_whitespace().collect();
        if !code.contains("proxy_wasm::traits") {
            continue;
        }
        for before in ["self.", "Self::", "Context::"] {
            for called in code.split(before).skip(1) {
                if WRAPPERS.iter().any(|word| called.starts_with(word)) {
                    let name = called.split('(').next().unwrap();
                    wrong.push(format!("{} calls {name}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_hold_one_idea() {
    for file in sources() {
        if file.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines().count();
        assert!(lines <= 330, "{} has {lines} lines", file.display());
        let opening = text.starts_with("//!");
        assert!(opening, "{} does not say why it exists", file.display());
    }
}

#[test]
fn every_file_is_a_module() {
    for file in sources() {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let folder = file.parent().unwrap();
        let parent = match folder == root().join("src") {
            true => folder.join("lib.rs"),
            false => folder.with_extension("rs"),
        };
        let named = format!("mod {stem};");
        let is_named = || code(&parent).lines().any(|line| line.trim_end().ends_with(&named));
        assert!(file == parent || is_named(), "{} is named by no `mod`", file.display());
    }
}

#[test]
fn nothing_names_a_machine() {
    // The words are put together so that this file does not hold them.
    let words = [["/wo", "rk/"], ["/ro", "ot/"], ["/ho", "me/"], ["../sh", "ared"]];
    for file in tracked() {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for word in words.map(|parts| parts.concat()) {
            assert!(!text.contains(&word), "{} names {word}", file.display());
        }
    }
}

#[test]
fn shipped_configurations_do_not_repeat_calls() {
    for file in walk("envoy") {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            let repeats =
                ["retry_on:", "retry_policy:", "hedge_policy:", "request_mirror_policies:"]
                    .iter()
                    .any(|key| line.starts_with(key) && !line.contains("connect-failure"));
            assert!(!repeats, "{}: {line}", file.display());
        }
    }
    // Istio's way of saying it, without which it repeats.
    let service = &documents("envoy/istio/virtual-service.yaml")[0];
    let routes = service["spec"]["http"].as_array().unwrap();
    assert!(!routes.is_empty() && routes.iter().all(|route| route["retries"]["attempts"] == 0));
    assert!(!service.to_string().contains("mirror"));
}
