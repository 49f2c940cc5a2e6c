//! Ctrl-C while a verb writes: its file is there whole or not at all, and nothing is left
//! beside it.

use crate::outputs::scratch;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The times that the signal may come too late or too early.
const TRIES: usize = 200;

fn start(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-policy"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// The names in the folder into which the verb writes.
fn names(folder: &Path) -> Vec<String> {
    let all = fs::read_dir(folder.join("into")).unwrap();
    let mut names: Vec<String> =
        all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Interrupts a verb as soon as a file is beside its place, until one is caught while it
/// writes.
fn interrupted(name: &str, file: &str, input: &str, arguments: &[&str]) {
    let folder = scratch(name);
    fs::create_dir_all(folder.join("into")).unwrap();
    fs::write(folder.join("input"), input).unwrap();
    let target = folder.join("into").join(file);
    // With a remark about what is converted, it is 1.
    let finished = start(&folder, arguments).wait().unwrap().code().unwrap();
    assert!(finished <= 1, "{arguments:?}");
    let whole = fs::read(&target).unwrap();
    let all = names(&folder);
    for _ in 0..TRIES {
        fs::write(&target, "old").unwrap();
        let mut child = start(&folder, arguments);
        let is_beside = || names(&folder).iter().any(|name| name.starts_with('.'));
        let ended = loop {
            if is_beside() {
                let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
                kill_process(pid, Signal::INT).unwrap();
                break None;
            }
            let ended = child.try_wait().unwrap();
            if ended.is_some() {
                break ended;
            }
        };
        let status = ended.unwrap_or_else(|| child.wait().unwrap());
        let found = fs::read(&target).unwrap();
        assert_eq!(names(&folder), all, "{arguments:?}: {status}");
        match status.code() {
            Some(code) if code == finished => assert!(found == whole, "{arguments:?}"),
            Some(130) => {
                assert!(found == b"old" || found == whole, "{arguments:?}");
                return;
            }
            other => panic!("{arguments:?}: {other:?}"),
        }
    }
    panic!("{arguments:?} was never caught while it writes");
}

/// A policy that takes a while to write.
fn policy() -> String {
    let tools = (0..20_000).map(|n| format!("\"tool_{n}\": {{\"action\": \"deny\"}}"));
    let tools = tools.collect::<Vec<_>>().join(", ");
    format!("{{\"version\": \"1\", \"default\": \"deny\", \"tools\": {{{tools}}}}}")
}

#[test]
fn render_leaves_a_file_whole() {
    let arguments = ["render", "input", "--for", "ecds", "--output", "into/envoy.yaml"];
    interrupted("render", "envoy.yaml", &policy(), &arguments);
}

#[test]
fn init_leaves_a_file_whole() {
    let tools = (0..10_000).map(|n| format!("{{\"name\": \"get_{n}\"}}"));
    let tools = format!("[{}]", tools.collect::<Vec<_>>().join(","));
    let arguments = ["init", "input", "--force", "--output", "into/policy.json"];
    interrupted("init", "policy.json", &tools, &arguments);
}

#[test]
fn convert_leaves_a_file_whole() {
    let tools = (0..5_000).map(|n| format!("  tool_{n}:\n    rules:\n      - action: deny\n"));
    let rules = format!("version: \"1\"\ntools:\n{}", tools.collect::<String>());
    let arguments = ["convert", "input", "--output", "into/policy.json"];
    interrupted("convert", "policy.json", &rules, &arguments);
}

#[test]
fn man_leaves_its_pages_whole() {
    interrupted("man", "mcp-policy.1", "", &["man", "--into", "into"]);
}
