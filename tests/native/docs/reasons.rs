//! The table of refusals in the reference against refusals that were made: each
//! row is met by one of them, and each of them by a row.

use super::markdown::{Page, Row, quoted};
use super::play::{self, Stage, send};
use mcp_policy_filter::exchange::identity::NoPeer;
use mcp_policy_filter::exchange::listing::HeadStep;
use mcp_policy_filter::exchange::question::{Answer, Failure, Question};
use mcp_policy_filter::exchange::record::Records;
use mcp_policy_filter::exchange::refusal;
use mcp_policy_filter::exchange::{Exchange, Step};
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::limits::{MemoryStore, Store, StoreError};
use mcp_policy_filter::policy::pattern::Pattern;
use mcp_policy_filter::policy::{Policy, Reason};
use mcp_policy_filter::simulate::notation::Ask;
use mcp_policy_filter::simulate::{Body, Host, Outcome, Recorder, Refused, pairs};
use serde_json::Value;

/// A store that fails.
struct Failing(StoreError);

const TROUBLES: [StoreError; 5] = [
    StoreError::Contended,
    StoreError::Full,
    StoreError::Damaged,
    StoreError::Clock,
    StoreError::Host,
];

impl Store for Failing {
    fn update<T>(
        &self,
        _: &[u8],
        _: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        Err(self.0)
    }
}

const POLICY: &str = r#"{"version": "1", "default": "deny", "hide": ["hidden"],
    "prompts": {"default": "deny", "hide": ["hidden"], "rules": {"shut": {"action": "deny"}}},
    "resources": {"default": "deny", "hide": ["a:hidden"], "rules": {"a:shut": {"action": "deny"}}},
    "tools": {"limited": {"limits": [{"counter": "c", "window": "minute", "max": 1}]},
              "own_words": {"limits": [{"counter": "o", "window": "minute", "max": 1, "on_deny": "Enough."}]},
              "bought": {"limits": [{"counter": "b", "window": "day", "max": 5.5, "increment_from": "args.price"}]},
              "named": {"args": ["a"]}, "formed": {"schema": {"required": ["a"]}},
              "bound": {"require": [{"conditions": [{"path": "args.a", "op": "lt", "value": 5}]}],
                        "deny_if": [{"conditions": [{"path": "args.b", "op": "exists", "value": true}]}]},
              "teamed": {"require": [{"conditions": [{"path": "headers.x-team", "op": "eq", "value": "red"}]}]},
              "told": {"require": [{"conditions": [{"path": "args.a", "op": "lt", "value": 5}], "on_deny": "Too much."}],
                       "deny_if": [{"conditions": [{"path": "args.b", "op": "exists", "value": true}], "on_deny": "No b."}]},
              "over": {"valid_until": "2020-01-01T00:00:00Z"},
              "early": {"valid_from": "2100-01-01T00:00:00Z"},
              "shut": {"action": "deny"}, "closed": {"action": "deny", "reason": "Because."}}}"#;

const IDENTIFIED: &str = r#"{"version": "1", "default": "deny", "identity": [{"header": "x-id"}]}"#;

/// Calls that checks, budgets and limits refuse, in the notation of the pages.
const CALLS: [&str; 27] = [
    "hidden",
    "other",
    "shut",
    "closed",
    "over",
    "early",
    "limited",
    "own_words",
    r#"bought {"price": 4}"#,
    r#"bought {"price": 6}"#,
    r#"bought {"price": "4"}"#,
    r#"named {"b": 1}"#,
    "formed",
    "bound",
    r#"bound {"a": 1, "b": 1}"#,
    r#"bound {"a": "1"}"#,
    "teamed",
    "told",
    r#"told {"a": 1, "b": 1}"#,
    "PUT /mcp",
    r#"POST /mcp prompts/get {"name": "hidden"}"#,
    r#"POST /mcp prompts/get {"name": "other"}"#,
    r#"POST /mcp prompts/get {"name": "shut"}"#,
    r#"POST /mcp resources/read {"uri": "a:hidden"}"#,
    r#"POST /mcp resources/read {"uri": "a:other"}"#,
    r#"POST /mcp resources/read {"uri": "a:shut"}"#,
    r#"POST /mcp resources/read {"uri": "a:.."}"#,
];

const RESOURCE: &str = r#"{"version": "1", "default": "deny", "identity": [{"jwt": {"claim": "sub"}}],
    "settings": {"protected_resource": {"resource": "https://mcp.example.com/mcp",
                                        "authorization_servers": ["https://id.example.com"]}}}"#;

