//! A policy before and after its conversion, under the same calls: the decisions are
//! equal, or the list has said for that rule that they are not.

use super::generated::{Generator, is_ambiguous};
use super::intercept::Intercept;
use super::report;
use mcp_policy_filter::exchange::record::Decision;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::simulate::{Gateway, Outcome};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const POLICIES: usize = 400;
const CALLS: usize = 60;

/// Sends a call to the filter; a denial has its rule and its reason.
fn call(
    gateway: &Gateway,
    tool: &str,
    arguments: &Map<String, Value>,
) -> Result<(), (String, String)> {
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments },
    });
    match gateway.post(&body.to_string()).unwrap().outcome {
        Outcome::WentOn(records) => {
            assert_eq!(records[0].decision, Decision::Allowed);
            Ok(())
        }
        Outcome::Refused(refusal) => {
            Err((refusal.record.rule.clone(), refusal.reason.as_str().to_owned()))
        }
        Outcome::Served(served) => panic!("{served:?}"),
    }
}

/// The topics that a list has for the lines of each rule.
fn topics(text: &str, list: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let names: Vec<(usize, &str)> = text
        .lines()
        .enumerate()
        .filter_map(|(index, line)| {
            let name = line.trim().strip_prefix("\"name\": \"r")?;
            Some((index + 1, name.trim_end_matches([',', '"'])))
        })
        .collect();
    let mut topics = BTreeMap::new();
    for (index, (line, name)) in names.iter().enumerate() {
        // The brace is on the line before the name, the next rule's too.
        let end = names.get(index + 1).map_or(usize::MAX, |(line, _)| line - 1);
        let said = list
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| (line - 1..end).contains(&(one["line"].as_u64().unwrap() as usize)));
        let said = said.map(|one| one["topic"].as_str().unwrap().to_owned());
        topics.insert(format!("r{name}"), said.collect());
    }
    topics
}

