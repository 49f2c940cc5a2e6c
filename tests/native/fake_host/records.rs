//! The traces of a decision: metrics, log lines, filter state.

use super::host::{HOST, forget_counts, log, metric};
use super::worker::{PLAIN, Worker};
use super::{ONE_A_MINUTE, call};
use crate::config::root;
use crate::corpus::Request;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::wire::jsonrpc::UndecodableKind;
use std::fs;

#[test]
fn metrics_count_every_decision_by_its_reason() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    for tool in ["a", "a", "b", "b"] {
        worker.send(&call(tool));
    }
    assert_eq!(metric("mcp_policy_evaluations_total"), 4);
    assert_eq!(metric("mcp_policy_passed_total"), 1);
    assert_eq!(metric("mcp_policy_refused_rate_limited_total"), 1);
    assert_eq!(metric("mcp_policy_refused_default_deny_total"), 2);
    assert_eq!(metric("mcp_policy_allowed_calls_total"), 1);
}

#[test]
fn metrics_count_that_metadata_was_served() {
    let policy = r#"{"version": "1", "default": "deny", "identity": [{"jwt": {"claim": "sub"}}],
        "settings": {"protected_resource": {"resource": "https://mcp.example.com/mcp",
        "authorization_servers": ["https://id.example.com"]}}}"#;
    let worker = Worker::configure(policy, PLAIN).unwrap();
    let mut request = call("a");
    request.method = "GET".into();
    request.path = "/.well-known/oauth-protected-resource".into();
    request.body.clear();
    worker.send(&request);
    assert_eq!(metric("mcp_policy_evaluations_total"), 1);
    assert_eq!(metric("mcp_policy_passed_total"), 0);
}