const JUDGING: &str = r#"{"version": "1", "default": "deny", "settings": {"batches": "judge"}}"#;

const LISTED: &str = r#"{"version": "1", "default": "deny", "settings": {"paths": ["/mcp"]}}"#;

const ACROSS: &str = r#"{"version": "1", "default": "deny",
    "tools": {"shared": {"limits": [
        {"counter": "c", "window": "minute", "max": 1, "across": "replicas"}]}},
    "settings": {"limit_service": {"cluster": "l", "engine": "limitador", "domain": "mcp"}}}"#;

const APPROVING: &str = r#"{"version": "1", "default": "deny", "identity": [{"header": "x-id"}],
    "tools": {"asked": {"action": "require_approval"},
              "told": {"action": "require_approval", "reason": "Two look."}},
    "settings": {"batches": "judge", "anonymous": "allow",
                 "approvals": {"path": "/approvals", "approvers": ["ops"], "requests": "100/hour",
                               "max_arguments_bytes": 256}}}"#;

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

const LOCKED: &str = r#"{"version": "1", "default": "allow", "lock": {"mode": "enforce", "tools": {
    "a": {"digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000"}}}}"#;

/// Refusals by a lock.
fn locked() -> Vec<Refused> {
    let mut stage = Stage::new(LOCKED).unwrap();
    let list = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}]}}"#;
    stage.show(&Ask::rpc("tools/list"), list).unwrap();
    let mut refused: Vec<_> =
        ["a", "b"].map(|tool| *stage.send(&Ask::tool(tool)).expect_err("it passes")).into();
    let unknown = send(stage.policy(), &Failing(StoreError::Host), 0, &Ask::tool("a"));
    refused.push(*unknown.expect_err("it passes"));
    refused
}

