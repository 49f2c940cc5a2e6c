//! Approvals through the whole core: agents ask, people decide, and everybody
//! tries what he must not.

mod asking;
mod attacks;
mod bodies;
mod endpoint;
mod notices;
mod rules;

use mcp_policy_filter::exchange::identity::NoPeer;
use mcp_policy_filter::exchange::reply::Reply;
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::{Body, Gateway, Outcome};
use serde_json::Value;

/// Callers are known by a header, so that a test can be anybody.
pub const POLICY: &str = r#"{
  "version": "1",
  "default": "deny",
  "identity": [ { "header": "x-id" } ],
  "tools": {
    "refund": {
      "require": [ { "conditions": [ { "path": "args.amount", "op": "exists", "value": true } ] } ],
      "approve_if": [
        {
          "name": "large",
          "conditions": [ { "path": "args.amount", "op": "gt", "value": 100 } ],
          "on_deny": "Refunds above 100 are approved by the payments team."
        }
      ],
      "approval": { "approvers": ["pay-*"], "wait": 600, "valid": 60 }
    },
    "drop": { "action": "require_approval", "reason": "Tables are dropped by two." },
    "limited": { "action": "require_approval", "rate_limit": "1/minute" },
    "free": {}
  },
  "settings": { "approvals": { "path": "/approvals", "approvers": ["ops-*", "pay-*"] } }
}"#;

/// A gateway in memory with a clock.
pub struct World(pub Gateway<MemoryStore>);

/// The answer to a call: `None` where it went on.
pub type Answered = Option<Value>;

impl World {
    pub fn new(policy: &str) -> Self {
        let mut gateway = Gateway::new(policy).unwrap_or_else(|errors| panic!("{errors:?}"));
        gateway.now = Nanos(1_800_000_000_000_000_000);
        Self(gateway)
    }

    pub fn pass(&mut self, seconds: u64) {
        self.0.now.0 += seconds * 1_000_000_000;
    }

    /// Another policy takes over; counts and requests stay.
    pub fn push(&mut self, policy: &str) {
        self.0.policy = Policy::parse(policy.as_bytes(), "").unwrap();
    }

    /// Sends anything; status and JSON of the answer, or `None` if it went on.
    pub fn send(&self, headers: &[(&str, &str)], body: &str) -> Option<(u16, Value)> {
        let reply = self.reply(headers, body)?;
        Some((reply.status, serde_json::from_slice(&reply.body).unwrap_or_default()))
    }

    /// Sends anything; the answer of the filter, or `None` if it went on.
    pub fn reply(&self, headers: &[(&str, &str)], body: &str) -> Option<Reply> {
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let host = self.0.host();
        let sent = host.send(headers, &NoPeer, &Body::whole(body.as_bytes())).unwrap();
        match sent.outcome {
            Outcome::WentOn(_) => None,
            Outcome::Refused(refusal) => Some(refusal.reply),
            Outcome::Served(served) => Some(served.reply),
        }
    }

    /// A call with other headers and members of `params`.
    pub fn call_with(
        &self,
        caller: &str,
        tool: &str,
        params: &str,
        headers: &[(&str, &str)],
    ) -> Answered {
        let mut all = vec![
            (":method", "POST"),
            (":path", "/mcp"),
            (":authority", "mcp.example.com"),
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
            ("x-id", caller),
        ];
        all.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
        all.extend(headers);
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}",{params}}}}}"#
        );
        self.send(&all, &body).map(|(_, answer)| answer)
    }

    pub fn call(&self, caller: &str, tool: &str, arguments: &str) -> Answered {
        self.call_with(caller, tool, &format!(r#""arguments":{arguments}"#), &[])
    }

    /// A request to the endpoint.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut all = vec![(":method", method), (":path", path), (":authority", "mcp.example.com")];
        all.retain(|(name, _)| !headers.iter().any(|(other, _)| other == name));
        all.extend(headers);
        self.send(&all, "").expect("a request to the endpoint went on")
    }

    pub fn show(&self, who: &str, id: &str) -> (u16, Value) {
        self.ask("GET", &format!("/approvals/{id}"), &[("x-id", who)])
    }

    /// Decides as somebody who has looked at the request.
    pub fn decide(&self, who: &str, id: &str, what: &str) -> (u16, Value) {
        let shown = self.show("pay-seer", id).1;
        let shown = if shown["digest"].is_null() { self.show("ops-seer", id).1 } else { shown };
        let digest = shown["digest"].as_str().unwrap_or("0").to_owned();
        let path = format!("/approvals/{id}/{what}");
        self.ask("POST", &path, &[("x-id", who), ("mcp-approval-digest", &digest)])
    }

    /// Asks for a call, which has to need approval; the id of the request.
    pub fn request(&self, caller: &str, tool: &str, arguments: &str) -> String {
        id(&self.call(caller, tool, arguments))
    }
}

