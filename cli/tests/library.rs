//! The policies of `envoy/policies/library`, one folder for each server: every policy
//! decides about every tool that its server has, and every word of it is tested.
//!
//! `cli/tests/library/tools` has the tools of the servers: their names, and the names of
//! their arguments. `docs/policies.md` is the index, whose table is compared with the policies.

mod locks;

use locks::LOCKED;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const LIBRARY: &str = "envoy/policies/library";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The names in a folder of the repository, in their order.
fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn servers() -> Vec<String> {
    names(LIBRARY)
}

fn folder(server: &str) -> String {
    format!("{LIBRARY}/{server}")
}

/// The JSON that the command prints, which ends with this status.
fn json(arguments: &[&str], status: i32) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_mcp-policy"))
        .args(arguments)
        .current_dir(root())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let log = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {printed}{log}");
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
}

fn policy(server: &str) -> Value {
    let text = fs::read_to_string(root().join(folder(server)).join("policy.yaml")).unwrap();
    let yaml: yaml_serde::Value = yaml_serde::from_str(&text).unwrap();
    serde_json::to_value(yaml).unwrap()
}

/// The file with a server's tools.
fn list(server: &str) -> PathBuf {
    root().join("cli/tests/library/tools").join(format!("{server}.json"))
}

/// The tools of a server, each with the names of its arguments.
fn tools(server: &str) -> BTreeMap<String, BTreeSet<String>> {
    let list: Value = serde_json::from_slice(&fs::read(list(server)).unwrap()).unwrap();
    let source = list["source"].as_str().unwrap_or_default();
    assert!(source.len() > 10, "{server}: the list says from where it is");
    let tools = list["tools"].as_array().unwrap().iter().map(|tool| {
        let arguments = tool["inputSchema"]["properties"].as_object().unwrap();
        (tool["name"].as_str().unwrap().to_owned(), arguments.keys().cloned().collect())
    });
    tools.collect()
}

/// The ways in which a policy treats a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    /// Every call is refused.
    Refused,
    /// Some calls, or all, need a person.
    Asked,
    /// Calls go on, as often and with such arguments as the rule says.
    Allowed { checked: bool, limited: bool },
}

fn treatment(policy: &Value, tool: &str) -> Treatment {
    let hidden = policy["hide"].as_array().into_iter().flatten().any(|one| one == tool);
    let rule = &policy["tools"][tool];
    assert!(hidden != rule.is_object(), "{tool}: has a rule or is hidden, and not both");
    if hidden || rule["action"] == "deny" {
        return Treatment::Refused;
    }
    if rule["action"] == "require_approval" || rule.get("approve_if").is_some() {
        return Treatment::Asked;
    }
    Treatment::Allowed {
        checked: rule.get("require").is_some(),
        limited: rule.get("limits").is_some() || rule.get("rate_limit").is_some(),
    }
}

#[test]
fn every_folder_has_a_policy_with_its_tests_and_its_tools() {
    let servers = servers();
    assert!(servers.len() >= 17, "{servers:?}");
    for server in &servers {
        let lock = LOCKED.contains(&&**server).then_some("policy.lock");
        let files = ["policy.calls"].into_iter().chain(lock).chain(["policy.yaml"]);
        assert_eq!(names(&folder(server)), files.collect::<Vec<_>>(), "{server}");
    }
    let lists: Vec<_> = servers.iter().map(|server| format!("{server}.json")).collect();
    assert_eq!(names("cli/tests/library/tools"), lists);
}

#[test]
fn every_policy_is_without_findings() {
    let found = json(&["check", "--strict", "--format", "json", LIBRARY], 0);
    assert_eq!(found["findings"], serde_json::json!([]));
    assert_eq!(found["policies"], servers().len());
}

#[test]
fn every_rule_is_reached_and_every_bound_refuses_in_its_tests() {
    for server in servers() {
        let ran = json(&["test", "--coverage", "--format", "json", &folder(&server)], 0);
        let rules = ran["coverage"]["rules"].as_array().unwrap();
        assert!(!rules.is_empty(), "{server}");
        for rule in rules {
            assert_eq!(rule["reached"], true, "{server}: no test reaches {}", rule["pointer"]);
            // A check of `approve_if` denies nothing: it asks.
            let asks = rule["pointer"].as_str().unwrap().contains("/approve_if/");
            let bounds = (rule["kind"] == "check" && !asks) || rule["kind"] == "limit";
            assert!(
                !bounds || rule["denied"] == true,
                "{server}: {} never denies",
                rule["pointer"]
            );
        }
    }
}

/// The outcomes that a table of calls has to show, where the policy can have them.
#[test]
fn the_tests_show_each_outcome() {
    for server in servers() {
        let policy = policy(&server);
        let calls = fs::read_to_string(root().join(folder(&server)).join("policy.calls")).unwrap();
        let words: BTreeSet<_> = calls.split_whitespace().collect();
        let mut expected = vec!["allowed", "default_deny", "require"];
        if policy["settings"].get("approvals").is_some() {
            expected.extend(["approval_required", "approved", "denied", "approval_denied"]);
            expected.extend(["refused", "no_identity"]);
        }
        if policy.to_string().contains("\"max\"") || policy.to_string().contains("rate_limit") {
            expected.push("rate_limited");
        }
        if policy.get("hide").is_some() {
            expected.push("hidden");
        }
        for outcome in expected {
            assert!(words.contains(outcome), "{server}: no test with {outcome}");
        }
    }
}

