//! The work that benchmarks measure: the steps of a call through the core, apart and
//! together, by the size of its body and of the policy.

use mcp_policy_filter::exchange::approvals::DecisionRecord;
use mcp_policy_filter::exchange::audit;
use mcp_policy_filter::exchange::head::Trace;
use mcp_policy_filter::exchange::identity::NoPeer;
use mcp_policy_filter::exchange::record::{Record, Records};
use mcp_policy_filter::exchange::{Exchange, Lent, Step};
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::condition::{Facts, JsonTexts, Work};
use mcp_policy_filter::policy::{Caller, Holders, Limits, Policy};
use mcp_policy_filter::wire::jsonrpc::{self, Call, Message};
use mcp_policy_filter::wire::mcp::ToolCall;
use std::cell::RefCell;
use std::fmt::Write;
use std::hint::black_box;

pub const NOW: Nanos = Nanos(1_800_000_000_000_000_000);

const CHECKS: &str = r#""require": [{"conditions": [{"path": "args.path", "op": "starts_with", "value": "src/"}]}],
    "deny_if": [{"conditions": [{"path": "args.amount", "op": "gt", "value": 100}]}],
    "limits": [{"counter": "calls", "window": "day", "max": 9000000000000},
               {"counter": "spent", "window": "day", "max": 9000000000000, "increment_from": "args.amount"}]"#;

/// A policy of that many tools, or patterns, all with checks and limits.
pub fn policy(names: usize, ending: &str) -> String {
    let mut tools = String::new();
    for number in 0..names {
        let comma = if number == 0 { "" } else { "," };
        write!(tools, r#"{comma}"tool_{number}{ending}": {{{CHECKS}}}"#).unwrap();
    }
    format!(
        r#"{{"version": "1", "default": "deny", "identity": [{{"header": "x-agent-id"}}],
            "grants": {{"ci": {{"default": "deny", "tools": {{{tools}}}}}}}}}"#
    )
}

/// Headers as Envoy hands over those of a usual client.
pub const HEADERS: [(&str, &str); 12] = [
    (":authority", "127.0.0.1:10000"),
    (":path", "/mcp"),
    (":method", "POST"),
    (":scheme", "http"),
    ("content-type", "application/json"),
    ("accept", "application/json, text/event-stream"),
    ("mcp-protocol-version", "2025-06-18"),
    ("x-agent-id", "ci"),
    ("user-agent", "bench"),
    ("content-length", "170"),
    ("x-forwarded-proto", "http"),
    ("x-request-id", "6f1c3a52-4a4c-4f4e-9d6c-0c8a1e0b7f11"),
];

