//! `replay` as it is run: on records, requests and cassettes, and against the gateway in
//! memory, whose decisions it has to find again.

use crate::outputs::{self, scratch};
use crate::traffic;
use snapbox::Data;
use snapbox::cmd::{Command, cargo_bin};
use std::io::Read as _;

fn golden(name: &str) -> Data {
    outputs::golden("replay", name)
}

fn replay(arguments: &[&str]) -> Command {
    outputs::verb("replay", arguments).current_dir(outputs::folder("replay"))
}

#[test]
fn records_show_what_changes_and_what_they_cannot_tell() {
    let replayed = replay(&["policy.json", "records.log"]).assert().code(1);
    replayed.stdout_eq(golden("records.stdout")).stderr_eq("");
    let json = replay(&["policy.json", "--format", "json", "--json-values", "records.log"]);
    json.assert().code(1).stdout_eq(golden("records.json")).stderr_eq("");
}

#[test]
fn two_policies_are_compared_by_the_same_calls() {
    let against = replay(&["policy.json", "--against", "old.json", "records.log"]).assert();
    against.code(1).stdout_eq(golden("against.stdout"));
    let same = replay(&["policy.json", "--against", "policy.json", "records.log"]).assert();
    same.success().stdout_eq(golden("same.stdout"));
    replay(&["policy.json", "--against", "policy.json", "--strict", "records.log"])
        .assert()
        .code(1);
}

#[test]
fn requests_are_judged_with_their_headers_and_bodies() {
    let requests = replay(&["policy.json", "requests.jsonl"]).assert().code(1);
    requests.stdout_eq(golden("requests.stdout")).stderr_eq("");
}

