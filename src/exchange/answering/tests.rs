mod approvals;
mod counting;

use crate::exchange::identity::NoPeer;
use crate::exchange::question::{Answer, Failure, Question, Service};
use crate::exchange::{Exchange, Lent, Step, Whose};
use crate::limits::MemoryStore;
use crate::limits::window::Nanos;
use crate::policy::{Policy, Reason};
use crate::simulate::{POST, Recorder, pairs};
use serde_json::Value;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// One call a day, whatever it asks.
const ONE: &str = r#"{"version": "1", "default": "deny", "tools": {"*": {"rate_limit": "1/day"}}}"#;

/// A gateway whose services answer as a test says.
struct Gateway {
    policy: Policy,
    store: MemoryStore,
    lines: Vec<String>,
}

impl Gateway {
    fn new(policy: &str) -> Self {
        let policy = Policy::parse(policy.as_bytes(), "").unwrap();
        Self { policy, store: MemoryStore::default(), lines: Vec::new() }
    }

    fn with<T>(&mut self, step: impl FnOnce(Lent<'_, MemoryStore>) -> T) -> T {
        let mut records = Recorder::new(&self.policy, Nanos(0));
        let (policy, store) = (&self.policy, &self.store);
        let done = step(Lent { policy, peer: &NoPeer, store, records: &mut records });
        self.lines.extend(records.take().into_iter().map(|record| record.line));
        done
    }

    /// Sends a body, whole.
    fn send(&mut self, body: &str) -> (Exchange, Step) {
        let headers = POST.into_iter().chain([("x-id", "ann"), ("x-request-id", "r")]);
        let headers: Vec<_> = headers.collect();
        let mut exchange = Exchange::default();
        let step = self.with(|lent| exchange.headers(lent, pairs(&headers), || None, false));
        assert!(matches!(step, Step::Wait), "{step:?}");
        let step = self.with(|lent| exchange.body(lent.policy, body.len(), true, lent.records));
        assert!(matches!(step, Step::Read), "{step:?}");
        let step = self.with(|lent| exchange.judge(lent, body.as_bytes(), Nanos(0)));
        (exchange, step)
    }

    /// Calls a tool.
    fn call(&mut self, tool: &str) -> (Exchange, Step) {
        self.send(&call(1, tool))
    }

    fn answer(&mut self, exchange: &mut Exchange, answer: Answer) -> Step {
        self.with(|lent| exchange.answered(lent, answer, Nanos(0)))
    }

    /// Answers a question, and all that follow it, by these texts.
    fn answers(&mut self, tool: &str, texts: &[&str]) -> (Exchange, Step) {
        let (mut exchange, mut step) = self.call(tool);
        for text in texts {
            assert!(matches!(step, Step::Ask(_)), "{text}: {step:?}");
            step = self.answer(&mut exchange, ok(text));
        }
        (exchange, step)
    }

    /// Whether the one call of a day is there to be made.
    fn has_room(&mut self) -> bool {
        let (mut exchange, step) = self.call("plain");
        self.with(|lent| exchange.end(lent.policy, Some(0x20), lent.store, Nanos(0)));
        self.lines.pop();
        matches!(step, Step::Go(_))
    }

    fn end(&mut self, exchange: &mut Exchange, flags: Option<u64>) {
        self.with(|lent| exchange.end(lent.policy, flags, lent.store, Nanos(0)));
    }
}

fn call(id: u8, tool: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{{"n":5,"s":"x"}}}}}}"#
    )
}

fn ok(text: &str) -> Answer {
    Answer::Grpc(text.as_bytes().to_vec())
}

fn question(step: Step) -> Question {
    let Step::Ask(question) = step else { panic!("{step:?}") };
    *question
}

/// The reason of a refusal, its seconds and its body.
fn refused(step: Step) -> (Reason, Option<u64>, Value) {
    let Step::Refuse(refused) = step else { panic!("{step:?}") };
    let body = serde_json::from_slice(&refused.reply.body).unwrap();
    (refused.reason, refused.reply.retry_after, body)
}

