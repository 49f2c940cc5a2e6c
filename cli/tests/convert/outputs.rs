//! The outputs and statuses of `convert`, and bad input.

use super::{convert, report};
use crate::outputs::scratch;
use serde_json::{Value, json};
use snapbox::Data;
use snapbox::cmd::{Command, cargo_bin};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/convert/cases")
}

/// Runs `convert` in the folder of the cases.
fn run(arguments: &[&str]) -> Command {
    Command::new(cargo_bin!("mcp-policy")).arg("convert").args(arguments).current_dir(cases())
}

/// An expected output, which `SNAPSHOTS=overwrite` writes anew.
fn golden(name: &str) -> Data {
    Data::read_from(&cases().join(name), None).raw()
}

#[test]
fn a_policy_of_intercept_is_written_with_what_it_does_not_mean() {
    run(&["github.yaml"])
        .assert()
        .code(1)
        .stdout_eq(golden("github.stdout"))
        .stderr_eq(golden("github.stderr"));
    run(&["--yaml", "stripe.yaml"])
        .assert()
        .code(1)
        .stdout_eq(golden("stripe.stdout"))
        .stderr_eq(golden("stripe.stderr"));
}

#[test]
fn a_policy_that_keeps_its_meaning_has_the_status_0() {
    run(&["readonly.yaml"])
        .assert()
        .code(0)
        .stdout_eq(golden("readonly.stdout"))
        .stderr_eq(golden("readonly.stderr"));
}

#[test]
fn the_other_dialects_are_recognised() {
    run(&["catalogue.yaml"])
        .assert()
        .code(1)
        .stdout_eq(golden("catalogue.stdout"))
        .stderr_eq(golden("catalogue.stderr"));
    run(&["policylayer.json"])
        .assert()
        .code(1)
        .stdout_eq(golden("policylayer.stdout"))
        .stderr_eq(golden("policylayer.stderr"));
}

#[test]
fn a_file_that_its_own_program_refuses_has_every_error_and_no_output() {
    run(&["broken.yaml"]).assert().code(1).stdout_eq("").stderr_eq(golden("broken.stderr"));
}

#[test]
fn help_is_short_and_has_examples() {
    run(&["--help"]).assert().code(0).stdout_eq(golden("help.stdout"));
}

