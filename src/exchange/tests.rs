use super::*;
use crate::exchange::identity::NoPeer;
use crate::limits::MemoryStore;
use crate::policy::Reason;
use crate::simulate::{Gateway, Outcome};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const POLICY: &str = r#"{"version": "1", "default": "deny", "tools": {"a": {"rate_limit": "1/day"}},
    "settings": {"max_body_bytes": 200}}"#;

fn policy() -> Policy {
    Policy::parse(POLICY.as_bytes(), "").unwrap()
}

/// A place for records at which nobody looks.
struct Nowhere;

impl Records for Nowhere {
    fn record(&mut self, _: &record::Record<'_>, _: &Trace) {}
    fn decided(&mut self, _: &approvals::DecisionRecord, _: &Trace) {}
}

fn begin(policy: &Policy, method: &str, end: bool) -> (Exchange, Step) {
    let mut exchange = Exchange::default();
    let headers = [(":method", method), (":path", "/mcp")];
    let headers = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let store = MemoryStore::default();
    let step = exchange.headers(
        Lent { policy, peer: &NoPeer, store: &store, records: &mut Nowhere },
        headers.into_iter(),
        || None,
        end,
    );
    (exchange, step)
}

fn refused(step: &Step) -> Option<Reason> {
    match step {
        Step::Refuse(refusal) => Some(refusal.reason),
        _ => None,
    }
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#;

#[test]
fn a_message_waits_for_its_end_by_body_or_by_trailers() {
    let policy = policy();
    let (mut exchange, step) = begin(&policy, "POST", false);
    assert!(matches!(step, Step::Wait) && exchange.waits());
    assert!(matches!(exchange.body(&policy, 10, false, &mut Nowhere), Step::Wait));
    assert!(matches!(exchange.body(&policy, 68, true, &mut Nowhere), Step::Read));
    let (mut exchange, _) = begin(&policy, "POST", false);
    assert!(matches!(exchange.body(&policy, 68, false, &mut Nowhere), Step::Wait));
    assert!(matches!(exchange.trailers(&policy, &mut Nowhere), Step::Read));
    let (_, step) = begin(&policy, "POST", true);
    assert!(matches!(step, Step::Read));
}

#[test]
fn a_body_is_refused_as_soon_as_it_is_too_large_or_should_not_be() {
    let policy = policy();
    let (mut exchange, _) = begin(&policy, "POST", false);
    assert_eq!(refused(&exchange.body(&policy, 201, false, &mut Nowhere)), Some(Reason::TooLarge));
    assert!(matches!(exchange.body(&policy, 202, true, &mut Nowhere), Step::Answered));
    assert!(matches!(exchange.trailers(&policy, &mut Nowhere), Step::Answered));
    let (mut exchange, step) = begin(&policy, "GET", false);
    assert!(matches!(step, Step::Wait));
    assert_eq!(refused(&exchange.body(&policy, 1, false, &mut Nowhere)), Some(Reason::Undecodable));
}

#[test]
fn callbacks_out_of_order_and_failures_are_refusals() {
    let policy = policy();
    assert_eq!(
        refused(&Exchange::default().body(&policy, 1, true, &mut Nowhere)),
        Some(Reason::Internal)
    );
    assert_eq!(
        refused(&Exchange::default().trailers(&policy, &mut Nowhere)),
        Some(Reason::Internal)
    );
    let store = MemoryStore::default();
    let lent = Lent { policy: &policy, peer: &NoPeer, store: &store, records: &mut Nowhere };
    let step = Exchange::default().judge(lent, CALL.as_bytes(), Nanos(0));
    assert_eq!(refused(&step), Some(Reason::Internal));
    assert_eq!(
        refused(&Exchange::default().fail(&policy, "x", &mut Nowhere)),
        Some(Reason::Internal)
    );
}

#[test]
fn only_a_request_that_was_held_for_nothing_is_starved() {
    let policy = policy();
    let (exchange, _) = begin(&policy, "POST", false);
    assert!(exchange.starved());
    let (mut exchange, _) = begin(&policy, "POST", false);
    let _ = exchange.body(&policy, 1, false, &mut Nowhere);
    assert!(!exchange.starved());
    let (exchange, _) = begin(&policy, "GET", true);
    assert!(!exchange.starved());
}

#[test]
fn a_charge_is_given_back_once_and_only_if_nothing_was_sent() {
    let gateway: Gateway = Gateway::new(POLICY).unwrap();
    let call = || {
        let sent = gateway.post(CALL).unwrap();
        let went = matches!(sent.outcome, Outcome::WentOn(_));
        (sent, went)
    };
    for (flags, again) in [(Some(0x20), true), (Some(0x4020), false)] {
        let (mut sent, went) = call();
        assert!(went && sent.exchange.is_charged());
        gateway.host().end(&mut sent, flags);
        assert!(!sent.exchange.is_charged());
        gateway.host().end(&mut sent, Some(0x20));
        let (mut next, went) = call();
        assert_eq!(went, again, "{flags:?}");
        gateway.host().end(&mut next, Some(0x20));
    }
}
