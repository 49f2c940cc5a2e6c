//! Real servers: the classes of their tools were read one by one, and are kept in
//! `real/`.

use super::rig::{Running, Scratch, golden, init};
use snapbox::{Data, str};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with the servers, which `scripts/init-servers` installs.
fn servers() -> &'static Path {
    static SERVERS: OnceLock<PathBuf> = OnceLock::new();
    SERVERS.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/init-servers");
        let output = Command::new(script).output().expect("scripts/init-servers");
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        PathBuf::from(String::from_utf8(output.stdout).expect("UTF-8").trim())
    })
}

fn server(name: &str) -> String {
    servers().join(name).to_str().expect("UTF-8").to_owned()
}

fn lists(name: &str, arguments: &[&str], reasons: Data) {
    let server = server(name);
    let run = init(&[&["--path", "/mcp", "--timeout", "600", "--", &server], arguments].concat());
    run.assert().success().stderr_eq(reasons);
}

#[test]
fn server_everything_over_stdio_and_http() {
    lists("everything", &[], golden("real/everything.txt"));
    let mut command = Command::new(server("everything"));
    command.arg("streamableHttp").env("NODE_OPTIONS", loopback());
    let running = Running::start(command);
    let run = init(&[&running.url(), "--path", "/mcp", "--timeout", "600"]).assert();
    run.success().stderr_eq(golden("real/everything.txt"));
}

/// The option by which Node.js has a server listen on a free port of loopback alone.
fn loopback() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/init/servers/loopback.cjs");
    format!("--require={}", file.display())
}

#[test]
fn server_filesystem() {
    let scratch = Scratch::new("filesystem");
    lists("filesystem", &[&scratch.file("")], golden("real/filesystem.txt"));
}

#[test]
fn server_memory() {
    lists("memory", &[], golden("real/memory.txt"));
}

#[test]
fn server_git() {
    lists("git", &[], golden("real/git.txt"));
}

#[test]
fn a_program_that_wants_arguments_is_told_with_its_last_words() {
    let server = server("filesystem");
    let run = init(&["--timeout", "600", "--", &server, "/there-is-no-such-folder"]).assert();
    run.code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]/filesystem: the server ended before it answered `initialize`; it ended with exit status: 1; its log ends with `Error: None of the specified directories are accessible`

"#]]);
}
