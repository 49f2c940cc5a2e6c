mod values;

use super::*;
use crate::exchange::record::Decision;
use crate::limits::{MemoryStore, StoreError};
use crate::simulate::{Gateway, Outcome, Recorded};
use core::cell::Cell;
use serde_json::{Value, json};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A store that counts how often it is written.
#[derive(Default)]
struct Counting {
    store: MemoryStore,
    writes: Cell<usize>,
}

impl Store for Counting {
    fn update<T>(
        &self,
        key: &[u8],
        mut step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        self.store.update(key, |stored| {
            let (new, result) = step(stored);
            self.writes.set(self.writes.get() + usize::from(new.is_some()));
            (new, result)
        })
    }
}

fn gateway(policy: &str) -> Gateway<Counting> {
    Gateway::new(policy).unwrap()
}

/// A record as it is written.
fn json(record: &Recorded) -> Value {
    serde_json::from_str(&record.line).unwrap()
}

/// The limits in a record, each with what it has left.
fn left(record: &Recorded) -> Vec<(String, f64)> {
    let limits = json(record)["limits"].as_array().cloned().unwrap_or_default();
    let left = |limit: &Value| Some((limit["rule"].as_str()?.to_owned(), limit["left"].as_f64()?));
    limits.iter().map(|limit| left(limit).unwrap()).collect()
}

/// Judges the body of one POST, of a caller who was not asked for a name.
fn judge(gateway: &Gateway<impl Store>, body: &str) -> Outcome {
    gateway.post(body).unwrap().outcome
}

#[test]
fn every_id_of_a_refused_batch_is_answered() {
    let gateway = gateway(
        r#"{"version": "1", "default": "deny", "tools": {"a": {}},
        "settings": {"batches": "judge"}}"#,
    );
    let call = |id: &str, tool: &str| {
        format!(r#"{{"jsonrpc":"2.0"{id},"method":"tools/call","params":{{"name":"{tool}"}}}}"#)
    };
    let answer_to =
        |messages: &[String]| match judge(&gateway, &format!("[{}]", messages.join(","))) {
            Outcome::WentOn(records) => Err(records.len()),
            Outcome::Refused(refusal) => {
                Ok((refusal.reply.status, String::from_utf8(refusal.reply.body).unwrap()))
            }
            Outcome::Served(_) => panic!("it was served"),
        };
    let (a, b) = (call(r#","id":1"#, "a"), call(r#","id":"\u0062""#, "b"));
    assert_eq!(answer_to(&[a.clone(), call(r#","id":2"#, "a")]), Err(2));

    let (status, body) = answer_to(&[a.clone(), b]).unwrap();
    assert_eq!(status, 200);
    let answers: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answers.as_array().unwrap().len(), 2);
    assert!(body.starts_with(r#"[{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"#), "{body}");
    assert!(body.contains(r#"{"jsonrpc":"2.0","id":"\u0062","error":{"code":403,"#), "{body}");
    assert_eq!(answers[0]["error"]["data"]["reason"], "batch_refused");
    assert_eq!(answers[1]["error"]["data"]["reason"], "default_deny");

    let silent = call("", "a");
    assert_eq!(answer_to(std::slice::from_ref(&silent)), Ok((202, String::new())));
    let (status, body) = answer_to(&[silent, a]).unwrap();
    assert_eq!((status, body.matches("batch_refused").count()), (200, 1), "{body}");
}

#[test]
fn a_batch_has_no_more_work_than_one_call() {
    let gateway = gateway(
        r#"{"version": "1", "default": "deny", "settings": {"batches": "judge"}, "tools":
        {"a": {"deny_if": [{"conditions": [{"path": "args.t", "op": "regex", "value": "[a-z]{1,300}!"}]}]}}}"#,
    );
    let reason = |calls: usize| {
        let text = "a".repeat(4_000);
        let call = |id| {
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"a","arguments":{{"t":"{text}"}}}}}}"#
            )
        };
        let calls: Vec<String> = (0..calls).map(call).collect();
        match judge(&gateway, &format!("[{}]", calls.join(","))) {
            Outcome::WentOn(_) => None,
            Outcome::Refused(refusal) => Some(refusal.reason),
            Outcome::Served(_) => panic!("it was served"),
        }
    };
    assert_eq!(reason(1), None);
    assert_eq!(reason(64), Some(Reason::Undecidable));
}

#[test]
fn a_record_has_the_names_of_arguments_and_what_limits_have_left() {
    let gateway = gateway(
        r#"{"version": "1", "default": "deny", "tools": {"a": {"limits": [
        {"counter": "n", "window": "day", "max": 5},
        {"counter": "sum", "window": "day", "max": 100, "increment_from": "args.n", "algorithm": "sliding"},
        {"counter": "all", "window": "day", "max": 9, "scope": "global"}]}}}"#,
    );
    let record = |arguments: &str| {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"a","arguments":{arguments}}}}}"#
        );
        match judge(&gateway, &body) {
            Outcome::WentOn(mut records) => records.remove(0),
            Outcome::Refused(refusal) => refusal.record,
            Outcome::Served(_) => panic!("it was served"),
        }
    };
    let first = record(r#"{"n": 2.5, "b\u0061": 1, "B": 1}"#);
    assert_eq!(
        left(&first),
        [
            ("/tools/a/limits/n".to_owned(), 4.0),
            ("/tools/a/limits/sum".to_owned(), 97.5),
            ("/tools/a/limits/all".to_owned(), 8.0),
        ]
    );
    let names = |record: &Recorded| {
        (json(record)["arguments"].clone(), json(record)["more_arguments"].clone())
    };
    assert_eq!(names(&first), (json!(["B", "ba", "n"]), Value::Null));

    let many: Vec<String> = (0..100).map(|n| format!(r#""{}{n:03}":0"#, "é".repeat(40))).collect();
    let denied = record(&format!(r#"{{{}}}"#, many.join(",")));
    assert_eq!((denied.decision, left(&denied).len()), (Decision::Denied, 0));
    assert_eq!(names(&denied), (json!(vec!["é".repeat(32); 32]), json!(68)));
    assert_eq!(names(&record("{}")), (json!([]), Value::Null));
    assert_eq!(names(&record("null")), (Value::Null, Value::Null));
}

#[test]
fn every_call_of_a_refused_batch_has_its_record() {
    let gateway = gateway(
        r#"{"version": "1", "default": "deny", "tools": {"a": {"rate_limit": "1/day"}},
        "settings": {"batches": "judge"}}"#,
    );
    let call = |id, tool| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}"}}}}"#
        )
    };
    let body = format!("[{},{},{}]", call(1, "a"), call(2, "b"), call(3, "c"));
    let Outcome::Refused(refusal) = judge(&gateway, &body) else { panic!("it went on") };
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
    assert!(refusal.others.iter().all(|record| left(record).is_empty()));
}

