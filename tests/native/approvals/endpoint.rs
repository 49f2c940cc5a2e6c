//! The endpoint: who sees and decides what, and in which form.

use super::{POLICY, Policy, World};
use mcp_policy_filter::exchange::identity::{NoPeer, Peer};
use mcp_policy_filter::policy::condition::{Claim, Claims};
use mcp_policy_filter::policy::document::Certificate;
use serde_json::Value;

const CALL: &str = r#"{"amount":500}"#;

fn digest(world: &World, id: &str) -> String {
    let (status, shown) = world.show("pay-ann", id);
    assert_eq!(status, 200, "{shown}");
    shown["digest"].as_str().unwrap().to_owned()
}

#[test]
fn an_approver_sees_the_whole_call_and_others_nothing() {
    let world = World::new(POLICY);
    let id = world.request("agent", "refund", CALL);
    let (status, shown) = world.show("pay-ann", &id);
    assert_eq!(status, 200);
    for (key, value) in [
        ("id", &*id),
        ("state", "pending"),
        ("caller", "agent"),
        ("tool", "refund"),
        ("rule", "/tools/refund/approve_if/large"),
        ("authority", "mcp.example.com"),
        ("path", "/mcp"),
        ("params", r#"{"arguments":{"amount":500}}"#),
    ] {
        assert_eq!(shown[key], value, "{shown}");
    }
    assert_eq!(shown["expires_in"], 600);
    assert_eq!(shown["digest"].as_str().unwrap().len(), 64);
    let (status, own) = world.show("agent", &id);
    let keys: Vec<&str> = own.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((status, keys), (200, vec!["expires_in", "id", "state"]));
    for stranger in ["ops-bob", "agent2", "xpay-ann"] {
        let (status, said) = world.show(stranger, &id);
        assert_eq!((status, &said["you"]), (404, &stranger.into()), "{said}");
    }
    for wrong in ["apr_aaaaaaaaaaaaaaaa", "x", "apr_", "..%2f..%2fmcp"] {
        assert_eq!(world.show("pay-ann", wrong).0, 404, "{wrong}");
    }
    assert_eq!(world.ask("GET", &format!("/approvals/{id}"), &[]).0, 401);
}

#[test]
fn the_page_tells_nobody_whether_a_request_exists() {
    let world = World::new(POLICY);
    let id = world.request("agent", "refund", CALL);
    let page = |path: &str, who: &str| {
        let browser = [
            (":method", "GET"),
            (":path", path),
            (":authority", "mcp.example.com"),
            ("accept", "text/html,*/*;q=0.8"),
            ("x-id", who),
        ];
        world.reply(&browser, "").expect("the page")
    };
    let first = page("/approvals", "nobody");
    assert_eq!(first.status, 200);
    for who in ["pay-ann", "agent", "stranger"] {
        for path in [&*format!("/approvals/{id}"), "/approvals/apr_aaaaaaaaaaaaaaaa", "/approvals"]
        {
            assert_eq!(page(path, who), first, "{path} {who}");
        }
    }
    let body = String::from_utf8(first.body).unwrap();
    assert!(body.starts_with("<!doctype html>") && !body.contains(&id), "{body}");
}

#[test]
fn a_list_has_what_its_reader_may_decide() {
    let world = World::new(POLICY);
    let refund = world.request("agent", "refund", CALL);
    let drop = world.request("agent", "drop", "{}");
    let list = |who: &str| {
        let (status, list) = world.ask("GET", "/approvals", &[("x-id", who)]);
        assert_eq!((status, &list["more"]), (200, &false.into()), "{list}");
        let ids = list["approvals"].as_array().unwrap().iter();
        let mut ids: Vec<String> = ids.map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let mut both = vec![refund.clone(), drop.clone()];
    both.sort();
    assert_eq!(list("pay-ann"), both);
    assert_eq!(list("ops-bob"), [&*drop]);
    assert_eq!(list("agent"), Vec::<String>::new());
    let (_, all) = world.ask("GET", "/approvals", &[("x-id", "pay-ann")]);
    assert!(!all.to_string().contains("amount"), "{all}");
}

#[test]
fn a_list_is_not_a_way_to_keep_the_gateway_busy() {
    let mut world = World::new(POLICY);
    let list = |world: &World, who: &str| world.ask("GET", "/approvals", &[("x-id", who)]).0;
    for _ in 0..30 {
        assert_eq!(list(&world, "ops-bob"), 200);
    }
    assert_eq!(list(&world, "ops-bob"), 429);
    assert_eq!(list(&world, "ops-eve"), 200);
    // Somebody who approves nothing costs nothing, however often.
    for _ in 0..100 {
        assert_eq!(list(&world, "agent"), 200);
    }
    world.pass(60);
    assert_eq!(list(&world, "ops-bob"), 200);
}

#[test]
fn a_decision_needs_the_digest_that_was_seen() {
    let world = World::new(POLICY);
    let id = world.request("agent", "refund", CALL);
    let good = digest(&world, &id);
    let path = format!("/approvals/{id}/approve");
    let short = &good[1..];
    let other = if good.starts_with('0') { "1" } else { "0" }.to_owned() + short;
    let key = "mcp-approval-digest";
    for (headers, status) in [
        (vec![], 400),
        (vec![(key, short)], 400),
        (vec![(key, "")], 400),
        (vec![(key, &*good), (key, &*good)], 400),
        (vec![(key, &*other)], 409),
    ] {
        let headers = [vec![("x-id", "pay-ann")], headers].concat();
        let (found, said) = world.ask("POST", &path, &headers);
        assert_eq!(found, status, "{headers:?} {said}");
    }
    for method in ["GET", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH"] {
        let headers = [("x-id", "pay-ann"), (key, &*good)];
        assert_eq!(world.ask(method, &path, &headers).0, 405, "{method}");
    }
    assert_eq!(world.show("pay-ann", &id).1["state"], "pending");
    let upper = good.to_uppercase();
    assert_eq!(world.ask("POST", &path, &[("x-id", "pay-ann"), (key, &upper)]).0, 200);
    assert_eq!(world.decide("pay-bob", &id, "approve").0, 409);
    // A denial takes it back.
    assert_eq!(world.decide("pay-bob", &id, "deny").0, 200);
    assert_eq!(world.decide("pay-bob", &id, "deny").0, 409);
}

#[test]
fn pages_of_other_sites_decide_nothing() {
    let urled = POLICY.replace(
        r#""path": "/approvals""#,
        r#""path": "/approvals", "url": "https://gate.example.com/approvals""#,
    );
    for (policy, authority, headers, status) in [
        (POLICY, "mcp.example.com", vec![("sec-fetch-site", "cross-site")], 403),
        (POLICY, "mcp.example.com", vec![("sec-fetch-site", "same-site")], 403),
        (POLICY, "mcp.example.com", vec![("sec-fetch-site", "same-origin")], 200),
        (POLICY, "mcp.example.com", vec![("origin", "https://evil.example.com")], 403),
        (POLICY, "mcp.example.com", vec![("origin", "null")], 403),
        (POLICY, "mcp.example.com", vec![("origin", "https://mcp.example.com")], 200),
        (
            POLICY,
            "mcp.example.com",
            vec![("origin", "https://mcp.example.com"), ("origin", "x")],
            403,
        ),
        (&urled, "mcp.example.com", vec![], 403),
        (&urled, "gate.example.com", vec![], 200),
        (&urled, "gate.example.com", vec![("origin", "https://gate.example.com")], 200),
        (&urled, "gate.example.com", vec![("origin", "http://gate.example.com")], 403),
    ] {
        let world = World::new(policy);
        let id = world.request("agent", "refund", CALL);
        let digest = digest(&world, &id);
        let mut all =
            vec![("x-id", "pay-ann"), ("mcp-approval-digest", &*digest), (":authority", authority)];
        all.extend(headers);
        let (found, said) = world.ask("POST", &format!("/approvals/{id}/approve"), &all);
        assert_eq!(found, status, "{all:?} {said}");
    }
}

#[test]
fn a_body_is_refused_with_its_head() {
    let world = World::new(POLICY);
    let id = world.request("agent", "refund", CALL);
    let digest = digest(&world, &id);
    let path = format!("/approvals/{id}/approve");
    let headers = [
        (":method", "POST"),
        (":path", &path),
        (":authority", "mcp.example.com"),
        ("x-id", "pay-ann"),
        ("mcp-approval-digest", &digest),
    ];
    let (status, said) = world.send(&headers, "{}").unwrap();
    assert_eq!(status, 400, "{said}");
    assert_eq!(world.show("pay-ann", &id).1["state"], "pending");
}

#[test]
fn reasons_are_short_and_one_line() {
    let world = World::new(POLICY);
    for (query, status) in [
        ("?reason=%ff", 400),
        ("?reason=a%0ab", 400),
        ("?reason=%g1", 400),
        ("?reason=a&b=c", 400),
        ("?other=1", 400),
        (&*format!("?reason={}", "x".repeat(257)), 400),
        (&*format!("?reason={}", "x".repeat(256)), 200),
    ] {
        let id = world.request("agent", "refund", CALL);
        assert_eq!(world.decide("pay-ann", &id, &format!("deny{query}")).0, status, "{query}");
    }
}

#[test]
fn nothing_hides_in_what_an_approver_reads() {
    let world = World::new(POLICY);
    let arguments = "{\"amount\":500,\"to\":\"a\u{202e}b\u{200b}c\u{e0041}d\u{a0}e\\nf\"}";
    let id = world.request("agent", "refund", arguments);
    let digest = digest(&world, &id);
    let headers = [
        (":method", "GET"),
        (":path", &*format!("/approvals/{id}")),
        (":authority", "mcp.example.com"),
        ("x-id", "pay-ann"),
    ];
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let host = world.0.host();
    let sent = host.send(headers, &super::NoPeer, &super::Body::whole(b"")).unwrap();
    let super::Outcome::Served(served) = sent.outcome else { panic!("it was not served") };
    let text = String::from_utf8(served.reply.body).unwrap();
    for shown in ["\\u202e", "\\u200b", "\\udb40\\udc41", "\\u00a0", "\\\\u000a"] {
        assert!(text.contains(shown), "{shown} in {text}");
    }
    assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text}");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["digest"], digest);
    assert!(value["params"].as_str().unwrap().contains("a\u{202e}b\u{200b}c"));
}

#[test]
fn two_approvers_and_a_requirement() {
    let policy = POLICY.replace(r#""valid": 60"#, r#""valid": 60, "need": 2"#).replace(
        r#""path": "/approvals""#,
        r#""path": "/approvals", "approver_require": [ { "conditions": [
                { "path": "headers.x-from", "op": "eq", "value": "ui" } ] } ]"#,
    );
    let world = World::new(&policy);
    let id = world.request("agent", "refund", CALL);
    let decide = |who: &str, from: &[(&str, &str)]| {
        let headers = [&[("x-id", who)], from].concat();
        let (_, shown) = world.ask("GET", &format!("/approvals/{id}"), &headers);
        let digest = shown["digest"].as_str().unwrap_or("0").to_owned();
        let headers = [&headers[..], &[("mcp-approval-digest", &digest)]].concat();
        world.ask("POST", &format!("/approvals/{id}/approve"), &headers)
    };
    let ui: &[(&str, &str)] = &[("x-from", "ui")];
    assert_eq!(decide("pay-ann", &[]).0, 403);
    let (status, first) = decide("pay-ann", ui);
    assert_eq!((status, &first["state"]), (200, &"pending".into()), "{first}");
    assert_eq!(decide("pay-ann", ui).0, 409);
    let (status, second) = decide("pay-bob", ui);
    assert_eq!((status, &second["state"]), (200, &"approved".into()), "{second}");
    assert_eq!(second["approved_by"], serde_json::json!(["pay-ann", "pay-bob"]));
}

