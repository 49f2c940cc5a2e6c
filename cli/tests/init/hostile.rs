//! Servers that misbehave: a clear error or a bounded result, nothing on the terminal
//! that moves its cursor, and no process left behind.

use super::rig::{Running, Scratch, here, init, texts};
use snapbox::str;
use std::io::Read as _;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

const SERVER: &str = "hostile.py";

pub(crate) fn over_http(mode: &str, port: u16) -> Running {
    let mut command = Command::new("python3");
    command.current_dir(here()).args([SERVER, mode, "http", &port.to_string()]);
    Running::start(command)
}

/// Runs `init` on a server over stdio.
fn over_stdio(mode: &str, port: u16, arguments: &[&str]) -> snapbox::cmd::OutputAssert {
    let port = port.to_string();
    let server = ["--", "python3", SERVER, mode, "stdio", &port];
    let run = init(&[&patient(arguments)[..], &server].concat()).assert();
    harmless(&run);
    run
}

/// Runs `init` on a server over Streamable HTTP, without the port in what it says.
pub(crate) fn over_url(mode: &str, arguments: &[&str]) -> snapbox::cmd::OutputAssert {
    let server = over_http(mode, 1);
    let run = init(&[&[server.url().as_str()], &patient(arguments)[..]].concat()).assert();
    harmless(&run);
    run
}

/// Arguments with time enough for a slow machine, unless the test is about that.
fn patient<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let patience: &[&str] =
        if arguments.contains(&"--timeout") { &[] } else { &["--timeout", "600"] };
    [patience, arguments].concat()
}

/// Nothing that was written moves a cursor or changes the direction of text.
pub(crate) fn harmless(run: &snapbox::cmd::OutputAssert) {
    let (out, err) = texts(run);
    let harmful = |c: char| c != '\n' && mcp_policy_filter::text::disturbs(c);
    assert!(!out.contains(harmful), "{out:?}");
    assert!(!err.contains(harmful), "{err:?}");
}

/// Both ways to the same server, which say the same about it.
fn both(mode: &str, said: impl snapbox::IntoData + Clone) {
    over_stdio(mode, 1, &[]).code(2).stdout_eq("").stderr_eq(said.clone());
    over_url(mode, &[]).code(2).stdout_eq("").stderr_eq(said);
}

