//! Traffic that is made up, and the decisions of the gateway in memory about it.

use mcp_policy_filter::exchange::identity::NoPeer;
use mcp_policy_filter::exchange::record::Decision;
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::{Body, Host, Outcome, pairs};
use std::collections::BTreeMap;

/// Changes by tool, caller, the decision before and the one after.
pub(crate) type Rows = BTreeMap<(String, String, String, String), u64>;

/// One call.
pub(crate) struct Call {
    time: u64,
    caller: String,
    session: &'static str,
    tool: &'static str,
    arguments: String,
}

/// The outcome of traffic under one policy.
pub(crate) struct Run {
    /// The records, as a log has them.
    pub(crate) records: String,
    /// The decision about each call.
    pub(crate) words: Vec<&'static str>,
}

/// Policies that have every part on which a replay depends.
pub(crate) const POLICIES: [&str; 3] = [
    r#"{"version": "1", "default": "deny", "identity": [{"header": "x-agent-id"}],
      "tools": {
        "search": {"rate_limit": "3/minute"},
        "pay": {
          "args": ["amount", "to", "note"],
          "require": [{"conditions": [{"path": "args.amount", "op": "exists", "value": true}]}],
          "deny_if": [{"name": "large", "conditions": [
            {"path": "args.amount", "op": "gt", "value": 80},
            {"path": "grant", "op": "neq", "value": "agent-0"}]}],
          "limits": [{"counter": "budget", "window": "hour", "max": 900, "increment_from": "args.amount"}]},
        "send_*": {"limits": [{"counter": "sends", "window": 90, "max": 4, "algorithm": "sliding", "scope": "session"}]},
        "drop": {"action": "deny"},
        "wipe": {"action": "require_approval"}},
      "all_tools": {"limits": [{"counter": "all", "window": "minute", "max": 14}]},
      "grants": {"agent-3": {"default": "allow", "mode": "shadow", "tools": {"drop": {"action": "deny"}, "search": {"rate_limit": "1/minute"}}}},
      "settings": {"approvals": {"path": "/approvals", "approvers": ["ann"]}}}"#,
    r#"{"version": "1", "default": "deny", "identity": [{"header": "x-agent-id"}],
      "tools": {
        "search": {"rate_limit": "2/minute"},
        "pay": {"args": ["amount", "to"], "record": ["args.amount"],
          "deny_if": [{"conditions": [{"path": "args.amount", "op": "gte", "value": 50}]}]},
        "send_mail": {"limits": [{"counter": "sends", "window": "hour", "max": 20, "per": ["args.to"]}]},
        "drop": {"require": [{"conditions": [{"path": "args.to", "op": "exists", "value": false}]}]},
        "wipe": {}},
      "all_tools": {"limits": [{"counter": "all", "window": "minute", "max": 9, "scope": "global"}]}}"#,
    r#"{"version": "1", "default": "allow", "identity": [{"header": "x-agent-id"}],
      "hide": ["wipe"],
      "groups": [{"name": "late", "when": [{"path": "headers.x-late", "op": "eq", "value": "1"}], "default": "deny"}],
      "tools": {"pay": {"action": "require_approval"},
        "send_post": {"deny_if": [{"conditions": [{"path": "args.note", "op": "contains", "value": "b"}]}]},
        "search": {"limits": [{"counter": "s", "window": 20, "max": 1, "algorithm": "sliding"}]}},
      "grants": {"agent-1": {"default": "deny", "tools": {"search": {}}}},
      "settings": {"approvals": {"path": "/approvals", "approvers": ["agent-2"]}}}"#,
];

