//! The policies of `envoy/policies/explained`. Their calls are in
//! `envoy/ready-policies.md`, and are played by the tests of the pages.

use crate::config::{files, root};
use crate::yaml;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::document::{Finding, Severity, Warning};
use std::fs;

/// The tools that each policy is about.
const SERVERS: [(&str, &[&str]); 8] = [
    ("claude_code", &["claude_code_session"]),
    ("climux", &["session_send"]),
    ("cmux_agent", &["cmux_send"]),
    (
        "firecrawl",
        &[
            "firecrawl_check_crawl_status",
            "firecrawl_crawl",
            "firecrawl_map",
            "firecrawl_scrape",
            "firecrawl_search",
        ],
    ),
    ("helpdesk", &["close_ticket", "list_tickets", "refund_order", "update_ticket"]),
    ("interactive_terminal", &["send_command"]),
    ("payments", &["create_refund"]),
    ("tmux_claude", &["enhancedSend"]),
];

/// `UPDATE_GOLDEN=1` writes the JSON anew.
#[test]
fn each_policy_is_there_with_comments_and_as_json_that_envoy_takes() {
    let found = files("envoy/policies/explained", "yaml");
    let names = found.iter().map(|file| file.file_stem().unwrap().to_str().unwrap());
    assert_eq!(names.collect::<Vec<_>>(), SERVERS.map(|(name, _)| name));
    for (name, _) in SERVERS {
        let json = yaml::as_json(&format!("envoy/policies/explained/{name}.yaml"));
        let twin = root().join(format!("envoy/policies/explained/{name}.json"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&twin, &json).unwrap();
        }
        assert_eq!(fs::read_to_string(&twin).unwrap_or_default(), json, "{}", twin.display());
        let policy = Policy::parse(json.as_bytes(), "servers");
        let policy =
            policy.unwrap_or_else(|e| panic!("{name}: {:?}", e.lines().collect::<Vec<_>>()));
        // A window of a day ends with Envoy: that is told, and meant here.
        let warnings = policy
            .warnings
            .iter()
            .filter(|warning| warning.severity != Severity::Warning(Warning::LongWindow));
        assert_eq!(warnings.collect::<Vec<_>>(), Vec::<&Finding>::new(), "{name}");
    }
}

#[test]
fn every_tool_that_a_policy_names_is_explained_above_it() {
    for (name, expected) in SERVERS {
        let text = fs::read_to_string(root().join(format!("envoy/policies/explained/{name}.yaml")))
            .unwrap();
        let opening: Vec<_> = text.lines().take_while(|line| line.starts_with('#')).collect();
        for tool in expected {
            let is_named = opening.join("\n").split([' ', ',', '\n']).any(|word| word == *tool);
            assert!(is_named, "{name} does not explain {tool}");
        }
        let policy = &yaml::documents(&format!("envoy/policies/explained/{name}.yaml"))[0];
        let tools = policy["tools"].as_object().unwrap();
        assert_eq!(tools.keys().collect::<Vec<_>>(), expected, "{name}");
        assert_eq!(policy["default"], "deny", "{name}");
    }
}
