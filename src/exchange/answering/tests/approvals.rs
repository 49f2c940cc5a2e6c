//! Calls that need an approval and an answer.

use super::{Gateway, ok, question, refused};
use crate::approvals::Verdict::Approve;
use crate::approvals::{Slots, State};
use crate::exchange::Step;
use crate::limits::window::Nanos;
use crate::policy::Reason;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn an_approval_is_used_once_its_call_may_go_on() {
    let policy = r#"{"version": "1", "default": "deny", "identity": [{"header": "x-id"}],
        "tools": {"*": {"action": "require_approval", "rate_limit": "1/day"}},
        "settings": {"paths": ["/mcp"], "approvals": {"path": "/ok", "approvers": ["bob"]}}}"#;
    let tool = "ask:grpc x 1 deny";
    let mut gateway = Gateway::new(policy);
    let states = |gateway: &Gateway| {
        let mut found = Vec::new();
        let slots = Slots::new(&gateway.policy.table);
        let visit = |entry| {
            found.push(entry);
            true
        };
        slots.each(&gateway.store, Nanos(0), visit).unwrap();
        found
    };
    // Nobody is asked about a call that is not approved.
    let (_, step) = gateway.call(tool);
    assert_eq!(refused(step).0, Reason::ApprovalRequired);
    let entry = states(&gateway).remove(0);
    let slots = Slots::new(&gateway.policy.table);
    let decide = slots.decide(&gateway.store, entry.id, &entry.digest, "bob", Approve, Nanos(0));
    decide.unwrap();
    for (text, reason) in [("over 9", Reason::RateLimited), ("", Reason::CounterContended)] {
        let (_, step) = gateway.answers(tool, &[text]);
        assert_eq!(refused(step).0, reason);
        assert_eq!(states(&gateway)[0].state, State::Approved);
    }
    // Two of them at once, of which one uses it; the other has no room, and the next no
    // approval.
    let (mut exchange, step) = gateway.call(tool);
    question(step);
    let (_, step) = gateway.call(tool);
    assert_eq!(refused(step).0, Reason::RateLimited);
    gateway.lines.clear();
    let step = gateway.answer(&mut exchange, ok("ok"));
    assert!(matches!(step, Step::Go(_)), "{step:?}");
    assert!(gateway.lines[0].contains(r#""state":"used","by":["bob"]"#), "{:?}", gateway.lines);
    assert!(states(&gateway).iter().all(|entry| entry.state != State::Approved));
}

#[test]
fn an_approval_that_another_call_used_meanwhile_is_asked_for_again() {
    let policy = r#"{"version": "1", "default": "deny", "identity": [{"header": "x-id"}],
        "tools": {"*": {"action": "require_approval", "rate_limit": "2/day"}},
        "settings": {"paths": ["/mcp"], "approvals": {"path": "/ok", "approvers": ["bob"]}}}"#;
    let tool = "ask:grpc x 1 deny";
    let mut gateway = Gateway::new(policy);
    gateway.call(tool);
    let slots = Slots::new(&gateway.policy.table);
    let mut entry = None;
    slots.each(&gateway.store, Nanos(0), |found| entry.replace(found).is_none()).unwrap();
    let entry = entry.unwrap();
    slots.decide(&gateway.store, entry.id, &entry.digest, "bob", Approve, Nanos(0)).unwrap();
    let (mut first, step) = gateway.call(tool);
    question(step);
    let (mut second, step) = gateway.call(tool);
    question(step);
    assert!(matches!(gateway.answer(&mut first, ok("ok")), Step::Go(_)));
    let (reason, _, body) = refused(gateway.answer(&mut second, ok("ok")));
    assert_eq!(reason, Reason::ApprovalRequired);
    assert_eq!(body["error"]["data"]["approval"]["state"], "requested", "{body}");
    // Its charge was given back.
    assert!(!second.is_charged() && first.is_charged());
    let (_, step) = gateway.call(tool);
    assert_eq!(refused(step).0, Reason::ApprovalRequired);
}
