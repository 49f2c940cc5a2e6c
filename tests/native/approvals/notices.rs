//! Notices: when one is sent, and the words in it.

use super::{POLICY, World};
use mcp_policy_filter::exchange::approvals::{Notice, arrived};
use mcp_policy_filter::exchange::identity::NoPeer;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::limits::{Store, StoreError};
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::document::Notify;
use mcp_policy_filter::simulate::{Body, Outcome};
use ring::hmac;
use serde_json::{Value, json};

const KEY: &str = "the key of the relay";

/// The policy, whose approvers are told by a relay.
fn policy() -> String {
    let mut policy: Value = serde_json::from_str(POLICY).unwrap();
    policy["settings"]["approvals"]["url"] = "https://mcp.example.com/approvals/".into();
    policy["settings"]["approvals"]["notify"] = json!({
        "cluster": "relay", "authority": "relay.internal:8080", "path": "/hook?from=mcp", "key": KEY,
    });
    policy.to_string()
}

fn world() -> World {
    World::new(&policy())
}

fn service(policy: &Policy) -> &Notify {
    policy.approvals.as_ref().unwrap().notify.as_ref().unwrap()
}

impl World {
    /// Calls, under hostile names of all that an agent may write; the notice to send.
    fn notice(&self, tool: &str, arguments: &str) -> Option<Notice> {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{arguments}}}}}"#
        );
        let headers = [
            (":method", "POST"),
            (":path", "/mcp?evil-path"),
            (":authority", "evil-host"),
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
            ("x-id", "evil-caller"),
        ];
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let sent = self.0.host().send(headers, &NoPeer, &Body::whole(body.as_bytes())).unwrap();
        match sent.outcome {
            Outcome::Refused(refused) => refused.notice.map(|notice| *notice),
            other => panic!("{other:?}"),
        }
    }

    fn arrived(&self, notice: &Notice, answer: Result<&[u8], &'static str>) -> bool {
        arrived(&self.0.policy, &self.0.store, notice.id, answer, Some(self.0.now))
    }
}

const LARGE: &str = r#"{"amount":500,"evil-name":"evil-value"}"#;

#[test]
fn a_notice_is_signed_and_holds_nothing_of_the_agents() {
    let world = world();
    let notice = world.notice("refund", LARGE).unwrap();
    let body: Value = serde_json::from_str(&notice.body).unwrap();
    assert_eq!(
        body,
        json!({
            "event": "approval_requested",
            "id": notice.id.to_string(),
            "url": format!("https://mcp.example.com/approvals/{}", notice.id),
            "rule": "/tools/refund/approve_if/large",
            "message": "Refunds above 100 are approved by the payments team.",
            "expires": 1_800_000_600,
        })
    );
    let headers = notice.headers(service(&world.0.policy));
    let [head @ .., (_, signature)] = headers;
    assert_eq!(
        head,
        [
            (":method", "POST"),
            (":authority", "relay.internal:8080"),
            (":path", "/hook?from=mcp"),
            ("content-type", "application/json"),
            ("mcp-approval-timestamp", "1800000000"),
        ]
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, KEY.as_bytes());
    let tag = hmac::sign(&key, format!("1800000000.{}", notice.body).as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signature, format!("v1={hex}"));
    assert!(!format!("{notice:?}").contains("evil"), "{notice:?}");
    assert!(!format!("{:?}", world.0.policy).contains(KEY));
}