/// Refusals of calls that need approval.
fn unapproved() -> Vec<Refused> {
    let mut stage = Stage::new(APPROVING).unwrap();
    let refused = |stage: &mut Stage, ask: &Ask| *stage.send(ask).expect_err("it passes");
    let call = |call: &str| Ask::parse(call).unwrap();
    let long = "x".repeat(256);
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"asked"}}]"#;
    let denied = refused(&mut stage, &call(r#"told {"a": 0} (x-id: a)"#));
    stage.play("deny it: No. (x-id: ops)  denied").unwrap();
    let mute = refused(&mut stage, &call(r#"told {"a": 1} (x-id: a)"#));
    stage.play("deny it (x-id: ops)  denied").unwrap();
    let mut refusals: Vec<_> = [
        call("asked (x-id: a)"),
        call("asked (x-id: a)"),
        call(&format!(r#"asked {{"a": "{long}"}} (x-id: a)"#)),
        call("asked (x-id: a)").at(&format!("/{}", long.repeat(8))),
        call("asked (x-id: ops)"),
        call("asked"),
        call(r#"told {"a": 0} (x-id: a)"#),
        call(r#"told {"a": 1} (x-id: a)"#),
        Ask::post(batch).with("x-id", "a"),
    ]
    .iter()
    .map(|ask| refused(&mut stage, ask))
    .collect();
    refusals.extend([denied, mute]);
    // Of 1,024 slots the eight of some call are taken by then, and a caller makes at
    // most 100 requests.
    let many = (0..2_000).map(|n| call(&format!(r#"asked {{"n": {n}}} (x-id: c{})"#, n / 110)));
    let mut many = many.map(|ask| refused(&mut stage, &ask));
    refusals.extend(many.find(|refusal| refusal.reason == Reason::RateLimited));
    refusals.extend(many.find(|refusal| refusal.reason == Reason::ApprovalsFull));
    drop(many);
    for trouble in TROUBLES {
        let ask = call("asked (x-id: a)");
        let refusal = send(stage.policy(), &Failing(trouble), 0, &ask);
        refusals.push(*refusal.expect_err("it passes"));
    }
    refusals
}

/// Refusals by the service that counts across replicas, and for want of its answer.
fn across_replicas() -> Vec<Refused> {
    let policy = Policy::parse(ACROSS.as_bytes(), "").unwrap();
    // One that is over, and does not say until when.
    let answers = [Answer::Grpc(vec![8, 2]), Answer::Failed(Failure::Timeout)];
    let refused = answers.into_iter().map(|answer| {
        let (store, mut answer) = (MemoryStore::default(), Some(answer));
        let host = Host { policy: &policy, store: &store, now: Nanos(0) };
        let ask = Ask::tool("shared");
        let mut service = |_: &Question| answer.take().expect("one question");
        let body = Body::whole(&ask.body);
        let sent = host.send_asking(ask.pairs(), &NoPeer, &body, &mut service).unwrap();
        match sent.outcome {
            Outcome::Refused(refused) => *refused,
            other => panic!("{other:?}"),
        }
    });
    refused.collect()
}

const BOUNDING: &str = r#"{"version": "1", "default": "allow",
    "tools": {"bounded": {"max_result_bytes": 9}}, "settings": {"max_result_bytes": 8}}"#;

/// Refusals of answers that are too long.
fn too_long() -> Vec<Refused> {
    let stage = Stage::new(BOUNDING).unwrap();
    let store = MemoryStore::default();
    let host = Host { policy: stage.policy(), store: &store, now: Nanos(0) };
    let refused = |ask: Ask| {
        let mut sent = host.send(ask.pairs(), &NoPeer, &Body::whole(&ask.body)).unwrap();
        let listing = sent.exchange.listing().expect("it is watched");
        let headers = [(":status", "200"), ("content-length", "10")];
        let received = host.receive(listing, pairs(&headers), &Body::whole(b"0123456789"));
        let HeadStep::Refuse(reply) = received.head else { panic!("{received:?}") };
        let mut records = Recorder::new(stage.policy(), Nanos(0));
        listing.records().for_each(|(record, trace)| records.record(&record, trace));
        let reason = Reason::ResultTooLarge;
        let refused = refusal::Refused { reply, reason, flaw: None, notice: None };
        Refused::new(refused, records.take()).expect("a record")
    };
    vec![refused(Ask::tool("bounded")), refused(Ask::tool("other")), refused(Ask::rpc("ping"))]
}

/// Refusals for want of an answer of the home of approvals, and by its answer.
fn at_an_edge() -> Vec<Refused> {
    let store = format!(
        r#"{{"cluster": "home", "authority": "home", "path": "/approvals", "key": "{KEY}"}}"#
    );
    let edge = APPROVING.replace(r#""path": "/approvals""#, r#""store": STORE"#);
    let edge = edge.replace(r#""requests": "100/hour","#, "").replace("STORE", &store);
    let policy = Policy::parse(edge.as_bytes(), "").unwrap();
    let home = APPROVING.replace(r#""batches": "judge""#, r#""hold_request_headers": true"#);
    let home = home.replace("100/hour", "1/hour");
    let serve = format!(r#""serve_store": {{"key": "{KEY}"}}, "path""#);
    let home = Policy::parse(home.replacen(r#""path""#, &serve, 1).as_bytes(), "").unwrap();
    let stores = [MemoryStore::default(), MemoryStore::default()];
    let host = Host { policy: &policy, store: &stores[0], now: Nanos(0) };
    let at_home = Host { policy: &home, store: &stores[1], now: Nanos(0) };
    let refused = |call: &str, service: &mut dyn FnMut(&Question) -> Answer| {
        let ask = Ask::parse(call).unwrap();
        let sent = host.send_asking(ask.pairs(), &NoPeer, &Body::whole(&ask.body), service);
        match sent.unwrap().outcome {
            Outcome::Refused(refused) => *refused,
            other => panic!("{other:?}"),
        }
    };
    vec![
        refused("asked (x-id: a)", &mut |_| Answer::Failed(Failure::Timeout)),
        refused("asked (x-id: a)", &mut |question| at_home.answer(question)),
        refused(r#"asked {"n": 1} (x-id: a)"#, &mut |question| at_home.answer(question)),
    ]
}

/// A refusal of every kind that there is.
fn refusals() -> Vec<Refused> {
    let mut stage = Stage::new(POLICY).unwrap();
    for call in ["limited", "own_words", r#"bought {"price": 4}"#] {
        assert!(stage.send(&Ask::parse(call).unwrap()).is_ok());
    }
    let tool = |name: &str| Ask::tool(name);
    let new = "2026-07-28";
    let stateless = r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    let asks = [
        Ask::post("{"),
        Ask::post(r#"{"a":1,"a":1}"#),
        Ask::post(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#),
        Ask::post(r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}}"#),
        Ask::post("[]"),
        tool("limited").with("content-encoding", "gzip"),
        tool("limited").with("mcp-protocol-version", new),
        tool("limited").with("content-length", "9999999"),
        Ask::rpc("x"),
        Ask::post(stateless),
        Ask::post(stateless).with("mcp-protocol-version", new).with("mcp-method", "x"),
        Ask::rpc("notifications_x"),
        Ask::post(r#"{"jsonrpc":"2.0","method":"x"}"#),
        Ask::parse("GET /mcp").unwrap().with("upgrade", "websocket"),
    ];
    let calls = CALLS.map(|call| Ask::parse(call).unwrap());
    let refused = |stage: &mut Stage, ask: &Ask| *stage.send(ask).expect_err("it passes");
    let mut refusals: Vec<_> =
        calls.iter().chain(&asks).map(|ask| refused(&mut stage, ask)).collect();
    let mut nobody = Stage::new(IDENTIFIED).unwrap();
    for call in ["a", "a (x-id:)", "GET /mcp", "GET /mcp (x-id:)"] {
        refusals.push(refused(&mut nobody, &Ask::parse(call).unwrap()));
    }
    let mut resource = Stage::new(RESOURCE).unwrap();
    for call in ["a", "POST /.well-known/oauth-protected-resource ping"] {
        refusals.push(refused(&mut resource, &Ask::parse(call).unwrap()));
    }
    let mut judging = Stage::new(JUDGING).unwrap();
    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for batch in ["[]".to_owned(), format!("[{ping},{ping}]")] {
        refusals.push(refused(&mut judging, &Ask::post(&batch)));
    }
    let mut listed = Stage::new(LISTED).unwrap();
    refusals.push(refused(&mut listed, &Ask::parse("GET /read_secret").unwrap()));
    for trouble in TROUBLES {
        let refusal = send(stage.policy(), &Failing(trouble), 0, &tool("limited"));
        refusals.push(*refusal.expect_err("it passes"));
    }
    refusals.extend(unapproved());
    refusals.extend(across_replicas());
    refusals.extend(too_long());
    refusals.extend(at_an_edge());
    refusals.extend(locked());
    let fails: [fn(&mut Exchange, &Policy, &mut Recorder<'_>) -> Step; 2] = [
        |exchange, policy, records| exchange.fail(policy, "anything", records),
        |exchange, policy, records| exchange.crowd_out(policy, records),
    ];
    for fail in fails {
        let mut records = Recorder::new(stage.policy(), Nanos(0));
        if let Step::Refuse(refused) = fail(&mut Exchange::default(), stage.policy(), &mut records)
        {
            refusals.extend(Refused::new(*refused, records.take()));
        }
    }
    refusals
}

/// The table's columns are reason, code, HTTP status, rule and message; what
/// varies is a word without backticks, or `…` within them.
fn fits(row: &Row, refusal: &Refused) -> bool {
    let [reason, code, status, rule, message] = &*row.cells else { return false };
    let body: Value = serde_json::from_slice(&refusal.reply.body).unwrap_or_default();
    // A batch of one has an array of one answer.
    let error = if body.is_array() { &body[0]["error"] } else { &body["error"] };
    let is = |cell: &str, text: &str| match *quoted(cell) {
        [] => true,
        [shown] => Pattern::new(&shown.replace('…', "*")).matches(text),
        _ => false,
    };
    let found = if error.is_null() { "none".to_owned() } else { error["code"].to_string() };
    quoted(reason) == [refusal.reason.as_str()]
        && code.split(", ").any(|code| code == found)
        && status.split(", ").any(|status| status == refusal.reply.status.to_string())
        && is(rule, play::rule(refusal))
        && is(message, error["message"].as_str().unwrap_or_default())
}

#[test]
fn every_refusal_has_its_row() {
    let words = Reason::ALL.map(Reason::as_str);
    let is_reason = |row: &Row| {
        row.cells.len() == 5 && quoted(&row.cells[0]).first().is_some_and(|w| words.contains(w))
    };
    let rows: Vec<Row> =
        Page::read("docs/policy/answers.md").rows().into_iter().filter(is_reason).collect();
    let refusals = refusals();
    for reason in Reason::ALL {
        assert!(refusals.iter().any(|refusal| refusal.reason == reason), "{reason} is not tried");
    }
    for refusal in &refusals {
        let body = String::from_utf8_lossy(&refusal.reply.body);
        let shown = rows.iter().any(|row| fits(row, refusal));
        assert!(shown, "no row for {} {} {body}", refusal.reason, refusal.reply.status);
    }
    for row in &rows {
        assert!(refusals.iter().any(|refusal| fits(row, refusal)), "{}: nothing is so", row.at);
    }
}

#[test]
fn every_reason_has_its_remedy() {
    let rows = Page::read("docs/why-denied.md").rows();
    for reason in Reason::ALL {
        let is_row =
            |row: &&Row| row.cells.len() == 3 && quoted(&row.cells[0]) == [reason.as_str()];
        assert_eq!(rows.iter().filter(is_row).count(), 1, "rows for {reason}");
    }
}