#[test]
fn a_list_without_end_has_a_last_page() {
    both(
        "for-ever",
        str![[r#"
mcp-policy: [..]: the server's list of tools has more than 250 pages

"#]],
    );
}

#[test]
fn a_cursor_that_comes_twice_ends_the_list() {
    both(
        "same-cursor",
        str![[r#"
mcp-policy: [..]: the server gives the cursor `7` twice, so its list of tools has no end

"#]],
    );
}

#[test]
fn more_than_ten_thousand_tools_are_refused() {
    both(
        "too-many",
        str![[r#"
mcp-policy: [..]: the server lists more than 10000 tools; no policy is written for as many

"#]],
    );
}

#[test]
fn ten_thousand_tools_get_a_policy() {
    for run in
        [over_stdio("many", 1, &["--format", "json"]), over_url("many", &["--format", "json"])]
    {
        let (out, err) = texts(&run.success());
        let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(report["tools"].as_array().map(Vec::len), Some(10_000));
        assert_eq!(report["policy"]["tools"].as_object().map(serde_json::Map::len), Some(10_000));
        assert_eq!(err, "");
    }
}

#[test]
fn a_name_of_ten_megabytes_is_left_out() {
    let said = str![[r#"
TOOL                                               CLASS  RISK  RULE      FROM THE TOOL'S DEFINITION
get_it                                             Read   low   allowed   "get" in its name
xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…  Read   low   left out  no tool of MCP has such a name

2 tools: 2 Read. Every other tool is denied.
note: [..]

"#]];
    over_stdio("long-name", 1, &[]).success().stderr_eq(said.clone());
    over_url("long-name", &[]).success().stderr_eq(said);
}

#[test]
fn names_that_no_tool_has_are_left_out() {
    let run = over_stdio("names", 1, &["--format", "json"]).success();
    let (out, _) = texts(&run);
    let report: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let names: Vec<&String> =
        report["policy"]["tools"].as_object().expect("tools").keys().collect();
    assert_eq!(names, ["get.it", "ns/get", "get_it"]);
    assert_eq!(report["left_out"].as_array().map(Vec::len), Some(9));
}

#[test]
fn escapes_in_names_and_descriptions_are_shown_and_not_sent() {
    let said = str![[r#"
TOOL                                               CLASS        RISK      RULE      FROM THE TOOL'S DEFINITION
it                                                 Destructive  critical  hidden    "Delete it /u{1b}[2J/u{1b}]0"
get/u{1b}[2J/u{1b}]0;owned/u{7}/u{202e}gnp.exe/u…  Read         low       left out  no tool of MCP has such a name

2 tools: 1 Destructive, 1 Read. Every other tool is denied.
note: the policy does not say where MCP is, so requests to any other path pass unjudged; give --path /mcp, if that is where clients will reach the server

"#]];
    over_stdio("escapes", 1, &[]).success().stderr_eq(said.clone());
    over_url("escapes", &[]).success().stderr_eq(said);
}

#[test]
fn a_tool_that_is_defined_twice_is_left_out_where_that_matters() {
    over_stdio("twice", 1, &["--path", "/mcp"])
        .success()
        .stderr_eq(str![[r#"
TOOL     CLASS  RISK  RULE      FROM THE TOOL'S DEFINITION
get_it   Read   low   allowed   "get" in its name
list_it  Read   low   left out  it is defined twice, in different ways
list_it  Read   low   left out  it is defined twice, in different ways
Show     Read   low   allowed   "show" in its name
show     Read   low   allowed   "show" in its name

5 tools: 5 Read. Every other tool is denied.

"#]])
        .stdout_eq(str![[r#"
{
  "version": "1",
  "default": "deny",
  "tools": {
    "get_it": {},
    "Show": {},
    "show": {}
  },
  "settings": {
    "paths": [
      "/mcp"
    ]
  }
}

"#]]);
}

#[test]
fn names_that_differ_in_case_have_counters_of_their_own() {
    let run = over_stdio("collide", 1, &["--format", "json"]).success();
    let report: serde_json::Value = serde_json::from_str(&texts(&run).0).expect("JSON");
    let tools = report["policy"]["tools"].as_object().expect("tools");
    let counters: Vec<&str> =
        tools.values().filter_map(|rule| rule["limits"][0]["counter"].as_str()).collect();
    let cut = format!("send_{}_rate", "x".repeat(235));
    assert_eq!(counters, ["add_it_rate", "add_it_2_rate", "add_it_3_rate", cut.as_str()]);
}

#[test]
fn errors_of_the_server_are_told() {
    both(
        "error",
        str![[r#"
mcp-policy: [..]: the server answered `tools/list` with the error -32603: Broken /u{1b}[2J/u{1b}]0;owned/u{7}/u{202e}gnp.exe/u{2066}/r/nnote: all is well

"#]],
    );
    both(
        "refuses",
        str![[r#"
mcp-policy: [..]: the server answered `initialize` with the error -32000: Not today /u{1b}[2J/u{1b}]0;owned/u{7}/u{202e}gnp.exe/u{2066}/r/nnote: all is well

"#]],
    );
}

#[test]
fn answers_that_are_not_of_mcp_are_told() {
    both(
        "wrong-id",
        str![[r#"
mcp-policy: [..]: the server's answer to `initialize` is not one of MCP

"#]],
    );
    both(
        "no-version",
        str![[r#"
mcp-policy: [..]: the server's answer to `initialize` is not one of MCP

"#]],
    );
    both(
        "no-list",
        str![[r#"
mcp-policy: [..]: the server's answer to `tools/list` is not a list of tools as MCP has it, in which each has a name and an inputSchema

"#]],
    );
    both(
        "no-schema",
        str![[r#"
mcp-policy: [..]: the server's answer to `tools/list` is not a list of tools as MCP has it, in which each has a name and an inputSchema

"#]],
    );
}

#[test]
fn a_version_that_there_is_not_changes_nothing() {
    over_stdio("lies", 1, &[]).success();
    over_url("lies", &[]).success();
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    both_with_timeout(
        "silent",
        str![[r#"
mcp-policy: [..]: the server did not list its tools within 0.5 s; see that it is an MCP server, or give it more time with --timeout

"#]],
    );
}

fn both_with_timeout(mode: &str, said: impl snapbox::IntoData + Clone) {
    let arguments = ["--timeout", "0.5"];
    over_stdio(mode, 1, &arguments).code(2).stdout_eq("").stderr_eq(said.clone());
    over_url(mode, &arguments).code(2).stdout_eq("").stderr_eq(said);
}

#[test]
fn a_program_that_ends_is_told_with_its_last_words() {
    over_stdio("dies", 1, &[]).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server ended before it answered `initialize`; it ended with exit status: 3; its log ends with `note: all is well`

"#]]);
    over_stdio("leaves", 1, &[]).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server ended before it answered `tools/list`; it ended with exit status: 4

"#]]);
    over_stdio("garbage", 1, &[]).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server ended before it answered `initialize`; its standard output has `Starting /u{1b}[2J/u{1b}]0;owned/u{7}/u{202e}gnp.exe/u{2066}`, which is not a message of MCP (a log belongs on standard error)

"#]]);
}

#[test]
fn a_greeting_before_the_first_message_does_no_harm() {
    over_stdio("chatty", 1, &[]).success();
}

#[test]
fn a_program_that_cannot_be_started_is_told() {
    let scratch = Scratch::new("no-program");
    init(&["--", &scratch.file("none")]).assert().code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: cannot start `[..]/none`: No such file or directory (os error 2)

"#]]);
}

#[test]
fn answers_without_end_are_cut() {
    over_stdio("flood", 1, &[]).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server sends more than 32 MiB; no list of tools is as large; [..]its standard output has `xxx[..]`, which is not a message of MCP (a log belongs on standard error)

"#]]);
    over_url("huge", &[]).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server sends more than 32 MiB; no list of tools is as large

"#]]);
    over_url("endless-events", &[]).code(2).stdout_eq("").stderr_eq(str![[r#"
mcp-policy: [..]: the server sends more than 32 MiB; no list of tools is as large

"#]]);
}

#[test]
fn all_that_a_program_started_is_ended_with_it() {
    for mode in ["children", "stubborn"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        over_stdio(mode, port, &["--timeout", "600"]).success();
        let (mut alive, _) = listener.accept().expect("a connection");
        alive.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        assert_eq!(alive.read(&mut [0]).expect("the end of the process"), 0);
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_program_and_all_that_it_started() {
    for signal in ["-INT", "-TERM", "-HUP"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port().to_string();
        let mut run = Command::new(snapbox::cmd::cargo_bin!("mcp-policy"))
            .current_dir(here())
            .args(["init", "--timeout", "600", "--", "python3", SERVER, "waits", "stdio", &port])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command");
        let (mut alive, _) = listener.accept().expect("a connection");
        let kill = Command::new("kill").args([signal, &run.id().to_string()]).status();
        assert!(kill.expect("kill").success());
        assert_eq!(run.wait().expect("its end").code(), Some(130), "{signal}");
        alive.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        assert_eq!(alive.read(&mut [0]).expect("the end of the process"), 0, "{signal}");
        let mut written = String::new();
        run.stdout.expect("its output").read_to_string(&mut written).expect("UTF-8");
        assert_eq!(written, "");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_while_the_program_is_ended_is_heard() {
    over_stdio("terminates", 1, &[]).code(130).stdout_eq("");
}

#[cfg(target_os = "linux")]
#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let run = |before: &str| {
        let command = snapbox::cmd::cargo_bin!("mcp-policy");
        Command::new("sh")
            .current_dir(here())
            .args(["-c", &format!("{before} exec \"$0\" \"$@\"")])
            .arg(command)
            .args(["init", "--timeout", "600", "--", "python3", SERVER, "hangs-up", "stdio"])
            .output()
            .expect("the command")
    };
    assert_eq!(run("").status.code(), Some(130));
    let ignoring = run("trap '' HUP;");
    assert!(ignoring.status.success(), "{}", String::from_utf8_lossy(&ignoring.stderr));
    assert!(!ignoring.stdout.is_empty());
}

#[test]
fn servers_without_the_old_handshake_are_spoken_to() {
    over_stdio("modern", 1, &[]).success();
    over_url("modern", &[]).success();
}