/// The reason of a refusal.
pub fn reason(answer: &Answered) -> &str {
    answer.as_ref().map_or("went on", |answer| {
        answer["error"]["data"]["reason"].as_str().unwrap_or_else(|| panic!("{answer}"))
    })
}

/// The id of the request that an answer names.
pub fn id(answer: &Answered) -> String {
    assert_eq!(reason(answer), "approval_required", "{answer:?}");
    let data = &answer.as_ref().unwrap()["error"]["data"]["approval"];
    data["id"].as_str().unwrap().to_owned()
}

/// The state of the request that an answer names.
pub fn state(answer: &Answered) -> &str {
    answer.as_ref().unwrap()["error"]["data"]["approval"]["state"].as_str().unwrap_or_default()
}

#[test]
fn a_call_is_refused_approved_and_runs_once() {
    let world = World::new(POLICY);
    assert_eq!(reason(&world.call("agent", "refund", r#"{"amount":100}"#)), "went on");
    let asked = world.call("agent", "refund", r#"{"amount":500}"#);
    let id = id(&asked);
    let error = &asked.as_ref().unwrap()["error"];
    assert_eq!(error["code"], 428);
    assert_eq!(
        error["message"],
        format!(
            "[APPROVAL REQUIRED] Refunds above 100 are approved by the payments team. Request {id} \
             waits for a decision for 10 min. Tell your user now; check again after 30 seconds or \
             more by making the same call with exactly these arguments: {{\"amount\":500}}"
        )
    );
    let approval = &error["data"]["approval"];
    assert_eq!(approval["state"], "requested");
    assert_eq!((&approval["expires_in"], &approval["poll_after"]), (&600.into(), &30.into()));
    assert_eq!(approval["arguments"], serde_json::json!({"amount": 500}));
    assert_eq!(error["data"]["rule"], "/tools/refund/approve_if/large");
    // The same request, however often it is asked for.
    let again = world.call("agent", "refund", r#"{ "amount" : 500 }"#);
    assert_eq!((self::id(&again), state(&again)), (id.clone(), "pending"));
    let (status, decided) = world.decide("pay-ann", &id, "approve");
    assert_eq!((status, &decided["state"]), (200, &"approved".into()), "{decided}");
    assert_eq!(reason(&world.call("agent", "refund", r#"{"amount":500}"#)), "went on");
    let asked = world.call("agent", "refund", r#"{"amount":500}"#);
    assert_eq!(state(&asked), "requested");
    assert_ne!(self::id(&asked), id);
}

#[test]
fn a_denied_call_stays_denied() {
    let mut world = World::new(POLICY);
    let id = world.request("agent", "drop", r#"{"table":"users"}"#);
    let (status, _) = world.decide("ops-bob", &id, "deny?reason=Not%20on%20a%20Friday.");
    assert_eq!(status, 200);
    let denied = world.call("agent", "drop", r#"{"table":"users"}"#);
    assert_eq!(reason(&denied), "approval_denied");
    let message = format!("[POLICY DENIED] Request {id} was denied: Not on a Friday.");
    assert_eq!(denied.as_ref().unwrap()["error"]["message"], message);
    assert_eq!(denied.unwrap()["error"]["code"], 403);
    world.pass(3_599);
    assert_eq!(reason(&world.call("agent", "drop", r#"{"table":"users"}"#)), "approval_denied");
    world.pass(1);
    world.request("agent", "drop", r#"{"table":"users"}"#);
}

#[test]
fn a_refusal_as_a_result_names_its_request_too() {
    let world =
        World::new(&POLICY.replace(r#""settings": {"#, r#""settings": { "denied_as": "result","#));
    let stateless = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call")];
    let own = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}},"#;
    for (headers, meta) in [(&[][..], ""), (&[("mcp-name", "drop")][..], own)] {
        let headers = match meta {
            "" => headers.to_vec(),
            _ => [headers, &stateless[..]].concat(),
        };
        // The spelling of the client's numbers is its own.
        let params = format!(r#"{meta}"arguments":{{"n":1.50e1,"s":"}}}}}}}}"}}"#);
        let answer = world.call_with("agent", "drop", &params, &headers).unwrap();
        let result = &answer["result"];
        assert_eq!(result["isError"], true, "{answer}");
        assert_eq!(result["resultType"].is_string(), !meta.is_empty(), "{answer}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with("[APPROVAL REQUIRED] Tables are dropped by two."), "{text}");
        assert!(text.ends_with(r#"{"n":1.50e1,"s":"}}}}"}"#), "{text}");
        let why = &result["_meta"]["mcp-policy-filter/denial"];
        assert_eq!(why["reason"], "approval_required", "{answer}");
        assert_eq!(why["approval"]["arguments"]["s"], "}}}}", "{answer}");
        let id = why["approval"]["id"].as_str().unwrap();
        assert!(text.contains(id), "{answer}");
    }
}
