//! The calls of a log, whatever kind of log it is: records, JSON-RPC requests with or
//! without what is around them, cassettes.

use super::call::{Call, Content, Recorded, Was, Word};
use super::cassette::{self, Timed};
use crate::log::find::{self, Miss};
use crate::log::lines::Line;
use crate::log::moment;
use crate::log::record::{Record, Text};
use mcp_policy_filter::limits::window::Nanos;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The most bytes of a cassette that is one document.
const MAX_CASSETTE: usize = 64 << 20;

/// Lines and requests that hold no call that can be judged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Missed {
    /// Lines without a call.
    pub(super) without: u64,
    /// Lines with one that cannot be read.
    pub(super) broken: u64,
    /// Lines with several records.
    pub(super) several: u64,
    /// Answers, and messages of servers.
    pub(super) answers: u64,
    /// Records of requests that no rule decided about.
    pub(super) not_by_rule: u64,
    /// Decisions of approvers.
    pub(super) of_approvers: u64,
    /// Calls without a time.
    pub(super) untimed: u64,
}

/// A reader of calls.
#[derive(Debug)]
pub(super) struct Traffic {
    /// Lines that hold no call.
    pub(super) missed: Missed,
    /// Whether recorded values that read as JSON are that.
    pub(super) as_json: bool,
    /// The file that is read.
    file: usize,
    /// The document that it is, as far as it is read.
    document: Option<String>,
    /// The beginning of a cassette of lines.
    base: Option<Nanos>,
    /// The moment of the last line that has one.
    last: Nanos,
}

/// One line of JSON that holds a request.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(borrow, default)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default)]
    method: Option<&'a RawValue>,
    #[serde(borrow, default)]
    time: Option<Text<'a>>,
    #[serde(borrow, default)]
    grant: Option<Text<'a>>,
    #[serde(default)]
    headers: Option<BTreeMap<String, String>>,
    #[serde(borrow, default)]
    claims: Option<&'a RawValue>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    // Cassettes.
    #[serde(borrow, rename = "type", default)]
    kind: Option<&'a RawValue>,
    #[serde(borrow, rename = "startedAt", default)]
    started_at: Option<&'a RawValue>,
    #[serde(borrow, rename = "cassetteVersion", default)]
    cassette_version: Option<&'a RawValue>,
    #[serde(borrow, default)]
    dir: Option<&'a RawValue>,
    #[serde(borrow, default)]
    t: Option<&'a RawValue>,
    #[serde(borrow, default)]
    frame: Option<&'a RawValue>,
    #[serde(borrow, default)]
    interactions: Option<&'a RawValue>,
    #[serde(borrow, default)]
    messages: Option<&'a RawValue>,
}

impl Traffic {
    /// A reader. With `as_json`, a recorded value that reads as JSON is that.
    pub(super) fn new(as_json: bool) -> Self {
        let (missed, last) = (Missed::default(), Nanos(0));
        Self { missed, as_json, file: 0, document: None, base: None, last }
    }