#[test]
fn a_call_goes_on_by_its_answer_and_not_before() {
    let mut gateway = Gateway::new(ONE);
    let (mut exchange, step) = gateway.call("ask:grpc limits 100 deny how many");
    let asked = question(step);
    let service = Service::Grpc { authority: None, service: "test.Questions", method: "Ask" };
    let (cluster, bytes) = ("limits".into(), b"how many".to_vec());
    assert_eq!(asked, Question { cluster, service, bytes, timeout: 100 });
    assert!(exchange.waits() && exchange.asks() && exchange.is_charged());
    assert!(gateway.lines.is_empty(), "a record before the decision");
    // Pieces, an end and trailers that come meanwhile.
    for end in [false, true] {
        let step = gateway.with(|lent| exchange.body(lent.policy, 9, end, lent.records));
        assert!(matches!(step, Step::Wait), "{step:?}");
    }
    let step = gateway.with(|lent| exchange.trailers(lent.policy, lent.records));
    assert!(matches!(step, Step::Wait), "{step:?}");
    let step = gateway.answer(&mut exchange, ok("ok"));
    assert!(matches!(step, Step::Go(_)), "{step:?}");
    assert!(!exchange.waits() && !exchange.asks() && exchange.is_charged());
    assert_eq!(gateway.lines.len(), 1);
    // The same answer a second time, and another one.
    for text in ["ok", "over 7"] {
        let step = gateway.answer(&mut exchange, ok(text));
        assert!(matches!(step, Step::Wait), "{step:?}");
    }
    assert_eq!(gateway.lines.len(), 1);
    assert!(!gateway.has_room());
    gateway.end(&mut exchange, Some(0x20));
    assert!(gateway.has_room(), "no server got it");
}

#[test]
fn an_answer_that_nobody_waits_for_changes_nothing() {
    let mut gateway = Gateway::new(ONE);
    let mut start = Exchange::default();
    assert!(matches!(gateway.answer(&mut start, ok("ok")), Step::Wait));
    let (mut refused, step) = gateway.answers("ask:grpc x 1 deny", &["over 1"]);
    assert!(matches!(step, Step::Refuse(_)));
    assert!(matches!(gateway.answer(&mut refused, ok("ok")), Step::Wait));
    assert!(gateway.has_room());
}

#[test]
fn a_denied_call_is_answered_and_gets_its_charge_back() {
    let mut gateway = Gateway::new(ONE);
    let (mut exchange, step) = gateway.answers("ask:grpc x 1 deny", &["over 7"]);
    let (reason, retry_after, body) = refused(step);
    assert_eq!((reason, retry_after), (Reason::RateLimited, Some(7)));
    assert_eq!((&body["id"], &body["error"]["code"]), (&1.into(), &429.into()));
    assert_eq!(body["error"]["message"], "[POLICY DENIED] No room.");
    assert_eq!(body["error"]["data"]["tool"], "ask:grpc x 1 deny");
    assert_eq!(body["error"]["data"]["retry_after"], 7);
    let line: Value = serde_json::from_str(&gateway.lines[0]).unwrap();
    assert_eq!((&line["decision"], &line["rule"]), (&"denied".into(), &"(script)".into()));
    assert_eq!((&line["request_id"], &line["limits"]), (&"r".into(), &Value::Null));
    assert!(!exchange.is_charged());
    assert!(gateway.has_room());
    gateway.end(&mut exchange, Some(0x20));
    assert!(gateway.has_room());
}

