//! Questions that come again after an approval was used, and those that end late.

use super::{Body, Fleet, Gateway, NOW, call_of, edge_policy, home_policy, pairs, send, waits};
use super::{Ending, Outcome, Recorder, gateway, went_on};
use crate::approvals::{Entry, Put, Slots};
use crate::exchange::approvals::store::seal::{HEADER, Way, seal};
use crate::exchange::identity::NoPeer;
use crate::exchange::question::{Answer, Question, Service};
use crate::exchange::{Exchange, Lent, Step};
use serde_json::{Value, json};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A copy of a question, for somebody to repeat.
fn copy(question: &Question) -> Question {
    let Question { cluster, service, bytes, timeout } = question;
    let Service::Http { authority, path, headers } = service else { panic!("{question:?}") };
    let (authority, path, headers) = (authority.clone(), path.clone(), headers.clone());
    let service = Service::Http { authority, path, headers };
    Question { cluster: cluster.clone(), service, bytes: bytes.clone(), timeout: *timeout }
}

/// The answer of the home, if it takes the question.
fn said(home: &Gateway, question: &Question) -> Value {
    let Answer::Http { status: 200, body, .. } = home.host().answer(question) else { panic!() };
    serde_json::from_slice(&body).unwrap()
}

fn entries(home: &Gateway) -> Vec<Entry> {
    let mut entries = Vec::new();
    let visit = |entry| {
        entries.push(entry);
        true
    };
    Slots::new(&home.policy.table).each(&home.store, home.now, visit).unwrap();
    entries
}

#[test]
fn a_question_of_before_a_use_makes_no_request_when_it_comes_again() {
    // Edges look before they take here.
    let mut policy = edge_policy();
    policy["tools"] = json!({ "*": {
        "action": "require_approval", "approval": { "approvers": ["pay-*"], "valid": 10 },
    } });
    policy["settings"]["unusual_tool_names"] = true.into();
    let body = call_of("ask:grpc limits 9 deny ok", "{}");
    let mut home = home_policy();
    home["settings"]["approvals"]["requests"] = "2/hour".into();
    // The seconds by which the clock of the first edge is ahead, and the edge that runs.
    for (ahead, runs) in [(0_i64, 0), (0, 1), (29, 0), (-20, 1)] {
        let mut fleet = Fleet::of(&policy, &home);
        fleet.edges[0].now.0 = NOW.0.strict_add_signed(ahead * 1_000_000_000);
        let call = |fleet: &Fleet, edge: usize, seen: &mut Vec<Question>| {
            send(&fleet.edges[edge], "agent", &body, &mut |question| match question.service {
                Service::Grpc { .. } => Answer::Grpc(b"ok".to_vec()),
                Service::Http { .. } => {
                    seen.push(copy(question));
                    fleet.home.host().answer(question)
                }
            })
        };
        let mut seen = Vec::new();
        let (_, id) = waits(call(&fleet, 0, &mut seen));
        fleet.approve(&id);
        fleet.pass(2);
        went_on(call(&fleet, runs, &mut seen));
        let [asking, look, taking] = &*seen else { panic!("{seen:?}") };
        let used = entries(&fleet.home);
        assert!(used.len() == 1 && used[0].used_by != [0; 16]);
        let standing = |told: &Value| (told["state"].clone(), told["id"].clone());
        // The last time is after the end of the approval.
        for seconds in [0, 1, 10] {
            fleet.pass(seconds);
            let told = said(&fleet.home, look);
            assert_eq!(standing(&told), ("pending".into(), (&*id).into()), "{ahead} {runs}");
            // That of a clock that is behind is too old at the end.
            if ahead >= 0 || seconds < 10 {
                let told = said(&fleet.home, asking);
                assert_eq!(standing(&told), ("pending".into(), (&*id).into()), "{ahead} {runs}");
            }
            let told = said(&fleet.home, taking);
            assert_eq!(standing(&told), ("approved".into(), (&*id).into()), "{ahead} {runs}");
            assert_eq!(entries(&fleet.home), used, "{ahead} {runs} {seconds}");
        }
        // The caller was charged for one request of two.
        fleet.pass(61);
        let (state, next) = waits(call(&fleet, runs, &mut seen));
        assert_eq!(state, "requested", "{ahead} {runs}");
        assert_ne!(next, id);
    }
}

#[test]
fn an_old_question_takes_no_later_approval_whatever_the_clocks() {
    let mut policy = edge_policy();
    policy["tools"]["refund"]["rate_limit"] = "9/day".into();
    let mut fleet = Fleet::of(&policy, &home_policy());
    // By this clock, its questions are of after both approvals.
    fleet.edges[0].now.0 += 29_000_000_000;
    let (_, id) = waits(fleet.call(0));
    fleet.approve(&id);
    let mut taking = None;
    went_on(fleet.call_by(0, &mut |question| {
        taking = Some(copy(question));
        fleet.home.host().answer(question)
    }));
    let taking = taking.unwrap();
    // To a clock that is behind that one, the use is not over yet.
    fleet.pass(1);
    assert_eq!(waits(fleet.call(1)), ("pending".into(), id.clone()));
    let (state, next) = waits(fleet.call(0));
    assert_eq!(state, "requested");
    assert_ne!(next, id);
    fleet.approve(&next);
    let told = said(&fleet.home, &taking);
    assert_eq!((&told["state"], &told["id"]), (&"pending".into(), &(&*next).into()));
    went_on(fleet.call(0));
}

#[test]
fn a_question_is_too_long_however_it_ends() {
    const MOST: usize = 512 << 10;
    let fleet = Fleet::new();
    let keys = gateway(&edge_policy()).policy.approvals.unwrap().store.unwrap().keys;
    let put = Put { nonce: [7; 16], seconds: NOW.seconds() };
    for (length, expected) in [(MOST, 400), (MOST + 1, 413)] {
        let bytes = vec![b' '; length];
        let mac = seal(Way::Question, &keys, put, "/ok/-/calls", &bytes);
        let headers = [(":method", "POST"), (":path", "/ok/-/calls"), (HEADER, &*mac)];
        for ending in [Ending::Last, Ending::Empty, Ending::Trailers] {
            let body = Body { bytes: &bytes, sizes: &[], ending };
            let sent = fleet.home.host().send(pairs(&headers), &NoPeer, &body).unwrap();
            let Outcome::Served(served) = sent.outcome else { panic!("not served") };
            assert_eq!(served.reply.status, expected, "{length} {ending:?}");
        }
        // A shell that reads the body without having said its size.
        let mut exchange = Exchange::default();
        let Gateway { policy, store, .. } = &fleet.home;
        let mut records = Recorder::new(policy, NOW);
        let lent = Lent { policy, peer: &NoPeer, store, records: &mut records };
        let step = exchange.headers(lent, pairs(&headers), || Some(NOW), false);
        assert!(matches!(step, Step::Wait));
        let lent = Lent { policy, peer: &NoPeer, store, records: &mut records };
        let Step::Serve(served) = exchange.judge(lent, &bytes, NOW) else { panic!("not served") };
        assert_eq!(served.reply.status, expected, "{length}");
    }
}
