//! Ways to run a call that nobody has approved.

use super::{POLICY, Policy, World, reason, state};

const CALL: &str = r#"{"amount":500,"to":{"bank":"b","account":"a"}}"#;

/// A world in which the call above is approved.
fn approved() -> (World, String) {
    let world = World::new(POLICY);
    let id = world.request("agent", "refund", CALL);
    assert_eq!(world.decide("pay-ann", &id, "approve").0, 200);
    (world, id)
}

#[test]
fn only_the_same_call_runs() {
    for other in [
        r#"{"amount":501,"to":{"bank":"b","account":"a"}}"#,
        r#"{"amount":500,"to":{"bank":"b","account":"a"},"note":""}"#,
        r#"{"amount":500.0,"to":{"bank":"b","account":"a"}}"#,
        r#"{"amount":5e2,"to":{"bank":"b","account":"a"}}"#,
        r#"{"amount":500,"to":{"account":"a","bank":"b"}}"#,
        r#"{"amount":500,"to":{"bank":"b","account":"ä"}}"#,
        "{\"amount\":500,\"to\":{\"bank\":\"b\",\"account\":\"a\u{308}\"}}",
    ] {
        let (world, id) = approved();
        let asked = world.call("agent", "refund", other);
        assert_eq!(state(&asked), "requested", "{other}");
        assert_ne!(super::id(&asked), id);
    }
    for same in [
        CALL,
        r#"{"to":{"bank":"b","account":"a"},"amount":500}"#,
        "{ \"amount\" : 500 ,\n \"to\":{\"ba\\u006ek\":\"b\",\"account\":\"\\u0061\"}}",
    ] {
        let (world, _) = approved();
        assert_eq!(reason(&world.call("agent", "refund", same)), "went on", "{same}");
        assert_eq!(state(&world.call("agent", "refund", same)), "requested", "{same}");
    }
}

