//! `check`: the findings of the core at their places, what surrounds a policy, the forms
//! of findings, and bad input.

mod around;
mod forms;
mod guards;
mod input;
mod language;
mod numbers;
mod routes;
mod shipped;
mod tokens;
mod tools;

use crate::outputs::scratch;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The command with `check`, in a folder.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-policy"));
    command.arg("check").args(arguments).current_dir(folder).env_remove("CLICOLOR_FORCE");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// The JSON form of what is found in files.
fn found(folder: &Path, arguments: &[&str]) -> Value {
    let output = run(folder, &[&["--format", "json"], arguments].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The findings, each as `LINE:COLUMN CODE`.
fn places(found: &Value) -> Vec<String> {
    let findings = found["findings"].as_array().unwrap().iter();
    findings
        .map(|one| format!("{}:{} {}", one["line"], one["column"], one["code"].as_str().unwrap()))
        .collect()
}

/// The line and column of a text in another, as `LINE:COLUMN`.
fn place(text: &str, part: &str) -> String {
    let at = text.find(part).unwrap_or_else(|| panic!("no `{part}`"));
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    format!("{line}:{column}")
}
