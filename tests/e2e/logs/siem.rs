//! The way of a log to a SIEM, by the rsyslog of Debian, where `scripts/rsyslog` found it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use mcp_rig::gateway::Process;
use mcp_rig::upstream::Upstream;
use mcp_rig::wait::until;
use serde_json::Value;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::{LINES, PAGE, all_kinds, logging};
use crate::command;
use crate::pages::{fence, yaml};

/// The program, or a line that says that there is none.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("RSYSLOGD").filter(|path| !path.is_empty());
    if path.is_none() {
        let why = "no rsyslogd (RSYSLOGD, from scripts/rsyslog): the way to a SIEM is not tried";
        let _ = writeln!(std::io::stderr(), "{why}");
    }
    path.map(PathBuf::from)
}

/// The configuration of the page in a folder, with the SIEM at this address.
fn configuration(folder: &str, siem: SocketAddr) -> String {
    let mut text = fence(PAGE, "text run:rsyslog");
    for (from, to) in [
        ("/var/spool/rsyslog", folder.to_owned()),
        ("/var/log/envoy/mcp.json", format!("{folder}/mcp.json")),
        ("siem.example.com", siem.ip().to_string()),
        ("\"6514\"", format!("\"{}\"", siem.port())),
    ] {
        assert!(text.contains(from), "the page has no {from}");
        text = text.replace(from, &to);
    }
    text
}

#[tokio::test]
async fn rsyslog_sends_each_line_to_a_siem() {
    let Some(program) = program() else { return };
    let folder = command::folder("rsyslog");
    let path = folder.to_str().expect("UTF-8").to_owned();
    let siem = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let file = folder.join("rsyslog.conf");
    let text = configuration(&path, siem.local_addr().expect("a port"));
    std::fs::write(&file, text).expect("a file of ours");

    let upstream = Upstream::start().await;
    let mut logs = yaml(PAGE, "yaml run:json-log")["access_log"].clone();
    let format = logs[0]["typed_config"]["log_format"].take();
    logs[0] = yaml(PAGE, "yaml run:file-log");
    logs[0]["typed_config"]["path"] = format!("{path}/mcp.json").into();
    logs[0]["typed_config"]["log_format"] = format;
    let gateway = logging(logs, &upstream).start().await;

    let mut rsyslog = Command::new(program);
    rsyslog.args(["-n", "-f"]).arg(&file).arg("-i").arg(folder.join("pid"));
    let said = std::fs::File::create(folder.join("rsyslog.log")).expect("a file of ours");
    rsyslog.stdout(said.try_clone().expect("a handle")).stderr(said).stdin(Stdio::null());
    let _rsyslog = Process::spawn(rsyslog).expect("rsyslogd");
    all_kinds(&gateway).await;

    let mut received = Vec::new();
    let (mut stream, _) = crate::support::in_time(siem.accept()).await.expect("a connection");
    while received.iter().filter(|byte| **byte == b'\n').count() < LINES {
        let read = crate::support::in_time(stream.read_buf(&mut received)).await;
        assert_ne!(read.expect("bytes"), 0, "{}", String::from_utf8_lossy(&received));
    }
    let received = String::from_utf8(received).expect("UTF-8");
    let written = until("the file", async || std::fs::read_to_string(folder.join("mcp.json")).ok());
    let written = written.await;
    assert_eq!(received.lines().count(), LINES);
    for (sent, line) in received.lines().zip(written.lines()) {
        assert!(sent.starts_with("<109>1 20"), "{sent}");
        let (head, json) = sent.split_once(" mcp-policy - - - ").expect("a head");
        assert_eq!(head.split(' ').count(), 3, "{head}");
        assert_eq!(json, line);
        assert!(serde_json::from_str::<Value>(json).is_ok(), "{json}");
    }
    std::fs::remove_dir_all(folder).expect("a folder of ours");
}
