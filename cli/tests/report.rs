//! `report` as it is run: its tables, its JSON, and logs that are none.

use crate::outputs;
use snapbox::Data;
use snapbox::cmd::{Command, cargo_bin};
use std::io::Write as _;

fn golden(name: &str) -> Data {
    outputs::golden("report", name)
}

fn report(arguments: &[&str]) -> Command {
    outputs::verb("report", arguments).current_dir(outputs::folder("report"))
}

#[test]
fn an_access_log_shows_what_enforcing_would_break() {
    report(&["access.log"]).assert().success().stdout_eq(golden("access.stdout")).stderr_eq("");
}

#[test]
fn json_access_logs_and_lists_of_batches_are_read() {
    let json = report(&["--format", "json", "access.jsonl"]).assert().success();
    json.stdout_eq(golden("access.json")).stderr_eq("");
}

#[test]
fn lines_of_envoys_own_log_are_read() {
    report(&["envoy.log"]).assert().success().stdout_eq(golden("envoy.stdout"));
}

#[test]
fn tables_are_cut_and_times_are_left_out() {
    let cut = report(&[
        "--top",
        "1",
        "--since",
        "2024-10-04T00:00:03Z",
        "--until",
        "2024-10-04T00:00:08Z",
        "access.log",
    ]);
    cut.assert().success().stdout_eq(golden("cut.stdout"));
    let none = report(&["--since", "2024-10-05", "access.log"]).assert().success();
    none.stdout_eq(golden("none.stdout"));
}

#[test]
fn escapes_of_terminals_are_shown_and_not_sent() {
    for form in ["text", "json"] {
        let output = report(&["--format", form, "escapes.jsonl"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let sent = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(sent), "{text:?}");
        assert!(text.contains("hidden"), "{text}");
    }
}

#[test]
fn a_compressed_log_and_standard_input_are_read() {
    let text = std::fs::read(outputs::folder("report").join("access.log")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let compressed = folder.path().join("access.log.gz");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&text).unwrap();
    let gzip = encoder.finish().unwrap();
    // Rotated logs may be joined.
    std::fs::write(&compressed, [&gzip[..], &gzip[..]].concat()).unwrap();
    let twice = report(&["--format", "json", compressed.to_str().unwrap()]).output().unwrap();
    let twice: serde_json::Value = serde_json::from_slice(&twice.stdout).unwrap();
    let once = report(&["--format", "json", "-"]).stdin(text).output().unwrap();
    let once: serde_json::Value = serde_json::from_slice(&once.stdout).unwrap();
    assert_eq!(once["records"], 10);
    assert_eq!(twice["records"], 20);
    std::fs::write(&compressed, &gzip[..gzip.len() / 2]).unwrap();
    let cut = report(&[compressed.to_str().unwrap()]).assert().code(2);
    cut.stdout_eq("").stderr_eq("mcp-policy: [..]access.log.gz: [..]\n");
}

#[test]
fn what_cannot_be_read_is_said() {
    let refused = |arguments: &[&str], stderr: &'static str| {
        let refused = report(arguments).assert().code(2).stdout_eq("");
        refused.stderr_eq(stderr);
    };
    refused(&["absent.log"], "mcp-policy: absent.log: No such file or directory (os error 2)\n");
    refused(&["."], "mcp-policy: .: is a directory; name a file in it\n");
    refused(
        &["--since", "yesterday", "access.log"],
        "mcp-policy: `yesterday` is not a moment; write one like `2030-12-31T18:00:00Z` or `2030-12-31`\n",
    );
    for until in ["2024-10-05", "2024-10-04"] {
        refused(
            &["--since", "2024-10-05", "--until", until, "access.log"],
            "mcp-policy: --since is not before --until, so no moment is between them\n",
        );
    }
    refused(
        &["../report.rs"],
        "mcp-policy: none of [..] lines has a record; the log's format needs %FILTER_STATE(wasm.mcp_audit:PLAIN)%\n",
    );
    report(&["-"]).stdin("").assert().success();
    report(&[]).assert().code(2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_without_a_writer_is_refused_and_a_closed_one_ends_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let refused = report(&[pipe.to_str().unwrap()]).assert().code(2);
    refused.stderr_eq(
        "mcp-policy: [..]pipe: is not a regular file; read it through standard input, with `-`\n",
    );
    let (read, write) = std::io::pipe().unwrap();
    drop(read);
    let ended = std::process::Command::new(cargo_bin!("mcp-policy"))
        .args(["report", "access.log"])
        .current_dir(outputs::folder("report"))
        .stdout(write)
        .output()
        .unwrap();
    assert_eq!((ended.status.code(), ended.stderr), (Some(0), Vec::new()));
}