#[test]
fn metrics_count_what_cannot_be_read_by_its_kind() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    let deep = format!("{}1{}", r#"{"a":"#.repeat(300), "}".repeat(300));
    let bodies: [(&[u8], &str); 18] = [
        (b"\xff\xfe{\0}\0", "encoding"),
        ("\u{feff}{}".as_bytes(), "encoding"),
        (b"", "not_json"),
        (br#"{"a": "\ud800"}"#, "not_json"),
        (b"{} {}", "trailing_text"),
        (br#"{"jsonrpc": "2.0", "id": 1, "a": {"b": 1, "b": 2}}"#, "duplicate_key"),
        (br#"{"jsonrpc": "2.0", "id": 1, "METHOD": "tools/call"}"#, "look_alike"),
        (br#"{"jsonrpc": "2.0", "id": 1, "method": "Tools/Call"}"#, "look_alike"),
        (br#"{"a\u0000": 1}"#, "look_alike"),
        (br#"{"a": 1e999}"#, "number"),
        (deep.as_bytes(), "depth"),
        (b"7", "not_jsonrpc"),
        (br#"{"jsonrpc": "1.0", "id": 1, "method": "ping"}"#, "not_jsonrpc"),
        (br#"{"jsonrpc": "2.0", "id": 1.5, "method": "ping"}"#, "not_jsonrpc"),
        (br#"{"jsonrpc": "2.0", "id": 1}"#, "not_jsonrpc"),
        (br#"{"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "a"}}"#, "not_jsonrpc"),
        (br#"{"jsonrpc": "2.0", "id": 1, "method": "tools/call"}"#, "params"),
        (b"{}", "head"),
    ];
    let count = |kind: &str| metric(&format!("mcp_policy_undecodable_{kind}_total"));
    for (body, kind) in bodies {
        let mut request = call("a");
        request.body = body.to_owned();
        if kind == "head" {
            request.headers.push(("content-encoding".into(), "gzip".into()));
        }
        let before = count(kind);
        worker.send(&request);
        assert_eq!(count(kind), before + 1, "{kind}: {}", String::from_utf8_lossy(body));
    }
    let sum: i64 = UndecodableKind::ALL.map(|kind| count(kind.as_str())).iter().sum();
    assert_eq!(sum, 18);
    assert_eq!(metric("mcp_policy_refused_undecodable_total"), sum);

    // Not these: they are refused for something else.
    for body in ["[]".to_owned(), " ".repeat(2_000_000)] {
        worker.send(&Request { body: body.into_bytes(), ..call("a") });
    }
    assert_eq!(metric("mcp_policy_refused_undecodable_total"), sum);

    // The kinds, as the reference has them.
    let page = fs::read_to_string(root().join("docs/policy/answers.md")).unwrap();
    let (_, rest) = page.split_once("## Kinds of undecodable requests\n").unwrap();
    let section = rest.split_once("\n## ").map_or(rest, |(section, _)| section);
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let rows: Vec<_> = rows.map(|(kind, _)| kind).collect();
    assert_eq!(rows, UndecodableKind::ALL.map(UndecodableKind::as_str));
}

#[test]
fn metrics_count_shadow_denials_by_their_reason_and_calls_of_a_batch() {
    let policy = r#"{"version":"1","default":"deny","mode":"shadow","tools":{"a":{}},
        "settings":{"batches":"judge"}}"#;
    let worker = Worker::configure(policy, PLAIN).unwrap();
    let mut request = call("a");
    let one = |id, tool| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}"}}}}"#
        )
    };
    request.body = format!("[{},{},{}]", one(1, "a"), one(2, "a"), one(3, "b")).into_bytes();
    worker.send(&request);
    assert_eq!(metric("mcp_policy_passed_total"), 1);
    assert_eq!(metric("mcp_policy_allowed_calls_total"), 2);
    assert_eq!(metric("mcp_policy_shadow_denied_default_deny_total"), 1);
    assert_eq!(metric("mcp_policy_shadow_denied_denied_total"), 0);
}

#[test]
fn a_gauge_holds_the_digest_of_the_policy_and_its_name_does_not() {
    let _worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    let policy = Policy::parse(ONE_A_MINUTE.as_bytes(), "").unwrap();
    let number = i64::from_str_radix(&policy.fingerprint, 16).unwrap();
    assert_eq!(metric("mcp_policy_digest.mcp"), number);
    assert_eq!(metric("mcp_policy_bad_policies_total"), 0);
    assert!(Worker::configure("{}", PLAIN).is_err());
    assert_eq!(metric("mcp_policy_digest.mcp"), number);
    assert_eq!(metric("mcp_policy_bad_policies_total"), 1);
}

#[test]
fn records_name_the_rule_and_never_a_value() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    let mut request = call("b");
    request.body = br#"{"jsonrpc":"2.0","id":"id-1","method":"tools/call","params":{"name":"b","arguments":{"password":"hunter2"}}}"#.to_vec();
    worker.send(&request);
    let log = log();
    assert!(
        log.iter()
            .any(|line| line.starts_with("mcp-policy-audit {") && line.contains("(default deny)")),
        "{log:?}"
    );
    assert!(!log.iter().any(|line| line.contains("hunter2")), "{log:?}");
}

#[test]
fn records_hold_the_values_that_the_policy_names() {
    let mut policy: serde_json::Value = serde_json::from_str(ONE_A_MINUTE).unwrap();
    policy["settings"]["record"] = serde_json::json!(["args.path"]);
    let worker = Worker::configure(&policy.to_string(), PLAIN).unwrap();
    let mut request = call("b");
    request.body = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"b","arguments":{"path":"a\n\u001b[31m","password":"hunter2"}}}"#.to_vec();
    worker.send(&request);
    let values = r#","values":{"args.path":"a\u000a\u001b[31m"},"#;
    let state = HOST.with_borrow(|host| host.filter_state.clone());
    let lines = log();
    assert!(state.contains(values), "{state}");
    assert!(lines.iter().any(|line| line.contains(values)), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("hunter2")) && !state.contains("hunter2"));
}

#[test]
fn the_log_has_the_decisions_that_it_is_told_to_have() {
    for (which, expected) in [("all", [1, 1]), ("denied", [0, 1]), ("off", [0, 0])] {
        let mut policy: serde_json::Value = serde_json::from_str(ONE_A_MINUTE).unwrap();
        policy["settings"]["audit_log"] = which.into();
        forget_counts();
        let worker = Worker::configure(&policy.to_string(), PLAIN).unwrap();
        for (tool, decision) in [("a", "allowed"), ("b", "denied")] {
            worker.send(&call(tool));
            let marked = format!(r#""decision":"{decision}""#);
            assert!(HOST.with_borrow(|host| host.filter_state.contains(&marked)));
        }
        let log = log();
        let lines = |decision: &str| {
            let marked = format!(r#"mcp-policy-audit {{"decision":"{decision}""#);
            log.iter().filter(|line| line.starts_with(&marked)).count()
        };
        assert_eq!([lines("allowed"), lines("denied")], expected, "{which}");
    }
}

#[test]
fn the_records_of_one_request_hold_nothing_of_another() {
    let policy = r#"{"version": "1", "default": "deny", "tools": {"a": {}},
        "settings": {"batches": "judge"}}"#;
    let worker = Worker::configure(policy, PLAIN).unwrap();
    // More than is kept of the text's memory.
    let names: Vec<String> = (0..30).map(|number| format!(r#""long_{number:0>55}":1"#)).collect();
    let one = |id: usize, tool: &str| {
        let names = names.join(",");
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{{{names}}}}}}}"#
        )
    };
    let batch = [one(1, "a"), one(2, "b"), one(3, "a")].join(",");
    let batch = Request { body: format!("[{batch}]").into_bytes(), ..call("a") };
    let list = Request {
        body: br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#.to_vec(),
        ..call("a")
    };
    let (a, b) = (call("a"), call("b"));
    let expected: [(&Request, &[&str]); 6] = [
        (&batch, &["b", "a", "a"]),
        (&list, &[]),
        (&a, &["a"]),
        (&b, &["b"]),
        (&batch, &["b", "a", "a"]),
        (&a, &["a"]),
    ];
    for (request, expected) in expected {
        worker.send(request);
        let state = HOST.with_borrow(|host| host.filter_state.clone());
        let shown = (!state.is_empty()).then(|| serde_json::from_str(&state).unwrap());
        let tools = shown.map(|shown: serde_json::Value| {
            let records = shown.as_array().cloned().unwrap_or_else(|| vec![shown]);
            let tool = |record: &serde_json::Value| record["tool"].as_str().unwrap().to_owned();
            records.iter().map(tool).collect::<Vec<_>>()
        });
        assert_eq!(tools.unwrap_or_default(), expected, "{state}");
    }
}
