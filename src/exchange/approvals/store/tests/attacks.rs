//! Messages that were changed, repeated, cut or made by somebody else.

use super::{
    Body, Client, Fleet, KEY, OTHER, edge_policy, home_policy, pairs, refused, waits, went_on,
};
use crate::approvals::Put;
use crate::exchange::approvals::store::seal::{HEADER, Seal, Way, seal};
use crate::exchange::question::{Answer, Question, Service};
use crate::limits::window::Nanos;
use crate::policy::condition::Claim;
use crate::policy::{Policy, Reason};
use serde_json::json;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A question of an edge.
fn question(fleet: &Fleet) -> Question {
    let mut kept = None;
    fleet.call_by(0, &mut |question| {
        kept = Some(again(question));
        fleet.home.host().answer(question)
    });
    kept.unwrap()
}

fn again(question: &Question) -> Question {
    let Question { cluster, service, bytes, timeout } = question;
    let Service::Http { authority, path, headers } = service else { panic!("{question:?}") };
    let service = Service::Http {
        authority: authority.clone(),
        path: path.clone(),
        headers: headers.clone(),
    };
    Question { cluster: cluster.clone(), service, bytes: bytes.clone(), timeout: *timeout }
}

fn parts(question: &mut Question) -> (&mut Box<str>, &mut String) {
    let Service::Http { path, headers, .. } = &mut question.service else { panic!() };
    let (name, line) = headers.last_mut().unwrap();
    assert_eq!(*name, HEADER);
    (path, line.to_mut())
}

fn status(answer: &Answer) -> u16 {
    let Answer::Http { status, .. } = answer else { panic!("{answer:?}") };
    *status
}

