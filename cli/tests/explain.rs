//! `explain`: its output in both forms, its exit status, callers by their ids, and bad
//! input. That it says what the gateway does is shown on the whole corpus, by
//! `tests/native/explained.rs`.
//!
//! `UPDATE_GOLDEN=1` writes the files in `explain/` anew, to be read in the diff.

use crate::outputs::scratch;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The moment of every call.
const AT: [&str; 2] = ["--at", "2026-01-05T10:00:17Z"];

const PAYMENTS: &str = "envoy/policies/explained/payments.yaml";
const TEAMS: &str = "envoy/policies/teams/forty-teams.yaml";
const HELPDESK: &str = "envoy/policies/explained/helpdesk.yaml";
const KINDS: &str = "cli/tests/explain/kinds.yaml";
const OFFERS: &str = "cli/tests/explain/offers.yaml";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-policy"));
    command.arg("explain").args(arguments).current_dir(root());
    command.env_remove("CLICOLOR_FORCE").env("COLUMNS", "100");
    command
}

fn run(arguments: &[&str]) -> Output {
    command(&[&AT, arguments].concat()).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The JSON form.
fn json(arguments: &[&str]) -> Value {
    let output = run(&[&["--format", "json"], arguments].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn explanations_read_as_they_did() {
    let refund =
        r#"create_refund {"customer": "c_1", "charge": "ch_1", "amount": 80, "reason": "x"}"#;
    let ads = r#"{"iss": "https://id.example.com", "sub": "al", "team": "ads"}"#;
    let list = r#"{"iss": "https://id.example.com", "sub": "al", "team": ["ads", "api"]}"#;
    let refund_order = r#"refund_order {"order": 1, "amount": "3"}"#;
    let batch = r#"[{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read"}},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "drop"}}]"#;
    let call = r#"{"jsonrpc": "2.0", "id": 0, "method": "tools/call", "params": {"name": "ask"}}"#;
    // Each has an id of its own.
    let asks = |times: u8| -> String {
        let calls = (1..=times).map(|id| call.replace("\"id\": 0", &format!("\"id\": {id}")));
        format!("[{}]", calls.collect::<Vec<_>>().join(","))
    };
    let (three, four) = (asks(3), asks(4));
    let cases: &[(&str, i32, &[&str])] = &[
        ("help", 0, &["--help"]),
        ("allowed", 0, &[PAYMENTS, refund, "--after", "2"]),
        ("rate_limited", 1, &[PAYMENTS, refund, "--after", "3"]),
        ("require", 1, &[PAYMENTS, "create_refund", r#"{"customer": "c_1", "amount": 800}"#]),
        ("undecidable", 1, &[PAYMENTS, r#"create_refund {"amount": "5"}"#]),
        ("args", 1, &[PAYMENTS, r#"create_refund {"amount": 5, "note": "\u202e"}"#]),
        ("beaten", 1, &[TEAMS, "ads_delete", "--claims", ads]),
        ("no_group", 1, &[TEAMS, "mail_send", "--as", "https://id.example.com|bob"]),
        ("unclear_group", 1, &[TEAMS, "ads_list", "--claims", list]),
        ("nobody", 1, &[TEAMS, "ads_list"]),
        ("grant", 0, &[KINDS, "read (x-agent-id: ci-7)"]),
        ("hidden", 1, &[KINDS, "admin_reset", "--as", "alice"]),
        ("approval", 1, &[KINDS, r#"deploy {"to": "prod"}"#, "--as", "alice"]),
        (
            "budget",
            0,
            &[
                KINDS,
                r#"buy {"price": 2.5, "items": [{"n": 1}, {"n": 2}]}"#,
                "--as",
                "alice",
                "--after",
                "2",
            ],
        ),
        ("too_dear", 1, &[KINDS, r#"buy {"price": 99, "items": []}"#, "--as", "alice"]),
        (
            "several_denials",
            1,
            &[KINDS, r#"buy {"price": 1, "items": [{"n": 50}, {}]}"#, "--as", "eve"],
        ),
        ("out_of_time", 1, &[KINDS, "migrate", "--as", "alice"]),
        ("shadow_mode", 0, &[KINDS, "drop", "--as", "trial"]),
        (
            "joined",
            1,
            &[
                HELPDESK,
                r#"update_ticket {"requester": "bob", "comment": "x", "state": "gone"}"#,
                "--claims",
                r#"{"sub": "ann", "groups": ["web"]}"#,
            ],
        ),
        ("time", 1, &[HELPDESK, refund_order, "--claims", r#"{"sub": "ann"}"#]),
        (
            "json_joined",
            1,
            &["--format", "json", HELPDESK, refund_order, "--claims", r#"{"sub": "ann"}"#],
        ),
        ("batch", 1, &[KINDS, batch, "--as", "alice"]),
        ("batch_with_room", 0, &[KINDS, &three, "--as", "alice"]),
        ("batch_without_room", 1, &[KINDS, &four, "--as", "alice"]),
        ("method", 1, &[KINDS, "POST /mcp tasks/invent", "--as", "alice"]),
        ("list", 0, &[KINDS, "POST /mcp tools/list", "--as", "alice"]),
        ("prompt", 0, &[OFFERS, r#"POST /mcp prompts/get {"name": "review"}"#, "--after", "1"]),
        (
            "prompt_limited",
            1,
            &[OFFERS, r#"POST /mcp prompts/get {"name": "review"}"#, "--after", "2"],
        ),
        ("prompt_denied", 1, &[OFFERS, r#"POST /mcp prompts/get {"name": "other"}"#, "--as", "ci"]),
        ("resource_hidden", 1, &[OFFERS, r#"POST /mcp resources/read {"uri": "note://boss/1"}"#]),
        ("resource_denied", 1, &[OFFERS, r#"POST /mcp resources/read {"uri": "note://old/1"}"#]),
        (
            "resource_in_doubt",
            1,
            &[OFFERS, r#"POST /mcp resources/read {"uri": "note://a/../boss"}"#],
        ),
        (
            "json_of_a_prompt",
            1,
            &["--format", "json", OFFERS, r#"POST /mcp prompts/get {"name": "other"}"#],
        ),
        ("get", 0, &[KINDS, "GET /mcp", "--as", "alice"]),
        ("exempt", 0, &[KINDS, "GET /health"]),
        ("path", 1, &[KINDS, "POST /elsewhere ping"]),
        ("duplicate_key", 1, &[KINDS, r#"read {"a": 1, "a": 2}"#, "--as", "alice"]),
        ("json", 1, &["--format", "json", PAYMENTS, refund, "--after", "3"]),
        ("json_of_a_batch", 1, &["--format", "json", KINDS, batch, "--as", "alice"]),
    ];
    let mut wrong = Vec::new();
    for (name, status, arguments) in cases {
        let output = run(arguments);
        let path = root().join(format!("cli/tests/explain/{name}.txt"));
        let found = text(&output) + &String::from_utf8_lossy(&output.stderr);
        let disturbs = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!found.contains(disturbs), "{name}");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&path, &found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        if output.status.code() != Some(*status) || found != expected {
            wrong.push(format!("{name}: {:?}\n{found}", output.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_explanation_decides_as_the_gateway_does_after_the_same_calls() {
    for after in 0..5_u64 {
        let times = after.to_string();
        let told = json(&[KINDS, "ask", "--as", "alice", "--after", &times]);
        let limit = &told["messages"][0]["limits"][0];
        let goes_on = after < 3;
        assert_eq!(told["goes_on"], goes_on, "{told:#}");
        assert_eq!(limit["before"], after.min(3));
        assert_eq!(limit["after"], (after + 1).min(3));
        assert_eq!(limit["left"], 3 - (after + 1).min(3));
        assert_eq!(limit["full"], !goes_on);
        let reason = if goes_on { Value::Null } else { "rate_limited".into() };
        assert_eq!(told["reason"], reason);
        let line = if goes_on { "14:3" } else { "16:9" };
        assert_eq!(told["place"], format!("cli/tests/explain/kinds.yaml:{line}"));
    }
}

#[test]
fn a_caller_is_known_by_its_id_whatever_the_source() {
    let folder = scratch("explain-callers");
    let hash = "sha256:5ba331dbc20f9d502c5a72dd396a52671ab90d34af8ddcfd566636a1b3bd47b0";
    let bearer = format!(r#"{{"bearer": {{"tokens": {{"ci": "{hash}"}}}}}}"#);
    for (name, identity, id, known) in [
        ("none", String::new(), "alice", Some("anonymous")),
        ("header", r#"{"header": "x-agent-id"}"#.into(), "alice", Some("alice")),
        ("mtls", r#"{"mtls": "uri_san"}"#.into(), "spiffe://x/a", Some("spiffe://x/a")),
        ("jwt", r#"{"jwt": {"claim": "realm.user"}}"#.into(), "alice", Some("alice")),
        (
            "joined",
            r#"{"jwt": {"claim": ["iss", "sub"]}}"#.into(),
            r"i\|d|alice",
            Some(r"i\|d|alice"),
        ),
        ("joined", r#"{"jwt": {"claim": ["iss", "sub"]}}"#.into(), "alice", None),
        ("bearer", bearer.clone(), "ci", Some("ci")),
        ("bearer", bearer.clone(), "cd", None),
        (
            "many",
            format!(r#"{{"jwt": {{"claim": "sub"}}}}, {bearer}"#),
            "bearer:ci",
            Some("bearer:ci"),
        ),
        ("many", format!(r#"{{"jwt": {{"claim": "sub"}}}}, {bearer}"#), "jwt:al", Some("jwt:al")),
        ("many", format!(r#"{{"jwt": {{"claim": "sub"}}}}, {bearer}"#), "al", Some("jwt:al")),
    ] {
        let policy = folder.join(format!("{name}.json"));
        let tools = r#""tools": {"read": {}}"#;
        fs::write(
            &policy,
            format!(r#"{{"version": "1", "default": "deny", {tools}, "identity": [{identity}]}}"#),
        )
        .unwrap();
        let policy = policy.to_str().unwrap();
        let output = run(&[policy, "read", "--as", id]);
        let Some(known) = known else {
            assert_eq!(output.status.code(), Some(2), "{name} {id}: {}", text(&output));
            continue;
        };
        assert_eq!(output.status.code(), Some(0), "{name} {id}: {}", text(&output));
        assert!(!text(&output).contains("made-up"), "{name}: a token is shown");
        assert_eq!(json(&[policy, "read", "--as", id])["caller"]["id"], known, "{name}");
    }
}

#[test]
fn colour_is_added_and_nothing_else() {
    let call = r#"create_refund {"amount": 5, "note": "\u001b[31m"}"#;
    let plain = text(&run(&[PAYMENTS, call, "--color", "never"]));
    let painted = text(&run(&[PAYMENTS, call, "--color", "always"]));
    assert!(painted.starts_with("\u{1b}[1m") && !plain.contains('\u{1b}'), "{painted}");
    let mut stripped = painted;
    for code in ["\u{1b}[1m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[0m"] {
        stripped = stripped.replace(code, "");
    }
    assert_eq!(stripped, plain);
}

#[test]
fn no_credential_is_repeated() {
    let secret = "s3cr3t-token";
    let header = format!("authorization: Bearer {secret}");
    for form in ["text", "json"] {
        let output = run(&[KINDS, "guarded", "--as", "alice", "-H", &header, "--format", form]);
        let found = text(&output);
        assert!(found.contains("headers.authorization"), "{found}");
        assert!(!found.contains(secret), "{found}");
    }
}

#[test]
fn a_call_comes_from_a_file_or_from_standard_input() {
    let folder = scratch("explain-files");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let message =
        r#" {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read"}}"#;
    let call = write("call.json", message.as_bytes());
    let told = json(&[KINDS, &format!("@{call}"), "--as", "alice"]);
    assert_eq!(
        (&told["decision"], &told["messages"][0]["tool"]),
        (&"allowed".into(), &"read".into())
    );
    let call = write("call.txt", b"read {\"a\": 1}\n");
    let told = json(&[KINDS, &format!("@{call}"), "--as", "alice"]);
    assert_eq!(told["messages"][0]["arguments"]["a"], 1);
    let broken = write("broken.bin", b"\xff\xfe");
    let told = json(&[KINDS, &format!("@{broken}"), "--as", "alice"]);
    assert_eq!(told["reason"], "undecodable");
    let claims = write("claims.json", br#"{"iss": "i", "sub": "s"}"#);
    let told = json(&[TEAMS, "docs_search", "--claims", &format!("@{claims}")]);
    assert_eq!(told["caller"]["id"], "i|s");
    let told = json(&[TEAMS, "docs_search", "--payload", "not json"]);
    assert_eq!(told["reason"], "no_identity");
    let mut child = command(&[&AT[..], &[KINDS, "-", "--as", "alice"]].concat())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), message.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(text(&output).starts_with("ALLOWED: read"), "{}", text(&output));
}

#[test]
fn bad_input_is_told_with_its_remedy() {
    let folder = scratch("explain-bad");
    let path = |name: &str| -> PathBuf { folder.join(name) };
    fs::write(path("latin.json"), b"{\"version\": \"\xe9\"}").unwrap();
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    let [latin, pipe, directory, gone] =
        [path("latin.json"), path("pipe"), folder.clone(), path("gone.json")]
            .map(|path| path.to_str().unwrap().to_owned());
    let pipe_call = format!("@{pipe}");
    let esc = "\u{1b}[31m";
    for (arguments, part) in [
        (vec![&*gone, "read"], "gone.json: "),
        (vec![&*directory, "read"], "is a directory"),
        (vec![&*pipe, "read"], "is not a regular file"),
        (vec![&*latin, "read"], "is not UTF-8"),
        (vec![KINDS, &*pipe_call], "is not a regular file"),
        (vec![KINDS, ""], "is not a call; write `TOOL`"),
        (vec![KINDS, "read {a: 1}"], "the call, column 7: the arguments of read are not JSON"),
        (vec![KINDS, r#"read {"a": 1} x"#], "`x` is not known behind arguments; expected `(NAME"),
        (vec![KINDS, "read it"], "is not a call; write `TOOL`"),
        (vec![KINDS, "POST mcp tools/list"], "`POST mcp tools/list` names no path"),
        (vec![KINDS, "POST tools/list"], "names no path; write `POST /mcp METHOD`"),
        (vec![KINDS, "read", "--at", "noon"], "--at noon: write a moment like"),
        (vec![KINDS, "read", "-H", "x-agent-id"], "write it as `NAME: VALUE`"),
        (vec![KINDS, "read", "-H", "x-agent-id: a\nb"], "write it as `NAME: VALUE`"),
        (vec![KINDS, "read", "--claims", "[]"], "--claims: not one JSON object"),
        (vec![KINDS, "read", "--claims", r#"{"a": 1, "a": 2}"#], "--claims: not one JSON object"),
        (vec![KINDS, "read", "--after", "9999999"], "9999999 is not in"),
        (vec![KINDS, esc], "is not a call; write `TOOL`"),
        (vec!["-", "-"], "standard input holds the policy or the call"),
    ] {
        let output = command(&arguments).output().unwrap();
        let told = String::from_utf8(output.stderr.clone()).unwrap();
        if arguments.get(1) == Some(&esc) {
            // A tool of that name cannot be, which the gateway says.
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
            assert!(!text(&output).contains('\u{1b}'));
            continue;
        }
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(part) && !told.contains('\u{1b}'), "{arguments:?}: {told}");
        assert!(text(&output).is_empty(), "{arguments:?}");
    }
    // Nothing of a call moves the cursor of a terminal, in JSON too.
    let call = "read {\"\u{202e}\": \"\u{9b}31m\u{7f}\"}";
    for form in ["text", "json"] {
        let output = run(&[KINDS, call, "--as", "a", "--format", form]);
        let told = text(&output);
        assert!(!told.contains(['\u{202e}', '\u{9b}', '\u{7f}']), "{told}");
    }
    for (call, remedy) in [
        ("PUT /mcp", "send it by GET, POST or DELETE"),
        (r#"buy {"items": [{"n": 1}]}"#, "send the value by which the limit counts"),
    ] {
        let told = text(&run(&[KINDS, call, "--as", "a"]));
        assert!(told.contains(remedy), "{told}");
    }
    let told = text(&run(&[KINDS, r#"deploy {"to": "prod"}"#, "--as", "ops-1"]));
    assert!(told.contains("to change it: make it with the credential of a caller who"), "{told}");
    fs::write(path("invalid.json"), r#"{"version": "1", "default": "maybe"}"#).unwrap();
    let invalid = path("invalid.json");
    let output = run(&[invalid.to_str().unwrap(), "read"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("invalid.json:1:18: error: /default: "), "{}", text(&output));
}
