//! `mcp-policy replay` compared with a real Envoy: its decisions about the calls of an
//! access log are those that Envoy has for the same calls, in whatever order they come.

use std::collections::BTreeMap;
use std::path::Path;

use mcp_rig::client::{Request, http1};
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::command;
use crate::support::{Holding, RECORDS, body, code, passed};

/// Callers, tools and arguments. What comes first uses up what comes later.
const CALLS: [(&str, &str, &str); 24] = [
    ("planner", "pay", r#"{"amount":60}"#),
    ("planner", "pay", r#"{"amount":70}"#),
    ("planner", "pay", r#"{"amount":30}"#),
    ("planner", "pay", r#"{"amount":20}"#),
    ("planner", "pay", r#"{"amount":90}"#),
    ("support", "search", r#"{"q":"a"}"#),
    ("support", "find", r#"{"q":"b"}"#),
    ("support", "search", r#"{"q":"c"}"#),
    ("support", "find", r#"{"q":"d"}"#),
    ("planner", "search", r#"{"q":"e"}"#),
    ("planner", "drop", "{}"),
    ("ops-1", "drop", "{}"),
    ("ops-1", "pay", r#"{"amount":85}"#),
    ("ops-1", "pay", r#"{"amount":40}"#),
    ("ops-1", "unlisted", "{}"),
    ("support", "send", r#"{"to":"x"}"#),
    ("support", "unlisted", "{}"),
    ("support", "secret", "{}"),
    ("support", "wipe", "{}"),
    ("planner", "wipe", r#"{"all":true}"#),
    ("support", "pay", r#"{"amount":1}"#),
    ("support", "pay", r#"{"amount":45}"#),
    ("support", "pay", "{}"),
    ("support", "search", r#"{"q":"f"}"#),
];

/// The policy under which the traffic was recorded.
fn old() -> Value {
    let searches = json!([{ "counter": "searches", "window": "day", "max": 3 }]);
    let tools = json!({
        "search": { "limits": searches },
        "find": { "limits": searches },
        "pay": {
            "record": ["args.amount"],
            "deny_if": [{ "name": "large", "conditions": [
                { "path": "args.amount", "op": "gt", "value": 80 },
            ] }],
            "limits": [{
                "counter": "budget", "window": "day", "max": 150,
                "increment_from": "args.amount",
            }],
        },
        "drop": { "action": "deny" },
        "send": {},
        "wipe": { "action": "require_approval" },
    });
    let mut shadow = tools.clone();
    shadow["pay"]["limits"][0]["max"] = 100.into();
    json!({
        "version": "1", "default": "deny", "hide": ["secret"],
        "identity": [{ "header": "x-agent-id" }],
        "tools": tools,
        "grants": { "ops-*": { "default": "deny", "mode": "shadow", "tools": shadow } },
        "settings": { "approvals": { "path": "/approvals", "approvers": ["ann"] } },
    })
}

/// The policy that is to replace it.
fn new() -> Value {
    let mut policy = old();
    let tools = &mut policy["tools"];
    for tool in ["search", "find"] {
        tools[tool]["limits"][0]["max"] = 2.into();
    }
    tools["pay"]["deny_if"][0]["conditions"][0]["value"] = 65.into();
    tools["pay"]["limits"][0]["max"] = 100.into();
    tools["drop"] = json!({});
    tools["unlisted"] = json!({ "args": ["nothing"] });
    tools.as_object_mut().expect("tools").remove("send");
    policy["grants"]["ops-*"]["mode"] = "enforce".into();
    policy
}

/// The decision about each call, in the order in which they were sent, and the log.
struct Run {
    words: Vec<&'static str>,
    log: Vec<String>,
}

/// Sends the calls to an Envoy under a policy.
async fn run(policy: &Value, calls: &[(&str, &str, &str)]) -> Run {
    let upstream = Upstream::start().await;
    let gateway = Holding::Everything
        .gateway(policy.clone(), upstream.addr())
        .access_log_format(&format!("%REQ(:METHOD)% %RESPONSE_CODE% {RECORDS}"))
        .start()
        .await;
    let mut answers = Vec::new();
    for (caller, tool, arguments) in calls {
        let request = Request::tool_call(1, tool, arguments).header("x-agent-id", caller);
        answers.push(http1::send(gateway.addr(), &request).await);
    }
    let log = gateway.access_log_of(calls.len()).await;
    let words = log.iter().zip(&answers).map(|(line, answer)| {
        let went_on = passed(answer);
        match record(line)["decision"].as_str().expect("a decision") {
            "allowed" if went_on => "allowed",
            "shadow" if went_on => "shadow",
            "denied" if code(answer) == 428 => "needs approval",
            "denied" if code(answer).is_number() => "denied",
            other => panic!("{other} in the log: {answer:?}"),
        }
    });
    Run { words: words.collect(), log }
}

fn record(line: &str) -> Value {
    let json = line.find('{').and_then(|at| line.get(at..)).expect("a record");
    serde_json::from_str(json).expect("JSON")
}

/// Numbers of calls by tool, caller, the decision before and the one after.
type Rows = BTreeMap<[String; 4], u64>;

/// The changes between two Envoys.
fn changes(calls: &[(&str, &str, &str)], was: &Run, is: &Run) -> Rows {
    let mut rows = Rows::new();
    for ((call, was), is) in calls.iter().zip(&was.words).zip(&is.words) {
        if was != is {
            *rows.entry([call.1, call.0, was, is].map(str::to_owned)).or_default() += 1;
        }
    }
    rows
}

/// The result of a replay: the changes that it finds, and the calls that it cannot judge.
struct Replayed {
    all: Value,
    rows: Rows,
    unknown: u64,
}

fn replay(arguments: &[&str], is_clean: bool) -> Replayed {
    let output = command::run(
        &[&["replay", "--format", "json", "--json-values", "--top", "1000"], arguments].concat(),
        "",
    );
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(i32::from(!is_clean)), "{arguments:?}: {error}");
    let all: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut rows = Rows::new();
    for row in all["changed"]["rows"].as_array().expect("rows") {
        let of = [&row["tool"], &row["caller"], &row["was"]["decision"], &row["is"]["decision"]];
        let key = of.map(|value| value.as_str().unwrap_or_default().to_owned());
        *rows.entry(key).or_default() += row["calls"].as_u64().expect("a number");
    }
    let unknown = all["cannot_be_judged"]["calls"].as_u64().expect("a number");
    Replayed { all, rows, unknown }
}

/// The same, whoever called.
fn by_tool(rows: &Rows) -> Rows {
    let mut merged = Rows::new();
    for ([tool, _, was, is], calls) in rows.clone() {
        *merged.entry([tool, String::new(), was, is]).or_default() += calls;
    }
    merged
}

/// The calls as requests with what is around them, at the times of a log.
fn requests(calls: &[(&str, &str, &str)], log: &[String]) -> String {
    let lines = calls.iter().zip(log).map(|((caller, tool, arguments), line)| {
        let body = body(&Request::tool_call(1, tool, arguments));
        let body: Value = serde_json::from_slice(&body).expect("JSON");
        let headers = json!({ "x-agent-id": caller });
        format!("{}\n", json!({ "time": record(line)["time"], "headers": headers, "body": body }))
    });
    lines.collect()
}

/// A log whose last line is its first. Lines of the same moment stay in their order, for
/// which a reader has nothing else.
fn turned_round(log: &[String]) -> Vec<String> {
    let mut lines = log.to_vec();
    let time = |line: &String| record(line)["time"].as_str().expect("a time").to_owned();
    lines.sort_by_key(|line| std::cmp::Reverse(time(line)));
    lines
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let file = folder.join(name);
    std::fs::write(&file, text).expect("a file of ours");
    file.display().to_string()
}

#[tokio::test]
async fn a_replay_decides_as_envoy_does_in_either_order() {
    let folder = command::folder("replay");
    let policies = [old(), new()];
    let [old, new] =
        [0, 1].map(|at| write(&folder, &format!("{at}.json"), &policies[at].to_string()));
    let mut orders = Vec::new();
    for (order, calls) in [CALLS.to_vec(), CALLS.into_iter().rev().collect()].iter().enumerate() {
        let was = run(&policies[0], calls).await;
        let is = run(&policies[1], calls).await;
        let expected = changes(calls, &was, &is);
        let changed: u64 = expected.values().sum();
        assert!(changed >= 6, "{expected:?}");

        let lines = |log: &[String]| log.iter().map(|line| format!("{line}\n")).collect::<String>();
        let straight = write(&folder, &format!("{order}.log"), &lines(&was.log));
        let round = write(&folder, &format!("{order}-round.log"), &lines(&turned_round(&was.log)));
        for log in [&straight, &round] {
            // Envoy's own policy changes nothing.
            let same = replay(&[&old, log], true);
            assert_eq!(same.rows, Rows::new(), "{:#}", same.all);
            assert_eq!(
                (same.unknown, &same.all["same"]),
                (0, &json!(CALLS.len())),
                "{:#}",
                same.all
            );
            // Another one changes what it changes in Envoy. The names of arguments are in
            // a record, and the values that the policy records.
            let other = replay(&[&new, log], false);
            assert_eq!((&other.rows, other.unknown), (&expected, 0), "{:#}", other.all);
            assert_eq!(other.all["changed"]["calls"], changed);
        }
        let sent = write(&folder, &format!("{order}.jsonl"), &requests(calls, &was.log));
        // A line of these names no caller but by its headers.
        let other = replay(&[&new, "--against", &old, &sent], false);
        assert_eq!((other.rows, other.unknown), (by_tool(&expected), 0), "{:#}", other.all);
        orders.push(was.words);
    }
    // The limits let other calls through in the other order.
    orders[1].reverse();
    assert_ne!(orders[0], orders[1]);
    std::fs::remove_dir_all(folder).expect("a folder of ours");
}