#[test]
fn a_question_without_an_answer_is_decided_too() {
    let failures = [
        Answer::Failed(Failure::Dispatch),
        Answer::Failed(Failure::Crowded),
        Answer::Failed(Failure::Timeout),
        Answer::Failed(Failure::Transport),
        Answer::Failed(Failure::from_status(14)),
        Answer::Failed(Failure::TooLarge),
        ok(""),
        Answer::Http { status: 503, headers: Vec::new(), body: b"ok".to_vec() },
    ];
    for failure in failures {
        let mut gateway = Gateway::new(ONE);
        let (mut exchange, _) = gateway.call("ask:grpc x 1 deny");
        let shown = format!("{failure:?}");
        let step = gateway.answer(&mut exchange, failure);
        assert_eq!(refused(step).0, Reason::CounterContended, "{shown}");
        assert!(gateway.has_room(), "{shown}");
    }
    assert_eq!(Failure::from_status(4), Failure::Timeout);
    let mut gateway = Gateway::new(ONE);
    let (mut exchange, _) = gateway.call("ask:http x 1 allow body");
    let step = gateway.answer(&mut exchange, Answer::Failed(Failure::Timeout));
    assert!(matches!(step, Step::Go(_)), "{step:?}");
    assert!(!gateway.has_room());
}

#[test]
fn a_failure_at_the_deadline_is_a_timeout() {
    let question = |timeout| Question {
        cluster: "x".into(),
        service: Service::Grpc { authority: None, service: "s", method: "m" },
        bytes: Vec::new(),
        timeout,
    };
    assert_eq!(question(800).deadline(Nanos(5)), Nanos(700_000_005));
    assert_eq!(question(u32::MAX).deadline(Nanos(u64::MAX)), Nanos(u64::MAX));
    for (failure, late) in [
        (Failure::Transport, Failure::Timeout),
        (Failure::Status(14), Failure::Timeout),
        (Failure::TooLarge, Failure::TooLarge),
        (Failure::Dispatch, Failure::Dispatch),
    ] {
        assert_eq!(Answer::Failed(failure).in_time(true), Answer::Failed(late));
        assert_eq!(Answer::Failed(failure).in_time(false), Answer::Failed(failure));
    }
    assert_eq!(ok("ok").in_time(true), ok("ok"));
}

#[test]
fn questions_are_asked_one_after_another() {
    let tool = "ask:grpc x 1 deny look|http y 2 shed store|grpc x 3 deny charge";
    let mut gateway = Gateway::new(ONE);
    let (mut exchange, step) = gateway.call(tool);
    assert_eq!(question(step).bytes, b"look");
    let asked = question(gateway.answer(&mut exchange, ok("ok")));
    assert!(matches!(asked.service, Service::Http { .. }), "{asked:?}");
    let asked = question(gateway.answer(&mut exchange, Answer::Failed(Failure::Timeout)));
    assert_eq!((asked.bytes, asked.timeout), (b"charge".to_vec(), 3));
    let step = gateway.answer(&mut exchange, ok("over 2"));
    assert_eq!(refused(step).0, Reason::RateLimited);
    assert!(gateway.has_room());
    let (_, step) = gateway.answers(tool, &["ok", "ok", "ok"]);
    assert!(matches!(step, Step::Go(_)), "{step:?}");
}

#[test]
fn nobody_asks_for_ever() {
    let mut gateway = Gateway::new(ONE);
    let (exchange, step) = gateway.answers("ask:65*grpc x 1 deny", &["ok"; 64]);
    assert_eq!(refused(step).0, Reason::Internal);
    assert!(!exchange.asks() && gateway.has_room());
}

#[test]
fn a_client_that_leaves_while_it_is_asked_about_loses_nothing() {
    for flags in [None, Some(0), Some(0x4000), Some(0x20)] {
        let mut gateway = Gateway::new(ONE);
        let (mut exchange, _) = gateway.call("ask:grpc x 1 deny");
        assert!(!gateway.has_room(), "{flags:?}");
        gateway.end(&mut exchange, flags);
        assert!(gateway.has_room(), "{flags:?}");
        gateway.end(&mut exchange, flags);
        let step = gateway.answer(&mut exchange, ok("ok"));
        assert!(matches!(step, Step::Wait), "{step:?}");
        assert!(gateway.lines.is_empty() && gateway.has_room(), "{flags:?}");
    }
}

