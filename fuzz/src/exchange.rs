//! The outcome of a request does not depend on how its body was cut, and whatever goes on
//! holds, for no server, a call that the policy denies.
//!
//! The first six bytes of an input choose the policy, the headers and the cuts,
//! the rest is the body.

mod policies;
mod records;
mod reply;

use crate::lenient::documents;
use crate::reading::{self, READINGS, Reading};
use mcp_policy_filter::exchange::identity::NoPeer;
use mcp_policy_filter::exchange::record::Decision;
use mcp_policy_filter::limits::MemoryStore;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::meter;
use mcp_policy_filter::policy::document::Batches;
use mcp_policy_filter::policy::{Policy, Reason};
use mcp_policy_filter::simulate::{self, Body, Ending, Host, Recorded};
use mcp_policy_filter::wire::mcp::KNOWN_METHODS;
use policies::Subject;

/// The bytes before the body.
pub const HEAD: usize = 6;

const NOW: Nanos = Nanos(20_000 * 86_400 * 1_000_000_000);
/// Steps that a byte of a body may take under these policies, whose calls meet at
/// most four conditions, with some bytes for the rest.
const MAX_STEPS: usize = 192;
/// Envoy's response flag for a request that found no healthy host.
const UNSENT: u64 = 0x2;

pub fn check(data: &[u8]) {
    let Some((choices, body)) = data.split_first_chunk::<HEAD>() else { return };
    policies::with(choices[0], |subject| {
        let request = Request::new(*choices, body);
        let policy = &subject.policy;
        let store = MemoryStore::default();
        let whole = request.send(policy, &store, &[body.len().max(1)], Ending::Last);
        let pieces = [usize::from(choices[4]) + 1, usize::from(choices[5] % 16) + 1];
        for (pieces, end) in [
            (&pieces[..], Ending::Last),
            (&pieces, Ending::Empty),
            (&pieces, Ending::Trailers),
            (&[1], Ending::Last),
        ] {
            let cut = request.send(policy, &MemoryStore::default(), pieces, end);
            assert_eq!(cut, whole, "cut into {pieces:?}, ended by {end:?}");
        }
        if whole.charged {
            let again = request.send(policy, &store, &[body.len()], Ending::Trailers);
            assert_eq!(again, whole, "what was charged has been given back");
        }
        records::check(&request, subject, &whole);
        match &whole.fate {
            Fate::Gone => request.gone(subject, &whole.records),
            Fate::Refused(refused) => reply::check(&request, subject, refused, &whole.records),
        }
    });
}

/// The outcome of a request.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    fate: Fate,
    records: Vec<Fields>,
    /// The records as they are written, also those of a batch that was refused.
    lines: Vec<String>,
    charged: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Gone,
    Refused(Refused),
}

#[derive(Debug, PartialEq, Eq)]
struct Refused {
    reason: Reason,
    status: u16,
    retry_after: Option<u64>,
    reply: Vec<u8>,
}

struct Request<'a> {
    headers: Vec<(&'static str, String)>,
    body: &'a [u8],
}

