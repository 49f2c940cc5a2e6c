//! The endpoint of approvals and calls that need one, on a host that fails.

use super::call;
use super::host::{HOST, fail, forget_counts, heal, log};
use super::worker::{Manner, PLAIN, Worker, holding};
use crate::config::root;
use crate::corpus::{self, Outcome, Request};
use serde_json::{Value, json};
use std::fs;

const POLICY: &str = r#"{
  "version": "1", "default": "deny", "identity": [ { "header": "x-id" } ],
  "tools": { "a": { "action": "require_approval" } },
  "settings": { "approvals": { "path": "/approvals", "approvers": ["boss"] } }
}"#;

fn with(mut request: Request, name: &str, value: &str) -> Request {
    request.headers.push((name.into(), value.into()));
    request
}

fn asking() -> Request {
    with(call("a"), "x-id", "agent")
}

fn at(method: &str, below: &str) -> Request {
    let path = format!("/approvals{below}");
    with(Request { method: method.into(), path, body: Vec::new(), ..call("a") }, "x-id", "boss")
}

/// The status of an answer, and its body.
#[track_caller]
fn answered(outcome: Outcome) -> (u16, Value) {
    let Outcome::Replied { status, body, .. } = outcome else { panic!("{outcome:?}") };
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[track_caller]
fn refused(worker: &Worker, reason: &str, what: &str) -> Value {
    let outcome = worker.send(&asking());
    assert_eq!(corpus::check(&outcome, &json!({ "reason": reason })), Ok(()), "{what}");
    answered(outcome).1["error"]["data"]["approval"].clone()
}

/// A worker in which a call was asked for, and the approval of it.
fn asked(manner: Manner) -> (Worker, String, Request) {
    forget_counts();
    let policy = if manner.holds { holding(POLICY) } else { POLICY.to_owned() };
    let worker = Worker::configure(&policy, manner).unwrap();
    let id = refused(&worker, "approval_required", "asking")["id"].as_str().unwrap().to_owned();
    let (status, shown) = answered(worker.send(&at("GET", &format!("/{id}"))));
    assert_eq!(status, 200, "{shown}");
    let approving = at("POST", &format!("/{id}/approve"));
    let approving = with(approving, "mcp-approval-digest", shown["digest"].as_str().unwrap());
    (worker, id, approving)
}

/// The ways of holding a request.
const MANNERS: [Manner; 2] = [PLAIN, Manner { holds: true, ..PLAIN }];

/// The host's status for a value that somebody else has written meanwhile.
const MISMATCH: u32 = 8;

#[test]
fn a_decision_that_cannot_be_stored_is_none() {
    for manner in MANNERS {
        let (worker, id, approving) = asked(manner);
        let show = at("GET", &format!("/{id}"));
        for (fault, status) in [("get_shared", 2), ("get_shared", 12), ("get_shared", 99)] {
            fail(fault, status);
            for request in [at("GET", ""), show.clone(), approving.clone()] {
                assert_eq!(answered(worker.send(&request)).0, 503, "{fault} {status}");
            }
            refused(&worker, "internal", fault);
            heal();
        }
        for status in [2, MISMATCH, 12, 99] {
            fail("set_shared", status);
            assert_eq!(answered(worker.send(&approving)).0, 503, "{status}");
            // A list is counted.
            assert_eq!(answered(worker.send(&at("GET", ""))).0, 503, "{status}");
            heal();
            refused(&worker, "approval_required", "not approved");
        }
        // Nothing is there: it is not found, and nothing can be stored.
        fail("get_shared", 1);
        assert_eq!(answered(worker.send(&approving)).0, 404);
        heal();
        let shown = answered(worker.send(&show)).1;
        assert_eq!((&shown["state"], &shown["approved_by"]), (&"pending".into(), &json!([])));
        assert_eq!(answered(worker.send(&approving)).0, 200);
        assert!(matches!(worker.send(&asking()), Outcome::Forwarded));
    }
}

#[test]
fn an_approval_that_cannot_be_used_up_is_not_used() {
    for manner in MANNERS {
        for (fault, status, reason) in [
            ("set_shared", 2, "internal"),
            ("set_shared", MISMATCH, "counter_contended"),
            ("set_shared", 99, "internal"),
            ("get_shared", 2, "internal"),
            ("get_shared", 99, "internal"),
            ("time", 2, "internal"),
            ("buffer", 2, "internal"),
        ] {
            let (worker, _, approving) = asked(manner);
            assert_eq!(answered(worker.send(&approving)).0, 200);
            fail(fault, status);
            refused(&worker, reason, fault);
            refused(&worker, reason, fault);
            heal();
            assert!(matches!(worker.send(&asking()), Outcome::Forwarded), "{fault} {status}");
            let again = refused(&worker, "approval_required", fault);
            assert_eq!(again["state"], "requested", "{fault} {status}");
        }
    }
}

#[test]
fn an_approval_is_not_used_on_a_route_that_cannot_be_read() {
    for manner in MANNERS {
        for status in [2, 12, 99] {
            let (worker, _, approving) = asked(manner);
            assert_eq!(answered(worker.send(&approving)).0, 200);
            fail("property", status);
            refused(&worker, "approval_too_large", "property");
            heal();
            assert!(matches!(worker.send(&asking()), Outcome::Forwarded), "{status}");
        }
    }
}

#[test]
fn without_a_clock_nothing_is_shown_or_decided() {
    for manner in MANNERS {
        let (worker, id, approving) = asked(manner);
        fail("time", 2);
        for request in [at("GET", ""), at("GET", &format!("/{id}")), approving.clone()] {
            let (status, said) = answered(worker.send(&request));
            assert_eq!((status, &said["error"]), (500, &"the gateway has no clock".into()));
        }
        // What needs no clock is answered as ever.
        assert_eq!(answered(worker.send(&at("DELETE", ""))).0, 405);
        assert_eq!(answered(worker.send(&at("GET", "/x"))).0, 404);
        heal();
        assert_eq!(answered(worker.send(&approving)).0, 200);
    }
}

#[test]
fn headers_that_cannot_be_read_are_no_decision() {
    for manner in MANNERS {
        let (worker, _, approving) = asked(manner);
        let approving = with(approving, "x-envoy-retry-on", "5xx");
        for fault in ["headers", "remove_header"] {
            fail(fault, 2);
            assert!(answered(worker.send(&approving)).0 >= 500, "{fault}");
            heal();
        }
        let damaged = |host: &mut super::host::Host| host.damaged_headers = Some(vec![9; 9]);
        assert!(answered(worker.send_after(&approving, damaged)).0 >= 500);
        HOST.with_borrow_mut(|host| host.damaged_headers = None);
        refused(&worker, "approval_required", "not approved");
        assert_eq!(answered(worker.send(&approving)).0, 200);
    }
}

#[test]
fn slots_that_cannot_be_read_approve_nothing() {
    let (worker, id, approving) = asked(PLAIN);
    assert_eq!(answered(worker.send(&approving)).0, 200);
    let damage = |with: &[u8]| {
        HOST.with_borrow_mut(|host| {
            let slots = host.shared.iter_mut();
            let slots = slots.filter(|(key, _)| key.windows(10).any(|part| part == b"/approval4"));
            slots.for_each(|(_, (value, _))| *value = with.to_vec());
        });
    };
    for bytes in [&[2][..], &[2; 64], &[0xff; 4_096]] {
        damage(bytes);
        // The slot is taken by it, and others have room.
        let asked = refused(&worker, "approval_required", "damaged");
        assert_eq!(asked["state"], "requested");
        assert_eq!(answered(worker.send(&at("GET", &format!("/{id}")))).0, 404);
        assert_eq!(answered(worker.send(&approving)).0, 404);
        assert_eq!(answered(worker.send(&at("GET", ""))).0, 200);
    }
}

#[test]
fn an_answer_that_cannot_be_sent_is_logged_and_nothing_goes_on() {
    for manner in MANNERS {
        let (worker, id, approving) = asked(manner);
        fail("reply", 2);
        for request in [at("GET", ""), at("GET", &format!("/{id}")), approving.clone(), asking()] {
            let outcome = worker.send(&request);
            // Of these, the last is approved by the one before.
            let goes = request.body == asking().body;
            assert_eq!(matches!(outcome, Outcome::Forwarded), goes, "{outcome:?}");
        }
        heal();
        assert!(log().iter().any(|line| line.contains("was not sent")));
    }
}

/// The worked example of a digest, as the module makes it: the policy of the page, in a
/// plugin that is named as in `envoy/envoy.yaml`, and a call on a route.
#[test]
fn the_digest_that_the_reference_works_out_is_that_of_a_filter() {
    forget_counts();
    let page = fs::read_to_string(root().join("docs/policy/approvals.md")).unwrap();
    let (_, rest) = page.split_once("```json policy\n").unwrap();
    let (policy, _) = rest.split_once("```").unwrap();
    HOST.with_borrow_mut(|host| {
        for property in ["plugin_name", "plugin_root_id"] {
            host.properties.insert(property.into(), b"mcp-policy".to_vec());
        }
    });
    let worker = Worker::configure(policy, PLAIN).unwrap();
    let send = |who: &str, request: Request| {
        let request = with(request, "authorization", &format!("Bearer {who}-token"));
        let request = with(request, ":authority", "MCP.example.com");
        let route = |host: &mut super::host::Host| {
            host.properties.insert("xds\0route_name".into(), b"mcp".to_vec());
        };
        answered(worker.send_after(&request, route))
    };
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_refund","arguments":{"amount":500}}}"#;
    let path = "/mcp?tenant=7".to_owned();
    let (_, asked) = send("support-agent", Request { path, body: body.to_vec(), ..call("") });
    let id = asked["error"]["data"]["approval"]["id"].as_str().unwrap_or_else(|| panic!("{asked}"));
    let path = format!("/mcp-approvals/{id}");
    let show = Request { method: "GET".into(), path, body: Vec::new(), ..call("") };
    let (_, shown) = send("payments-ann", show);
    for part in ["namespace", "caller", "route", "path", "tool", "rule_hash", "params", "digest"] {
        let value = shown[part].as_str().unwrap_or_else(|| panic!("{part} in {shown}"));
        assert!(page.contains(&format!("`{value}`")), "the page has no `{value}` ({part})");
    }
}
