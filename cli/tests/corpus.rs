//! The corpus, which all rigs of the filter run, as cases of `mcp-policy test`: the
//! command has the outcome that they expect, case by case.
//!
//! `tests/native/corpus.rs` describes the format of the corpus.

use crate::outputs::scratch;
use mcp_policy_filter::policy::Policy;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A case of the corpus, with the number of its file.
fn cases() -> Vec<(String, Value)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("tests/data/corpus");
    let default = fs::read_to_string(root.join("policy.json")).unwrap();
    let default: Value = serde_json::from_str(&default).unwrap();
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()) {
        if folder.is_dir() {
            files.extend(fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    files.sort();
    assert!(files.len() >= 100, "only {} case files were found", files.len());
    let read = |file: &PathBuf| {
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        let mut case: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        if case["policy"].is_null() {
            case["policy"] = default.clone();
        }
        (name, case)
    };
    // A service's answers are not in a case of the command: it counts by itself.
    let is_alone = |(_, case): &(String, Value)| {
        let requests = case["requests"].as_array().unwrap();
        requests.iter().all(|request| request["limit_service"].is_null())
    };
    files.iter().map(read).filter(is_alone).collect()
}

/// The text that an expected response describes.
fn text(part: &Value, fingerprint: &str) -> String {
    match part {
        Value::Array(parts) => parts.iter().map(|part| text(part, fingerprint)).collect(),
        Value::String(text) => text.clone(),
        part if part["repeat"].is_string() => {
            let times = usize::try_from(part["times"].as_u64().unwrap()).unwrap();
            part["repeat"].as_str().unwrap().repeat(times)
        }
        part => format!(
            r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32603,"message":"Refused: the server's list cannot be read","data":{{"type":"policy_violation","reason":"internal","rule":"(internal)","policy":"{fingerprint}"}}}}}}"#,
            part["error"].as_str().unwrap()
        ),
    }
}

/// Pairs of headers as an object of names to lines.
fn headers(pairs: &Value) -> Value {
    let mut object = Map::new();
    for pair in pairs.as_array().into_iter().flatten() {
        let (name, value) = (pair[0].as_str().unwrap(), &pair[1]);
        let lines = object.entry(name).or_insert_with(|| json!([]));
        if value == "(none)" {
            *lines = Value::Null;
        } else if let Some(lines) = lines.as_array_mut() {
            lines.push(value.clone());
        }
    }
    Value::Object(object)
}

/// A request of the corpus as a step.
fn step(request: &Value, fingerprint: &str) -> Value {
    let mut step = Map::new();
    step.insert("method".into(), json!("POST"));
    step.insert("path".into(), json!("/mcp"));
    for (key, value) in request.as_object().unwrap() {
        let (key, value) = match key.as_str() {
            "headers" => ("headers", headers(value)),
            "san" => ("certificate", value.clone()),
            "expect" if value == "forwarded" => ("expect", value.clone()),
            "expect" => ("expect", expect(value, fingerprint)),
            "response" => {
                let mut response = value.clone();
                if let Some(pairs) = response.get_mut("headers") {
                    *pairs = headers(pairs);
                }
                ("response", response)
            }
            key => (key, value.clone()),
        };
        step.insert(key.into(), value);
    }
    Value::Object(step)
}

fn expect(expect: &Value, fingerprint: &str) -> Value {
    let mut wanted = Map::new();
    // The page itself is told by its headers, which are expected besides, and the question
    // of a client's user by its body or its code.
    let elsewhere = ["html", "question", "elicitation"];
    for (key, value) in expect.as_object().unwrap() {
        if elsewhere.contains(&key.as_str()) {
            continue;
        }
        let (key, value) = match key.as_str() {
            "empty" => ("body", json!("")),
            // The corpus leaves the policy's digest out.
            "response" => {
                let digest = format!(r#""policy":"{fingerprint}""#);
                let text = text(value, fingerprint).replace(r#""policy":"""#, &digest);
                ("body", json!(text))
            }
            key => (key, value.clone()),
        };
        wanted.insert(key.into(), value);
    }
    Value::Object(wanted)
}

/// Runs the corpus, each file with this change of what it expects; the numbers of files,
/// of tests that passed, and of those that failed, with all that was printed.
fn run(folder: &str, change: impl Fn(&mut Value)) -> (u64, u64, u64, Value) {
    let folder = scratch(folder);
    let cases = cases();
    for (number, (name, case)) in cases.iter().enumerate() {
        let policy = match &case["policy"] {
            Value::String(text) => text.clone(),
            policy => policy.to_string(),
        };
        let fingerprint = Policy::parse(policy.as_bytes(), "").unwrap().fingerprint;
        let file = format!("{number:04}");
        fs::write(folder.join(format!("{file}.policy.json")), policy).unwrap();
        let requests = case["requests"].as_array().unwrap().iter();
        let mut steps: Vec<Value> = requests.map(|request| step(request, &fingerprint)).collect();
        steps.iter_mut().for_each(|step| change(&mut step["expect"]));
        let cases = json!([{"name": name, "steps": steps}]);
        let suite = json!({"policy": format!("{file}.policy.json"), "cases": cases});
        fs::write(folder.join(format!("{file}.test.json")), suite.to_string()).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_mcp-policy"))
        .args(["test", "--format", "json"])
        .arg(&folder)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = u64::try_from(cases.len()).unwrap();
    let number = |key: &str| results[key].as_u64().unwrap();
    (files, number("passed"), number("failed"), results)
}

fn names(results: &Value, passed: bool) -> String {
    let tests = results["tests"].as_array().unwrap().iter();
    let tests = tests.filter(|test| test["passed"] == passed);
    tests.map(|test| format!("{test}\n")).collect()
}

#[test]
fn the_corpus_passes_the_command() {
    let (files, passed, failed, results) = run("corpus", |_| ());
    assert_eq!((passed, failed), (files, 0), "{}", names(&results, false));
}

/// With each expectation turned round, no case of the corpus passes: the command tells
/// what goes on from what does not.
#[test]
fn the_corpus_turned_round_fails_the_command() {
    let (files, passed, failed, results) = run("corpus-turned", |expect| {
        *expect = match expect {
            Value::String(_) => json!({"decision": "denied"}),
            _ => json!("forwarded"),
        };
    });
    assert_eq!((passed, failed), (0, files), "{}", names(&results, true));
}
