//! Clients that show their user the page of a request, and come back with his answer.

use super::{Answered, POLICY, World, reason};
use serde_json::{Value, json};

const ACCEPT: &str = r#""inputResponses":{"mcp-policy-filter.approval":{"action":"accept"}}"#;
const DECLINE: &str = r#""inputResponses":{"mcp-policy-filter.approval":{"action":"decline"}}"#;

fn world() -> World {
    let mut policy: Value = serde_json::from_str(POLICY).unwrap();
    let approvals = &mut policy["settings"]["approvals"];
    approvals["url"] = "https://mcp.example.com/approvals".into();
    approvals["ask"] = "url".into();
    World::new(&policy.to_string())
}

/// A call of `refund` in a revision, with further members of its `params`.
fn call(world: &World, revision: &str, amount: u32, more: &[&str]) -> Answered {
    let arguments = format!(r#""arguments":{{"amount":{amount}}}"#);
    let meta = format!(
        r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"{revision}","io.modelcontextprotocol/clientCapabilities":{{"elicitation":{{"url":{{}}}}}}}}"#
    );
    let headers =
        [("mcp-protocol-version", revision), ("mcp-method", "tools/call"), ("mcp-name", "refund")];
    let params = [&[&*arguments, &*meta], more].concat().join(",");
    world.call_with("agent", "refund", &params, &headers)
}

fn new(world: &World, amount: u32, more: &[&str]) -> Answered {
    call(world, "2026-07-28", amount, more)
}

/// The id of the request whose page a question shows.
#[track_caller]
fn shown(answer: &Answered) -> String {
    let requests = &answer.as_ref().unwrap()["result"]["inputRequests"];
    let url = requests["mcp-policy-filter.approval"]["params"]["url"].as_str();
    let url = url.unwrap_or_else(|| panic!("{answer:?}"));
    url.strip_prefix("https://mcp.example.com/approvals/").unwrap().to_owned()
}

#[test]
fn a_question_has_all_that_a_client_needs_and_nothing_that_decides() {
    let world = world();
    let asked = new(&world, 500, &[]);
    let id = shown(&asked);
    assert_eq!(
        asked.unwrap(),
        json!({ "jsonrpc": "2.0", "id": 1, "result": {
            "resultType": "input_required",
            "inputRequests": { "mcp-policy-filter.approval": {
                "method": "elicitation/create",
                "params": {
                    "mode": "url",
                    "url": format!("https://mcp.example.com/approvals/{id}"),
                    "message": format!(
                        "Refunds above 100 are approved by the payments team. Request {id}."
                    ),
                },
            } },
        } })
    );
    // Ten rounds of a client, and one request.
    for round in 0..10 {
        let asked = new(&world, 500, &[ACCEPT]);
        assert_eq!(shown(&asked), id, "{round}");
    }
    assert_eq!(world.decide("pay-ann", &id, "approve").0, 200);
    assert_eq!(reason(&new(&world, 500, &[ACCEPT])), "went on");
    assert_ne!(shown(&new(&world, 500, &[ACCEPT])), id);
}

#[test]
fn a_call_is_the_same_with_the_client_s_answer_and_without_it() {
    let world = world();
    let id = shown(&new(&world, 500, &[ACCEPT]));
    assert_eq!(super::id(&new(&world, 500, &[DECLINE])), id);
    assert_eq!(shown(&new(&world, 500, &[])), id);
    // Another question is the server's, and a part of what is approved.
    let other = r#""inputResponses":{"theirs":{"action":"accept"},"mcp-policy-filter.approval":{"action":"accept"}}"#;
    assert_ne!(shown(&new(&world, 500, &[other])), id);
    assert_ne!(shown(&new(&world, 500, &[ACCEPT, r#""requestState":"x""#])), id);
    assert_ne!(shown(&new(&world, 501, &[ACCEPT])), id);
}

#[test]
fn a_call_whose_user_declines_never_runs() {
    let world = world();
    let id = shown(&new(&world, 500, &[]));
    let declined = new(&world, 500, &[DECLINE]);
    assert_eq!(super::id(&declined), id);
    assert_eq!(declined.unwrap()["error"]["code"], 428);
    assert_eq!(world.decide("pay-ann", &id, "approve").0, 200);
    for answer in [
        DECLINE,
        r#""inputResponses":{"mcp-policy-filter.approval":{"action":"cancel"}}"#,
        r#""inputResponses":{"mcp-policy-filter.approval":null}"#,
        r#""inputResponses":{"mcp-policy-filter.approval":{"action":"ACCEPT"}}"#,
    ] {
        let refused = new(&world, 500, &[answer]);
        assert_eq!(reason(&refused), "approval_required", "{answer}");
        let error = &refused.as_ref().unwrap()["error"];
        let message = format!(
            "[APPROVAL REQUIRED] Request {id} is approved, but the client's user has declined. To use \
             the approval, make the same call without an answer."
        );
        assert_eq!((&error["code"], &error["message"]), (&428.into(), &message.into()));
    }
    assert_eq!(reason(&new(&world, 500, &[])), "went on");
}

#[test]
fn what_is_over_is_said_by_an_error() {
    let world = world();
    let id = shown(&new(&world, 500, &[]));
    assert_eq!(world.decide("pay-ann", &id, "deny?reason=No.").0, 200);
    let denied = new(&world, 500, &[ACCEPT]);
    assert_eq!(reason(&denied), "approval_denied");
    assert_eq!(
        denied.unwrap()["error"]["message"],
        format!("[POLICY DENIED] Request {id} was denied: No.")
    );
}

#[test]
fn the_older_revision_has_an_error_with_the_same_page() {
    let world = world();
    let headers = [("mcp-protocol-version", "2025-11-25")];
    let call = |arguments: &str| {
        world.call_with("agent", "refund", &format!(r#""arguments":{arguments}"#), &headers)
    };
    let asked = call(r#"{"amount":500,"x":{"deep":[1.0]}}"#).unwrap();
    let error = &asked["error"];
    let data = &error["data"];
    let id = data["approval"]["id"].as_str().unwrap();
    assert_eq!(error["code"], -32042);
    assert_eq!(
        data["elicitations"],
        json!([{
            "mode": "url",
            "elicitationId": id,
            "url": format!("https://mcp.example.com/approvals/{id}"),
            "message": format!("Refunds above 100 are approved by the payments team. Request {id}."),
        }])
    );
    assert_eq!(data["approval"]["arguments"], json!({ "amount": 500, "x": { "deep": [1.0] } }));
    assert_eq!(data["reason"], "approval_required");
    assert!(error["message"].as_str().unwrap().starts_with("[APPROVAL REQUIRED] Refunds above"));
    assert_eq!(world.decide("pay-ann", id, "approve").0, 200);
    assert_eq!(reason(&call(r#"{"amount":500,"x":{"deep":[1.0]}}"#)), "went on");
}

#[test]
fn without_the_setting_a_client_s_answer_means_nothing() {
    let world = World::new(POLICY);
    let id = super::id(&new(&world, 500, &[DECLINE]));
    assert_eq!(super::id(&call(&world, "2026-07-28", 500, &[ACCEPT])), id);
    assert_eq!(world.decide("pay-ann", &id, "approve").0, 200);
    assert_eq!(reason(&new(&world, 500, &[DECLINE])), "went on");
}