#[test]
fn a_notice_that_did_not_come_is_sent_again_by_a_poll_a_minute_later() {
    let mut world = world();
    let first = world.notice("refund", LARGE).unwrap();
    assert!(world.notice("refund", LARGE).is_none());
    for answer in [
        Ok(&b"500"[..]),
        Ok(b"404"),
        Ok(b"302"),
        Ok(b"100"),
        Ok(b"2000"),
        Ok(b""),
        Err("no answer"),
    ] {
        assert!(!world.arrived(&first, answer), "{answer:?}");
        world.pass(59);
        assert!(world.notice("refund", LARGE).is_none(), "{answer:?}");
        world.pass(1);
        let again = world.notice("refund", LARGE).unwrap();
        assert_eq!(again.id, first.id);
        assert_ne!(again, first, "it is signed anew");
        // Of all that poll now, one sends it.
        assert!(world.notice("refund", LARGE).is_none());
    }
    assert!(world.arrived(&first, Ok(b"204")));
    world.pass(150);
    assert!(world.notice("refund", LARGE).is_none());
    // Another call is another request.
    assert!(world.notice("refund", r#"{"amount":501}"#).is_some());
}

#[test]
fn people_are_told_of_requests_that_wait_and_of_no_other() {
    let mut world = world();
    let approved = world.request("agent", "refund", r#"{"amount":500}"#);
    assert_eq!(world.decide("pay-ann", &approved, "approve").0, 200);
    assert!(world.call("agent", "refund", r#"{"amount":500}"#).is_none());
    let waiting = world.notice("refund", LARGE).unwrap();
    assert_eq!(world.decide("pay-ann", &waiting.id.to_string(), "deny").0, 200);
    world.pass(61);
    assert!(world.notice("refund", LARGE).is_none());
    // The answer may come after the decision, or when the request is over.
    assert!(world.arrived(&waiting, Ok(b"200")));
    let drop = world.notice("drop", "{}").unwrap();
    world.pass(3_600);
    assert!(world.arrived(&drop, Ok(b"200")));
    let again = world.notice("drop", "{}").unwrap();
    assert_ne!(again.id, drop.id);
}

#[test]
fn a_policy_that_names_a_relay_later_tells_people_of_what_waits() {
    let mut world = World::new(POLICY);
    assert!(world.notice("refund", LARGE).is_none());
    world.push(&policy());
    let first = world.notice("refund", LARGE).unwrap();
    assert!(world.arrived(&first, Ok(b"200")));
    world.pass(60);
    assert!(world.notice("refund", LARGE).is_none());
}

/// A store that fails from its `after`th write on.
struct Failing<'s, S> {
    store: &'s S,
    after: std::cell::Cell<usize>,
}

impl<S: Store> Store for Failing<'_, S> {
    fn update<T>(
        &self,
        key: &[u8],
        mut step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        let mut writes = false;
        let result = self.store.update(key, |stored| {
            let (new, result) = step(stored);
            writes = new.is_some();
            let fails = self.after.get() == 0;
            (new.filter(|_| !fails), result)
        })?;
        match (writes, self.after.get()) {
            (true, 0) => Err(StoreError::Contended),
            (true, left) => {
                self.after.set(left - 1);
                Ok(result)
            }
            (false, _) => Ok(result),
        }
    }
}

#[test]
fn a_notice_that_cannot_be_noted_is_left_to_a_later_poll() {
    let send = |world: &World, after| {
        let store = Failing { store: &world.0.store, after: std::cell::Cell::new(after) };
        let host = mcp_policy_filter::simulate::Host {
            policy: &world.0.policy,
            store: &store,
            now: world.0.now,
        };
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"refund","arguments":{LARGE}}}}}"#
        );
        let headers = [
            (":method", "POST"),
            (":path", "/mcp?evil-path"),
            (":authority", "evil-host"),
            ("accept", "application/json, text/event-stream"),
            ("x-id", "evil-caller"),
        ];
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        match host.send(headers, &NoPeer, &Body::whole(body.as_bytes())).unwrap().outcome {
            Outcome::Refused(refused) => (refused.reason.as_str(), refused.notice.is_some()),
            other => panic!("{other:?}"),
        }
    };
    // As many writes as it takes until the request is made: its charge, and itself.
    let made = (0..8).map(|after| {
        let world = world();
        let outcome = send(&world, after);
        (world, outcome)
    });
    let mut made = made.skip_while(|(_, (reason, _))| *reason != "approval_required");
    let (mut world, outcome) = made.next().unwrap();
    assert_eq!(outcome, ("approval_required", false));
    assert!(world.notice("refund", LARGE).is_some());
    world.0.now = Nanos(world.0.now.0 + 60_000_000_000);
    assert_eq!(send(&world, 0), ("approval_required", false));
    assert_eq!(send(&world, 1), ("approval_required", true));
}