/// A batch of calls of these tools, with ids from 0 on.
fn calls(tools: &[&str]) -> String {
    let call = |(id, tool): (usize, &&str)| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}"}}}}"#
        )
    };
    let calls: Vec<String> = tools.iter().enumerate().map(call).collect();
    format!("[{}]", calls.join(","))
}

/// `a` and `b` share a counter with room for two; `c` has one with room for one,
/// and one that all callers share.
const SHARED: &str = r#"{"version": "1", "default": "deny", "settings": {"batches": "judge"}, "tools": {
    "a": {"limits": [{"counter": "n", "window": "day", "max": 2}]},
    "b": {"limits": [{"counter": "n", "window": "day", "max": 2}]},
    "c": {"limits": [{"counter": "c", "window": "hour", "max": 1},
                     {"counter": "g", "window": "day", "max": 9, "scope": "global"}]},
    "no": {"action": "deny"}}}"#;

/// The rule, or else the reason, that answers each call of a refused batch.
fn rules(outcome: Outcome) -> Vec<String> {
    let Outcome::Refused(refusal) = outcome else { panic!("it went on") };
    let answers: Vec<serde_json::Value> = serde_json::from_slice(&refusal.reply.body).unwrap();
    let rule = |answer: &serde_json::Value| {
        let data = &answer["error"]["data"];
        let ruled = data["reason"] != "batch_refused";
        data[if ruled { "rule" } else { "reason" }].as_str().unwrap().to_owned()
    };
    answers.iter().map(rule).collect()
}