    /// Shows the calls of a line to `take`.
    pub(super) fn line(&mut self, line: &Line<'_>, take: &mut dyn FnMut(Call)) {
        if line.number == 1 {
            self.end(take);
            self.file = line.file;
            self.base = None;
            if line.bytes.trim_ascii() == b"{" {
                self.document = Some(String::new());
            }
        }
        if let Some(document) = &mut self.document {
            if document.len().saturating_add(line.bytes.len()) <= MAX_CASSETTE {
                document.push_str(&String::from_utf8_lossy(line.bytes));
                document.push('\n');
                return;
            }
            // The file is not a cassette.
            self.document = None;
            count(&mut self.missed.broken);
        }
        let text = line.bytes.trim_ascii();
        if text.is_empty() {
            count(&mut self.missed.without);
        } else if text.starts_with(b"{\"decision\":") || !text.starts_with(b"{") {
            self.records(text, take);
        } else {
            match serde_json::from_slice::<Shape<'_>>(text) {
                Ok(shape) if self.request(&shape, text, take) => {}
                _ => self.records(text, take),
            }
        }
    }

    /// Shows the calls of the last file to `take`, if it is one document.
    pub(super) fn end(&mut self, take: &mut dyn FnMut(Call)) {
        let Some(document) = self.document.take() else { return };
        match serde_json::from_str::<Shape<'_>>(&document) {
            Ok(shape) if self.request(&shape, document.as_bytes(), take) => {}
            _ => count(&mut self.missed.broken),
        }
    }

    /// Whether JSON holds a request, or a cassette.
    fn request(&mut self, shape: &Shape<'_>, text: &[u8], take: &mut dyn FnMut(Call)) -> bool {
        let text = core::str::from_utf8(text).unwrap_or_default();
        if let Some(interactions) = shape.interactions {
            self.cassette(cassette::recorder(text, interactions), take);
        } else if let (Some(messages), None) = (shape.messages, shape.jsonrpc) {
            self.cassette(cassette::messages(text, messages), take);
        } else if shape.cassette_version.is_some() {
            self.base = shape.started_at.and_then(unquoted).as_deref().and_then(moment::parse);
        } else if let (Some(frame), Some(dir)) = (shape.frame, shape.dir) {
            let offset = shape.t.and_then(|t| t.get().parse::<f64>().ok());
            let time = self.base.and_then(|base| cassette::after(base, offset?));
            match unquoted(dir).as_deref() {
                Some("c2s") => self.message(frame.get(), time, take),
                _ => count(&mut self.missed.answers),
            }
        } else if shape.kind.is_some() && self.base.is_some() {
            count(&mut self.missed.answers);
        } else if shape.jsonrpc.is_some() {
            match shape.method {
                Some(_) => self.message(text, None, take),
                None => count(&mut self.missed.answers),
            }
        } else if let Some(body) = shape.body {
            self.wrapped(shape, body, take);
        } else {
            return false;
        }
        true
    }

    fn wrapped(&mut self, shape: &Shape<'_>, body: &RawValue, take: &mut dyn FnMut(Call)) {
        // A text is the body as it was sent.
        let body = unquoted(body).unwrap_or_else(|| body.get().to_owned());
        let (time, is_timed) = self.time(shape.time.as_deref().and_then(moment::parse));
        let headers = shape.headers.as_ref().map(|headers| {
            headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
        });
        take(Call {
            time,
            is_timed,
            tool: name(&body),
            caller: shape.grant.as_deref().map(str::to_owned),
            session: None,
            was: None,
            content: Content::Sent {
                body,
                headers,
                claims: shape.claims.map(|claims| claims.get().to_owned()),
            },
        });
    }

    /// A request of which only the body is known.
    fn message(&mut self, body: &str, time: Option<Nanos>, take: &mut dyn FnMut(Call)) {
        let (time, is_timed) = self.time(time);
        take(Call {
            time,
            is_timed,
            tool: name(body),
            caller: None,
            session: None,
            was: None,
            content: Content::Sent { body: body.to_owned(), headers: None, claims: None },
        });
    }

    fn cassette(&mut self, calls: Option<Vec<Timed>>, take: &mut dyn FnMut(Call)) {
        let Some(calls) = calls else {
            count(&mut self.missed.broken);
            return;
        };
        for timed in calls {
            match timed {
                Timed { body, time, is_redacted: false } => self.message(&body, time, take),
                Timed { body, time, is_redacted: true } => {
                    let (time, is_timed) = self.time(time);
                    take(Call {
                        time,
                        is_timed,
                        tool: name(&body),
                        caller: None,
                        session: None,
                        was: None,
                        content: Content::Opaque("the arguments, which were redacted"),
                    });
                }
            }
        }
    }

    fn records(&mut self, line: &[u8], take: &mut dyn FnMut(Call)) {
        let mut calls = Vec::new();
        match find::records(line, |records| {
            calls.extend(records.iter().map(|one| self.call(one, records.len())))
        }) {
            Ok(()) => calls.into_iter().flatten().for_each(take),
            Err(Miss::None) => count(&mut self.missed.without),
            Err(Miss::Broken) => count(&mut self.missed.broken),
            Err(Miss::Several) => count(&mut self.missed.several),
        }
    }

    /// The call of a record, if a rule decided about it.
    fn call(&mut self, record: &Record<'_>, of: usize) -> Option<Call> {
        if record.is_of_approver() {
            count(&mut self.missed.of_approvers);
            return None;
        }
        let reason = record.reason.as_deref().unwrap_or_default();
        let (Some(tool), true) = (&record.tool, is_by_rule(reason)) else {
            count(&mut self.missed.not_by_rule);
            return None;
        };
        let (time, is_timed) = self.time(record.time.as_deref().and_then(moment::parse));
        let names = record.arguments.map(|names| serde_json::from_str::<Vec<String>>(names.get()));
        let values = record.values.map_or("{}", |values| values.get());
        let values = serde_json::from_str::<BTreeMap<String, Option<String>>>(values);
        let (Ok(names), Ok(values)) = (names.transpose(), values) else {
            count(&mut self.missed.broken);
            return None;
        };
        let values = values.into_iter().collect();
        let rule = record.rule.as_deref().unwrap_or_default();
        let state = record.approval.as_ref().and_then(|approval| approval.state.as_deref());
        let was_approved = state == Some("used");
        let asks = was_approved
            || rule == "/settings/approvals/requests"
            || matches!(
                reason,
                "approval_required" | "approval_denied" | "approval_too_large" | "approvals_full"
            );
        let word = match &*record.decision {
            "shadow" => Word::Shadow,
            _ if asks => Word::Approval,
            "allowed" => Word::Allowed,
            _ => Word::Denied,
        };
        // The calls of a batch that did not go on were judged together.
        let is_refused_batch = reason == "batch_refused" || (of > 1 && word == Word::Denied);
        Some(Call {
            time,
            is_timed,
            tool: tool.0.clone().into_owned(),
            caller: record.grant.as_deref().map(str::to_owned),
            session: record.session.as_deref().map(session),
            was: Some(Was { word, reason: reason.into(), rule: rule.into(), was_approved }),
            content: if is_refused_batch {
                Content::Opaque("the rest of its batch, which was refused whole")
            } else {
                Content::Recorded(Recorded::new(names, record.more_arguments, values, self.as_json))
            },
        })
    }

    /// The time of a call and whether it is its own; that of the line before, where its
    /// own has none.
    fn time(&mut self, time: Option<Nanos>) -> (Nanos, bool) {
        match time {
            Some(time) => self.last = time,
            None => count(&mut self.missed.untimed),
        }
        (self.last, time.is_some())
    }
}