/// The rules that a pointer of the filter can mean.
fn rules_of(pointer: &str, policy: &Value) -> Vec<String> {
    let parts: Vec<&str> = pointer.split('/').collect();
    let of = |tool: &str| {
        let rules = policy["tools"][tool]["rules"].as_array().unwrap().iter();
        rules.map(|rule| rule["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let of_counter = |counter: &str| {
        let (scope, counter) = counter.split_once('.').unwrap();
        let tool = if scope == "_global" { "*" } else { scope };
        match counter.strip_prefix("_rate_") {
            Some(window) => {
                let rules = policy["tools"][tool]["rules"].as_array().unwrap().iter();
                let ends = |rule: &&Value| {
                    rule["rate_limit"].as_str().is_some_and(|text| text.ends_with(window))
                };
                let rules = rules.filter(ends);
                rules.map(|rule| rule["name"].as_str().unwrap().to_owned()).collect()
            }
            None => vec![counter.trim_end_matches("_count").to_owned()],
        }
    };
    match &*parts {
        ["", "tools", _, "require", name] | ["", "all_tools", "require", name] => {
            vec![(*name).to_owned()]
        }
        ["", "tools", _, "limits", counter] | ["", "all_tools", "limits", counter] => {
            of_counter(counter)
        }
        ["", "tools", tool, "action"] => of(tool),
        ["", "all_tools", "deny_if", _] => of("*"),
        _ => Vec::new(),
    }
}

/// Topics that change no decision, with the status 0.
const NOTES: [&str; 3] = ["ambiguous", "no_effect", "words"];

#[test]
fn a_call_is_decided_as_before_or_the_list_has_said_otherwise_for_that_rule() {
    let mut generator = Generator(0x9e37_79b9_7f4a_7c15);
    let (mut allowed, mut denied, mut exact) = (0, 0, 0);
    let mut met = BTreeMap::<String, usize>::new();
    for _ in 0..POLICIES {
        let policy = generator.policy();
        let text = serde_json::to_string_pretty(&policy).unwrap();
        let (report, status) = report(&text, &["--from", "intercept"]);
        let converted = report["policy"].to_string();
        assert!(report["policy"].is_object(), "{text}\n{report:#}");
        let topics = topics(&text, &report["list"]);
        let warned = topics.values().flatten().any(|topic| !NOTES.contains(&&**topic));
        assert_eq!(status, i32::from(warned), "{text}\n{report:#}");
        let mut before = Intercept::new(&policy);
        let mut after: Gateway = Gateway::new(&converted).unwrap();
        let mut now = 1_000_000;
        let mut differed = false;
        for _ in 0..CALLS {
            now += generator.pause();
            after.now = Nanos(now * 1_000_000_000);
            let (tool, arguments) = generator.call();
            let was = before.call(tool, &arguments, now);
            let is = call(&after, tool, &arguments);
            if was.allowed == is.is_ok() {
                if was.allowed {
                    allowed += 1
                } else {
                    denied += 1
                }
                continue;
            }
            differed = true;
            let context = format!("{tool} {arguments:?}\n{was:?} {is:?}\n{text}\n{report:#}");
            let rules = match &is {
                Ok(()) => vec![was.rule.clone()],
                Err((pointer, _)) => rules_of(pointer, &policy),
            };
            let said: BTreeSet<&str> = rules
                .iter()
                .filter_map(|rule| topics.get(rule))
                .flatten()
                .map(String::as_str)
                .collect();
            let ambiguous = is_ambiguous(&arguments)
                && is.as_ref().is_err_and(|(_, reason)| reason == "undecidable");
            let found: Vec<&str> = said
                .into_iter()
                // The server answers every call without an error.
                .filter(|topic| *topic != "failed_calls")
                .filter(|topic| !NOTES.contains(topic) || (ambiguous && *topic == "ambiguous"))
                .collect();
            assert!(!found.is_empty(), "nothing was said about {rules:?} of {context}");
            if is.is_ok() {
                // Nothing widens, except for what Go's text takes for equal.
                let wide = ["go_text", "expression", "amount"];
                assert!(found.iter().any(|one| wide.contains(one)), "wider: {context}");
            }
            for topic in found {
                *met.entry(topic.to_owned()).or_default() += 1;
            }
            // The counts differ from now on.
            before = Intercept::new(&policy);
            after = Gateway::new(&converted).unwrap();
        }
        exact += usize::from(!differed);
    }
    println!(
        "{allowed} allowed, {denied} denied by both, {exact} policies without a difference, {met:?}"
    );
    assert!(allowed > 3000 && denied > 8000 && exact > 50, "{allowed} {denied} {exact}");
    let topics = [
        "ambiguous",
        "amount",
        "expression",
        "go_text",
        "nested_absence",
        "no_counterpart",
        "other_type",
        "text_equality",
    ];
    for topic in topics {
        assert!(met.contains_key(topic), "no call shows `{topic}`: {met:?}");
    }
}

/// PolicyLayer's pages say what these mean, and no evaluator is published.
#[test]
fn the_catalogues_rules_allow_deny_and_limit() {
    let text = include_str!("cases/catalogue.yaml");
    let (report, _) = report(text, &[]);
    let gateway: Gateway = Gateway::new(&report["policy"].to_string()).unwrap();
    let reason = |tool: &str| call(&gateway, tool, &Map::new()).err().map(|(_, reason)| reason);
    assert_eq!(reason("session_list"), None);
    for _ in 0..10 {
        assert_eq!(reason("session_send"), None);
    }
    assert_eq!(reason("session_send").as_deref(), Some("rate_limited"));
    for tool in ["session_kill", "session_attach", "session_wipe"] {
        assert_eq!(reason(tool).as_deref(), Some("denied"), "{tool}");
    }
    assert_eq!(reason("anything").as_deref(), Some("default_deny"));
}
