//! Rules of the tree that no compiler knows.

use crate::config::root;
use crate::yaml::documents;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders of `src` from the outermost to the innermost, and the ground of
/// all: one may use those after it, and none before it or beside it.
const FLOORS: [&[&str]; 7] = [
    &["filter", "simulate"],
    &["shell"],
    &["exchange"],
    &["policy"],
    &["approvals", "limit_service"],
    &["limits", "wire"],
    &["digest", "meter", "order", "random", "text"],
];

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
    assert!(found.len() > 10, "{folder} has {} files", found.len());
    found
}

fn sources() -> Vec<PathBuf> {
    rust("src")
}

/// The sources of the native shell.
fn native() -> Vec<PathBuf> {
    rust("native/src")
}

/// The sources of the command.
fn command() -> Vec<PathBuf> {
    rust("cli/src")
}

/// The sources of the playground, of which there are few.
fn playground() -> Vec<PathBuf> {
    rust("playground")
        .into_iter()
        .filter(|file| file.starts_with(root().join("playground/src")))
        .collect()
}

fn rust(folder: &str) -> Vec<PathBuf> {
    let is_source = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "rs");
    walk(folder).into_iter().filter(is_source).collect()
}

/// Files as git knows them, or none outside a checkout.
pub fn tracked() -> Vec<PathBuf> {
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

/// The first words of the paths in some code that begin with `start`, also of
/// those in braces, and the words after them.
fn paths<'c>(code: &'c str, start: &'c str) -> impl Iterator<Item = (&'c str, Option<&'c str>)> {
    let starts = code.split(start).skip(1).flat_map(|rest| match rest.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap().split(',').map(str::trim_start).collect(),
        None => vec![rest],
    });
    starts.map(|path| {
        let mut words = path.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
        let mut words = words.next().unwrap_or_default().split("::");
        (words.next().unwrap_or_default(), words.next())
    })
}