/// The policies that PolicyLayer's pages print.
#[test]
fn the_policies_of_the_pages_stay_as_they_are() {
    let tools =
        ["claude_code_session", "cmux_send", "enhancedSend", "send_command", "session_send"];
    for tool in tools {
        let file = format!("{}/tests/convert/cases/seed-{tool}.json", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(file).unwrap();
        let (report, status) = report(&text, &[]);
        assert_eq!(report["dialect"], "policylayer", "{tool}");
        assert_eq!(report["policy"], serde_json::from_str::<Value>(&text).unwrap(), "{tool}");
        let list = report["list"].as_array().unwrap();
        let topics: Vec<_> = list.iter().map(|one| (&one["topic"], &one["line"])).collect();
        assert_eq!(topics, [(&json!("scope"), &json!(7))], "{tool}");
        assert_eq!(status, 1, "{tool}");
    }
}

#[test]
fn the_dialect_can_be_named_and_has_to_be_where_dialects_are_mixed() {
    let mixed = r#"{"version":"1","default":"deny","tools":{"a":{"rules":[]},"b":{"limits":[]}}}"#;
    let told = convert(mixed, &[]);
    assert!(String::from_utf8_lossy(&told.stderr).contains("`--from`"), "{told:?}");
    let (told, status) = report(mixed, &["--from", "intercept"]);
    assert_eq!((&told["dialect"], status), (&json!("intercept"), 1));
    assert_eq!(told["policy"]["tools"], json!({ "a": {}, "b": {} }));
    assert_eq!(told["list"][0]["topic"], "unknown_key");
    let own = convert(r#"{"version":"1","default":"deny","settings":{}}"#, &[]);
    assert!(String::from_utf8_lossy(&own.stderr).contains("nothing to convert"), "{own:?}");
    let star = convert(r#"{"version":"1","default":"deny","tools":{"*":{"limits":[]}}}"#, &[]);
    assert!(String::from_utf8_lossy(&star.stderr).contains("`all_tools`"), "{star:?}");
}

/// A file that Intercept cannot load is never taken for one without rules.
#[test]
fn a_value_of_another_kind_is_an_error() {
    for (tools, words) in [
        ("{ a: { rules: { name: x, action: deny } } }", "`rules` is a list"),
        ("[ { a: { rules: [] } } ]", "`tools` is an object"),
        ("{ a: { rules: [ { name: x, action: [deny] } ] } }", "`action` is a text"),
        (
            "{ a: { rules: [ { name: x, conditions: { path: args.x } } ] } }",
            "`conditions` is a list",
        ),
        ("{ a: [] }", "an object is expected"),
        ("{ a: { rules: [ deny ] } }", "an object is expected"),
        (
            "{ a: { rules: [ { name: x, conditions: [ { path: args.x, op: eq, value: 2026-01-01 } ] } ] } }",
            "put it in quotes",
        ),
    ] {
        let output = convert(&format!("version: '1'\ntools: {tools}\n"), &["--from", "intercept"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{tools} {told}");
        assert!(told.contains(words), "{tools} {told}");
        assert!(output.stdout.is_empty());
    }
    let text = "version: '1'\nhide: x\n";
    let told = convert(text, &[]);
    assert!(String::from_utf8_lossy(&told.stderr).contains("`hide` is a list"), "{told:?}");
}

#[test]
fn names_that_tools_of_mcp_do_not_have_are_kept() {
    let text =
        "version: '1'\ntools: { 'my tool:x': { rules: [ { name: block, action: deny } ] } }\n";
    let (report, status) = report(text, &[]);
    assert_eq!(report["policy"]["settings"], json!({ "unusual_tool_names": true }));
    assert_eq!(report["policy"]["tools"]["my tool:x"]["action"], "deny");
    assert_eq!(status, 0);
}

#[test]
fn a_file_is_written_beside_and_moved_or_not_at_all() {
    let folder = scratch("convert-output");
    let output = folder.join("policy.json");
    run(&["readonly.yaml", "--output", output.to_str().unwrap()]).assert().code(0).stdout_eq("");
    let written = fs::read_to_string(&output).unwrap();
    assert!(written.starts_with("{\n  \"version\": \"1\",\n"), "{written}");
    // An invalid file leaves what was there.
    run(&["broken.yaml", "--output", output.to_str().unwrap()]).assert().code(1);
    assert_eq!(fs::read_to_string(&output).unwrap(), written);
    run(&["readonly.yaml", "--output", folder.to_str().unwrap()]).assert().code(2);
    run(&["readonly.yaml", "--output", "no/such/folder.json"]).assert().code(2);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn bad_input_is_told_and_never_waited_for() {
    let folder = scratch("convert-input");
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    fs::write(at("latin1.yaml"), b"version: \"1\"\ndescription: caf\xe9\n").unwrap();
    fs::File::create(at("huge.yaml")).unwrap().set_len(2 << 30).unwrap();
    let made = std::process::Command::new("mkfifo").arg(at("pipe.yaml")).status().unwrap();
    assert!(made.success());
    for (name, words) in [
        ("", "is a directory"),
        ("none.yaml", "No such file"),
        ("latin1.yaml", "not UTF-8"),
        ("huge.yaml", "MiB"),
        ("pipe.yaml", "not a regular file"),
    ] {
        let output = run(&[&at(name)]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {told}");
        assert!(told.contains(words) && told.lines().count() == 1, "{name}: {told}");
        assert!(output.stdout.is_empty());
    }
    fs::remove_file(at("huge.yaml")).unwrap();
    let laughs = (1..9).fold("a0: &a0 [x, x]\n".to_owned(), |text, n| {
        let before = n - 1;
        let all = vec![format!("*a{before}"); 10].join(", ");
        format!("{text}a{n}: &a{n} [{all}]\n")
    });
    for (text, words) in [
        ("a: &a [*a]\n", "alias"),
        (&*laughs, "1000000 values"),
        ("", "the file is empty"),
        ("a: 1\n---\na: 2\n", "another document"),
        ("{", "1:"),
    ] {
        let output = convert(text, &[]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{text}: {told}");
        assert!(told.contains(words), "{text}: {told}");
        assert!(output.stdout.is_empty());
    }
}

/// Names and messages of the file are shown, and never sent to the terminal.
#[test]
fn escapes_of_terminals_are_shown() {
    let text = "version: '1'\ntools: { \"a\\e[31m*\": { rules: [] } }\n";
    let output = convert(text, &[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("`a\\u{1b}[31m*`") && !told.contains('\u{1b}'), "{told}");
}

/// As in `mcp-policy convert - | head -0`.
#[test]
fn a_closed_pipe_is_no_failure() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mcp-policy"));
    command.args(["convert", "-"]).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let text = fs::read(cases().join("readonly.yaml")).unwrap();
    child.stdin.take().unwrap().write_all(&text).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(!told.contains("pipe"), "{told}");
}
