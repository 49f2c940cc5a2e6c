//! The ways of calls and of people.

use super::{
    Body, Fleet, Gateway, NOW, NoPeer, POST, call_of, edge_policy, gateway, home_policy, pairs,
    refund, refused, send, waits, went_on,
};
use crate::approvals::{Slots, State};
use crate::exchange::question::{Answer, Failure, Service};
use crate::policy::Reason;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn one_approval_at_the_home_lets_one_call_through_one_of_two_edges() {
    let mut fleet = Fleet::new();
    let (state, id) = waits(fleet.call(0));
    assert_eq!(state, "requested");
    assert_eq!(waits(fleet.call(1)), ("pending".into(), id.clone()));
    let (reason, body) = refused(fleet.call(0));
    assert_eq!(reason, Reason::ApprovalRequired);
    let data = &body["error"]["data"];
    assert_eq!(data["rule"], "/tools/refund/action");
    assert_eq!(data["approval"]["expires_in"], 600);
    assert_eq!(data["approval"]["url"], format!("https://gateway.example.com/ok/{id}"));
    let message = body["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("[APPROVAL REQUIRED] Refunds are approved. Request apr_"));
    assert!(message.ends_with(r#"exactly these arguments: {"amount":500,"charge":"ch_1"}"#));
    let (_, shown) = fleet.at_home("pay-ann", "GET", &format!("/{id}"), "");
    assert_eq!((&shown["caller"], &shown["tool"]), (&"agent".into(), &"refund".into()));
    assert_eq!((&shown["path"], &shown["rule"]), (&"/mcp".into(), &"/tools/refund/action".into()));
    assert_eq!(shown["params"], r#"{"arguments":{"amount":500,"charge":"ch_1"}}"#);
    fleet.approve(&id);
    let record = went_on(fleet.call(1));
    assert!(
        record.contains(&format!(r#""approval":{{"id":"{id}","state":"used","by":["pay-ann"]}}"#))
    );
    // In the second of the use, a question may be one that comes again.
    assert_eq!(waits(fleet.call(0)), ("pending".into(), id.clone()));
    fleet.pass(1);
    let (state, again) = waits(fleet.call(0));
    assert_eq!(state, "requested");
    assert_ne!(again, id);
    // The edges keep none.
    for edge in &fleet.edges {
        let mut seen = 0;
        let visit = |_| {
            seen += 1;
            true
        };
        Slots::new(&edge.policy.table).each(&edge.store, NOW, visit).unwrap();
        assert_eq!(seen, 0);
    }
}

#[test]
fn a_denial_holds_at_all_edges() {
    let fleet = Fleet::new();
    let (_, id) = waits(fleet.call(0));
    assert_eq!(fleet.decide("pay-bob", &id, "deny?reason=Not%20today.").0, 200);
    for edge in [0, 1, 0] {
        let (reason, body) = refused(fleet.call(edge));
        assert_eq!(reason, Reason::ApprovalDenied);
        let message = format!("[POLICY DENIED] Request {id} was denied: Not today.");
        assert_eq!(body["error"]["message"], message);
    }
}

#[test]
fn a_request_and_an_approval_end() {
    let mut fleet = Fleet::new();
    let (_, id) = waits(fleet.call(0));
    fleet.pass(601);
    assert_eq!(fleet.decide("pay-ann", &id, "approve").0, 404);
    let (state, next) = waits(fleet.call(0));
    assert_eq!(state, "requested");
    assert_ne!(next, id);
    fleet.approve(&next);
    fleet.pass(61);
    assert_eq!(waits(fleet.call(0)).0, "requested");
}

#[test]
fn who_decides_is_for_the_edges_rule_and_the_homes_policy() {
    let fleet = Fleet::new();
    let (_, id) = waits(fleet.call(0));
    // The caller, whom the edge's patterns do not name, and a stranger.
    for who in ["agent", "ops-cid"] {
        let (status, _) = fleet.at_home(who, "POST", &format!("/{id}/approve"), &"0".repeat(64));
        assert_eq!(status, 403, "{who}");
    }
    let (_, list) = fleet.at_home("ops-cid", "GET", "", "");
    assert_eq!(list["approvals"].as_array().unwrap().len(), 0);
    let (_, list) = fleet.at_home("pay-ann", "GET", "", "");
    assert_eq!(list["approvals"][0]["id"], id.as_str());
    // Patterns of the home keep others out, also those that the edge names.
    let mut home = home_policy();
    home["settings"]["approvals"]["approvers"] = serde_json::json!(["*-bob"]);
    let fleet = Fleet::of(&edge_policy(), &home);
    let (_, id) = waits(fleet.call(0));
    assert_eq!(fleet.decide("pay-ann", &id, "approve").0, 404);
    assert_eq!(fleet.decide("pay-bob", &id, "approve").0, 200);
    went_on(fleet.call(0));
}

#[test]
fn an_approver_of_a_rule_makes_no_call_under_it_at_an_edge() {
    let fleet = Fleet::new();
    let mut asked = 0;
    let outcome = send(&fleet.edges[0], "pay-ann", &refund(), &mut |question| {
        asked += 1;
        fleet.home.host().answer(question)
    });
    assert_eq!((refused(outcome).0, asked), (Reason::Denied, 0));
}

#[test]
fn a_caller_without_a_credential_makes_no_call_that_needs_approval_at_an_edge() {
    let mut edge = edge_policy();
    edge["settings"]["anonymous"] = "allow".into();
    edge["settings"]["approvals"]["approvers_may_ask"] = true.into();
    let fleet = Fleet::of(&edge, &home_policy());
    let body = refund();
    let sent = fleet.edges[0].host().send_asking(
        pairs(&POST),
        &NoPeer,
        &Body::whole(body.as_bytes()),
        &mut |question| panic!("{question:?}"),
    );
    let (reason, answer) = refused(sent.unwrap().outcome);
    assert_eq!(reason, Reason::Denied);
    assert!(answer["error"]["message"].as_str().unwrap().ends_with("Sign in first."));
    assert_eq!(waits(fleet.call(0)).0, "requested");
}

#[test]
fn two_have_to_approve_where_the_rule_of_the_edge_says_so() {
    let mut edge = edge_policy();
    edge["tools"]["refund"]["approval"]["need"] = 2.into();
    let fleet = Fleet::of(&edge, &home_policy());
    let (_, id) = waits(fleet.call(0));
    assert_eq!(fleet.decide("pay-ann", &id, "approve").1["state"], "pending");
    assert_eq!(fleet.decide("pay-ann", &id, "approve").0, 409);
    assert_eq!(waits(fleet.call(1)).0, "pending");
    assert_eq!(fleet.decide("pay-bob", &id, "approve").1["state"], "approved");
    went_on(fleet.call(1));
}

#[test]
fn another_call_rule_or_caller_is_another_request() {
    let fleet = Fleet::new();
    let (_, id) = waits(fleet.call(0));
    fleet.approve(&id);
    let ask = |edge: &Gateway, who: &str, body: &str| {
        waits(send(edge, who, body, &mut |question| fleet.home.host().answer(question))).0
    };
    assert_eq!(ask(&fleet.edges[0], "agent-2", &refund()), "requested");
    let arguments = r#"{"amount":500.0,"charge":"ch_1"}"#;
    assert_eq!(ask(&fleet.edges[0], "agent", &call_of("refund", arguments)), "requested");
    for (key, value) in [("approvers", "pay-a*"), ("valid", "120"), ("wait", "700")] {
        let mut policy = edge_policy();
        policy["tools"]["refund"]["approval"][key] = match key {
            "approvers" => serde_json::json!([value]),
            _ => value.parse::<u64>().unwrap().into(),
        };
        assert_eq!(ask(&gateway(&policy), "agent", &refund()), "requested", "{key}");
    }
    went_on(fleet.call(1));
}

#[test]
fn a_caller_makes_as_many_requests_as_the_home_lets_him_over_all_edges() {
    let mut home = home_policy();
    home["settings"]["approvals"]["requests"] = "2/hour".into();
    let fleet = Fleet::of(&edge_policy(), &home);
    let call = |n: u64| {
        let body = call_of("refund", &format!(r#"{{"n":{n}}}"#));
        let edge = &fleet.edges[usize::try_from(n % 2).unwrap()];
        send(edge, "agent", &body, &mut |question| fleet.home.host().answer(question))
    };
    assert_eq!(waits(call(1)).0, "requested");
    assert_eq!(waits(call(2)).0, "requested");
    let (reason, body) = refused(call(3));
    assert_eq!(reason, Reason::RateLimited);
    assert_eq!(body["error"]["data"]["rule"], "/settings/approvals/requests");
    assert!(body["error"]["data"]["retry_after"].as_u64().unwrap() > 0);
    assert_eq!(waits(call(1)).0, "pending");
}

#[test]
fn a_home_without_a_place_says_so() {
    let fleet = Fleet::new();
    // All places of this call are others', which came by another clock's future.
    let (_, id) = waits(fleet.call(0));
    let (_, shown) = fleet.at_home("pay-ann", "GET", &format!("/{id}"), "");
    assert_eq!(shown["state"], "pending");
    let slots = Slots::new(&fleet.home.policy.table);
    let mut full = None;
    for n in 0..5_000_u32 {
        let body = call_of("refund", &format!(r#"{{"n":{n}}}"#));
        let who = format!("agent-{n}");
        let outcome =
            send(&fleet.edges[0], &who, &body, &mut |question| fleet.home.host().answer(question));
        let (reason, body) = refused(outcome);
        if reason == Reason::ApprovalsFull {
            assert_eq!(body["error"]["code"], 503);
            full = Some(n);
            break;
        }
    }
    assert!(full.is_some_and(|n| n > 300), "{full:?}");
    // No living request is lost.
    assert!(slots.by_id(&fleet.home.store, crate::approvals::Id::parse(&id).unwrap(), NOW).is_ok());
}

#[test]
fn a_home_that_gives_no_answer_lets_nothing_run_and_nothing_is_lost() {
    let fleet = Fleet::new();
    let (_, id) = waits(fleet.call(0));
    fleet.approve(&id);
    let http = |status| Answer::Http { status, headers: Vec::new(), body: b"{}".to_vec() };
    let faults = [
        || Answer::Failed(Failure::Dispatch),
        || Answer::Failed(Failure::Crowded),
        || Answer::Failed(Failure::Timeout),
        || Answer::Failed(Failure::Transport),
        || Answer::Failed(Failure::TooLarge),
        || Answer::Grpc(Vec::new()),
    ];
    let by_status = [200, 204, 401, 404, 409, 413, 500, 503, 504].map(http);
    for answer in faults.into_iter().map(|fault| fault()).chain(by_status) {
        let shown = format!("{answer:?}");
        let mut answer = Some(answer);
        let (reason, body) = refused(fleet.call_by(0, &mut |_| answer.take().unwrap()));
        assert_eq!(reason, Reason::ApprovalStore, "{shown}");
        assert_eq!(body["error"]["code"], 503);
        assert_eq!(body["error"]["data"]["rule"], "/settings/approvals/store");
        assert_eq!(
            body["error"]["message"],
            "[POLICY DENIED] The gateway cannot ask for this call's approval at the moment. Try \
             again."
        );
    }
    // The one call of a day is there, and so is the approval.
    went_on(fleet.call(0));
    assert_eq!(refused(fleet.call(0)).0, Reason::RateLimited);
}

#[test]
fn nobody_is_asked_about_a_call_without_room_and_a_use_comes_after_the_limits() {
    let mut policy = edge_policy();
    policy["tools"] = serde_json::json!({ "*": {
        "action": "require_approval", "rate_limit": "1/day", "approval": { "approvers": ["pay-*"] },
    } });
    policy["settings"]["unusual_tool_names"] = true.into();
    let fleet = Fleet::of(&policy, &home_policy());
    let body = call_of("ask:grpc limits 9 deny ok", "{}");
    let asked = core::cell::RefCell::new(Vec::new());
    let call = |limits: &str| {
        asked.borrow_mut().clear();
        send(&fleet.edges[0], "agent", &body, &mut |question| match question.service {
            Service::Grpc { .. } => {
                asked.borrow_mut().push("limits".to_owned());
                Answer::Grpc(limits.as_bytes().to_vec())
            }
            Service::Http { .. } => {
                let text = String::from_utf8(question.bytes.clone()).unwrap();
                let end = text.rsplit(',').next().unwrap().to_owned();
                asked.borrow_mut().push(end);
                fleet.home.host().answer(question)
            }
        })
    };
    let (_, id) = waits(call("ok"));
    assert_eq!(*asked.borrow(), [r#""look":true}"#]);
    fleet.approve(&id);
    // The approval is still there after these.
    for (answer, reason) in [("over 9", Reason::RateLimited), ("", Reason::CounterContended)] {
        assert_eq!(refused(call(answer)).0, reason);
        assert_eq!(*asked.borrow(), [r#""look":true}"#, "limits"]);
    }
    went_on(call("ok"));
    assert_eq!(*asked.borrow(), [r#""look":true}"#, "limits", r#""look":false}"#]);
    // The store is full from here on.
    assert_eq!(refused(call("ok")).0, Reason::RateLimited);
    assert!(asked.borrow().is_empty());
}

#[test]
fn an_approval_that_is_taken_between_look_and_use_is_asked_for_again() {
    let mut policy = edge_policy();
    policy["tools"] = serde_json::json!({ "*": {
        "action": "require_approval", "approval": { "approvers": ["pay-*"] },
    } });
    policy["settings"]["unusual_tool_names"] = true.into();
    let mut fleet = Fleet::of(&policy, &home_policy());
    let body = call_of("ask:grpc limits 9 deny ok", "{}");
    let plain = |question: &crate::exchange::question::Question| match question.service {
        Service::Grpc { .. } => Answer::Grpc(b"ok".to_vec()),
        Service::Http { .. } => fleet.home.host().answer(question),
    };
    let (_, id) = waits(send(&fleet.edges[0], "agent", &body, &mut |question| plain(question)));
    fleet.approve(&id);
    let outcome = send(&fleet.edges[0], "agent", &body, &mut |question| {
        if matches!(question.service, Service::Grpc { .. }) {
            went_on(send(&fleet.edges[1], "agent", &body, &mut |question| plain(question)));
        }
        plain(question)
    });
    // Questions of the second of the use make no request.
    assert_eq!(waits(outcome), ("pending".into(), id.clone()));
    fleet.pass(1);
    let (state, again) =
        waits(send(&fleet.edges[0], "agent", &body, &mut |question| match question.service {
            Service::Grpc { .. } => Answer::Grpc(b"ok".to_vec()),
            Service::Http { .. } => fleet.home.host().answer(question),
        }));
    assert_eq!(state, "requested");
    assert_ne!(again, id);
}

#[test]
fn a_client_whose_user_declines_uses_no_approval() {
    let mut policy = edge_policy();
    policy["settings"]["approvals"]["ask"] = "url".into();
    let fleet = Fleet::of(&policy, &home_policy());
    let (_, id) = waits(fleet.call(0));
    fleet.approve(&id);
    let declined = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"refund",
        "arguments":{"amount":500,"charge":"ch_1"},
        "inputResponses":{"mcp-policy-filter.approval":{"action":"decline"}}}}"#;
    let outcome = send(&fleet.edges[0], "agent", declined, &mut |question| {
        fleet.home.host().answer(question)
    });
    let (reason, body) = refused(outcome);
    assert_eq!(reason, Reason::ApprovalRequired);
    assert!(body["error"]["message"].as_str().unwrap().contains("has declined"));
    let mut states = Vec::new();
    let visit = |entry: crate::approvals::Entry| {
        states.push(entry.state);
        true
    };
    Slots::new(&fleet.home.policy.table).each(&fleet.home.store, NOW, visit).unwrap();
    assert_eq!(states, [State::Approved]);
    went_on(fleet.call(0));
}

#[test]
fn a_simulation_is_the_home_of_its_own_calls() {
    let fleet = Fleet::new();
    let (state, id) = waits(fleet.call_by(0, &mut |_| Answer::Simulated));
    assert_eq!(state, "requested");
    assert_eq!(waits(fleet.call_by(0, &mut |_| Answer::Simulated)), ("pending".into(), id));
}
