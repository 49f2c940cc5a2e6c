//! The command `mcp-policy` beside a real Envoy.
//!
//! It is target/mcp-policy (`make cli`), unless MCP_POLICY names another.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::in_time;

/// The command's file.
fn file() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let built = || root.join("target/mcp-policy");
    let file = std::env::var_os("MCP_POLICY").map_or_else(built, PathBuf::from);
    assert!(file.is_file(), "no command: run `make cli` first");
    file
}

/// Runs the command on a standard input.
pub fn run(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(file())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command");
    let mut stdin = child.stdin.take().expect("piped");
    // It may end before it reads.
    let written = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("its end");
    assert!(written.is_ok() || input.is_empty() || !output.status.success(), "{written:?}");
    output
}

/// The text that the command prints when all is well.
#[track_caller]
pub fn printed(arguments: &[&str], input: &str) -> String {
    let Output { status, stdout, stderr } = run(arguments, input);
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("UTF-8")
}

/// The same while servers of the test's own thread go on.
pub async fn beside(arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
    let run = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        printed(&arguments, "")
    });
    in_time(run).await.expect("what it prints")
}

/// Runs the command in a pseudo-terminal, in which each text is waited for and answered:
/// its status, and all that the terminal showed.
pub async fn typed(arguments: &[&str], answers: &[(&str, &str)]) -> (i64, String) {
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("cli/tests/approvals/terminal.py");
    let mut python = Command::new("python3");
    python.arg("-B").arg(driver).arg(serde_json::to_string(answers).expect("JSON"));
    python.arg(file()).args(arguments);
    let run = tokio::task::spawn_blocking(move || python.output().expect("python3"));
    let Output { status, stdout, stderr } = in_time(run).await.expect("its end");
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    let shown: Value = serde_json::from_slice(&stdout).expect("JSON");
    let text = shown[1].as_str().expect("a text");
    (shown[0].as_i64().expect("a status"), text.to_owned())
}

/// A folder for the files of one test, which removes it at its end.
pub fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let folder = folder.join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder of ours");
    folder
}
