//! Approvals under rules of grants and groups, and of callers without a credential.

use super::{World, reason, state};

/// Groups are told apart by a header here, so that a test can be in any.
const POLICY: &str = r#"{
  "version": "1",
  "default": "deny",
  "identity": [ { "header": "x-id" } ],
  "tools": { "drop": { "action": "require_approval" } },
  "grants": {
    "short": { "extends": "top", "tools": { "own": { "action": "require_approval" } }, "valid_until": "2027-01-15T08:00:10Z" }
  },
  "groups": [
    { "name": "red", "when": [ { "path": "headers.x-team", "op": "eq", "value": "red" } ], "default": "deny",
      "tools": { "paint": { "action": "require_approval", "approval": { "approvers": ["pay-*"] } } } },
    { "name": "blue", "when": [ { "path": "headers.x-team", "op": "eq", "value": "blue" } ], "extends": "top",
      "tools": { "paint": { "action": "require_approval", "approval": { "approvers": ["ops-*"] } } } }
  ],
  "settings": { "approvals": { "path": "/approvals", "approvers": ["ops-*"] }, "anonymous": "allow" }
}"#;

#[test]
fn a_request_is_decided_by_the_rule_of_its_group() {
    let world = World::new(POLICY);
    let paint =
        |team| world.call_with("agent", "paint", r#""arguments":{"n":1}"#, &[("x-team", team)]);
    let red = super::id(&paint("red"));
    // The rule of the other group is another one, with its own approvers.
    assert_eq!(world.decide("ops-ann", &red, "approve").0, 403);
    assert_eq!(world.decide("pay-ann", &red, "approve").0, 200);
    assert_eq!(state(&paint("blue")), "requested");
    assert_eq!(reason(&paint("green")), "default_deny");
    assert_eq!(reason(&paint("red")), "went on");
    assert_eq!(state(&paint("red")), "requested");
}

#[test]
fn a_rule_that_is_inherited_is_one_rule() {
    let world = World::new(POLICY);
    let drop =
        |team| world.call_with("agent", "drop", r#""arguments":{"n":1}"#, &[("x-team", team)]);
    let id = super::id(&drop("blue"));
    assert_eq!((super::id(&drop("none")), state(&drop("none"))), (id.clone(), "pending"));
    assert_eq!(world.decide("ops-ann", &id, "approve").0, 200);
    assert_eq!(reason(&drop("none")), "went on");
    assert_eq!(state(&drop("blue")), "requested");
}

#[test]
fn an_approval_is_not_used_after_the_time_of_its_rule() {
    let mut world = World::new(POLICY);
    let own = world.request("short", "own", r#"{"n":1}"#);
    let inherited = world.request("short", "drop", r#"{"n":1}"#);
    world.pass(10);
    assert_eq!(world.decide("ops-ann", &own, "approve").0, 200);
    assert_eq!(world.decide("ops-ann", &inherited, "approve").0, 200);
    assert_eq!(reason(&world.call("short", "own", r#"{"n":1}"#)), "default_deny");
    assert_eq!(reason(&world.call("short", "drop", r#"{"n":1}"#)), "went on");
}

#[test]
fn nobody_without_a_credential_asks_or_decides() {
    let open = r#""approvers": ["*"], "approvers_may_ask": true }, "anonymous""#;
    let open = POLICY.replace(r#""approvers": ["ops-*"] }, "anonymous""#, open);
    assert_ne!(open, POLICY);
    let nobody = [(":method", "POST"), (":path", "/mcp"), (":authority", "mcp.example.com")];
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop"}}"#;
    // An approver who leaves out his token asks for nothing that he could approve by it.
    for policy in [POLICY, &open] {
        let world = World::new(policy);
        let answer = world.send(&nobody, body).map(|(_, answer)| answer);
        assert_eq!(reason(&answer), "denied");
        assert!(answer.unwrap().to_string().contains("Sign in first."));
        let (status, list) = world.ask("GET", "/approvals", &[("x-id", "ops-ann")]);
        assert_eq!((status, list["approvals"].as_array().map(Vec::len)), (200, Some(0)), "{list}");
    }
    let world = World::new(&open);
    let id = super::id(&world.call("agent", "drop", r#"{"n":2}"#));
    let (_, shown) = world.show("ops-seer", &id);
    let digest = shown["digest"].as_str().unwrap();
    let path = format!("/approvals/{id}");
    assert_eq!(world.ask("GET", &path, &[]).0, 401);
    let approve = format!("{path}/approve");
    assert_eq!(world.ask("POST", &approve, &[("mcp-approval-digest", digest)]).0, 401);
    let named = [("x-id", "anonymous"), ("mcp-approval-digest", digest)];
    assert_eq!(world.ask("POST", &approve, &named).0, 401);
    assert_eq!(world.ask("GET", "/approvals", &[]).0, 401);
    assert_eq!(world.decide("ops-ann", &id, "approve").0, 200);
}

#[test]
fn who_approves_only_in_shadow_is_a_stranger() {
    let shadow =
        r#""mode": "shadow", "action": "require_approval", "approval": { "approvers": ["eve"] }"#;
    let policy = POLICY.replace(
        r#""tools": { "drop": { "action": "require_approval" } }"#,
        &format!(
            r#""tools": {{ "drop": {{ "action": "require_approval" }}, "d*": {{ {shadow} }} }}"#
        ),
    );
    assert_ne!(policy, POLICY);
    let mut world = World::new(&policy);
    let id = world.request("agent", "drop", r#"{"n":1}"#);
    // To approvers alone it is told that a rule has changed.
    let enforced = policy.replace(r#""mode": "shadow", "#, "");
    for (policy, status) in [(&policy, 403), (&enforced, 409)] {
        let changed =
            policy.replace(r#""path": "/approvals","#, r#""path": "/approvals", "wait": 60,"#);
        assert_ne!(changed, *policy);
        world.push(&changed);
        assert_eq!(world.decide("ops-ann", &id, "approve").0, 409);
        assert_eq!(world.decide("eve", &id, "approve").0, status);
    }
}
