//! `convert`: its outputs, and the meaning of what it writes.

#[path = "convert/generated.rs"]
mod generated;
#[path = "convert/intercept.rs"]
mod intercept;
#[path = "convert/meaning.rs"]
mod meaning;
#[path = "convert/outputs.rs"]
mod outputs;

use serde_json::Value;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// Runs `convert` on a text.
fn convert(text: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-policy"));
    command.arg("convert").args(arguments).arg("-");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The report of a conversion, and its exit status.
fn report(text: &str, arguments: &[&str]) -> (Value, i32) {
    let output = convert(text, &[&["--format", "json"], arguments].concat());
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (report, output.status.code().unwrap())
}