/// Calls that are made up, in the order of their time.
pub(crate) fn calls(seed: u64, count: usize) -> Vec<Call> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut time = 1_728_000_000_000 + next(3_600_000);
    let mut calls = Vec::new();
    for _ in 0..count {
        time += next(4_000);
        let mut arguments = Vec::new();
        if next(4) > 0 {
            arguments.push(match next(6) {
                0 => "\"amount\":\"12\"".to_owned(),
                1 => "\"amount\":null".to_owned(),
                _ => format!("\"amount\":{}", next(110)),
            });
        }
        for (name, values) in
            [("to", ["\"a\"", "\"b\"", "7", "null"]), ("note", ["\"ab\"", "\"c\"", "[]", "true"])]
        {
            if next(3) == 0 {
                arguments.push(format!("\"{name}\":{}", values[next(4) as usize]));
            }
        }
        if next(20) == 0 {
            arguments.push("\"TO\":1".to_owned());
        }
        calls.push(Call {
            time,
            caller: format!("agent-{}", next(5)),
            session: ["s-1", "s-2", ""][next(3) as usize],
            tool: ["search", "pay", "pay", "send_mail", "send_post", "drop", "wipe", "other"]
                [next(8) as usize],
            arguments: arguments.join(","),
        });
    }
    calls
}

fn body(call: &Call, id: usize) -> String {
    let Call { tool, arguments, .. } = call;
    // A third has no arguments at all where there are none.
    let arguments = match arguments.is_empty() && id.is_multiple_of(3) {
        true => String::new(),
        false => format!(",\"arguments\":{{{arguments}}}"),
    };
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"{tool}\"{arguments}}}}}"
    )
}

/// The calls as JSON Lines of requests.
pub(crate) fn requests(calls: &[Call]) -> String {
    let mut lines = String::new();
    for (id, call) in calls.iter().enumerate() {
        let mut moment = String::new();
        let seconds = call.time / 1_000;
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        assert_eq!(days, 20_000, "2024-10-04");
        moment.push_str(&format!(
            "2024-10-04T{:02}:{:02}:{:02}.{:03}Z",
            second / 3_600,
            second / 60 % 60,
            second % 60,
            call.time % 1_000
        ));
        let session = match call.session {
            "" => String::new(),
            session => format!(",\"mcp-session-id\":\"{session}\""),
        };
        lines.push_str(&format!(
            "{{\"time\":\"{moment}\",\"grant\":\"{caller}\",\"headers\":{{\"x-agent-id\":\"{caller}\"{session}}},\"body\":{body}}}\n",
            caller = call.caller,
            body = body(call, id),
        ));
    }
    lines
}

/// The decisions of the gateway in memory.
pub(crate) fn run(policy: &str, calls: &[Call]) -> Run {
    let policy = Policy::parse(policy.as_bytes(), "").unwrap_or_else(|errors| panic!("{errors:?}"));
    let store = MemoryStore::default();
    let (mut records, mut words) = (String::new(), Vec::new());
    for (id, call) in calls.iter().enumerate() {
        let mut headers = vec![
            (":method", "POST"),
            (":path", "/mcp"),
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
            ("x-agent-id", &*call.caller),
        ];
        if !call.session.is_empty() {
            headers.push(("mcp-session-id", call.session));
        }
        let host = Host { policy: &policy, store: &store, now: Nanos(call.time * 1_000_000) };
        let body = body(call, id);
        let sent = host.send(pairs(&headers), &NoPeer, &Body::whole(body.as_bytes()));
        let sent = sent.unwrap_or_else(|step| panic!("{step:?}"));
        let record = match &sent.outcome {
            Outcome::WentOn(records) => &records[0],
            Outcome::Refused(refusal) => &refusal.record,
            Outcome::Served(_) => panic!("served"),
        };
        let asks = record.line.contains("\"approval\":")
            || record.reason.is_some_and(|reason| reason.as_str().starts_with("approval"))
            || record.rule == "/settings/approvals/requests";
        words.push(match record.decision {
            Decision::Shadow => "shadow",
            _ if asks => "needs approval",
            Decision::Allowed => "allowed",
            Decision::Denied => "denied",
        });
        for line in host.lines(&sent) {
            records.push_str("POST /mcp 200 ");
            records.push_str(&line);
            records.push('\n');
        }
    }
    Run { records, words }
}

/// The changes between two runs.
pub(crate) fn changed(calls: &[Call], was: &[&str], is: &[&str]) -> Rows {
    let mut rows = Rows::new();
    for ((call, was), is) in calls.iter().zip(was).zip(is) {
        if was != is {
            let key = (call.tool.into(), call.caller.clone(), (*was).into(), (*is).into());
            *rows.entry(key).or_default() += 1;
        }
    }
    rows
}