#[test]
fn a_time_that_is_not_a_calls_own_decides_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let require = r#"{"conditions": [{"path": "time.hour", "op": "lt", "value": 12}]}"#;
    let policy = format!(
        r#"{{"version": "1", "default": "allow", "tools": {{"night": {{"require": [{require}]}}}}}}"#
    );
    std::fs::write(at("policy.json"), policy).unwrap();
    let body = |tool: &str| {
        let params = format!(r#"{{"name":"{tool}","arguments":{{}}}}"#);
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#)
    };
    let line =
        |time: &str, tool: &str| format!(r#"{{{time}"headers":{{}},"body":{}}}"#, body(tool));
    let timed = |time: &str| format!(r#""time":"2024-10-04T{time}Z","#);
    // Without a time of its own, and with one for which it comes too late: as many calls
    // as are kept back are between.
    let mut lines = vec![line(&timed("10:00:00"), "night"), line("", "night"), body("night")];
    lines.resize(5_000, line(&timed("11:00:00"), "day"));
    lines.push(line(&timed("03:00:00"), "night"));
    std::fs::write(at("requests.jsonl"), lines.join("\n")).unwrap();
    let (policy, log) = (at("policy.json"), at("requests.jsonl"));
    let replayed = result(&[&policy, "--against", &policy, &log]);
    assert_eq!((&replayed["no_time"], &replayed["too_late"]), (&2.into(), &1.into()));
    let unknown = &replayed["cannot_be_judged"];
    assert_eq!(unknown["calls"], 3, "{replayed:#}");
    assert!(unknown["rows"].as_array().unwrap().iter().all(|row| row["needs"] == "time.hour"));
}

#[test]
fn cassettes_are_traffic_that_nothing_judged() {
    for cassette in ["recorder.json", "python.mcp.json", "npm.cassette.jsonl"] {
        let replayed = replay(&["simple.json", cassette]).assert().code(1).stderr_eq("");
        replayed.stdout_eq(golden(&format!("{cassette}.stdout")));
    }
    let joined = ["simple.json", "recorder.json", "python.mcp.json", "npm.cassette.jsonl"];
    replay(&joined).assert().code(1).stdout_eq(golden("joined.stdout"));
}

#[test]
fn what_cannot_be_read_is_said() {
    let refused = |arguments: &[&str], stderr: &'static str| {
        replay(arguments).assert().code(2).stdout_eq("").stderr_eq(stderr);
    };
    refused(
        &["absent.json", "records.log"],
        "mcp-policy: absent.json: No such file or directory (os error 2)\n",
    );
    refused(&["policy.json", "."], "mcp-policy: .: is a directory; name a file in it\n");
    refused(
        &["policy.json", "../replay.rs"],
        "mcp-policy: none of [..] lines has a call; an access log needs %FILTER_STATE(wasm.mcp_audit:PLAIN)% in its format\n",
    );
    replay(&["policy.json"]).assert().code(2);
}

#[test]
fn all_errors_of_both_policies_are_findings() {
    let folder = scratch("replay-invalid");
    for name in ["new.json", "old.json"] {
        std::fs::write(folder.join(name), r#"{"version": "2", "tools": 7}"#).unwrap();
    }
    let log = outputs::folder("replay").join("records.log");
    let arguments = ["new.json", "--against", "old.json", log.to_str().unwrap()];
    let run = outputs::verb("replay", &arguments).current_dir(&folder).assert().code(1);
    let stdout = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    for name in ["new.json", "old.json"] {
        let errors = stdout.lines().filter(|line| line.starts_with(&format!("{name}:1:")));
        assert_eq!(errors.count(), 3, "{stdout}");
    }
    run.stderr_eq("");
}

/// The rows of a replay's changes, by tool, caller, the decision before and the one of
/// the policy.
fn rows(result: &serde_json::Value) -> traffic::Rows {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut rows = traffic::Rows::new();
    for row in result["changed"]["rows"].as_array().unwrap() {
        let (was, is) = (text(&row["was"]["decision"]), text(&row["is"]["decision"]));
        let key = (text(&row["tool"]), text(&row["caller"]), was, is);
        *rows.entry(key).or_default() += row["calls"].as_u64().unwrap();
    }
    rows
}

fn result(arguments: &[&str]) -> serde_json::Value {
    let all = ["--format", "json", "--top", "100000"];
    let output = replay(&[arguments, &all].concat()).output().unwrap();
    assert!(output.status.code() < Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_gateways_own_records_change_nothing_and_another_policy_what_it_decides_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut judged = 0;
    for seed in 1..=3 {
        let calls = traffic::calls(seed, 500);
        let mut outcomes = Vec::new();
        for (index, policy) in traffic::POLICIES.iter().enumerate() {
            std::fs::write(at(&format!("{index}.json")), policy).unwrap();
            let run = traffic::run(policy, &calls);
            std::fs::write(at(&format!("{index}.log")), &run.records).unwrap();
            outcomes.push(run.words);
        }
        std::fs::write(at("requests.log"), traffic::requests(&calls)).unwrap();
        for was in 0..outcomes.len() {
            let (old, log) = (at(&format!("{was}.json")), at(&format!("{was}.log")));
            for is in 0..outcomes.len() {
                let new = at(&format!("{is}.json"));
                let expected = traffic::changed(&calls, &outcomes[was], &outcomes[is]);
                // Of requests everything is known.
                let requests = result(&[&new, "--against", &old, &at("requests.log")]);
                assert_eq!(requests["cannot_be_judged"]["calls"], 0, "{requests:#}");
                assert_eq!(rows(&requests), expected, "seed {seed}: {was} to {is}");
                // Of records much is not: what is said to change does.
                let records = result(&[&new, &log]);
                let found = rows(&records);
                let unknown = records["cannot_be_judged"]["calls"].as_u64().unwrap();
                let mut missing = 0;
                for (key, count) in &expected {
                    let found = found.get(key).copied().unwrap_or_default();
                    assert!(found <= *count, "seed {seed}: {was} to {is}: {key:?}");
                    missing += count - found;
                }
                assert!(found.keys().all(|key| expected.contains_key(key)), "{found:?}");
                assert!(missing <= unknown, "seed {seed}: {was} to {is}: {missing} of {unknown}");
                assert!(was != is || found.is_empty());
                let same = records["same"].as_u64().unwrap();
                judged += same + found.values().sum::<u64>();
                let all = records["calls"].as_u64().unwrap();
                assert_eq!(all, same + unknown + found.values().sum::<u64>());
            }
        }
    }
    // Enough of them to show something.
    assert!(judged > 3 * 9 * 200, "{judged}");
}

#[test]
fn a_long_log_with_many_callers_takes_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("long.log");
    let mut text = String::new();
    for n in 0..60_000 {
        text.push_str(&format!(
            "{{\"decision\":\"shadow\",\"reason\":\"deny_if\",\"rule\":\"/tools/t{n}/deny_if/0\",\
             \"message\":\"{}\",\"method\":\"tools/call\",\"tool\":\"t{n}\",\"grant\":\"{n}\",\
             \"time\":\"2024-10-04T00:00:00.000Z\",\"policy\":\"3f9a1c0e8d27\"}}\n",
            "m".repeat(150),
        ));
        if n == 30_000 {
            text.push_str(&"x".repeat(30 << 20));
            text.push('\n');
        }
    }
    std::fs::write(&log, text).unwrap();
    let log = log.to_str().unwrap();
    let replayed = result(&["policy.json", log]);
    assert_eq!(replayed["left_out"]["too_long"], 1);
    assert_eq!(replayed["changed"]["calls"], 60_000);
    let all: u64 = rows(&replayed).values().sum();
    assert_eq!((all, &replayed["changed"]["others"]), (20_000, &serde_json::json!(40_000)));
    for (verb, status) in [(&["replay", "policy.json"][..], 1), (&["report"], 0)] {
        let mut child = std::process::Command::new(cargo_bin!("mcp-policy"))
            .args(verb)
            .args(["--format", "json", "--top", "2000", "-"])
            .current_dir(outputs::folder("replay"))
            .stdin(std::fs::File::open(log).unwrap())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // The result is longer than a pipe holds: while it is not read, the process stays.
        let mut first = [0; 64];
        let mut output = child.stdout.take().unwrap();
        output.read_exact(&mut first).unwrap();
        assert!(first.starts_with(b"{\n  \"lines\": 60001,"), "{}", first.escape_ascii());
        if cfg!(target_os = "linux") {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
            let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
            let peak: u64 = peak.split_whitespace().nth(1).unwrap().parse().unwrap();
            // The log has 50 MiB, a line of it 30.
            assert!(peak < 40 << 10, "{verb:?}: {peak} KiB");
        }
        drop(output);
        // A closed pipe ends it quietly.
        assert_eq!(child.wait().unwrap().code(), Some(status), "{verb:?}");
    }
}
