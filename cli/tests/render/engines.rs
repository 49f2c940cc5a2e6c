//! The files of the engines that count across replicas. That Limitador counts by its file
//! is in `tests/engine/tests/file.rs`, and in an Envoy in `tests/e2e/replicas/rendered.rs`.

use super::{golden, render};
use serde_json::{Value, json};

/// A policy of this engine with one limit.
fn policy(engine: &str, across: &str) -> String {
    let limit = json!({ "counter": "c", "window": "hour", "max": 2, "across": across });
    let service = json!({ "cluster": "counts", "engine": engine, "domain": "mcp: #1" });
    json!({
        "version": "1", "default": "deny", "tools": { "a": { "limits": [limit] } },
        "settings": { "paths": ["/mcp"], "limit_service": service },
    })
    .to_string()
}

#[test]
fn limitador_gets_each_limit_once() {
    let file = golden("limitador.stdout");
    render(&["replicas.yaml", "--for", "limitador"]).assert().code(0).stdout_eq(file).stderr_eq("");
    let json = render(&["replicas.yaml", "--for", "limitador", "--format", "json"]);
    let documents: Value = serde_json::from_slice(&json.output().unwrap().stdout).unwrap();
    let names: Vec<_> = documents[0].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    let all = ["refunds", "refunded", "all, \"7\" \\ it's €", "ci-*|refunds"];
    assert_eq!(names[..4], all.map(Value::from).iter().collect::<Vec<_>>());
    assert_eq!((names.len(), names[4]), (5, &Value::from("group:\u{202e}night|heavy")));
}

#[test]
fn ratelimit_gets_the_domain_alone() {
    let command = render(&["-", "--for", "ratelimit"]).stdin(policy("ratelimit", "replicas"));
    command.assert().code(0).stdout_eq(golden("ratelimit.stdout")).stderr_eq("");
}

#[test]
fn an_engine_that_is_not_asked_has_no_file() {
    for (place, engine, across, words) in [
        ("limitador", "ratelimit", "replicas", "is `ratelimit`; render it `--for ratelimit`"),
        ("ratelimit", "limitador", "replicas", "is `limitador`; render it `--for limitador`"),
        ("ratelimit", "ratelimit", "process", "so nobody is asked"),
        ("limitador", "limitador", "process", "so nobody is asked"),
    ] {
        let command = render(&["-", "--for", place]).stdin(policy(engine, across));
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{place} {told}");
        assert!(told.contains(&format!("--for {place}: ")) && told.contains(words), "{told}");
        assert!(output.stdout.is_empty());
    }
}

/// Without the cluster every such call is refused.
#[test]
fn whoever_carries_the_policy_is_told_of_the_cluster() {
    for place in ["envoy", "ecds", "istio", "gateway"] {
        let command = render(&["-", "--for", place]).stdin(policy("ratelimit", "replicas"));
        let told = String::from_utf8(command.output().unwrap().stderr).unwrap();
        assert!(told.contains("add its cluster to Envoy"), "{place}: {told}");
    }
}
