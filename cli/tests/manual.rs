//! Completions and the manual, which name each verb.

use crate::outputs::scratch;
use std::fs;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mcp-policy")).args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The verbs, as the help lists them.
fn verbs() -> Vec<String> {
    let help = printed(&["--help"]);
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let first = |line: &str| {
        line.strip_prefix("  ")
            .filter(|rest| !rest.starts_with(' '))
            .map(|rest| rest.split_whitespace().next().unwrap().to_owned())
    };
    let verbs: Vec<String> = lines.filter_map(first).filter(|verb| verb != "help").collect();
    assert!(verbs.len() >= 3 && verbs.contains(&"check".to_owned()), "{verbs:?}");
    verbs
}

#[test]
fn each_shell_completes_each_verb() {
    let folder = scratch("completions");
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(&["completions", shell]);
        for verb in verbs() {
            assert!(script.contains(&verb), "{shell}: {verb}");
        }
        let file = folder.join(shell);
        fs::write(&file, script).unwrap();
        // The shell itself reads it; only Bash is installed wherever these tests run.
        match Command::new(shell).arg("-n").arg(&file).status() {
            Ok(status) => assert!(status.success(), "{shell}"),
            Err(error) => assert!(shell != "bash", "{error}"),
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn each_verb_has_a_page() {
    let folder = scratch("manual");
    assert_eq!(printed(&["man", "--into", folder.to_str().unwrap()]), "");
    let mut expected: Vec<String> =
        verbs().iter().map(|verb| format!("mcp-policy-{verb}.1")).collect();
    expected.push("mcp-policy.1".into());
    let decisions = ["approve", "deny", "list", "show"];
    expected.extend(decisions.map(|verb| format!("mcp-policy-approvals-{verb}.1")));
    expected.sort();
    let mut found: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, expected);
    for verb in verbs() {
        let page = printed(&["man", &verb]);
        assert_eq!(page, fs::read_to_string(folder.join(format!("mcp-policy-{verb}.1"))).unwrap());
        assert!(page.starts_with(".ie") || page.starts_with(".TH"), "{page}");
        // The examples are in it.
        assert!(page.contains(&format!("mcp\\-policy {verb}")), "{page}");
        assert!(printed(&["man"]).contains(&verb), "{verb}");
    }
    assert_eq!(
        printed(&["man", "approvals", "deny"]),
        fs::read_to_string(folder.join("mcp-policy-approvals-deny.1")).unwrap()
    );
    for (words, told) in [
        (&["sing"][..], "there is no verb `sing`; it is one of `approvals`, `check`"),
        (&["approvals", "sing"], "there is no verb `sing`; it is one of `list`, `show`"),
        (&["check", "list"], "`check` has no verbs, and so not `list`"),
    ] {
        let output = run(&[&["man"], words].concat());
        assert_eq!(output.status.code(), Some(2));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with(&format!("mcp-policy: {told}")), "{stderr}");
    }
}