/// A client whose claims are counted as they are read.
struct Counted(std::cell::Cell<usize>);

impl Claims for Counted {
    fn claim(&self, path: &[&str]) -> Claim {
        assert_eq!(path, ["azp"]);
        self.0.set(self.0.get() + 1);
        NoPeer.claim(path)
    }
}

impl Peer for Counted {
    fn certificate(&self, field: Certificate) -> Option<Vec<u8>> {
        NoPeer.certificate(field)
    }

    fn has_certificate(&self) -> bool {
        false
    }
}

#[test]
fn a_list_asks_once_what_its_reader_must_have() {
    let policy = POLICY.replace(
        r#""path": "/approvals""#,
        r#""path": "/approvals", "approver_require": [ { "conditions": [
                { "path": "claims.azp", "op": "exists", "value": false } ] } ]"#,
    );
    let world = World::new(&policy);
    for n in 0..20 {
        world.request("agent", "drop", &format!(r#"{{"n":{n}}}"#));
    }
    let headers = [(":method", "GET"), (":path", "/approvals"), ("x-id", "ops-bob")];
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let peer = Counted(std::cell::Cell::new(0));
    let sent = world.0.host().send(headers, &peer, &super::Body::whole(b"")).unwrap();
    let super::Outcome::Served(served) = sent.outcome else { panic!("it was not served") };
    let list: Value = serde_json::from_slice(&served.reply.body).unwrap();
    assert_eq!(list["approvals"].as_array().unwrap().len(), 20, "{list}");
    assert_eq!(peer.0.get(), 1);
}

#[test]
fn hosts_are_compared_without_case() {
    let policy = POLICY.replace(
        r#""path": "/approvals""#,
        r#""path": "/approvals", "url": "https://MCP.example.com/approvals""#,
    );
    let world = World::new(&policy);
    let id = world.request("agent", "refund", CALL);
    assert_eq!(world.decide("pay-ann", &id, "approve").0, 200);
    let other = World::new(&policy.replace("MCP.example.com", "other.example.com"));
    let id = other.request("agent", "refund", CALL);
    assert_eq!(other.decide("pay-ann", &id, "approve").0, 403);
}

#[test]
fn the_endpoint_has_a_path_of_its_own() {
    for (listed, path, clashes) in [
        ("paths", "/approvals", true),
        ("paths", "/approvals/*", true),
        ("paths", "/approvals/mcp", true),
        ("paths", "/approvalsx", false),
        ("paths", "/mcp/*", false),
        ("exempt_paths", "/approvals", true),
        ("exempt_paths", "/approvals/health", true),
        ("exempt_paths", "/approvalsx/*", false),
        ("exempt_paths", "/approval", false),
    ] {
        let settings = format!(r#""settings": {{ "{listed}": ["{path}"],"#);
        let parsed = Policy::parse(POLICY.replace(r#""settings": {"#, &settings).as_bytes(), "");
        match parsed.err() {
            None => assert!(!clashes, "{listed} {path}"),
            Some(errors) => {
                let errors = format!("{errors:?}");
                assert!(clashes && errors.contains("is among"), "{listed} {path}: {errors}");
            }
        }
    }
}