#[test]
fn the_host_can_take_back_what_it_could_not_send() {
    let mut gateway = Gateway::new(ONE);
    let (mut exchange, step) = gateway.answers("ask:grpc x 1 deny", &["ok"]);
    assert!(matches!(step, Step::Go(_)) && !gateway.has_room());
    gateway.with(|lent| exchange.take_back(lent.policy, lent.store, Nanos(0)));
    assert!(gateway.has_room());
    let step = gateway.with(|lent| exchange.fail(lent.policy, "it is stuck", lent.records));
    assert_eq!(refused(step).0, Reason::Internal);
}

#[test]
fn a_call_that_failed_here_is_given_back_at_its_end() {
    let mut gateway = Gateway::new(ONE);
    let (mut exchange, _) = gateway.call("ask:grpc x 1 deny");
    let step = gateway.with(|lent| exchange.fail(lent.policy, "there is no clock", lent.records));
    assert_eq!(refused(step).0, Reason::Internal);
    assert!(!gateway.has_room());
    gateway.end(&mut exchange, None);
    assert!(gateway.has_room());
}

#[test]
fn a_record_is_the_same_after_an_answer() {
    let policy = r#"{"version": "1", "default": "deny", "identity": [{"header": "x-id"}],
        "settings": {"record": ["args.n", "args.s"], "audit_key": "0123456789abcdef"},
        "tools": {"*": {"limits": [{"counter": "c", "window": "day", "max": 9}], "deny_if": [
        {"mode": "shadow", "conditions": [{"path": "args.n", "op": "gt", "value": 1}]}]}}}"#;
    let lines = ["plain", "ask:grpc x 1 deny"].map(|tool| {
        let mut gateway = Gateway::new(policy);
        let (mut exchange, step) = gateway.call(tool);
        if let Step::Ask(_) = step {
            gateway.answer(&mut exchange, ok("ok"));
        }
        gateway.lines.concat().replace(tool, "TOOL")
    });
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&line["decision"], &line["grant"]), (&"allowed".into(), &"ann".into()));
    assert!(line["limits"][0]["left"] == 8 && line["arguments"].is_array(), "{line}");
    assert!(line["arguments_hmac"].is_string() && line["shadow"].is_array(), "{line}");
    assert_eq!(lines[0], lines[1]);
}

