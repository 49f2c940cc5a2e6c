//! Edges and their home, in memory.

mod attacks;
mod course;
mod replays;
mod settings;

use crate::exchange::identity::NoPeer;
use crate::exchange::question::{Answer, Question};
use crate::limits::MemoryStore;
use crate::limits::window::Nanos;
use crate::policy::Reason;
use crate::simulate::client::Client;
use crate::simulate::{Body, Ending, Gateway, Outcome, POST, Recorder, Refused, pairs};
use serde_json::{Value, json};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const OTHER: &str = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddee00";
const NOW: Nanos = Nanos(1_800_000_000_500_000_000);

/// The policy of an edge: each call of `refund` needs an approval, one call of it a day.
fn edge_policy() -> Value {
    json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-id" }],
        "tools": { "refund": {
            "action": "require_approval",
            "reason": "Refunds are approved.",
            "rate_limit": "1/day",
            "approval": { "approvers": ["pay-*"], "wait": 600, "valid": 60 },
        } },
        "settings": { "approvals": { "store": {
            "cluster": "home", "authority": "home.internal", "path": "/ok", "key": KEY,
        } } },
    })
}

/// The policy of the home.
fn home_policy() -> Value {
    json!({
        "version": "1",
        "default": "deny",
        "identity": [{ "header": "x-id" }],
        "settings": {
            "hold_request_headers": true,
            "approvals": {
                "path": "/ok",
                "url": "https://gateway.example.com/ok",
                "serve_store": { "key": KEY },
            },
        },
    })
}

fn gateway(policy: &Value) -> Gateway {
    let gateway = Gateway::new(&policy.to_string());
    Gateway {
        now: NOW,
        ..gateway.unwrap_or_else(|errors| panic!("{:?}", errors.lines().collect::<Vec<_>>()))
    }
}

/// Two edges and a home.
struct Fleet {
    edges: [Gateway; 2],
    home: Gateway,
}

impl Fleet {
    fn new() -> Self {
        Self::of(&edge_policy(), &home_policy())
    }

    fn of(edge: &Value, home: &Value) -> Self {
        Self { edges: [gateway(edge), gateway(edge)], home: gateway(home) }
    }

    /// Calls `refund` at an edge.
    fn call(&self, edge: usize) -> Outcome {
        self.call_by(edge, &mut |question| self.home.host().answer(question))
    }

    /// The same, with these answers.
    fn call_by(&self, edge: usize, home: &mut dyn FnMut(&Question) -> Answer) -> Outcome {
        send(&self.edges[edge], "agent", &refund(), home)
    }

    /// A request to the endpoint of the home.
    fn at_home(&self, who: &str, method: &str, below: &str, digest: &str) -> (u16, Value) {
        let path = format!("/ok{below}");
        let headers = [
            (":method", method),
            (":path", &path),
            (":authority", "gateway.example.com"),
            ("x-id", who),
            ("mcp-approval-digest", digest),
        ];
        let sent = self.home.host().send(pairs(&headers), &NoPeer, &Body::whole(b""));
        let Outcome::Served(served) = sent.unwrap().outcome else { panic!("not served") };
        (served.reply.status, serde_json::from_slice(&served.reply.body).unwrap())
    }

    /// Decides about a request as somebody who has looked at it.
    fn decide(&self, who: &str, id: &str, what: &str) -> (u16, Value) {
        let (status, shown) = self.at_home(who, "GET", &format!("/{id}"), "");
        let digest = shown["digest"].as_str().unwrap_or_default().to_owned();
        if status != 200 {
            return (status, shown);
        }
        self.at_home(who, "POST", &format!("/{id}/{what}"), &digest)
    }

    fn approve(&self, id: &str) {
        let (status, shown) = self.decide("pay-ann", id, "approve");
        assert_eq!((status, &shown["state"]), (200, &"approved".into()), "{shown}");
    }

    fn pass(&mut self, seconds: u64) {
        let edges = self.edges.iter_mut();
        edges.chain([&mut self.home]).for_each(|gateway| gateway.now.0 += seconds * 1_000_000_000);
    }
}

fn refund() -> String {
    call_of("refund", r#"{"amount":500,"charge":"ch_1"}"#)
}

fn call_of(tool: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
    )
}

fn send(
    edge: &Gateway<MemoryStore>,
    who: &str,
    body: &str,
    home: &mut dyn FnMut(&Question) -> Answer,
) -> Outcome {
    let headers = POST.into_iter().chain([("x-id", who)]).collect::<Vec<_>>();
    let body = Body::whole(body.as_bytes());
    edge.host().send_asking(pairs(&headers), &NoPeer, &body, home).unwrap().outcome
}

#[track_caller]
fn refused(outcome: Outcome) -> (Reason, Value) {
    let Outcome::Refused(refused) = outcome else { panic!("{outcome:?}") };
    let Refused { reason, reply, .. } = *refused;
    (reason, serde_json::from_slice(&reply.body).unwrap())
}

/// The state and the id of the request that a refusal names.
#[track_caller]
fn waits(outcome: Outcome) -> (String, String) {
    let (reason, body) = refused(outcome);
    assert_eq!(reason, Reason::ApprovalRequired, "{body}");
    let approval = &body["error"]["data"]["approval"];
    let text = |key: &str| approval[key].as_str().unwrap().to_owned();
    (text("state"), text("id"))
}

/// The line of the record of a call that went on.
#[track_caller]
fn went_on(outcome: Outcome) -> String {
    let Outcome::WentOn(records) = outcome else { panic!("{outcome:?}") };
    records[0].line.clone()
}
