//! Requests that wait for the answer of a service: the questions are those that the build
//! for tests reads from a tool's name.

use super::call;
use super::host::{HOST, fail, forget_counts, heal, log};
use super::worker::{Manner, PLAIN, Worker, holding};
use crate::corpus::{Outcome, Request};

/// One call a minute, whatever it asks.
const ONE: &str =
    r#"{"version": "1", "default": "deny", "tools": {"*": {"rate_limit": "1/minute"}}}"#;
const ASKS: &str = "ask:grpc envoy 250 deny how many";

/// The calls of services so far.
fn calls() -> usize {
    HOST.with_borrow(|host| host.calls.len())
}

fn continued() -> usize {
    HOST.with_borrow_mut(|host| std::mem::take(&mut host.continued))
}

/// The reason of the answer that went out in the server's place.
fn replied() -> Option<String> {
    let reply = HOST.with_borrow_mut(|host| host.reply.take());
    reply.map(|(.., details)| details.replace("mcp_policy_filter:", ""))
}

const OVER: &str = "rate_limited";
/// The reason of the build for tests where there is no answer.
const NONE: &str = "counter_contended";

/// A request that asks.
struct Asked {
    worker: Worker,
    stream: u32,
    call: usize,
}

impl Asked {
    /// A request that has come whole, and asks one question.
    fn new(manner: Manner, request: &Request) -> Self {
        forget_counts();
        continued();
        let policy = if manner.holds { holding(ONE) } else { ONE.to_owned() };
        let worker = Worker::configure(&policy, manner).unwrap();
        let before = calls();
        let (stream, forwarded) = worker.begin(request, |_| {});
        assert!(!forwarded && replied().is_none(), "it went on unasked");
        assert_eq!(calls(), before + 1);
        Self { worker, stream, call: before + 1 }
    }

    fn plain() -> Self {
        Self::new(PLAIN, &call(ASKS))
    }

    fn answer(&self, text: &str) {
        self.worker.answer(self.call, 0, text.as_bytes());
    }

    /// Ends the stream; whether the one call of the minute is there to be made.
    fn end(&self) -> bool {
        Worker::close(self.stream);
        self.has_room()
    }