#[test]
fn a_refused_batch_writes_no_count_at_any_time() {
    let gateway = gateway(SHARED);
    for (tools, expected) in [
        (&["a", "c", "no"][..], &["batch_refused", "batch_refused", "/tools/no/action"][..]),
        (&["a", "b", "a"], &["batch_refused", "batch_refused", "/tools/a/limits/n"]),
        (
            &["c", "a", "c", "b", "c", "a", "no"],
            &[
                "batch_refused",
                "batch_refused",
                "/tools/c/limits/c",
                "batch_refused",
                "/tools/c/limits/c",
                "/tools/a/limits/n",
                "/tools/no/action",
            ],
        ),
        (&["a", "other", "a"], &["batch_refused", "(default deny)", "batch_refused"]),
    ] {
        assert_eq!(rules(judge(&gateway, &calls(tools))), expected, "{tools:?}");
        assert_eq!(gateway.store.writes.get(), 0, "{tools:?}");
    }
}

/// Envoy's response flag for a request that found no healthy host.
const UNSENT: u64 = 0x2;

#[test]
fn a_batch_is_charged_the_sum_of_its_calls() {
    let gateway = gateway(SHARED);
    let mut sent = gateway.post(&calls(&["a", "c", "b"])).unwrap();
    let Outcome::WentOn(records) = &sent.outcome else { panic!("it was refused") };
    let expected = [
        vec![("/tools/a/limits/n".to_owned(), 1.0)],
        vec![("/tools/c/limits/c".to_owned(), 0.0), ("/tools/c/limits/g".to_owned(), 8.0)],
        vec![("/tools/b/limits/n".to_owned(), 0.0)],
    ];
    assert_eq!(records.iter().map(left).collect::<Vec<_>>(), expected);
    assert_eq!(rules(judge(&gateway, &calls(&["b"]))), ["/tools/b/limits/n"]);
    // Given back, all of it is there again, and no more.
    gateway.host().end(&mut sent, Some(UNSENT));
    let refused = rules(judge(&gateway, &calls(&["a", "a", "a", "c"])));
    assert_eq!(refused[2..], ["/tools/a/limits/n", "batch_refused"]);
    assert!(matches!(judge(&gateway, &calls(&["b", "c", "a"])), Outcome::WentOn(_)));
}

/// A store that others write all the time, so that no write succeeds.
#[derive(Default)]
struct Contended;

impl Store for Contended {
    fn update<T>(
        &self,
        _: &[u8],
        mut step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        match step(None) {
            (None, result) => Ok(result),
            (Some(_), _) => Err(StoreError::Contended),
        }
    }
}

#[test]
fn a_batch_that_cannot_be_counted_names_the_call_and_goes_on_in_no_mode() {
    for mode in ["enforce", "shadow"] {
        let policy = SHARED.replacen('{', &format!(r#"{{"mode": "{mode}","#), 1);
        let gateway = Gateway::<Contended>::new(&policy).unwrap();
        let Outcome::Refused(refusal) = judge(&gateway, &calls(&["a", "c"])) else {
            panic!("it went on");
        };
        assert_eq!(refusal.reason, Reason::CounterContended, "{mode}");
        assert_eq!(refusal.record.rule, "/tools/a/limits/n", "{mode}");
    }
}

#[test]
fn in_shadow_mode_a_batch_goes_on_and_is_charged_what_has_room() {
    let policy = SHARED.replacen('{', r#"{"mode": "shadow","#, 1);
    let gateway = gateway(&policy);
    let Outcome::WentOn(records) = judge(&gateway, &calls(&["a", "no", "a", "b", "c"])) else {
        panic!("it was refused");
    };
    let decisions: Vec<_> =
        records.iter().map(|record| (record.decision, left(record).len())).collect();
    use Decision::{Allowed, Shadow};
    let expected = [(Allowed, 1), (Shadow, 0), (Allowed, 1), (Shadow, 0), (Allowed, 2)];
    assert_eq!(decisions, expected);
    // A message that cannot be read is refused in this mode too, before any charge.
    let before = gateway.store.writes.get();
    let bad = calls(&["c"]).replace(']', r#",{"jsonrpc":"2.0","id":9,"method":"tools/call"}]"#);
    assert!(matches!(judge(&gateway, &bad), Outcome::Refused(_)));
    assert_eq!(gateway.store.writes.get(), before);
}
