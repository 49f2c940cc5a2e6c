//! The rule that asks: of a grant, of all tools, of the strictest pattern.

use super::{World, id, reason, state};
use serde_json::Value;

const BY_GRANT: &str = r#"{
  "version": "1",
  "default": "deny",
  "identity": [ { "header": "x-id" } ],
  "grants": {
    "agent-*": {
      "default": "allow",
      "all_tools": { "approve_if": [
        { "name": "big", "conditions": [ { "path": "args.n", "op": "gt", "value": 10 } ] }
      ] },
      "tools": {
        "own": { "approve_if": [
          { "name": "odd", "conditions": [ { "path": "args.odd", "op": "eq", "value": true } ] }
        ] }
      }
    }
  },
  "settings": { "approvals": { "path": "/approvals", "approvers": ["boss"] } }
}"#;

fn rule(answer: &super::Answered) -> Value {
    answer.as_ref().unwrap()["error"]["data"]["rule"].clone()
}

#[test]
fn a_tool_without_an_entry_is_asked_about_by_the_callers_own_grant() {
    let world = World::new(BY_GRANT);
    assert_eq!(reason(&world.call("agent-1", "any", r#"{"n":10}"#)), "went on");
    assert_eq!(reason(&world.call("other", "any", r#"{"n":11}"#)), "default_deny");
    let asked = world.call("agent-1", "any", r#"{"n":11}"#);
    assert_eq!(rule(&asked), "/grants/agent-*/all_tools/approve_if/big");
    let request = id(&asked);
    let shown = world.show("boss", &request).1;
    let headers = [("x-id", "boss"), ("mcp-approval-digest", shown["digest"].as_str().unwrap())];
    let approved = world.ask("POST", &format!("/approvals/{request}/approve"), &headers);
    assert_eq!(approved.0, 200, "{approved:?}");
    // It is the one caller's, of all that the grant has.
    assert_eq!(state(&world.call("agent-2", "any", r#"{"n":11}"#)), "requested");
    assert_eq!(state(&world.call("agent-1", "another", r#"{"n":11}"#)), "requested");
    assert_eq!(reason(&world.call("agent-1", "any", r#"{"n":11}"#)), "went on");
    assert_eq!(state(&world.call("agent-1", "any", r#"{"n":11}"#)), "requested");
}

#[test]
fn all_checks_that_hold_are_shown_and_bound() {
    let world = World::new(BY_GRANT);
    let asked = world.call("agent-1", "own", r#"{"n":11,"odd":true}"#);
    let shown = world.show("boss", &id(&asked)).1;
    assert_eq!(
        shown["rules"],
        serde_json::json!([
            "/grants/agent-*/tools/own/approve_if/odd",
            "/grants/agent-*/all_tools/approve_if/big"
        ])
    );
    assert_eq!(reason(&world.call("agent-1", "own", r#"{"n":1,"odd":false}"#)), "went on");
}

#[test]
fn another_grant_ends_what_was_asked_under_the_one_before() {
    let mut world = World::new(BY_GRANT);
    let asked = world.call("agent-1", "any", r#"{"n":11}"#);
    let request = id(&asked);
    let digest = world.show("boss", &request).1["digest"].as_str().unwrap().to_owned();
    world.push(&BY_GRANT.replace("agent-*", "agent-1"));
    let headers = [("x-id", "boss"), ("mcp-approval-digest", &digest)];
    let approved = world.ask("POST", &format!("/approvals/{request}/approve"), &headers);
    assert_eq!(approved.0, 409, "{approved:?}");
    assert_eq!(state(&world.call("agent-1", "any", r#"{"n":11}"#)), "requested");
}

#[test]
fn of_patterns_that_overlap_the_strictest_decides() {
    let policy = |left: &str, right: &str| {
        BY_GRANT.replace(
            r#""default": "deny","#,
            &format!(r#""default": "deny", "tools": {{ "read_*": {left}, "*_all": {right} }},"#),
        )
    };
    let (allow, ask, deny) =
        ("{}", r#"{ "action": "require_approval" }"#, r#"{ "action": "deny" }"#);
    for (left, right, expected) in [
        (allow, ask, "approval_required"),
        (ask, allow, "approval_required"),
        (ask, deny, "denied"),
        (deny, ask, "denied"),
        (allow, allow, "went on"),
    ] {
        let world = World::new(&policy(left, right));
        assert_eq!(reason(&world.call("other", "read_all", "{}")), expected, "{left} {right}");
    }
}