pub fn headers() -> impl Iterator<Item = (&'static [u8], &'static [u8])> + Clone {
    HEADERS.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

/// A place for records that hands each to a function.
struct Each<F>(F);

impl<F: FnMut(&Record<'_>, &Trace)> Records for Each<F> {
    fn record(&mut self, record: &Record<'_>, trace: &Trace) {
        self.0(record, trace);
    }

    fn decided(&mut self, _: &DecisionRecord, _: &Trace) {}
}

/// A policy and a call that it allows.
pub struct Case {
    pub policy: Policy,
    pub body: String,
    store: MemoryStore,
    text: RefCell<String>,
}

impl Case {
    /// A call of `tool` whose body has about `size` bytes.
    pub fn new(policy: &str, tool: &str, size: usize) -> Self {
        let policy = Policy::parse(policy.as_bytes(), "bench").unwrap();
        let line = r#"Lines of some sixty characters, and \"quotes\" among them.\n"#;
        let text = line.repeat(size.saturating_sub(130).checked_div(line.len()).unwrap());
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{"path":"src/main.rs","amount":5,"text":"{text}"}}}}}}"#
        );
        Self { policy, body, store: MemoryStore::default(), text: RefCell::default() }
    }

    /// A call of some 4,000 bytes of numbers, each of which a condition looks at.
    pub fn numbers() -> Self {
        let policy = r#"{"version": "1", "default": "deny", "tools": {"add": {"deny_if": [
            {"conditions": [{"path": "args.all[*]", "op": "lt", "value": 7}]}]}}}"#;
        let numbers = ["10000000000024865675e281"; 160].join(",");
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"add","arguments":{{"all":[{numbers}]}}}}}}"#
        );
        let policy = Policy::parse(policy.as_bytes(), "bench").unwrap();
        Self { policy, body, store: MemoryStore::default(), text: RefCell::default() }
    }

    /// The headers of the call.
    pub fn head(&self) -> Exchange {
        let mut exchange = Exchange::default();
        let mut records = Each(|_: &Record<'_>, _: &Trace| {});
        let lent = self.lend(&mut records);
        exchange.headers(lent, black_box(headers()), || Some(NOW), false);
        exchange
    }

    /// The whole exchange: headers, body, decision, charge, record.
    pub fn call(&self) -> Exchange {
        self.recording(|record, trace| {
            self.audit(record, trace);
        })
    }

    /// The exchange with something else in the place of writing its record.
    pub fn recording(&self, write: impl FnMut(&Record<'_>, &Trace)) -> Exchange {
        let mut exchange = self.head();
        let (body, mut records) = (black_box(self.body.as_bytes()), Each(write));
        let step = exchange.body(&self.policy, body.len(), true, &mut records);
        assert!(matches!(step, Step::Read), "{step:?}");
        let step = exchange.judge(self.lend(&mut records), body, NOW);
        assert!(matches!(step, Step::Go(_)), "{step:?}");
        exchange
    }

    /// The record of a call, into the buffer that shells use again.
    pub fn audit(&self, record: &Record<'_>, trace: &Trace) -> usize {
        let mut text = self.text.borrow_mut();
        text.clear();
        audit::write(&mut text, &self.policy, record, trace, Some(NOW));
        text.len()
    }

    fn lend<'a>(&'a self, records: &'a mut dyn Records) -> Lent<'a, MemoryStore> {
        Lent { policy: &self.policy, peer: &NoPeer, store: &self.store, records }
    }

    /// The body as a message.
    pub fn decode(&self) -> Call<'_> {
        match jsonrpc::decode(black_box(self.body.as_bytes()), 64) {
            Ok(Message::Call(call)) => call,
            other => panic!("{other:?}"),
        }
    }

    /// Shows `ask` what rules are asked about.
    pub fn facts<T>(&self, ask: impl FnOnce(&Caller, &ToolCall<'_>, &Facts<'_>) -> T) -> T {
        let decoded = self.decode();
        let call = ToolCall::parse(&decoded.params).unwrap();
        let caller = self.policy.caller("ci", NOW);
        let work = Work::default();
        let facts = Facts {
            arguments: call.arguments,
            members: Some(&decoded.params.members),
            headers: &[],
            claims: &NoPeer,
            caller_id: &caller.id,
            tool: &call.tool,
            moment: self.policy.moment(NOW),
            work: &work,
            texts: &JsonTexts::default(),
        };
        ask(&caller, &call, &facts)
    }

    /// The decision of the rules.
    pub fn decide(&self, caller: &Caller, call: &ToolCall<'_>, facts: &Facts<'_>) -> usize {
        self.policy.decide(black_box(caller), call, facts).unwrap().limits.len()
    }

    /// The limits that a call is charged.
    pub fn limits(&self, caller: &Caller, call: &ToolCall<'_>, facts: &Facts<'_>) -> Limits<'_> {
        self.policy.decide(caller, call, facts).unwrap().limits
    }

    /// The charge of the limits.
    pub fn charge(&self, limits: Limits<'_>, caller: &Caller, facts: &Facts<'_>) {
        let table = &self.policy.table;
        let holders = Holders::new(table, black_box(caller), None);
        let charges = limits.charges(&holders, facts).unwrap();
        black_box(table.charge(&self.store, &charges, NOW).unwrap());
    }
}