impl<'a> Request<'a> {
    fn new([_, head, kind, mirror, _, _]: [u8; HEAD], body: &'a [u8]) -> Self {
        // Elements header has a few bits of a byte, and most values of it are such
        // that the body is judged.
        let pick = |bits: u8, words: &[&str]| words[usize::from(bits) % words.len()].to_owned();
        let methods = ["POST", "POST", "POST", "POST", "POST", "GET", "DELETE", "PUT"];
        let kinds = ["", "application/json", "text/plain", "Application/vnd.a+JSON; Charset=utf-8"];
        let length = if kind & 64 == 0 { String::new() } else { body.len().to_string() };
        let mut headers = vec![
            (":method", pick(head & 7, &methods)),
            (":path", pick(head >> 3 & 1, &["/mcp", "/healthz"])),
            ("accept", pick(head >> 4 & 3, &["application/json", "", "*/*", "TEXT/event-stream"])),
            ("x-user", pick(head >> 6, &["", "alice", "bob", "alice, bob"])),
            ("content-type", pick(kind & 3, &kinds)),
            ("mcp-protocol-version", pick(kind >> 2 & 3, &["", "2025-06-18", "2026-07-28", "x"])),
            ("mcp-session-id", pick(kind >> 4 & 1, &["", "s"])),
            ("content-length", length),
            ("mcp-method", pick(mirror & 3, &["", "tools/call", "ping", "Tools/Call"])),
            ("mcp-name", pick(mirror >> 2 & 3, &["", "safe", "danger", "=?base64?c2FmZQ==?="])),
        ];
        let ids = ["", "9f5c", "\u{9b}31m\"\\\u{202e}", &"e\u{301}".repeat(80)];
        headers.push(("x-request-id", pick(kind >> 5 & 1 | kind >> 6 & 2, &ids)));
        headers.retain(|(_, value)| !value.is_empty());
        Self { headers, body }
    }

    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| *other == name);
        found.map_or("", |(_, value)| value)
    }

    /// Sends the request as a host does that cuts its body into pieces of these
    /// sizes, one after the other and again from the first.
    fn send(
        &self,
        policy: &Policy,
        store: &MemoryStore,
        sizes: &[usize],
        ending: Ending,
    ) -> Outcome {
        let headers = self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let host = Host { policy, store, now: NOW };
        let _ = meter::take();
        let mut sent =
            host.send(headers, &NoPeer, &Body { bytes: self.body, sizes, ending }).unwrap();
        let (steps, size) = (meter::take(), self.body.len());
        assert!(steps <= MAX_STEPS * (size + 64), "{steps} steps for {size} bytes");
        let lines = host.lines(&sent);
        let charged = sent.exchange.is_charged();
        host.end(&mut sent, Some(UNSENT));
        let (fate, records) = match sent.outcome {
            simulate::Outcome::WentOn(records) => (Fate::Gone, records),
            simulate::Outcome::Served(reply) => panic!("no policy here serves {reply:?}"),
            simulate::Outcome::Refused(refusal) => {
                let refused = Refused {
                    reason: refusal.reason,
                    status: refusal.reply.status,
                    retry_after: refusal.reply.retry_after,
                    reply: refusal.reply.body,
                };
                (Fate::Refused(refused), vec![refusal.record])
            }
        };
        Outcome { fate, records: records.into_iter().map(fields).collect(), lines, charged }
    }

    /// The request went on: no server may find in it what the policy denies.
    fn gone(&self, subject: &Subject, records: &[Fields]) {
        if self.header(":path") == "/healthz" && subject.exempts {
            return assert!(records.is_empty());
        }
        if subject.policy.settings.paths.is_some() {
            assert_eq!(self.header(":path"), "/mcp", "a path that is not listed");
        }
        if self.header(":method") != "POST" {
            return assert!(self.body.is_empty() && records.is_empty());
        }
        for text in reading::texts(self.body) {
            let documents = documents(&text);
            for reading in READINGS {
                let messages = reading.messages(&documents);
                let batch = subject.policy.settings.batches == Batches::Judge;
                assert!(messages.len() == 1 || (batch && messages.len() <= 64), "{messages:?}");
                for message in &messages {
                    assert!(!message.has_others, "{reading:?}: {message:?}");
                    let Some(method) = &message.method else { continue };
                    if reading.is_tool_call(method) {
                        assert!(message.id.is_some(), "{reading:?}: a call without an id");
                    } else {
                        assert!(passes(subject, method), "{reading:?}: {method} passed");
                    }
                }
                let calls = reading.tool_calls(&documents);
                let tools: Vec<_> = calls.iter().map(|call| Some(&*call.tool)).collect();
                let recorded: Vec<_> = records.iter().map(|record| record.3.as_deref()).collect();
                assert_eq!(tools, recorded, "{reading:?}");
                for (call, record) in calls.iter().zip(records) {
                    let allows = (subject.allows)(&call.tool, self.header("x-user"))
                        && arguments_are_right(reading, call);
                    match record.0 {
                        Decision::Allowed => assert!(allows, "{reading:?}: {call:?} passed"),
                        // A limit could have denied it, but no subject that
                        // only watches has one.
                        Decision::Shadow => assert!(subject.watches && !allows, "{call:?}"),
                        Decision::Denied => panic!("denied and gone: {record:?}"),
                    }
                }
            }
        }
    }
}

type Fields = (Decision, Option<Reason>, String, Option<String>, Option<String>);

fn fields(record: Recorded) -> Fields {
    let Recorded { decision, reason, rule, tool, caller_id, .. } = record;
    (decision, reason, rule, tool, caller_id)
}

/// Whether a method that is not a call may pass.
fn passes(subject: &Subject, method: &str) -> bool {
    subject.any_method || KNOWN_METHODS.contains(&method) || method.starts_with("notifications/")
}

/// Whether the arguments of `pay` and `wire` are as the policies ask: at most 100, not to
/// mallory, no way out of a folder, and of one of them no other arguments.
fn arguments_are_right(reading: Reading, call: &reading::ToolCall<'_, '_>) -> bool {
    if !matches!(&*call.tool, "pay" | "wire") {
        return true;
    }
    let Some(arguments) = call.arguments else { return false };
    let mut names = arguments.members().iter().map(|member| &*member.key);
    let get = |name| reading.get(arguments, name);
    let text = |name| get(name).and_then(|node| node.text());
    let amount = get("amount").and_then(|node| core::str::from_utf8(node.raw).ok()?.parse().ok());
    amount.is_some_and(|amount: f64| amount <= 100.0)
        && text("to") != Some("mallory")
        && text("path").is_none_or(|path| !path.contains(".."))
        && (call.tool == "pay" || names.all(|name| ["amount", "to", "path"].contains(&name)))
}
