//! Whatever is under a right seal, a home and an edge take it for what every reader takes
//! it for: a call runs by no answer but `approved`, and nobody but a person approves.
//!
//! The first byte of an input chooses the end, the rest is the body that it gets.

use mcp_policy_filter::exchange::identity::NoPeer;
use mcp_policy_filter::exchange::question::{Answer, Question, Service};
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::HmacKey;
use mcp_policy_filter::simulate::{Body, Gateway, Outcome, POST, pairs};
use serde_json::Value;
use std::cell::OnceCell;

const KEY: [u8; 32] = [7; 32];
const EDGE: &str = r#"{"version": "1", "default": "deny", "identity": [{"header": "x-id"}],
    "tools": {"a": {"action": "require_approval"}}, "settings": {"approvals": {
    "approvers": ["b"], "store": {"cluster": "c", "authority": "c", "path": "/ok", "key": "KEY"}}}}"#;
const HOME: &str = r#"{"version": "1", "default": "deny", "identity": [{"header": "x-id"}],
    "settings": {"hold_request_headers": true, "approvals": {"path": "/ok",
    "requests": "100/hour", "serve_store": {"key": "KEY"}}}}"#;
const NOW: Nanos = Nanos(1_800_000_000_000_000_000);
const NONCE: &str = "000102030405060708090a0b0c0d0e0f";

thread_local! {
    static EDGES: OnceCell<Gateway> = const { OnceCell::new() };
}

fn gateway(policy: &str) -> Gateway {
    let policy = policy.replace("KEY", &"07".repeat(32));
    Gateway { now: NOW, ..Gateway::new(&policy).unwrap_or_else(|_| panic!("a valid policy")) }
}

/// The seal of a body, by the key of both.
fn seal(way: &str, nonce: &str, body: &[u8]) -> String {
    let seconds = NOW.seconds().to_string();
    let key = HmacKey::of_bytes(&KEY).expect("a key of any length");
    let parts = [way, &*seconds, nonce, "/ok/-/calls"].map(str::as_bytes);
    let mac = key.hex_of(&[&parts.join(&b'\n'), b"\n", body]);
    format!("v1,{seconds},{nonce},{mac}")
}

pub fn check(data: &[u8]) {
    match data.split_first() {
        Some((choice, body)) if choice & 1 == 0 => asked(body),
        Some((_, body)) => answered(body),
        None => {}
    }
}

/// A home that gets this as a question.
fn asked(body: &[u8]) {
    let home = gateway(HOME);
    let mac = seal("store/1", NONCE, body);
    let headers = [(":method", "POST"), (":path", "/ok/-/calls"), ("mcp-approval-mac", &mac)];
    let sent = home.host().send(pairs(&headers), &NoPeer, &Body::whole(body));
    let Ok(Outcome::Served(served)) = sent.map(|sent| sent.outcome) else {
        panic!("a question is answered by the home itself");
    };
    let status = served.reply.status;
    let answer: Value = serde_json::from_slice(&served.reply.body).expect("JSON");
    if status != 200 {
        assert!([400, 409].contains(&status), "{status}");
        assert_eq!(home.store.size().0, 0, "it stored something of what it refused");
        return;
    }
    let state = answer["state"].as_str().expect("a state");
    assert_eq!(state, "requested", "nobody asked before, and nobody decided");
    // A lenient reader finds the same.
    let question: Value = serde_json::from_slice(body).expect("JSON for every reader");
    let members = question.as_object().expect("an object");
    assert!((15..=16).contains(&members.len()) && question["look"].is_boolean());
    let id = answer["id"].as_str().expect("an id");
    let path = format!("/ok/{id}");
    let headers = [(":method", "GET"), (":path", &*path), ("x-id", "nobody else has this id")];
    let shown = home.host().send(pairs(&headers), &NoPeer, &Body::whole(b""));
    let Ok(Outcome::Served(shown)) = shown.map(|sent| sent.outcome) else { panic!("{id}") };
    if shown.reply.status == 200 {
        let shown: Value = serde_json::from_slice(&shown.reply.body).expect("JSON");
        for name in ["caller", "tool", "route", "authority", "path", "params", "rules"] {
            assert_eq!(shown[name], question[name], "{name}");
        }
    }
}

/// An edge that gets this as an answer.
fn answered(body: &[u8]) {
    EDGES.with(|edge| {
        let edge = edge.get_or_init(|| gateway(EDGE));
        let call = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#;
        let headers: Vec<_> = POST.into_iter().chain([("x-id", "a")]).collect();
        let mut service = |question: &Question| {
            let Service::Http { headers, .. } = &question.service else { panic!("{question:?}") };
            let (_, line) = headers.last().expect("a seal");
            let nonce = line.split(',').nth(2).expect("a number");
            let line = seal("store-answer/1", nonce, body).into_bytes().into();
            let headers = vec![(b"mcp-approval-mac".as_slice().into(), line)];
            Answer::Http { status: 200, headers, body: body.to_vec() }
        };
        let sent =
            edge.host().send_asking(pairs(&headers), &NoPeer, &Body::whole(call), &mut service);
        let read = serde_json::from_slice::<Value>(body).unwrap_or_default();
        match sent.expect("a step in turn").outcome {
            Outcome::WentOn(records) => {
                assert_eq!(read["state"], "approved");
                let id = read["id"].as_str().expect("an id");
                assert!(records[0].line.contains(id), "{}", records[0].line);
            }
            Outcome::Refused(refused) => {
                let reply: Value = serde_json::from_slice(&refused.reply.body).expect("JSON");
                assert!(reply["error"]["code"].is_i64(), "{reply}");
            }
            Outcome::Served(served) => panic!("{served:?}"),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_both_ends_hold() {
        let question = |identity: &str| {
            format!(
                r#"{{"caller":"a","tool":"t","route":"","authority":"m","path":"/","rules":["/t"],"rule_hash":"{0}","policy":"0123456789ab","params":"{{}}","approvers":["*"],"need":1,"wait":10,"valid":10,"identity":"{identity}","look":true}}"#,
                "0".repeat(64)
            )
        };
        // The hash of the sources `header x-id`.
        let identity = gateway(HOME).policy.approvals.expect("approvals").identity;
        let identity: String = identity.iter().map(|byte| format!("{byte:02x}")).collect();
        for body in [
            &*question(&identity),
            &question(&"0".repeat(64)),
            "{}",
            "",
            r#"{"state":"approved","id":"apr_nyq2fi5euwtkpkfj","by":["b"]}"#,
            r#"{"state":"approved","state":"full","id":"apr_nyq2fi5euwtkpkfj","by":["b"]}"#,
            r#"{"state":"pending","id":"apr_nyq2fi5euwtkpkfj","expires_in":9,"by":[]}"#,
            r#"{"state":"denied","id":"apr_nyq2fi5euwtkpkfj","by":["b"],"reason":"no"}"#,
            r#"{"state":"limited","retry_after":9}"#,
            r#"{"state":"full"}"#,
        ] {
            for choice in 0..2 {
                check(&[&[choice], body.as_bytes()].concat());
            }
        }
    }
}