/// The modules that each module names by a path from the crate's root, and within
/// a folder by one from the folder's own file.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let modules: BTreeSet<String> = sources().iter().map(|file| module(file)).collect();
    // Tests are not a part of the code that they test.
    for file in sources().into_iter().filter(|file| !file.ends_with("tests.rs")) {
        let own = module(&file);
        // A word for who may use something is not a use of it.
        let code = code(&file).replace("pub(in crate::", "pub(in ");
        let used = graph.entry(own.clone()).or_default();
        let mut names = Vec::new();
        for (folder, inner) in paths(&code, "crate::") {
            let inner = inner.map(|word| format!("{folder}::{word}"));
            names.push(inner.filter(|name| modules.contains(name)).unwrap_or(folder.to_owned()));
        }
        // A file deeper down means the parts of its own module.
        if let Some((folder, inner)) = own.split_once("::")
            && file.ends_with(format!("{folder}/{inner}.rs"))
        {
            names.extend(paths(&code, "super::").map(|(word, _)| format!("{folder}::{word}")));
        }
        used.extend(names.into_iter().filter(|name| modules.contains(name) && *name != own));
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
fn only_the_shell_knows_the_host_and_only_one_folder_is_unsafe() {
    for file in sources() {
        let name = file.strip_prefix(root().join("src")).unwrap().display().to_string();
        let code = code(&file);
        assert!(!code.contains("proxy_wasm") || name.starts_with("filter"), "{name}");
        // The SDK takes an answer to a call of its own alone.
        let code = match &*name {
            "filter/outbox.rs" => code.replace("hostcalls::dispatch_http_call", ""),
            _ => code,
        };
        // But one: the SDK hands on answers only of calls that its own wrapper made, and
        // Envoy has no status for these at which it panics.
        let is_known = name == "filter/callout.rs"
            && code.matches("hostcalls").count() == 1
            && code.contains("hostcalls::{dispatch_grpc_call, dispatch_http_call};");
        let calls = code.contains("hostcalls") && !is_known;
        assert!(!calls, "{name} calls the SDK's wrappers, which panic");
        assert!(!code.contains("unsafe ") || name.starts_with("filter/host"), "{name}");
    }
}

#[test]
fn only_one_folder_of_the_native_shell_is_unsafe() {
    for file in native() {
        let name = file.strip_prefix(root().join("native/src")).unwrap().display().to_string();
        assert!(!code(&file).contains("unsafe ") || name.starts_with("abi"), "{name}");
    }
}

#[test]
fn each_shell_has_one_way_on_for_a_request_and_it_takes_a_permit() {
    // However the lines are broken.
    let code = |name: &str| code(&root().join(name)).split_whitespace().collect::<String>();
    for (file, way, uses) in [
        // Beside it: a head that is not held, and responses.
        ("src/filter/stream.rs", "fngo(_:Permit)->Action{Action::Continue}", 7),
        // After an answer.
        (
            "src/filter/answers.rs",
            "fnresume(_:Permit)->Result<(),HostError>{host::continue_request()}",
            1,
        ),
        // Beside it: responses.
        ("native/src/http.rs", "fngo(_:Permit)->Outcome{Outcome::GoOn}", 2),
    ] {
        let code = code(file);
        assert!(code.contains(way), "{file}");
        let on = way.split(['{', '}']).nth(1).unwrap();
        assert_eq!(code.matches(on).count(), uses, "{file}");
        assert_eq!(code.matches("Flow::Continue(permit)").count(), 1, "{file}");
    }
}

#[test]
fn a_held_request_is_continued_in_one_place_of_each_shell() {
    let users = |files: Vec<PathBuf>, call: &str| {
        let uses = files.iter().map(|file| (file, code(file).matches(call).count()));
        let uses = uses.filter(|(_, count)| *count > 0);
        let name = |file: &Path| file.strip_prefix(root()).unwrap().display().to_string();
        uses.map(|(file, count)| (name(file), count)).collect::<Vec<_>>()
    };
    // Beside it: the function itself.
    let expected = [("src/filter/answers.rs", 1), ("src/filter/host/request.rs", 1)];
    let expected = expected.map(|(file, count)| (file.to_owned(), count));
    let mut found = users(sources(), "continue_request()");
    found.sort();
    assert_eq!(found, expected);
    let expected = [("native/src/abi/hooks.rs".to_owned(), 1)];
    assert_eq!(users(native(), ".go_on()"), expected);
}

#[test]
fn only_the_exchange_lets_what_was_not_judged_go_on() {
    let mut makers = BTreeSet::new();
    for file in sources() {
        // However the lines are broken.
        let code: String = code(&file).split_whitespace().collect();
        let name = file.strip_prefix(root().join("src")).unwrap().display().to_string();
        for how in ["::unjudged", "::judged", "Permit(()"] {
            if code.contains(how) {
                makers.insert(format!("{name}: {how}"));
            }
        }
    }
    let expected = [
        // Its private field, and so the two functions that fill it.
        "exchange/permit.rs: Permit(()",
        // A request without a message, or at an exempt path.
        "exchange.rs: ::unjudged",
        // A request that the policy allows.
        "exchange/judge.rs: ::judged",
    ];
    assert_eq!(makers, expected.map(str::to_owned).into_iter().collect());
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
    for file in sources().into_iter().chain(native()).chain(command()).chain(playground()) {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", file.display());
        let opening = text.starts_with("//!") || file.ends_with("tests.rs");
        assert!(opening, "{} does not say why it exists", file.display());
    }
}

#[test]
fn comments_open_with_a_noun_or_a_verb() {
    let opening = ["How", "What", "Where", "Which", "Whose", "Why"];
    let (mut seen, mut wrong) = (0, Vec::new());
    for file in tracked().into_iter().filter(|file| file.extension() == Some("rs".as_ref())) {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        // A paragraph may go on with such a word, but none begins with one.
        let mut before = "";
        for line in fs::read_to_string(&file).unwrap().lines().map(str::trim) {
            let text = line.strip_prefix("///").or(line.strip_prefix("//!")).unwrap_or("");
            let word = text.split_whitespace().next().unwrap_or_default();
            let begins_so = before.is_empty() && opening.contains(&word);
            if begins_so || (line.starts_with("//") && text.contains("but for ")) {
                wrong.push(format!("{name}: {line}"));
            }
            before = text.trim();
        }
        seen += 1;
    }
    assert!(seen > 500 || !root().join(".git").exists(), "{seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_is_a_module() {
    for file in sources().into_iter().chain(command()).chain(playground()) {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        let folder = file.parent().unwrap();
        let parent = match folder.ends_with("src") {
            true if folder.join("lib.rs").is_file() => folder.join("lib.rs"),
            true => folder.join("main.rs"),
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