#[test]
fn only_its_caller_may_make_it_and_only_there() {
    let arguments = &format!(r#""arguments":{CALL}"#);
    for headers in [
        [(":path", "/mcp?tenant=2")],
        [(":path", "/other")],
        [(":authority", "other.example.com")],
        [("x-id", "agent2")],
    ] {
        let (world, _) = approved();
        let asked = world.call_with("agent", "refund", arguments, &headers);
        assert_eq!(state(&asked), "requested", "{headers:?}");
    }
    let (world, _) = approved();
    let upper = [(":authority", "MCP.example.com"), ("mcp-session-id", "another")];
    assert_eq!(reason(&world.call_with("agent", "refund", arguments, &upper)), "went on");
}

#[test]
fn what_goes_with_the_arguments_is_approved_too() {
    for (params, state_then) in [
        (r#""requestState":"x""#, "requested"),
        (r#""inputResponses":{"k":{"action":"accept"}}"#, "requested"),
        (r#""extra":1"#, "requested"),
    ] {
        let (world, _) = approved();
        let params = format!(r#""arguments":{CALL},{params}"#);
        assert_eq!(
            state(&world.call_with("agent", "refund", &params, &[])),
            state_then,
            "{params}"
        );
    }
    for params in [
        r#""_meta":{"progressToken":7}"#,
        r#""task":{"ttl":5}"#,
        r#""inputResponses":{"mcp-policy-filter.approval":{"action":"accept"}}"#,
    ] {
        let (world, _) = approved();
        let params = format!(r#""arguments":{CALL},{params}"#);
        assert_eq!(
            reason(&world.call_with("agent", "refund", &params, &[])),
            "went on",
            "{params}"
        );
    }
}

#[test]
fn nobody_approves_his_own_call() {
    // By a policy in which approvers may ask.
    let policy = POLICY
        .replace(r#""path": "/approvals""#, r#""path": "/approvals", "approvers_may_ask": true"#);
    let world = World::new(&policy);
    let id = world.request("pay-ann", "refund", CALL);
    let (status, said) = world.decide("pay-ann", &id, "approve");
    assert_eq!(status, 403, "{said}");
    assert_eq!(said["you"], "pay-ann");
    assert_eq!(world.decide("pay-bob", &id, "approve").0, 200);
    assert_eq!(reason(&world.call("pay-ann", "refund", CALL)), "went on");
    // By one in which they may not.
    let world = World::new(POLICY);
    assert_eq!(reason(&world.call("pay-ann", "refund", CALL)), "denied");
    assert_eq!(reason(&world.call("pay-ann", "refund", r#"{"amount":1}"#)), "went on");
}

#[test]
fn a_policy_that_changes_its_rule_ends_an_approval() {
    for (from, to, runs) in [
        (r#""pay-*"], "wait""#, r#""pay-bob"], "wait""#, false),
        (r#""valid": 60"#, r#""valid": 60, "need": 2"#, false),
        (r#""value": 100"#, r#""value": 99"#, false),
        (r#""name": "large""#, r#""name": "larger""#, false),
        (r#""free": {}"#, r#""free": {"action": "deny"}"#, true),
        (r#""default": "deny""#, r#""default": "allow""#, true),
        // A check on arguments means another thing, and one on no time the same.
        (r#""settings": {"#, r#""settings": { "json_texts": "text","#, false),
        (r#""settings": {"#, r#""settings": { "utc_offset": "+02:00","#, true),
        (r#""on_deny": "Refunds above 100 are"#, r#""on_deny": "Such are"#, true),
    ] {
        let (mut world, id) = approved();
        let pushed = POLICY.replace(from, to);
        assert_ne!(pushed, POLICY);
        world.push(&pushed);
        let call = world.call("agent", "refund", CALL);
        if runs {
            assert_eq!(reason(&call), "went on", "{to}");
        } else {
            assert_eq!(state(&call), "requested", "{to}");
            // Nobody decides about the old one any more.
            assert_eq!(world.decide("pay-bob", &id, "deny").0, 409, "{to}");
        }
    }
    // A policy that denies comes before every approval.
    let (mut world, _) = approved();
    world.push(
        &POLICY.replace(r#""approve_if""#, r#""deny_if": [ { "conditions": [] } ], "approve_if""#),
    );
    assert_eq!(reason(&world.call("agent", "refund", CALL)), "deny_if");
}

#[test]
fn another_clock_ends_an_approval_by_a_check_on_the_time() {
    let amount = r#""value": 100 }"#;
    let timed = r#""value": 100 }, { "path": "time.hour", "op": "gte", "value": 0 }"#;
    let policy = POLICY.replace(amount, timed);
    assert_ne!(policy, POLICY);
    for (pushed, runs) in [
        (policy.clone(), true),
        (policy.replace(r#""settings": {"#, r#""settings": { "utc_offset": "+02:00","#), false),
    ] {
        let mut world = World::new(&policy);
        let id = world.request("agent", "refund", CALL);
        assert_eq!(world.decide("pay-ann", &id, "approve").0, 200);
        world.push(&pushed);
        let call = world.call("agent", "refund", CALL);
        match runs {
            true => assert_eq!(reason(&call), "went on"),
            false => assert_eq!(state(&call), "requested"),
        }
    }
}

#[test]
fn limits_come_before_people_and_an_approval_outlives_a_full_one() {
    let mut world = World::new(POLICY);
    let first = world.request("agent", "limited", r#"{"n":1}"#);
    let second = world.request("agent", "limited", r#"{"n":2}"#);
    for id in [&first, &second] {
        assert_eq!(world.decide("ops-bob", id, "approve").0, 200);
    }
    assert_eq!(reason(&world.call("agent", "limited", r#"{"n":1}"#)), "went on");
    // The limit is full: nobody is asked, and no approval is lost.
    assert_eq!(reason(&world.call("agent", "limited", r#"{"n":3}"#)), "rate_limited");
    assert_eq!(reason(&world.call("agent", "limited", r#"{"n":2}"#)), "rate_limited");
    let (_, list) = world.ask("GET", "/approvals", &[("x-id", "ops-bob")]);
    assert_eq!(list["approvals"].as_array().unwrap().len(), 1, "{list}");
    world.pass(60);
    assert_eq!(reason(&world.call("agent", "limited", r#"{"n":2}"#)), "went on");
}

#[test]
fn undecidable_is_denied_and_not_asked() {
    let world = World::new(POLICY);
    assert_eq!(reason(&world.call("agent", "refund", r#"{"amount":"500"}"#)), "undecidable");
    assert_eq!(
        reason(&world.call("agent", "refund", r#"{"AMOUNT":1,"amount":500}"#)),
        "undecidable"
    );
    assert_eq!(reason(&world.call("agent", "refund", "{}")), "require");
}

#[test]
fn a_caller_cannot_flood_people_with_requests() {
    let mut world = World::new(POLICY);
    for n in 0..20 {
        world.request("agent", "drop", &format!(r#"{{"n":{n}}}"#));
    }
    let refused = world.call("agent", "drop", r#"{"n":20}"#);
    assert_eq!(reason(&refused), "rate_limited");
    assert_eq!(refused.unwrap()["error"]["data"]["rule"], "/settings/approvals/requests");
    // Requests that are there are told of, and others are not held up.
    assert_eq!(state(&world.call("agent", "drop", r#"{"n":3}"#)), "pending");
    world.request("agent2", "drop", r#"{"n":20}"#);
    world.pass(3_600);
    world.request("agent", "drop", r#"{"n":20}"#);
}

#[test]
fn what_cannot_be_shown_cannot_be_approved() {
    let world = World::new(POLICY);
    let of_length = |length: usize| {
        let around = r#"{"arguments":{"a":""}}"#.len();
        format!(r#"{{"a":"{}"}}"#, "x".repeat(length - around))
    };
    world.request("agent", "drop", &of_length(4_096));
    assert_eq!(reason(&world.call("agent", "drop", &of_length(4_097))), "approval_too_large");
    let long = format!("/mcp?{}", "x".repeat(2_048));
    let asked = world.call_with("agent", "drop", r#""arguments":{}"#, &[(":path", &long)]);
    assert_eq!(reason(&asked), "approval_too_large");
}

/// The headers of an agent's POST.
const HEADERS: [(&str, &str); 6] = [
    (":method", "POST"),
    (":path", "/mcp"),
    (":authority", "mcp"),
    ("accept", "application/json, text/event-stream"),
    ("content-type", "application/json"),
    ("x-id", "agent"),
];

#[test]
fn a_batch_is_refused_without_a_request() {
    let world =
        World::new(&POLICY.replace(r#""settings": {"#, r#""settings": { "batches": "judge","#));
    let call = |id: u32, tool: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{{}}}}}}"#
        )
    };
    let body = format!("[{},{}]", call(1, "drop"), call(2, "free"));
    let (_, answer) = world.send(&HEADERS, &body).expect("the batch went on");
    assert_eq!(answer[0]["error"]["data"]["reason"], "approval_required", "{answer}");
    let message = answer[0]["error"]["message"].as_str().unwrap();
    assert!(message.ends_with("A call in a batch cannot be approved; make it alone."), "{message}");
    assert_eq!(answer[1]["error"]["data"]["reason"], "batch_refused");
    let (_, list) = world.ask("GET", "/approvals", &[("x-id", "ops-bob")]);
    assert_eq!(list["approvals"].as_array().unwrap().len(), 0, "{list}");
}

#[test]
fn shadow_mode_records_and_asks_nobody() {
    let world = World::new(&POLICY.replace(r#""default""#, r#""mode": "shadow", "default""#));
    assert_eq!(reason(&world.call("agent", "drop", "{}")), "went on");
    let (_, list) = world.ask("GET", "/approvals", &[("x-id", "ops-bob")]);
    assert_eq!(list["approvals"].as_array().unwrap().len(), 0, "{list}");
}

#[test]
fn an_approval_ends_with_its_time() {
    let (mut world, _) = approved();
    world.pass(60);
    assert_eq!(state(&world.call("agent", "refund", CALL)), "requested");
    let mut world = World::new(POLICY);
    let first = world.request("agent", "refund", CALL);
    world.pass(600);
    assert_eq!(world.decide("pay-ann", &first, "approve").0, 404);
    assert_ne!(world.request("agent", "refund", CALL), first);
}

#[test]
fn a_record_has_no_value_of_an_argument() {
    let world = World::new(POLICY);
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"drop","arguments":{"table":"hush"}}}"#;
    for waits in ["waits for a decision", "is still waiting"] {
        let headers = HEADERS.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let host = world.0.host();
        let body = super::Body::whole(body.as_bytes());
        let sent = host.send(headers, &super::NoPeer, &body).unwrap();
        let super::Outcome::Refused(refusal) = sent.outcome else { panic!("it was not refused") };
        assert!(String::from_utf8_lossy(&refusal.reply.body).contains("hush"));
        let record = format!("{:?}", refusal.record);
        assert!(!record.contains("hush"), "{record}");
        let message = refusal.record.message.unwrap();
        assert!(message.starts_with("Tables are dropped by two. Request apr_"), "{message}");
        assert!(message.contains(waits), "{message}");
    }
}

#[test]
fn no_caller_may_take_more_than_a_quarter_of_the_slots() {
    for (requests, wait, max) in
        [("hour", 600, 128), ("hour", 3_600, 128), ("hour", 3_601, 85), ("day", 600, 128)]
    {
        let policy = |max: u64| {
            let settings = format!(
                r#""path": "/approvals", "requests": "{max}/{requests}", "wait": {wait}, "#
            );
            let policy = POLICY.replace(r#""path": "/approvals", "#, &settings);
            policy.replace(r#""wait": 600"#, r#""wait": 10"#)
        };
        assert!(Policy::parse(policy(max).as_bytes(), "").is_ok(), "{max} {requests} {wait}");
        let errors = Policy::parse(policy(max + 1).as_bytes(), "").unwrap_err();
        let errors = format!("{errors:?}");
        assert!(errors.contains("more than 256 requests"), "{errors}");
    }
    // As one that lies in the turn of a window shows. The clock begins at a full hour.
    let most = r#""path": "/approvals", "requests": "128/hour""#;
    let mut world = World::new(&POLICY.replace(r#""path": "/approvals""#, most));
    world.pass(3_599);
    for n in 0..256 {
        if n == 128 {
            world.pass(1);
        }
        world.request("agent", "drop", &format!(r#"{{"n":{n}}}"#));
    }
    assert_eq!(reason(&world.call("agent", "drop", r#"{"n":256}"#)), "rate_limited");
}
