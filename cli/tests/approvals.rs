//! `approvals` as it is run, against the core's own endpoint: the gateway in memory
//! behind a small server of HTTP. A terminal is a pseudo-terminal of Python's.

mod server;

use crate::{outputs, tls};
use server::{AGENT, ANN, Change, Server, canned, serve};
use snapbox::Data;
use snapbox::cmd::{Command, cargo_bin};

fn approvals(arguments: &[&str]) -> Command {
    // There is no token in the environment, whatever it is called.
    outputs::verb("approvals", arguments).env_remove("TOKEN")
}

fn by(token: &str, arguments: &[&str]) -> Command {
    let command = format!("echo {token}");
    approvals(&[arguments, &["--token-command", &command]].concat())
}

fn golden(name: &str) -> Data {
    outputs::golden("approvals", name)
}

/// Runs the command in a pseudo-terminal, in which each text is waited for and answered.
fn typed(arguments: &[&str], answers: &[(&str, &str)]) -> (i32, String) {
    let binary = cargo_bin!("mcp-policy");
    let answers = serde_json::to_string(answers).unwrap();
    let output = std::process::Command::new("python3")
        .arg("-B")
        .arg(outputs::folder("approvals").join("terminal.py"))
        .arg(answers)
        .arg(binary)
        .arg("approvals")
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

const SAME: Change = |body| body;

#[test]
fn a_request_is_listed_and_shown_with_nothing_hidden() {
    let server = serve(SAME);
    let nothing = by(ANN, &["list", &server.url]).assert().success();
    nothing.stdout_eq("no request waits for you\n").stderr_eq("");
    let arguments = "{\"note\":\"a\u{200b}b \u{202e}  x\u{430}\\\\u{200b}\",\"amount\":5e2,\"to\":[\"\\u001b[2J\",{}]}";
    let id = server.gateway.lock().unwrap().call("create_refund", arguments);
    by(ANN, &["list", &server.url]).assert().success().stdout_eq(golden("list.stdout"));
    let shown = by(ANN, &["show", &server.url, &id]).assert().success();
    shown.stdout_eq(golden("show.stdout")).stderr_eq("");
    let json = by(ANN, &["show", &format!("{}/{id}", server.url), "--format", "json"]);
    json.assert().success().stdout_eq(golden("show.json"));
    let json = by(ANN, &["list", &server.url, "--format", "json"]).assert().success();
    json.stdout_eq(golden("list.json"));
}

#[test]
fn the_page_shows_what_is_shown() {
    let server = serve(SAME);
    let arguments = "{\"amount\":8e2,\"charge\":\"ch_1\u{200b}\"}";
    let id = server.gateway.lock().unwrap().call("create_refund", arguments);
    let shown = by(ANN, &["show", &server.url, &id]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let page = include_str!("../../docs/command/approvals.md");
    assert!(page.contains(&format!("```text file:shown.txt\n{shown}```\n")), "{shown}");
}

#[test]
fn a_command_that_prints_without_an_end_is_not_a_token() {
    let list = |command: &str| {
        let url = "http://127.0.0.1:1/mcp-approvals";
        approvals(&["list", url, "--token-command", command]).assert().code(2)
    };
    // The address with a password is not repeated.
    approvals(&["list", "https://ann:secret@gateway.example.com/a"]).assert().code(2).stderr_eq(
        "mcp-policy: the URL has a user; the token is asked for and never a part of the URL\n",
    );
    list("yes")
        .stderr_eq("mcp-policy: --token-command: prints more than 64 KiB; no token is as long\n");
    list("echo a b").stderr_eq("mcp-policy: the token is empty, or has a space [..]\n");
    list("exit 3").stderr_eq("mcp-policy: --token-command: exit status: 3\n");
    list("echo token; echo more").stderr_eq(
        "mcp-policy: http://127.0.0.1:1/mcp-approvals: cannot be reached: Connection refused [..]\n",
    );
}

#[test]
fn approving_needs_a_terminal_and_the_id_typed_there() {
    let server = serve(SAME);
    let id = server.gateway.lock().unwrap().call("create_refund", r#"{"amount":500}"#);
    let one = format!("{}/{id}", server.url);
    // In a session of its own, the command has no terminal.
    let without = std::process::Command::new("setsid")
        .args(["-w".as_ref(), cargo_bin!("mcp-policy").as_os_str()])
        .args(["approvals", "approve", &one, "--token-command", "echo x"])
        .output()
        .unwrap();
    assert_eq!(without.status.code(), Some(2));
    assert!(String::from_utf8(without.stderr).unwrap().contains("needs a terminal"));
    assert!(server.gateway.lock().unwrap().seen.is_empty(), "nothing was asked");

    let (code, text) =
        typed(&["approve", &one], &[("Token: ", ANN), ("approve exactly this call: ", "yes")]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("not approved") && text.contains("\"amount\": 500"), "{text}");
    assert!(!text.contains(ANN), "the token is not echoed: {text}");
    let posts = |server: &Server| {
        let seen = &server.gateway.lock().unwrap().seen;
        seen.iter().filter(|line| line.starts_with("POST")).count()
    };
    assert_eq!(posts(&server), 0);
    let call = || server.gateway.lock().unwrap().call("create_refund", r#"{"amount":500}"#);
    assert_eq!(call(), id);

    let (code, text) =
        typed(&["approve", &one], &[("Token: ", ANN), ("approve exactly this call: ", &id)]);
    assert_eq!(code, 0, "{text}");
    assert!(text.ends_with(&format!("{id}  approved, approved by payments-ann\n")), "{text}");
    assert_eq!(posts(&server), 1);
    assert_eq!(call(), "went on");

    let id = call();
    let arguments = ["approve", &server.url, &id, "--format", "json"];
    let answers = [("Token: ", ANN), ("approve exactly this call: ", &*id)];
    let (code, text) = typed(&arguments, &answers);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("\n  \"state\": \"approved\",\n  \"approved_by\": ["), "{text}");
}

#[test]
fn a_call_that_takes_two_stays_open_after_the_first() {
    let server = serve(SAME);
    let id = server.gateway.lock().unwrap().call("drop", "{}");
    let command = format!("echo {ANN}");
    let arguments = ["approve", &server.url, &id, "--token-command", &command];
    let (code, text) = typed(&arguments, &[("exactly this call: ", &id)]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("needs    2 approvals; has that of nobody"), "{text}");
    assert!(text.ends_with("pending, approved by payments-ann; others have to approve it too\n"));
    let (code, text) = typed(&arguments, &[("exactly this call: ", &id)]);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("you have approved the request before"), "{text}");
}

#[test]
fn a_denial_has_its_reason_and_takes_an_approval_back() {
    let server = serve(SAME);
    let id = server.gateway.lock().unwrap().call("create_refund", r#"{"amount":500}"#);
    let denied = by(ANN, &["deny", &server.url, &id, "--reason", "Not today & not é."]);
    denied.assert().success().stdout_eq(golden("deny.stdout")).stderr_eq("");
    let seen = server.gateway.lock().unwrap().seen.clone();
    let last = seen.last().unwrap();
    assert!(last.contains("/deny?reason=Not%20today%20%26%20not%20%C3%A9. "), "{last}");
    let again = by(ANN, &["deny", &server.url, &id]).assert().code(2);
    again.stderr_eq("mcp-policy: apr_[..]: was denied before\n");
    let shown = by(ANN, &["show", &server.url, &id]).assert().success();
    shown.stdout_eq(golden("denied.stdout"));
    let other = server.gateway.lock().unwrap().call("create_refund", r#"{"amount":501}"#);
    let denied = by(ANN, &["deny", &server.url, &other, "--format", "json"]).assert().success();
    denied.stderr_eq("").stdout_eq(format!(
        "{{\n  \"id\": \"{other}\",\n  \"state\": \"denied\",\n  \"approved_by\": []\n}}\n"
    ));
    for reason in ["a\nb", &"x".repeat(257)] {
        let refused = by(ANN, &["deny", &server.url, &id, "--reason", reason]).assert().code(2);
        refused.stderr_eq("mcp-policy: --reason: write at most 256 bytes on one line\n");
    }
}

#[test]
fn nothing_is_decided_about_a_call_other_than_the_one_that_is_shown() {
    let changes: [Change; 5] = [
        |body| body.replace("500", "50"),
        |body| body.replace("support-agent", "support-other"),
        |body| body.replace("mcp.example.com", "mcp.example.org").replace("MCP.", "mcp.x."),
        |body| body.replace("create_refund\"", "create_refunds\""),
        |body| body.replace("{\\\"arguments", "{ \\\"arguments"),
    ];
    for change in changes {
        let server = serve(change);
        let id = server.gateway.lock().unwrap().call("create_refund", r#"{"amount":500}"#);
        for verb in ["deny", "show"] {
            let refused = by(ANN, &[verb, &server.url, &id]).assert().code(2).stdout_eq("");
            refused.stderr_eq("mcp-policy: apr_[..]: the gateway[..]\n");
        }
        let seen = server.gateway.lock().unwrap().seen.clone();
        assert!(!seen.is_empty() && seen.iter().all(|line| line.starts_with("GET")), "{seen:?}");
    }
}

#[test]
fn refusals_say_what_helps() {
    let server = serve(SAME);
    let id = server.gateway.lock().unwrap().call("create_refund", r#"{"amount":500}"#);
    let refused = |command: Command, stderr: &str| {
        command.assert().code(2).stdout_eq("").stderr_eq(stderr.to_owned());
    };
    refused(
        by("other-token", &["show", &server.url, &id]),
        "mcp-policy: [..]: refuses with HTTP 401: The caller's bearer token cannot be used.; give a token that is yours and has not expired\n",
    );
    refused(
        by(AGENT, &["deny", &server.url, &id]),
        "mcp-policy: [..]: shows the state alone: the call was made by you, and others decide\n",
    );
    refused(
        by(ANN, &["show", &server.url, "apr_aaaaaaaaaaaaaaaa"]),
        "mcp-policy: [..]: refuses with HTTP 404: [..]; it knows you as payments-ann\n",
    );
    refused(by(ANN, &["show", &server.url]), "mcp-policy: the id of a request is missing[..]\n");
    refused(
        by(ANN, &["show", &server.url, "x"]),
        "mcp-policy: x: is not the id of a request[..]\n",
    );
    refused(
        by(ANN, &["list", "http://gateway.invalid/a"]),
        "mcp-policy: http://gateway.invalid/a: would send the token over the network as it is; [..]\n",
    );
    for (command, why) in [
        ("exit 3", "mcp-policy: --token-command: exit status: 3\n"),
        ("true", "mcp-policy: the token is empty, or has a space[..]\n"),
        ("echo 'a b'", "mcp-policy: the token is empty, or has a space[..]\n"),
    ] {
        refused(approvals(&["list", &server.url, "--token-command", command]), why);
    }
    assert_eq!(
        approvals(&["list", &server.url, "--token", "x"]).output().unwrap().status.code(),
        Some(2)
    );
}

#[test]
fn a_gateway_is_trusted_by_the_authority_that_is_named() {
    let server = serve(SAME);
    let authority = tls::Authority::new("ours");
    let (_, port) = server.url.trim_end_matches("/mcp-approvals").rsplit_once(':').unwrap();
    let door = authority.door("127.0.0.1", port.parse().unwrap());
    let url = format!("https://127.0.0.1:{}/mcp-approvals", door.port);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let file = file.to_str().unwrap();
    let list = |arguments: &[&str]| {
        by(ANN, &[&["list", &url], arguments].concat()).env("NO_PROXY", "*").assert()
    };
    list(&[])
        .code(2)
        .stdout_eq("")
        .stderr_eq("mcp-policy: [..]UnknownIssuer[..]name that with --ca\n");
    assert_eq!(door.entered(), 0, "the token went to a gateway that is not trusted");
    list(&["--ca", file]).success().stdout_eq("no request waits for you\n");
    // A file that is wrong is told before a token is asked for.
    approvals(&["list", &url, "--ca", "absent.pem"])
        .assert()
        .code(2)
        .stderr_eq("mcp-policy: absent.pem: No such file or directory (os error 2)\n");
}

#[test]
fn a_redirect_is_not_followed_and_strange_answers_are_refused() {
    for (answer, stderr) in [
        (
            "HTTP/1.1 302 Found\r\nlocation: https://login.example.com/\r\ncontent-length: 0\r\n\r\n",
            "[..]: answers with a redirect to https://login.example.com/, which is not followed[..]\n",
        ),
        (
            "HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n",
            "[..]: refuses with HTTP 410; the request is over[..]\n",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n<html",
            "[..]: answers with something that is not JSON[..]\n",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "[..]: answers with JSON that is not of the endpoint\n",
        ),
        ("nonsense\r\n\r\n", "mcp-policy: [..]\n"),
        (
            "HTTP/1.1 403 x\r\ncontent-length: 26\r\n\r\n{\"error\":\"\\u001b[31mno\\n\"}",
            "[..]: refuses with HTTP 403: \\u{1b}[31mno\\n\n",
        ),
    ] {
        let refused = by(ANN, &["list", &canned(answer)]).assert().code(2).stdout_eq("");
        refused.stderr_eq(stderr);
    }
    // A server that knows no TLS.
    let plain = canned("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").replace("http:", "https:");
    by(ANN, &["list", &plain]).assert().code(2).stdout_eq("").stderr_eq("mcp-policy: [..]\n");
    // Only root may listen there.
    by(ANN, &["list", "http://127.0.0.1:9/a"]).assert().code(2).stderr_eq("mcp-policy: [..]\n");
}
