//! The servers that `scripts/init-servers library` installs, asked for their tools: the
//! lists here are theirs, and the locks that are shipped hold.

use super::{folder, json, list, policy, root, servers, tools};
use crate::outputs::scratch;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The servers with a lock: those whose packages npm or PyPI has, pinned with what makes
/// a definition, and which list their tools without an account.
pub(super) const LOCKED: [&str; 10] = [
    "brave_search",
    "fetch",
    "filesystem",
    "git",
    "kubernetes",
    "memory",
    "notion",
    "playwright",
    "postgres",
    "slack",
];

/// The folder with the servers.
fn installed() -> PathBuf {
    let script = root().join("scripts/init-servers");
    let output = Command::new(script).arg("library").output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

fn lock(server: &str) -> Value {
    read(&root().join(folder(server)).join("policy.lock"))
}

/// The tools that a server lists, each with the names of its arguments.
fn listed(saved: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let tools = saved["tools"].as_array().unwrap().iter().map(|tool| {
        let arguments = tool["inputSchema"]["properties"].as_object();
        let arguments = arguments.into_iter().flat_map(|all| all.keys().cloned());
        (tool["name"].as_str().unwrap().to_owned(), arguments.collect())
    });
    tools.collect()
}

#[test]
fn the_shipped_locks_and_lists_are_of_the_tools_that_real_servers_list() {
    let installed = installed();
    for server in LOCKED {
        let scratch = scratch(server);
        let saved = scratch.join("saved.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-policy"));
        command.args(["lock", "--timeout", "600", "--save"]).arg(&saved);
        command.arg("--").arg(installed.join(server));
        if server == "filesystem" {
            command.arg(&scratch);
        }
        // A home without a cluster, a token or a browser's profile.
        let output = command.current_dir(&scratch).env("HOME", &scratch).output().unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{server}: {log}");
        let written: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(written, lock(server), "{server}");
        assert_eq!(listed(&read(&saved)), tools(server), "{server}");
    }
}

#[test]
fn the_shipped_locks_fit_into_their_policies() {
    for server in LOCKED {
        let scratch = scratch(&format!("{server}-fits"));
        // As a reader puts it there.
        let mut policy = policy(server);
        policy["lock"] = lock(server)["lock"].clone();
        let locked = policy["lock"]["tools"].as_object().unwrap().keys().cloned();
        let locked: BTreeSet<_> = locked.collect();
        assert_eq!(locked, tools(server).into_keys().collect(), "{server}");
        let file = scratch.join("policy.json");
        fs::write(&file, policy.to_string()).unwrap();
        let found = json(&["check", "--strict", "--format", "json", file.to_str().unwrap()], 0);
        assert_eq!(found["findings"], serde_json::json!([]), "{server}");
    }
}

/// The packages that are pinned, with their versions.
fn pinned() -> BTreeMap<String, String> {
    let text = |file: &str| fs::read_to_string(root().join("cli/tests").join(file)).unwrap();
    let mut pinned = BTreeMap::new();
    for file in ["init/servers/node/package.json", "library/servers/node/package.json"] {
        let list: Value = serde_json::from_str(&text(file)).unwrap();
        for (package, version) in list["dependencies"].as_object().unwrap() {
            pinned.insert(package.clone(), version.as_str().unwrap().to_owned());
        }
    }
    let requirements = text("init/servers/python/requirements.txt");
    for (package, version) in requirements.lines().filter_map(|line| line.split_once("==")) {
        pinned.insert(package.to_owned(), version.to_owned());
    }
    pinned
}

#[test]
fn the_page_has_the_version_of_each_lock_and_names_the_servers_without_one() {
    let pinned = pinned();
    let page = fs::read_to_string(root().join("docs/policies.md")).unwrap();
    let (_, section) = page.split_once("\n## The locks\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows: Vec<_> = section.lines().filter(|line| line.starts_with("| [")).collect();
    let expected = LOCKED.map(|server| {
        let source = read(&list(server))["source"].as_str().unwrap().replace(',', "");
        let (package, rest) = source.split_once(' ').unwrap();
        let version = rest.split(' ').next().unwrap();
        assert_eq!(pinned.get(package).map(String::as_str), Some(version), "{server}");
        let link = format!("../envoy/policies/library/{server}/policy.lock");
        format!("| [{server}]({link}) | `{package}` | {version} |")
    });
    assert_eq!(rows, expected);
    for server in servers() {
        let without = section.contains(&format!("- {server}:"));
        assert_ne!(without, LOCKED.contains(&&*server), "{server}");
    }
}
