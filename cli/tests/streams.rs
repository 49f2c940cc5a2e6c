//! Standard output and standard error that nobody reads, or that cannot be written to:
//! no verb panics, and the exit status tells what it would tell anyway.

use crate::outputs::scratch;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder with a policy that denies, and what each verb finds something in.
fn folder(name: &str) -> PathBuf {
    let folder = scratch(name);
    for (name, text) in [
        ("policy.json", r#"{"version": "1", "default": "deny", "settings": {"paths": ["/mcp"]}}"#),
        ("bad.json", r#"{"version": "1", "default": "maybe", "tools": 7}"#),
        ("a.calls", "policy policy.json\nread  allowed\n"),
        ("intercept.yaml", "version: '1'\ntools: {read: {rules: [{rate_limit: 5/hour}]}}\n"),
        (
            "call.jsonl",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read"}}"#,
        ),
        ("tools.json", r#"{"tools": [{"name": "read", "inputSchema": {"type": "object"}}]}"#),
        (
            "locked.json",
            r#"{"version": "1", "default": "allow", "lock": {"mode": "enforce", "tools": {}}}"#,
        ),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

/// Verbs, and the status of each.
const RUNS: [(&[&str], i32); 14] = [
    (&["check", "bad.json"], 1),
    (&["check", "--format", "sarif", "bad.json"], 1),
    (&["check", "policy.json"], 0),
    (&["explain", "policy.json", "read"], 1),
    (&["explain", "policy.json", "read", "--format", "json"], 1),
    (&["explain", "bad.json", "read"], 1),
    (&["test", "a.calls"], 1),
    (&["convert", "intercept.yaml"], 1),
    (&["convert", "--format", "json", "intercept.yaml"], 1),
    (&["replay", "policy.json", "call.jsonl"], 1),
    (&["replay", "bad.json", "call.jsonl"], 1),
    (&["lock", "--check", "locked.json", "tools.json"], 1),
    (&["init", "tools.json"], 0),
    (&["render", "policy.json", "--for", "envoy"], 0),
];

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-policy"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

#[test]
fn who_closes_standard_output_hides_no_finding() {
    let folder = folder("streams-closed");
    for (arguments, status) in RUNS {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command(&folder, arguments).stdout(writer).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {told}");
        assert!(!told.contains("mcp-policy:") && !told.contains("panicked"), "{told}");
    }
    for arguments in [&["--help"][..], &["check", "--help"], &["--version"], &["man"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = command(&folder, arguments).stdout(writer).status().unwrap();
        assert_eq!(status.code(), Some(0), "{arguments:?}");
    }
}

#[test]
fn standard_input_is_read_once() {
    let folder = folder("streams-twice");
    for arguments in [
        &["check", "-", "-"][..],
        &["report", "-", "-"],
        &["replay", "-", "-"],
        &["replay", "-", "--against", "-", "call.jsonl"],
        &["replay", "policy.json", "-", "-"],
        &["explain", "policy.json", "-", "--claims", "@-"],
        &["init", "--merge", "-", "-"],
        &["lock", "--check", "-", "-"],
        &["lock", "--policy", "-", "-"],
        &["lock", "--check", "locked.json", "--saved", "-", "-"],
    ] {
        let from = fs::File::open(folder.join(match arguments[0] {
            "check" | "explain" | "init" | "lock" => "locked.json",
            _ if arguments[1] == "-" => "policy.json",
            _ => "call.jsonl",
        }));
        let output = command(&folder, arguments).stdin(from.unwrap()).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert_eq!(told, "mcp-policy: `-` is given twice, and standard input is one file\n");
    }
}

/// The file to which nothing can be written.
#[cfg(target_os = "linux")]
fn full() -> fs::File {
    fs::OpenOptions::new().write(true).open("/dev/full").unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn an_error_that_cannot_be_told_has_its_status() {
    let folder = folder("streams-untold");
    let wrong: [(&[&str], i32); 4] = [
        (&["check", "none.json"], 2),
        (&["check", "--wrong"], 2),
        (&["sing"], 2),
        (&["render", "bad.json", "--for", "envoy"], 1),
    ];
    for (arguments, status) in RUNS.into_iter().chain(wrong) {
        let run = command(&folder, arguments).stdout(Stdio::null()).stderr(full()).status();
        assert_eq!(run.unwrap().code(), Some(status), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_could_not_be_printed_is_a_failure() {
    let folder = folder("streams-full");
    let others: [(&[&str], i32); 5] = [
        (&["--help"], 0),
        (&["check", "--help"], 0),
        (&["--version"], 0),
        (&["man"], 0),
        (&["completions", "bash"], 0),
    ];
    for (arguments, _) in RUNS.into_iter().chain(others) {
        // Without a finding there is nothing to print.
        if arguments == ["check", "policy.json"] {
            continue;
        }
        let output = command(&folder, arguments).stdout(full()).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains("mcp-policy: cannot write to standard output: "), "{told}");
    }
}
