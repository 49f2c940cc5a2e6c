//! The servers that `scripts/init-servers` installs, asked for their tools: the lists here
//! are theirs, and the locks that are shipped hold.

use super::{folder, json, policy, root, tools};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The servers with a lock: those whose packages are pinned with all that they are made
/// of. The definitions of a server in Python change with the libraries that pip finds.
pub(super) const LOCKED: [&str; 2] = ["filesystem", "memory"];

/// The folder with the servers.
fn installed() -> PathBuf {
    let output = Command::new(root().join("scripts/init-servers")).output().unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// A folder of its own for a test.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("library-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn lock(server: &str) -> Value {
    let file = root().join(folder(server)).join("policy.lock");
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

#[test]
fn the_shipped_locks_are_of_the_tools_that_real_servers_list() {
    let installed = installed();
    for server in LOCKED {
        let scratch = scratch(server);
        // As a reader puts it there.
        let mut policy = policy(server);
        policy["lock"] = lock(server)["lock"].clone();
        let file = scratch.join("policy.json");
        fs::write(&file, policy.to_string()).unwrap();
        let file = file.to_str().unwrap();
        let found = json(&["check", "--strict", "--format", "json", file], 0);
        assert_eq!(found["findings"], serde_json::json!([]), "{server}");

        let program = installed.join(server);
        let program = [program.to_str().unwrap(), scratch.to_str().unwrap()];
        let words = ["lock", "--check", file, "--format", "json", "--timeout", "600", "--"];
        let told = json(&[&words[..], &program].concat(), 0);
        assert_eq!(told["same"], tools(server).len(), "{server}");

        // It is not for the lack of a comparison.
        let digest = format!("sha256:{}", "0".repeat(64));
        let (_, tool) = policy["lock"]["tools"].as_object_mut().unwrap().iter_mut().next().unwrap();
        tool["digest"] = digest.into();
        fs::write(file, policy.to_string()).unwrap();
        let told = json(&[&words[..], &program].concat(), 1);
        assert_eq!(told["changed"].as_array().unwrap().len(), 1, "{server}");
    }
}

#[test]
fn the_lists_of_tools_are_what_real_servers_list() {
    let installed = installed();
    for server in ["filesystem", "memory", "git"] {
        let scratch = scratch(&format!("{server}-list"));
        let saved = scratch.join("saved.json");
        let program = installed.join(server);
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-policy"));
        command.args(["lock", "--timeout", "600", "--save"]).arg(&saved).arg("--").arg(program);
        if server == "filesystem" {
            command.arg(&scratch);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let saved: Value = serde_json::from_slice(&fs::read(&saved).unwrap()).unwrap();
        let listed: BTreeMap<String, BTreeSet<String>> = saved["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| {
                let arguments = tool["inputSchema"]["properties"].as_object();
                let arguments = arguments.into_iter().flat_map(|all| all.keys().cloned());
                (tool["name"].as_str().unwrap().to_owned(), arguments.collect())
            })
            .collect();
        assert_eq!(listed, tools(server), "{server}");
    }
}