#[test]
fn every_tool_has_a_rule_of_its_own() {
    for server in servers() {
        let policy = policy(&server);
        let tools = tools(&server);
        assert_eq!(policy["default"], "deny", "{server}");
        let hidden = policy["hide"].as_array().into_iter().flatten();
        let named: BTreeSet<_> = policy["tools"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .chain(hidden.map(|one| one.as_str().unwrap().to_owned()))
            .collect();
        // No pattern: a tool that a later version brings is denied until it is read.
        assert_eq!(named, tools.keys().cloned().collect(), "{server}");
        for (tool, declared) in &tools {
            if treatment(&policy, tool) == Treatment::Refused {
                continue;
            }
            let args = policy["tools"][tool]["args"].as_array();
            let args = args.unwrap_or_else(|| panic!("{server}: {tool} has no args"));
            for arg in args {
                let arg = arg.as_str().unwrap();
                assert!(declared.contains(arg), "{server}: {tool} declares no {arg}");
            }
        }
    }
}

#[test]
fn every_refusal_says_why() {
    for server in servers() {
        let policy = policy(&server);
        let named = policy["checks"].as_object().cloned().unwrap_or_default();
        for (tool, rule) in policy["tools"].as_object().unwrap() {
            if rule.get("action").is_some() {
                assert!(rule["reason"].is_string(), "{server}: {tool} has no reason");
            }
            let checks = ["require", "deny_if", "approve_if"].map(|key| rule[key].as_array());
            for check in checks.into_iter().flatten().flatten() {
                let said = check["use"].as_str().map_or(check, |name| &named[name]);
                assert!(said["on_deny"].is_string(), "{server}: {tool}: {check}");
            }
        }
    }
}

/// Tools that do less than their class says, by their servers' own words, and the reason.
const MILDER: [(&str, &str, &str); 5] = [
    ("notion", "API-post-search", "a search by POST, which the server says destroys"),
    ("notion", "API-query-data-source", "a query by POST, which the server says destroys"),
    ("playwright", "browser_close", "the page is the agent's own"),
    ("playwright", "browser_emulate_media", "it changes how the agent sees the page"),
    ("playwright", "browser_navigate_back", "it leads to a page that was allowed before"),
];

#[test]
fn no_rule_is_milder_than_the_class_of_its_tool() {
    for server in servers() {
        let policy = policy(&server);
        let list = list(&server);
        let told = json(&["init", list.to_str().unwrap(), "--format", "json"], 0);
        let told = told["tools"].as_array().unwrap();
        assert_eq!(told.len(), tools(&server).len(), "{server}");
        for tool in told {
            let name = tool["name"].as_str().unwrap();
            let class = tool["class"].as_str().unwrap();
            let treatment = treatment(&policy, name);
            // The lists have no descriptions, so a name may say nothing.
            let unsaid = tool["reason"].as_str().unwrap().contains("no sign");
            let severe = match (class, treatment) {
                ("Write", _) if unsaid => true,
                (_, Treatment::Refused | Treatment::Asked) | ("Read", _) => true,
                ("Write" | "Execute", Treatment::Allowed { limited, .. }) => limited,
                ("Destructive", Treatment::Allowed { checked, limited }) => checked && limited,
                _ => false,
            };
            let excused = MILDER.iter().any(|(of, one, _)| *of == server && *one == name);
            assert_ne!(
                severe, excused,
                "{server}: {name} is {class}, and the rule is {treatment:?}"
            );
        }
    }
}

/// The number in parentheses at the end of a cell.
fn count(cell: &str) -> usize {
    let number = cell.trim().strip_suffix(')').and_then(|cell| cell.rsplit_once('('));
    let (_, number) = number.unwrap_or_else(|| panic!("no number at the end of `{cell}`"));
    number.parse().unwrap()
}

#[test]
fn the_index_has_every_server_with_its_numbers() {
    let page = fs::read_to_string(root().join("docs/policies.md")).unwrap();
    let mut seen = Vec::new();
    for line in page.lines() {
        let Some((_, rest)) = line.split_once("](../envoy/policies/library/") else { continue };
        let Some((server, rest)) = rest.split_once("/policy.yaml)") else { continue };
        let cells: Vec<_> = rest.split('|').collect();
        let policy = policy(server);
        let treatments: Vec<_> =
            tools(server).keys().map(|tool| treatment(&policy, tool)).collect();
        let number = |of: fn(&Treatment) -> bool| treatments.iter().filter(|one| of(one)).count();
        assert_eq!(cells[1].trim(), treatments.len().to_string(), "{server}");
        let allowed = number(|one| matches!(one, Treatment::Allowed { .. }));
        assert_eq!(count(cells[2]), allowed, "{server}: allowed");
        assert_eq!(count(cells[3]), number(|one| *one == Treatment::Asked), "{server}: asked");
        assert_eq!(count(cells[4]), number(|one| *one == Treatment::Refused), "{server}: refused");
        seen.push(server.to_owned());
    }
    seen.sort();
    assert_eq!(seen, servers());
}