#[test]
fn a_batch_is_asked_about_as_one_and_refused_whole() {
    let policy = r#"{"version": "1", "default": "deny", "settings": {"batches": "judge"},
        "tools": {"*": {"rate_limit": "2/day"}}}"#;
    let mut gateway = Gateway::new(policy);
    let ping = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#;
    let body = format!("[{},{ping},{}]", call(1, "ask:grpc x 1 deny"), call(2, "plain"));
    let (mut exchange, step) = gateway.send(&body);
    question(step);
    let (reason, _, body_of) = refused(gateway.answer(&mut exchange, ok("over 3")));
    assert_eq!(reason, Reason::RateLimited);
    let codes: Vec<_> = body_of.as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(codes, [&Value::from(1), &"p".into(), &2.into()]);
    assert_eq!(body_of[0]["error"]["code"], 429);
    assert_eq!(body_of[2]["error"]["data"]["reason"], "batch_refused");
    assert_eq!(gateway.lines.len(), 2);
    assert!(gateway.lines.iter().all(|line| line.contains(r#""decision":"denied""#)));
    gateway.lines.clear();
    // All of its charges were given back.
    let (mut exchange, _) = gateway.send(&body);
    let step = gateway.answer(&mut exchange, ok("ok"));
    assert!(matches!(step, Step::Go(_)), "{step:?}");
    assert_eq!(gateway.lines.len(), 2);
    assert!(gateway.lines.iter().all(|line| line.contains(r#""decision":"allowed""#)));
}

#[test]
fn in_shadow_mode_a_denial_is_recorded_and_a_failure_refused() {
    let policy = r#"{"version": "1", "default": "deny", "mode": "shadow",
        "tools": {"*": {"rate_limit": "1/day"}}}"#;
    let mut gateway = Gateway::new(policy);
    let (exchange, step) = gateway.answers("ask:grpc x 1 deny", &["over 3"]);
    assert!(matches!(step, Step::Go(_)), "{step:?}");
    assert!(gateway.lines[0].contains(r#""decision":"shadow","reason":"rate_limited""#));
    assert!(!exchange.is_charged());
    let (_, step) = gateway.answers("ask:grpc x 1 deny", &["?"]);
    assert_eq!(refused(step).0, Reason::CounterContended);
    // A call without room here is not asked about.
    let (_, step) = gateway.call("plain");
    assert!(matches!(step, Step::Go(_)), "{step:?}");
    let (_, step) = gateway.call("ask:grpc x 1 deny");
    assert!(matches!(step, Step::Go(_)), "{step:?}");
    assert!(gateway.lines.last().unwrap().contains(r#""decision":"shadow""#));
}

#[test]
fn what_waits_for_an_answer_is_counted_for_its_caller() {
    let policy = r#"{"version": "1", "default": "allow", "identity": [{"header": "x-id"}]}"#;
    let mut gateway = Gateway::new(policy);
    let (exchange, _) = gateway.call("ask:grpc x 1 deny");
    let (short, whose) = exchange.waiting(&gateway.policy).unwrap();
    assert_eq!(whose, Whose::Caller("ann"));
    assert!(short > size_of::<Exchange>() + 200, "{short}");
    let tool = format!("ask:grpc x 1 deny|grpc x 1 deny {}", "y".repeat(200));
    let (exchange, _) = gateway.call(&tool);
    let (long, _) = exchange.waiting(&gateway.policy).unwrap();
    assert!(long > short + 380, "{long}: the tool's name, and the second question");
    let mut gateway = Gateway::new(ONE);
    let (exchange, _) = gateway.call("ask:grpc x 1 deny");
    assert_eq!(exchange.waiting(&gateway.policy).unwrap().1, Whose::Anonymous);
}

#[test]
fn a_full_table_of_those_that_wait_opens_no_gate_and_a_failure_is_recorded() {
    for (on_failure, goes_on, record) in [
        ("deny", false, r#""reason":"limit_service""#),
        ("local", true, r#""limits":[{"rule":"/tools/a/limits/c","left":8}]"#),
        ("allow", true, r#""limits":[{"rule":"/tools/a/limits/c","uncounted":true}]"#),
    ] {
        let mut gateway = Gateway::new(&format!(
            r#"{{"version": "1", "default": "deny",
                "tools": {{"a": {{"limits": [
                    {{"counter": "c", "window": "day", "max": 9, "across": "replicas"}}]}}}},
                "settings": {{"limit_service": {{"cluster": "limits", "engine": "ratelimit",
                    "domain": "mcp", "on_failure": "{on_failure}"}}}}}}"#
        ));
        let (mut exchange, _) = gateway.call("a");
        let step = gateway.answer(&mut exchange, Answer::Failed(Failure::Crowded));
        let Step::Refuse(refused) = step else { panic!("{on_failure}: {step:?}") };
        assert_eq!(refused.reason, Reason::LimitService);
        let (mut exchange, _) = gateway.call("a");
        let step = gateway.answer(&mut exchange, Answer::Failed(Failure::Timeout));
        assert_eq!(matches!(step, Step::Go(_)), goes_on, "{on_failure}: {step:?}");
        let last = gateway.lines.last().unwrap();
        assert!(last.contains(record), "{last}");
    }
}
