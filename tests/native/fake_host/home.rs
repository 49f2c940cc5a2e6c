//! An edge and its home as two plugins of one host: questions go from the one to the
//! other by the host's calls, or fail on the way.

use super::call;
use super::host::{HOST, HttpCall, fail, forget_counts, heal};
use super::worker::{Manner, PLAIN, Worker};
use crate::corpus::{self, Outcome, Request};
use serde_json::{Value, json};

const EDGE: &str = r#"{
  "version": "1", "default": "deny", "identity": [ { "header": "x-id" } ],
  "tools": { "a": { "action": "require_approval", "rate_limit": "1/minute" } },
  "settings": { "approvals": { "approvers": ["boss"], "store": { "cluster": "home", "path": "/ok",
    "authority": "home.internal", "timeout_ms": 250,
    "key": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" } } }
}"#;
const HOME: &str = r#"{
  "version": "1", "default": "deny", "identity": [ { "header": "x-id" } ],
  "settings": { "hold_request_headers": true, "approvals": { "path": "/ok", "serve_store": {
    "key": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff" } } }
}"#;
/// Envoy with its flag for held headers.
const HOLDS: Manner = Manner { holds: true, piece: 7 };

/// An answer as it comes to the host.
#[derive(Clone, Debug)]
struct Answer {
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

struct Both {
    edge: Worker,
    home: Worker,
}

/// A call at the edge that waits.
struct Asked {
    stream: u32,
    token: u32,
}

fn continued() -> usize {
    HOST.with_borrow_mut(|host| std::mem::take(&mut host.continued))
}

/// The reason of the answer that went out in the server's place.
fn replied() -> Option<String> {
    let reply = HOST.with_borrow_mut(|host| host.reply.take());
    reply.map(|(.., details)| details.replace("mcp_policy_filter:", ""))
}

fn calls() -> usize {
    HOST.with_borrow(|host| host.http_calls.len())
}

fn agent() -> Request {
    let mut request = call("a");
    request.headers.push(("x-id".into(), "agent".into()));
    request
}

impl Both {
    fn start() -> Self {
        forget_counts();
        continued();
        let home = Worker::configure(HOME, HOLDS).unwrap();
        Self { edge: Worker::configure(EDGE, PLAIN).unwrap(), home }
    }

    fn ask(&self) -> Asked {
        let before = calls();
        let (stream, forwarded) = self.edge.begin(&agent(), |_| {});
        assert!(!forwarded && replied().is_none(), "it went on unasked");
        assert_eq!(calls(), before + 1);
        Asked { stream, token: u32::try_from(before + 1).unwrap() }
    }

    /// The answer of the home to a question.
    fn answer(&self, token: u32) -> Answer {
        let question = HOST.with_borrow(|host| host.http_calls[token as usize - 1].clone());
        let HttpCall { cluster, headers, body } = question;
        assert_eq!(cluster, "home");
        let one = |name: &str| {
            let found = headers.iter().find(|(other, _)| other == name);
            found.map(|(_, value)| value.clone()).unwrap()
        };
        let own = headers.iter().filter(|(name, _)| !name.starts_with(':')).cloned().collect();
        let request = Request {
            method: one(":method"),
            path: one(":path"),
            headers: own,
            body: body.into_bytes(),
            ..call("a")
        };
        match self.home.send(&request) {
            Outcome::Replied { status, mut headers, body } => {
                headers.insert(0, (":status".into(), status.to_string()));
                Answer { headers, body }
            }
            other => panic!("{other:?}"),
        }
    }

    /// Hands an answer to the edge.
    fn hand(&self, asked: &Asked, answer: &Answer) {
        let headers: Vec<_> =
            answer.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        self.edge.end_call_with(asked.token, &headers, &answer.body);
    }

    /// Approves the one request that is there.
    fn approve(&self) {
        let at = |method: &str, path: &str, digest: &str| {
            let headers = [("x-id", "boss"), ("mcp-approval-digest", digest)];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let (method, path) = (method.into(), path.to_owned());
            let request =
                Request { method, path, headers: headers.into(), body: Vec::new(), ..call("a") };
            let Outcome::Replied { status, body, .. } = self.home.send(&request) else { panic!() };
            assert_eq!(status, 200);
            serde_json::from_slice::<Value>(&body).unwrap()
        };
        let list = at("GET", "/ok", "");
        let id = list["approvals"][0]["id"].as_str().unwrap().to_owned();
        let shown = at("GET", &format!("/ok/{id}"), "");
        let digest = shown["digest"].as_str().unwrap();
        let decided = at("POST", &format!("/ok/{id}/approve"), digest);
        assert_eq!(decided["state"], "approved");
    }

    /// Ends a call that was refused; whether the one of the minute is there to be made.
    fn has_room(&self, asked: &Asked) -> bool {
        heal();
        Worker::close(asked.stream);
        let before = calls();
        let (stream, _) = self.edge.begin(&agent(), |_| {});
        let has_room = calls() > before;
        replied();
        Worker::close(stream);
        has_room
    }
}

#[test]
fn an_approved_call_goes_on_once_by_the_answer_of_its_home() {
    let both = Both::start();
    let asked = both.ask();
    let question = HOST.with_borrow(|host| host.http_calls[asked.token as usize - 1].clone());
    let of = |name: &str| question.headers.iter().find(|(other, _)| other == name).cloned();
    assert_eq!(of(":path").unwrap().1, "/ok/-/calls");
    assert_eq!(of(":authority").unwrap().1, "home.internal");
    assert!(of("authorization").is_none() && of("x-id").is_none(), "{question:?}");
    both.hand(&asked, &both.answer(asked.token));
    assert_eq!((continued(), replied().as_deref()), (0, Some("approval_required")));
    Worker::close(asked.stream);
    both.approve();
    let asked = both.ask();
    let answer = both.answer(asked.token);
    both.hand(&asked, &answer);
    assert_eq!((continued(), replied()), (1, None));
    // It was charged.
    assert!(!both.has_room(&asked));
}

#[test]
fn no_answer_an_odd_one_and_none_that_can_be_read_let_nothing_run() {
    let both = Both::start();
    let asked = both.ask();
    both.hand(&asked, &both.answer(asked.token));
    replied();
    Worker::close(asked.stream);
    both.approve();
    let status = |status: &str| Answer {
        headers: vec![(":status".into(), status.into())],
        body: b"{}".to_vec(),
    };
    let mut twice = status("200");
    twice.headers.push((":status".into(), "200".into()));
    let answers = [
        Answer { headers: Vec::new(), body: Vec::new() },
        Answer { headers: vec![("x".into(), "y".into())], body: Vec::new() },
        status("200"),
        status("503"),
        status("504"),
        status("two"),
        status(""),
        twice,
        Answer { body: vec![b' '; 65_537], ..status("200") },
    ];
    for answer in answers {
        let asked = both.ask();
        both.hand(&asked, &answer);
        let shown = answer.headers;
        assert_eq!((continued(), replied().as_deref()), (0, Some("approval_store")), "{shown:?}");
        assert!(both.has_room(&asked), "{shown:?}");
    }
    // What is too long is not even read, and what cannot be read is none.
    for (fault, body) in [("buffer", 65_537), ("buffer", 10), ("headers", 10)] {
        let asked = both.ask();
        fail(fault, 99);
        both.hand(&asked, &Answer { body: vec![b' '; body], ..status("200") });
        assert_eq!((continued(), replied().as_deref()), (0, Some("approval_store")), "{fault}");
        assert!(both.has_room(&asked), "{fault}");
    }
    // The approval is still there.
    let asked = both.ask();
    both.hand(&asked, &both.answer(asked.token));
    assert_eq!((continued(), replied()), (1, None));
}

#[test]
fn an_answer_is_for_its_question_and_for_a_stream_that_is_there() {
    let both = Both::start();
    let asked = both.ask();
    let answer = both.answer(asked.token);
    assert!(both.has_room(&asked), "the client left");
    // It comes to nobody, and the next has its own.
    both.hand(&asked, &answer);
    assert_eq!((continued(), replied()), (0, None));
    let next = both.ask();
    both.hand(&next, &answer);
    assert_eq!((continued(), replied().as_deref()), (0, Some("approval_store")));
    assert!(both.has_room(&next));
}

#[test]
fn a_question_that_the_host_does_not_send_is_a_refusal() {
    let both = Both::start();
    // Those that the SDK knows; it panics on others, which Envoy has for no such call.
    for status in [2, 10] {
        fail("http_call", status);
        let (stream, forwarded) = both.edge.begin(&agent(), |_| {});
        assert_eq!((forwarded, replied().as_deref()), (false, Some("approval_store")));
        assert!(both.has_room(&Asked { stream, token: 0 }), "{status}");
    }
}

#[test]
fn a_home_whose_host_fails_tells_an_edge_nothing_that_counts() {
    for (fault, status) in [
        ("time", 1),
        ("get_shared", 10),
        ("set_shared", 10),
        ("set_shared", 8),
        ("headers", 2),
        ("buffer", 2),
    ] {
        let both = Both::start();
        let asked = both.ask();
        fail(fault, status);
        let answer = both.answer(asked.token);
        heal();
        assert_ne!(answer.headers[0].1, "200", "{fault} {status}");
        both.hand(&asked, &answer);
        assert_eq!((continued(), replied().as_deref()), (0, Some("approval_store")), "{fault}");
        assert!(both.has_room(&asked), "{fault}");
    }
}

#[test]
fn nothing_of_a_question_goes_on_and_its_head_suffices_to_refuse_it() {
    let both = Both::start();
    let mut request = Request { path: "/ok/-/calls".into(), ..call("a") };
    request.headers = vec![("mcp-approval-mac".into(), "v1".into())];
    let outcome = both.home.send(&request);
    assert_eq!(corpus::check(&outcome, &json!({ "status": 401 })), Ok(()));
    // A right time waits for its body, of which too much is refused.
    let seal = format!("v1,{},{},{}", crate::core::MIDNIGHT, "ab".repeat(16), "0".repeat(64));
    request.headers = vec![("mcp-approval-mac".into(), seal)];
    let (stream, status) = both.home.open_on(1, &request);
    assert_eq!(status, None);
    Worker::close(stream);
    assert_eq!(corpus::check(&both.home.send(&request), &json!({ "status": 401 })), Ok(()));
    request.body = vec![b' '; 600_000];
    // In pieces, and in one that is the last, of which the size is not told before.
    for piece in [50_000, 600_000] {
        let outcome = Worker::configure(HOME, Manner { holds: true, piece });
        let outcome = outcome.unwrap().send(&request);
        assert_eq!(corpus::check(&outcome, &json!({ "status": 413 })), Ok(()), "{piece}");
    }
}