    fn has_room(&self) -> bool {
        heal();
        match self.worker.send(&call("a")) {
            Outcome::Forwarded => true,
            Outcome::Replied { .. } => false,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_request_goes_on_by_its_answer_however_it_came() {
    for trailers in [false, true] {
        for (holds, piece) in [(false, usize::MAX), (true, usize::MAX), (false, 7), (true, 7)] {
            let request = Request { trailers, ..call(ASKS) };
            let asked = Asked::new(Manner { holds, piece }, &request);
            let made = HOST.with_borrow(|host| host.calls[asked.call - 1].clone());
            let target = b"\n\x0d\n\x05envoy\x22\x04\x08\xc2\x80\x04";
            assert_eq!(made.target, target, "no name is taken for a message");
            assert_eq!((&*made.method, &*made.message), ("test.Questions/Ask", "how many"));
            assert_eq!(made.timeout, 250);
            asked.answer("ok");
            assert_eq!((continued(), replied()), (1, None), "{trailers} {holds} {piece}");
            // The same answer again, and another one.
            asked.answer("ok");
            asked.worker.answer(asked.call, 14, b"");
            assert_eq!((continued(), replied()), (0, None));
            assert!(!asked.end(), "it went to a server, so its charge stays");
        }
    }
}

#[test]
fn a_request_that_is_denied_or_not_answered_gets_its_charge_back() {
    for (status, answer) in [(0, &b"over 9"[..]), (0, b""), (0, b"what?"), (4, b""), (14, b"")] {
        let asked = Asked::plain();
        asked.worker.answer(asked.call, status, answer);
        let reason = if answer.starts_with(b"over") { OVER } else { NONE };
        assert_eq!((continued(), replied().as_deref()), (0, Some(reason)));
        assert!(asked.end());
    }
}

#[test]
fn an_answer_that_is_too_long_is_not_even_read() {
    let asked = Asked::plain();
    fail("buffer", 99);
    let answer = vec![b'o'; 65_537];
    asked.worker.answer(asked.call, 0, &answer);
    assert_eq!((continued(), replied().as_deref()), (0, Some(NONE)));
    assert!(asked.end());
}

#[test]
fn a_request_that_ends_before_its_answer_loses_nothing() {
    let asked = Asked::plain();
    assert!(asked.end());
    // The answer comes late, or its failure does.
    asked.answer("ok");
    assert_eq!((continued(), replied()), (0, None));
    let asked = Asked::plain();
    assert!(asked.end());
    asked.worker.answer(asked.call, 4, b"");
    assert_eq!((continued(), replied()), (0, None));
}

#[test]
fn questions_follow_one_another_and_each_has_its_own_answer() {
    let asked =
        Asked::new(PLAIN, &call("ask:grpc a 1 deny look|grpc b 2 shed x|grpc c 3 deny charge"));
    asked.answer("ok");
    let second = calls();
    assert_eq!((second, continued()), (asked.call + 1, 0));
    // The first question's answer once more is not the second's.
    asked.answer("ok");
    assert_eq!(calls(), second);
    asked.worker.answer(second, 14, b"");
    let third = calls();
    assert_eq!((third, continued()), (second + 1, 0));
    asked.worker.answer(third, 0, b"ok");
    assert_eq!((continued(), replied()), (1, None));
    assert!(!asked.end());
}

#[test]
fn a_question_that_the_host_does_not_send_is_a_failure() {
    // Those that the SDK knows; it panics on others, which Envoy has for no such call.
    for status in [4, 10] {
        for (tool, forwarded) in [("ask:grpc a 1 deny", false), ("ask:2*grpc a 1 allow", true)] {
            forget_counts();
            let worker = Worker::configure(ONE, PLAIN).unwrap();
            fail("grpc_call", status);
            let (stream, went) = worker.begin(&call(tool), |_| {});
            assert_eq!((went, replied().is_none()), (forwarded, forwarded), "{status}");
            heal();
            let asked = Asked { worker, stream, call: 0 };
            assert_eq!(asked.end(), !forwarded, "{status}");
        }
    }
}

#[test]
fn a_service_of_which_the_name_is_too_long_is_not_called() {
    let worker = Worker::configure(ONE, PLAIN).unwrap();
    forget_counts();
    let before = calls();
    let tool = format!("ask:grpc {} 1 deny", "x".repeat(126));
    let (stream, forwarded) = worker.begin(&call(&tool), |_| {});
    assert_eq!((forwarded, replied().as_deref(), calls()), (false, Some(NONE), before));
    Worker::close(stream);
}

#[test]
fn every_host_call_that_fails_at_the_answer_is_a_refusal_or_a_line() {
    for status in (1..=12).chain([99, u32::MAX]) {
        // No byte of the answer, the time, and the way on.
        for (fault, replies) in [("buffer", NONE), ("time", "internal"), ("continue", "internal")] {
            let asked = Asked::plain();
            fail(fault, status);
            asked.answer("ok");
            let replied = replied();
            assert_eq!((continued(), replied), (0, Some(replies.to_owned())), "{fault} {status}");
            // Without the time nothing can be given back.
            assert_eq!(asked.end(), fault != "time", "{fault} {status}");
        }
        // The store, where a charge is to be given back.
        for fault in ["get_shared", "set_shared"] {
            let asked = Asked::plain();
            fail(fault, status);
            asked.answer("over 5");
            assert_eq!((continued(), replied().as_deref()), (0, Some(OVER)), "{fault} {status}");
            assert!(!asked.end(), "{fault} {status}");
        }
        // Metrics, records and lines are for others.
        for fault in ["log", "metric", "set_property"] {
            let asked = Asked::plain();
            fail(fault, status);
            asked.answer("ok");
            assert_eq!((continued(), replied()), (1, None), "{fault} {status}");
            assert!(!asked.end(), "{fault} {status}");
        }
        // An answer that cannot be sent leaves the request where it is.
        let asked = Asked::plain();
        fail("reply", status);
        asked.answer("over 5");
        assert_eq!((continued(), replied()), (0, None), "{status}");
        assert!(log().iter().any(|line| line.contains("a refusal was not sent")), "{:?}", log());
        assert!(asked.end(), "{status}");
    }
}

#[test]
fn a_push_meanwhile_leaves_the_request_to_the_policy_that_judged_it() {
    let asked = Asked::plain();
    let deny = r#"{"version": "1", "default": "deny"}"#;
    let pushed = Worker::configure(deny, PLAIN).unwrap();
    assert!(matches!(pushed.send(&call("a")), Outcome::Replied { .. }));
    asked.answer("ok");
    assert_eq!((continued(), replied()), (1, None));
    Worker::close(asked.stream);
    let asked = Asked::plain();
    let _pushed = Worker::configure(deny, PLAIN).unwrap();
    asked.answer("over 5");
    assert_eq!((continued(), replied().as_deref()), (0, Some(OVER)));
    assert!(asked.end());
}

/// The requests that wait, each with its call.
type Waiting = Vec<(u32, usize)>;

/// Opens requests on a connection until one is refused: how many wait more.
fn fill(worker: &Worker, connection: u64, waiting: &mut Waiting) -> usize {
    let before = waiting.len();
    while open(worker, connection, waiting) {}
    waiting.len() - before
}

/// Opens a request on a connection; whether it waits.
fn open(worker: &Worker, connection: u64, waiting: &mut Waiting) -> bool {
    let before = calls();
    let (stream, forwarded) = worker.begin(&call(ASKS), |host| {
        host.properties.insert("connection\0id".into(), connection.to_le_bytes().to_vec());
    });
    assert!(!forwarded && waiting.len() <= 4_096);
    if calls() == before {
        assert_eq!(replied().as_deref(), Some(NONE));
        Worker::close(stream);
        return false;
    }
    waiting.push((stream, calls()));
    true
}

#[test]
fn the_requests_that_wait_are_bounded_and_each_that_ends_makes_room() {
    let many = r#"{"version": "1", "default": "allow"}"#;
    let worker = Worker::configure(many, PLAIN).unwrap();
    let mut waiting = Vec::new();
    // Without identity a caller is a connection. One leaves most to others.
    let greedy = fill(&worker, 1, &mut waiting);
    assert!((4_096 / 4..4_096 * 2 / 5).contains(&greedy), "{greedy}");
    let another = fill(&worker, 2, &mut waiting);
    assert!((400..greedy).contains(&another), "{another}");
    let mut last = 2;
    while fill(&worker, last + 1, &mut waiting) > 0 {
        last += 1;
        assert!(last < 4_096);
    }
    assert_eq!(waiting.len(), 4_096);
    // One client leaves, and another request gets its answer.
    let (left, _) = waiting.remove(0);
    Worker::close(left);
    let (answered, number) = waiting.remove(0);
    worker.answer(number, 0, b"ok");
    assert_eq!(continued(), 1);
    Worker::close(answered);
    for (connection, expected) in [(last + 1, true), (last + 2, true), (last + 3, false)] {
        assert_eq!(open(&worker, connection, &mut waiting), expected);
    }
    waiting.into_iter().for_each(|(stream, _)| Worker::close(stream));
    let (stream, forwarded) = worker.begin(&call("a"), |_| {});
    assert!(forwarded);
    Worker::close(stream);
}
