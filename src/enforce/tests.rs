use super::*;
use crate::condition::{Claims, NotScalar};
use crate::config::Certificate;
use crate::counters::MemoryStore;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

struct Nobody;

impl Claims for Nobody {
    fn claim(&self, _: &[&str]) -> Result<Option<Vec<u8>>, NotScalar> {
        Ok(None)
    }
}

impl Peer for Nobody {
    fn certificate(&self, _: Certificate) -> Option<Vec<u8>> {
        None
    }

    fn has_certificate(&self) -> bool {
        false
    }
}

/// A gateway for a caller whom nobody asked for a name.
struct Gateway {
    policy: Policy,
    store: MemoryStore,
}

impl Gateway {
    fn new(policy: &str) -> Self {
        let policy = Policy::parse(policy.as_bytes(), "").unwrap();
        Self { policy, store: MemoryStore::default() }
    }

    /// Judges the body of one POST.
    fn judge(&self, body: &str) -> Verdict {
        let situation = Situation {
            policy: &self.policy,
            caller: Ok(&Caller::anonymous()),
            head: &Head { accepts_mcp: true, ..Head::default() },
            peer: &Nobody,
            store: &self.store,
            now: Nanos(0),
            work: Work::default(),
        };
        situation.judge(body.as_bytes())
    }
}

#[test]
fn every_id_of_a_refused_batch_is_answered() {
    let gateway = Gateway::new(
        r#"{"version": "1", "default": "deny", "tools": {"a": {}},
        "settings": {"batches": "judge"}}"#,
    );
    let call = |id: &str, tool: &str| {
        format!(r#"{{"jsonrpc":"2.0"{id},"method":"tools/call","params":{{"name":"{tool}"}}}}"#)
    };
    let judge = |messages: &[String]| match gateway.judge(&format!("[{}]", messages.join(","))) {
        Verdict::Go { records, .. } => Err(records.len()),
        Verdict::Refuse(refusal) => {
            Ok((refusal.reply.status, String::from_utf8(refusal.reply.body).unwrap()))
        }
    };
    let (a, b) = (call(r#","id":1"#, "a"), call(r#","id":"\u0062""#, "b"));
    assert_eq!(judge(&[a.clone(), call(r#","id":2"#, "a")]), Err(2));

    let (status, body) = judge(&[a.clone(), b]).unwrap();
    assert_eq!(status, 200);
    let answers: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answers.as_array().unwrap().len(), 2);
    assert!(body.starts_with(r#"[{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"#), "{body}");
    assert!(body.contains(r#"{"jsonrpc":"2.0","id":"\u0062","error":{"code":403,"#), "{body}");
    assert_eq!(answers[0]["error"]["data"]["reason"], "batch_refused");
    assert_eq!(answers[1]["error"]["data"]["reason"], "default_deny");

    let silent = call("", "a");
    assert_eq!(judge(std::slice::from_ref(&silent)), Ok((202, String::new())));
    let (status, body) = judge(&[silent, a]).unwrap();
    assert_eq!((status, body.matches("batch_refused").count()), (200, 1), "{body}");
}

#[test]
fn a_batch_has_no_more_work_than_one_call() {
    let gateway = Gateway::new(
        r#"{"version": "1", "default": "deny", "settings": {"batches": "judge"}, "tools":
        {"a": {"deny_if": [{"conditions": [{"path": "args.t", "op": "regex", "value": "[a-z]{1,300}!"}]}]}}}"#,
    );
    let judge = |calls: usize| {
        let text = "a".repeat(4_000);
        let call = |id| {
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"a","arguments":{{"t":"{text}"}}}}}}"#
            )
        };
        let calls: Vec<String> = (0..calls).map(call).collect();
        match gateway.judge(&format!("[{}]", calls.join(","))) {
            Verdict::Go { .. } => None,
            Verdict::Refuse(refusal) => Some(refusal.reason),
        }
    };
    assert_eq!(judge(1), None);
    assert_eq!(judge(64), Some(Reason::Undecidable));
}

#[test]
fn a_record_has_the_names_of_arguments_and_what_limits_have_left() {
    let gateway = Gateway::new(
        r#"{"version": "1", "default": "deny", "tools": {"a": {"limits": [
        {"counter": "n", "window": "day", "max": 5},
        {"counter": "sum", "window": "day", "max": 100, "increment_from": "args.n", "algorithm": "sliding"},
        {"counter": "all", "window": "day", "max": 9, "scope": "global"}]}}}"#,
    );
    let record = |arguments: &str| {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","arguments":{arguments}}}}}"#
        );
        match gateway.judge(&body) {
            Verdict::Go { mut records, .. } => records.remove(0),
            Verdict::Refuse(refusal) => refusal.record,
        }
    };
    let first = record(r#"{"n": 2.5, "b\u0061": 1, "B": 1}"#);
    let left = |record: &Record| {
        let left = record.limits.iter().map(|left| (left.rule.to_string(), left.millionths));
        left.collect::<Vec<_>>()
    };
    assert_eq!(
        left(&first),
        [
            ("/tools/a/limits/n".to_owned(), 4_000_000),
            ("/tools/a/limits/sum".to_owned(), 97_500_000),
            ("/tools/a/limits/all".to_owned(), 8_000_000),
        ]
    );
    let names = first.arguments.unwrap();
    assert_eq!((names.shown, names.more), (vec!["B".into(), "ba".into(), "n".into()], 0));

    let many: Vec<String> = (0..100).map(|n| format!(r#""{}{n:03}":0"#, "é".repeat(40))).collect();
    let denied = record(&format!(r#"{{{}}}"#, many.join(",")));
    assert_eq!((denied.decision, denied.limits.len()), (Decision::Denied, 0));
    let names = denied.arguments.unwrap();
    assert_eq!((names.shown.len(), names.more), (32, 68));
    assert!(names.shown.iter().all(|name| *name == "é".repeat(32)));
    assert_eq!(record("{}").arguments, Some(Names::default()));
    assert_eq!(record("null").arguments, None);
}

#[test]
fn every_call_of_a_refused_batch_has_its_record() {
    let gateway = Gateway::new(
        r#"{"version": "1", "default": "deny", "tools": {"a": {"rate_limit": "1/day"}},
        "settings": {"batches": "judge"}}"#,
    );
    let call = |id, tool| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}"}}}}"#
        )
    };
    let body = format!("[{},{},{}]", call(1, "a"), call(2, "b"), call(3, "c"));
    let Verdict::Refuse(refusal) = gateway.judge(&body) else { panic!("it went on") };
    let all = core::iter::once(&refusal.record).chain(&refusal.others);
    let mut found: Vec<_> =
        all.map(|record| (record.tool.clone().unwrap(), record.decision, record.reason)).collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let denied = |tool: &str, reason| (tool.to_owned(), Decision::Denied, Some(reason));
    assert_eq!(
        found,
        [
            denied("a", Reason::BatchRefused),
            denied("b", Reason::DefaultDeny),
            denied("c", Reason::DefaultDeny),
        ]
    );
    assert!(refusal.others.iter().all(|record| record.limits.is_empty()));
}
