//! Readers in Node.js and Python: the programs `read` beside the servers that
//! `scripts/sdk-servers` installs.

use std::io::Write;
use std::process::{Command, Stdio};

use serde::de::DeserializeOwned;
use serde_json::json;

use super::Read;
use crate::server::folder;

/// What the readers beside both servers make of each text.
pub fn read<T: DeserializeOwned>(kind: &str, texts: &[String]) -> Vec<Read<T>> {
    let mut all: Vec<Read<T>> = beside("filesystem", kind, texts);
    for (read, more) in all.iter_mut().zip(beside("fetch", kind, texts)) {
        read.extend(more);
    }
    all
}

fn beside<T: DeserializeOwned>(server: &str, kind: &str, texts: &[String]) -> Vec<Read<T>> {
    let program = folder().join(server).join("read");
    let mut child = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; see scripts/sdk-servers", program.display()));
    let lines: String = texts.iter().map(|text| format!("{}\n", json!([kind, text]))).collect();
    let mut stdin = child.stdin.take().expect("a pipe");
    // It answers while it reads.
    let writing = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().expect("its output");
    writing.join().expect("a thread").expect("all was read");
    let answers = String::from_utf8(output.stdout).expect("JSON in UTF-8");
    let answers = answers.lines().map(|line| serde_json::from_str(line).expect("an answer"));
    let answers: Vec<Read<T>> = answers.collect();
    assert_eq!(answers.len(), texts.len(), "{server} ended: {}", output.status);
    answers
}