#[test]
fn a_question_that_is_no_edges_changes_nothing() {
    let fleet = Fleet::new();
    let honest = question(&fleet);
    let (entries, _) = fleet.home.store.size();
    type Change = fn(&mut Question);
    let changes: [(&str, u16, Change); 12] = [
        ("another caller", 401, |question| {
            let text = String::from_utf8(question.bytes.clone()).unwrap();
            question.bytes = text.replace(r#""caller":"agent""#, r#""caller":"agenu""#).into();
        }),
        ("a look as a use", 401, |question| {
            let text = String::from_utf8(question.bytes.clone()).unwrap();
            question.bytes = text.replace("false}", "true}").into();
        }),
        ("cut", 401, |question| question.bytes.truncate(40)),
        ("more", 401, |question| question.bytes.push(b' ')),
        ("no body", 400, |question| question.bytes.clear()),
        ("another mac", 401, |question| {
            let line = parts(question).1;
            let last = if line.ends_with('0') { "1" } else { "0" };
            line.replace_range(line.len() - 1.., last);
        }),
        ("another number", 401, |question| {
            let line = parts(question).1;
            let at = line.find(",").unwrap() + 12;
            let digit = if &line[at..=at] == "0" { "1" } else { "0" };
            line.replace_range(at..=at, digit);
        }),
        ("another second", 401, |question| {
            let line = parts(question).1;
            *line = line.replace("v1,1800000000,", "v1,1800000001,");
        }),
        ("no seal", 401, |question| {
            let Service::Http { headers, .. } = &mut question.service else { panic!() };
            headers.pop();
        }),
        ("two seals", 401, |question| {
            let Service::Http { headers, .. } = &mut question.service else { panic!() };
            headers.push(headers.last().unwrap().clone());
        }),
        ("another version", 401, |question| {
            let line = parts(question).1;
            line.replace_range(..2, "v2");
        }),
        ("too long", 413, |question| question.bytes = vec![b' '; 600_000]),
    ];
    for (what, expected, change) in changes {
        let mut question = again(&honest);
        change(&mut question);
        assert_ne!(question, honest, "{what}");
        assert_eq!(status(&fleet.home.host().answer(&question)), expected, "{what}");
    }
    assert_eq!(fleet.home.store.size().0, entries);
    assert_eq!(status(&fleet.home.host().answer(&honest)), 200);
}

#[test]
fn a_question_of_another_time_place_or_key_is_refused() {
    let fleet = Fleet::new();
    let mut honest = question(&fleet);
    let (path, line) = parts(&mut honest);
    let put = Seal::parse(line.as_bytes()).unwrap().put;
    let keys = |key: &str| {
        let mut edge = edge_policy();
        edge["settings"]["approvals"]["store"]["key"] = key.into();
        let policy = Policy::parse(edge.to_string().as_bytes(), "").unwrap();
        policy.approvals.unwrap().store.unwrap().keys
    };
    let path = path.clone();
    let sealed = |way, key: &str, put: Put, path: &str| {
        let mut question = again(&honest);
        let mac = seal(way, &keys(key), put, path, &honest.bytes);
        *parts(&mut question).1 = mac;
        status(&fleet.home.host().answer(&question))
    };
    let at = |seconds: i64| Put { seconds: put.seconds.strict_add_signed(seconds), ..put };
    assert_eq!(sealed(Way::Question, KEY, put, &path), 200);
    for seconds in [-30, 30] {
        assert_eq!(sealed(Way::Question, KEY, at(seconds), &path), 200, "{seconds}");
    }
    for seconds in [-31, 31, -1_800_000_000] {
        assert_eq!(sealed(Way::Question, KEY, at(seconds), &path), 401, "{seconds}");
    }
    assert_eq!(sealed(Way::Question, OTHER, put, &path), 401);
    assert_eq!(sealed(Way::Question, KEY, put, "/ok"), 401);
    assert_eq!(sealed(Way::Answer, KEY, put, &path), 401);
    // At another path it is for people, who are not asked for a body.
    let mut elsewhere = again(&honest);
    *parts(&mut elsewhere).0 = "/ok/-/call".into();
    assert_eq!(status(&fleet.home.host().answer(&elsewhere)), 401);
}

#[test]
fn a_question_that_comes_again_takes_nothing() {
    let fleet = Fleet::new();
    let early = question(&fleet);
    let (_, id) = waits(fleet.call(0));
    let mut fleet = fleet;
    fleet.pass(2);
    fleet.approve(&id);
    // One of before the approval: it would be spent, and nothing would run.
    let said = fleet.home.host().answer(&early);
    let Answer::Http { body, .. } = &said else { panic!() };
    assert!(body.starts_with(br#"{"state":"pending""#));
    let mut taking = None;
    went_on(fleet.call_by(1, &mut |question| {
        taking = Some(again(question));
        fleet.home.host().answer(question)
    }));
    let taking = taking.unwrap();
    let body = |answer: Answer| {
        let Answer::Http { body, .. } = answer else { panic!("{answer:?}") };
        String::from_utf8(body).unwrap()
    };
    let first = body(fleet.home.host().answer(&taking));
    assert_eq!(first, format!(r#"{{"state":"approved","id":"{id}","by":["pay-ann"]}}"#));
    // A new request for the same call is approved: the old question is not for it.
    fleet.pass(1);
    let (_, next) = waits(fleet.call(0));
    assert_ne!(next, id);
    fleet.pass(2);
    fleet.approve(&next);
    assert!(body(fleet.home.host().answer(&taking)).starts_with(r#"{"state":"pending""#));
    fleet.pass(30);
    assert_eq!(status(&fleet.home.host().answer(&taking)), 401);
}

#[test]
fn an_answer_to_another_question_or_of_somebody_else_lets_nothing_run() {
    let mut fleet = Fleet::new();
    let (_, id) = waits(fleet.call(0));
    fleet.approve(&id);
    // The answer that the approval was used, for others to repeat.
    let mut used = None;
    went_on(fleet.call_by(1, &mut |question| {
        let answer = fleet.home.host().answer(question);
        let Answer::Http { status, headers, body } = &answer else { panic!() };
        used = Some((*status, headers.clone(), body.clone()));
        answer
    }));
    let (status, headers, body) = used.unwrap();
    let repeated = || Answer::Http { status, headers: headers.clone(), body: body.clone() };
    assert_eq!(refused(fleet.call_by(0, &mut |_| repeated())).0, Reason::ApprovalStore);
    // An honest answer, changed.
    fleet.pass(1);
    let (_, id) = waits(fleet.call(0));
    type Change = fn(u16, Vec<(String, String)>, String) -> (u16, Vec<(String, String)>, String);
    let changes: [(&str, Change); 9] = [
        ("approved", |status, headers, body| {
            (status, headers, body.replace(r#""state":"pending""#, r#""state":"approved""#))
        }),
        ("cut", |status, headers, body| (status, headers, body[..body.len() - 1].into())),
        ("empty", |status, headers, _| (status, headers, String::new())),
        ("another status", |_, headers, body| (201, headers, body)),
        ("no seal", |status, _, body| (status, Vec::new(), body)),
        ("two seals", |status, headers, body| (status, [headers.clone(), headers].concat(), body)),
        ("another mac", |status, mut headers, body| {
            for (name, line) in &mut headers {
                if name == HEADER {
                    let last = if line.ends_with('0') { "1" } else { "0" };
                    line.replace_range(line.len() - 1.., last);
                }
            }
            (status, headers, body)
        }),
        ("another second", |status, mut headers, body| {
            for (_, line) in &mut headers {
                *line = line.replace("v1,1800000001,", "v1,1800000002,");
            }
            (status, headers, body)
        }),
        ("another name of the seal", |status, mut headers, body| {
            for (name, _) in &mut headers {
                *name = name.replace("-mac", "-mad");
            }
            (status, headers, body)
        }),
    ];
    for (what, change) in changes {
        let outcome = fleet.call_by(0, &mut |question| {
            let Answer::Http { status, headers, body } = fleet.home.host().answer(question) else {
                panic!()
            };
            let text = |bytes: Box<[u8]>| String::from_utf8(bytes.into()).unwrap();
            let headers =
                headers.into_iter().map(|(name, value)| (text(name), text(value))).collect();
            let (status, headers, body) = change(status, headers, text(body.into()));
            let bytes = |text: String| text.into_bytes().into_boxed_slice();
            let headers =
                headers.into_iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
            Answer::Http { status, headers, body: body.into_bytes() }
        });
        assert_eq!(refused(outcome).0, Reason::ApprovalStore, "{what}");
    }
    assert_eq!(waits(fleet.call(0)), ("pending".into(), id));
}

#[test]
fn a_question_sent_back_is_no_answer() {
    let fleet = Fleet::new();
    let outcome = fleet.call_by(0, &mut |question| {
        let Service::Http { headers, .. } = &question.service else { panic!() };
        let bytes = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
        let headers = headers.iter().map(|(name, value)| (bytes(name), bytes(value))).collect();
        Answer::Http { status: 200, headers, body: question.bytes.clone() }
    });
    assert_eq!(refused(outcome).0, Reason::ApprovalStore);
}

#[test]
fn clocks_that_differ_by_more_than_thirty_seconds_are_refused_at_both_ends() {
    for (seconds, is_fresh) in [(-31_i64, false), (-29, true), (29, true), (31, false)] {
        let mut fleet = Fleet::new();
        fleet.home.now = Nanos(fleet.home.now.0.strict_add_signed(seconds * 1_000_000_000));
        let reason = refused(fleet.call(0)).0;
        let expected = if is_fresh { Reason::ApprovalRequired } else { Reason::ApprovalStore };
        assert_eq!(reason, expected, "{seconds}");
    }
}

#[test]
fn keys_are_exchanged_without_a_pause() {
    // As the steps of a rotation leave edges and home: each end may be a step ahead.
    let steps: [serde_json::Value; 5] =
        [json!(KEY), json!([KEY, OTHER]), json!([OTHER, KEY]), json!([OTHER]), json!(OTHER)];
    let with = |edge: &serde_json::Value, home: &serde_json::Value| {
        let (mut edges, mut homes) = (edge_policy(), home_policy());
        edges["settings"]["approvals"]["store"]["key"] = edge.clone();
        homes["settings"]["approvals"]["serve_store"]["key"] = home.clone();
        refused(Fleet::of(&edges, &homes).call(0)).0
    };
    for pair in steps.windows(2) {
        for (edge, home) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert_eq!(with(&pair[edge], &pair[home]), Reason::ApprovalRequired, "{pair:?}");
        }
    }
    assert_eq!(with(&steps[0], &steps[4]), Reason::ApprovalStore);
    assert_eq!(with(&steps[1], &steps[4]), Reason::ApprovalStore, "it signs with the old");
}

#[test]
fn an_edge_that_knows_people_by_other_ids_is_refused() {
    for identity in [
        json!([{ "header": "x-id" }, { "mtls": "subject" }]),
        json!([{ "header": "x-other" }]),
        json!([{ "jwt": { "claim": "sub" } }]),
    ] {
        let mut edge = edge_policy();
        edge["identity"] = identity.clone();
        let fleet = Fleet::new();
        let edge = super::gateway(&edge);
        let claims = vec![("sub".to_owned(), Claim::Text("agent".into()))];
        let peer = Client { claims, ..Client::default() };
        let headers = [
            (":method", "POST"),
            (":path", "/mcp"),
            ("accept", "application/json, text/event-stream"),
            ("x-id", "agent"),
            ("x-other", "agent"),
        ];
        let body = super::refund();
        let sent = edge.host().send_asking(
            pairs(&headers),
            &peer,
            &Body::whole(body.as_bytes()),
            &mut |question| {
                let answer = fleet.home.host().answer(question);
                assert_eq!(status(&answer), 409);
                answer
            },
        );
        assert_eq!(refused(sent.unwrap().outcome).0, Reason::ApprovalStore, "{identity}");
    }
}

#[test]
fn requests_of_edges_end_with_the_terms_on_which_they_were_made() {
    let mut other = home_policy();
    other["identity"] = json!([{ "header": "x-id" }, { "mtls": "subject" }]);
    let mut no_home = home_policy();
    no_home["settings"]["approvals"]["approvers"] = json!(["*"]);
    no_home["settings"]["approvals"].as_object_mut().unwrap().remove("serve_store");
    for (policy, who) in [(&other, "header:pay-ann"), (&no_home, "pay-ann")] {
        let mut fleet = Fleet::new();
        let (_, id) = waits(fleet.call(0));
        let text = policy.to_string();
        let mut policy = Policy::parse(text.as_bytes(), "").unwrap();
        // As a push leaves it: the same counters and slots, another policy.
        std::mem::swap(&mut policy.table, &mut fleet.home.policy.table);
        fleet.home.policy = policy;
        let below = format!("/{id}/approve");
        let (status, body) = fleet.at_home("pay-ann", "POST", &below, &"0".repeat(64));
        assert_eq!(status, 409, "{who}: {body}");
    }
}