/// Whether a reason is one of a rule, or of an allowed call. Others are of requests that
/// were refused unread, of unknown callers, of tools that a server had changed and of
/// counters that failed.
fn is_by_rule(reason: &str) -> bool {
    matches!(
        reason,
        "" | "hidden"
            | "tool_unknown"
            | "default_deny"
            | "denied"
            | "require"
            | "deny_if"
            | "undecidable"
            | "rate_limited"
            | "approval_required"
            | "approval_denied"
            | "approval_too_large"
            | "approvals_full"
            | "batch_refused"
    )
}

/// The session of which a record has the beginning of the hash.
fn session(digits: &str) -> [u8; 32] {
    let mut session = [0; 32];
    session.iter_mut().zip(digits.bytes()).for_each(|(to, digit)| *to = digit);
    session
}

/// The tool of a request, or its method: for people alone, so it is read as most do.
fn name(body: &str) -> String {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow, default)]
        method: Option<Text<'a>>,
        #[serde(borrow, default)]
        params: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Params<'a> {
        #[serde(borrow, default)]
        name: Option<Text<'a>>,
    }
    let Ok(message) = serde_json::from_str::<Message<'_>>(body) else { return String::new() };
    let method = message.method.as_deref().unwrap_or_default();
    let params = message.params.filter(|_| method == "tools/call").map(RawValue::get);
    let params = params.and_then(|params| serde_json::from_str::<Params<'_>>(params).ok());
    let tool = params.as_ref().and_then(|params| params.name.as_deref());
    mcp_policy_filter::text::start(tool.unwrap_or(method), 256).to_owned()
}

fn unquoted(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn count(count: &mut u64) {
    *count = count.saturating_add(1);
}
