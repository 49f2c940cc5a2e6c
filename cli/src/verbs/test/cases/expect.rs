//! The outcome that a step must have, and the one that it had.

use super::object::{Object, Wrong, bytes, headers};
use super::request::Response;
use crate::document::{Node, Value};
use crate::output::shown;
use core::fmt;
use mcp_policy_filter::exchange::listing::HeadStep;
use mcp_policy_filter::exchange::record::Decision;
use mcp_policy_filter::exchange::reply::Reply;
use mcp_policy_filter::limits::Store;
use mcp_policy_filter::simulate::table::{self, Facts};
use mcp_policy_filter::simulate::{Body, Ending, Host, Outcome, Recorded, Sent};
use serde_json::Value as Json;

/// The outcome that a step must have.
#[derive(Debug)]
pub(in super::super) struct Expect(Vec<Wanted>);

/// One fact.
#[derive(Debug)]
struct Wanted {
    key: &'static str,
    value: Want,
    /// The value as it is shown.
    shown: String,
}

#[derive(Debug)]
enum Want {
    Text(String),
    Number(i64),
    Nothing,
    Bytes(Vec<u8>),
    Texts(Vec<String>),
    Headers(Vec<(String, Vec<String>)>),
}

/// The keys of `expect`.
const KEYS: [&str; 18] = [
    "outcome",
    "decision",
    "reason",
    "rule",
    "message",
    "retry_after",
    "status",
    "code",
    "tool",
    "prompt",
    "resource",
    "id",
    "caller",
    "state",
    "headers",
    "body",
    "tools",
    "shadow",
];
const DECISIONS: [&str; 5] = ["allowed", "shadow", "denied", "served", "forwarded"];

/// Facts about the answer to a step.
#[derive(Debug, Default)]
pub(in super::super) struct Got {
    /// The facts that a table may state.
    pub(in super::super) facts: Facts,
    /// Whether the answer is to a decision.
    is_of_decision: bool,
    decision: &'static str,
    record: Option<Recorded>,
    reply: Option<Reply>,
    /// The status and the body of a server's response as the client got it, and whether
    /// that is what the server sent.
    response: Option<(u64, Vec<u8>, bool)>,
}

impl Expect {
    /// Reads the value of `expect`: an outcome as in a table, or an object.
    pub(super) fn read(node: &Node) -> Result<Self, Vec<Wrong>> {
        if let Some(word) = node.text() {
            if word == "forwarded" {
                return Ok(Self(vec![Wanted::text("decision", word)]));
            }
            if !table::is_outcome(word) {
                let words = format!(
                    "`{word}` is not an outcome; expected `allowed`, `shadow`, `served`, \
                     `forwarded`, a reason of a refusal, such as `default_deny`, or an object"
                );
                return Err(Wrong::new(node, words).into());
            }
            return Ok(Self(vec![Wanted::text("outcome", word)]));
        }
        let object = Object::new(node, &[&KEYS])?;
        let mut all = Vec::new();
        for key in KEYS {
            if let Some(node) = object.get(key) {
                all.push(Wanted::read(key, node)?);
            }
        }
        if all.is_empty() {
            return Err(Wrong::new(node, "`expect` expects nothing").into());
        }
        Ok(Self(all))
    }

    /// The facts that are not as they should be; none where all are.
    pub(in super::super) fn unmet(&self, got: &Got) -> Option<String> {
        let unmet = self.0.iter().filter(|wanted| !wanted.is_met(got));
        let words: Vec<_> = unmet.map(|one| format!("{} {}", one.key, one.shown)).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.0.iter().map(|one| format!("{} {}", one.key, one.shown)).collect();
        f.write_str(&words.join(", "))
    }
}

impl Wanted {
    fn text(key: &'static str, word: &str) -> Self {
        Self { key, value: Want::Text(word.into()), shown: word.into() }
    }

    fn read(key: &'static str, node: &Node) -> Result<Self, Vec<Wrong>> {
        let wrong = |words: &str| Err(Wrong::new(node, format!("`{key}` {words}")).into());
        let value = match (key, &node.value) {
            ("body", _) => Want::Bytes(bytes(node)?),
            ("headers", _) => Want::Headers(headers(node)?),
            ("retry_after" | "status" | "code", Value::Null) => Want::Nothing,
            ("retry_after" | "status" | "code", Value::Number(number)) => match number.parse() {
                Ok(number) => Want::Number(number),
                Err(_) => return wrong("is a whole number"),
            },
            ("retry_after" | "status" | "code", _) => return wrong("is a whole number, or null"),
            ("tools" | "shadow", Value::List(names)) => {
                let text = |one: &Node| {
                    let wrong = || Wrong::new(one, format!("`{key}` is a list of texts"));
                    one.text().map(str::to_owned).ok_or_else(wrong)
                };
                Want::Texts(names.iter().map(text).collect::<Result<_, _>>()?)
            }
            ("tools" | "shadow", _) => return wrong("is a list of texts"),
            (_, Value::Null) => Want::Nothing,
            ("decision", Value::Text(word)) if !DECISIONS.contains(&&**word) => {
                return wrong(&format!("is one of {}", DECISIONS.join(", ")));
            }
            ("reason", Value::Text(word)) if !table::is_reason(word) => {
                return wrong(&format!("has no `{word}`; see the reference for the reasons"));
            }
            ("outcome", Value::Text(word)) if !table::is_outcome(word) => {
                return wrong(&format!("has no `{word}`"));
            }
            (_, Value::Text(text)) => Want::Text(text.clone()),
            _ => return wrong("is a text; put it in quotes"),
        };
        let text = match &node.value {
            Value::Text(text) if key != "message" => text.clone(),
            _ => node.to_json(),
        };
        Ok(Self { key, value, shown: shown(&text).into_owned() })
    }

    fn is_met(&self, got: &Got) -> bool {
        match (&self.value, self.key) {
            (Want::Text(word), "decision") => got.has_decision(word),
            (Want::Text(text), "message") => got.message().contains(&**text),
            // As a client reads it: the number 1 is not the text "1".
            (Want::Text(id), "id") => {
                let start = format!(r#"{{"jsonrpc":"2.0","id":{id},"#);
                got.body().starts_with(start.as_bytes())
            }
            (Want::Text(text), key) => got.text(key).as_deref() == Some(text),
            (Want::Number(number), key) => got.number(key) == Some(*number),
            (Want::Nothing, "message") => got.message().is_empty(),
            (Want::Nothing, key) => got.text(key).is_none() && got.number(key).is_none(),
            (Want::Bytes(bytes), _) => got.body() == bytes,
            (Want::Texts(names), "tools") => got.tools().is_some_and(|tools| tools == *names),
            (Want::Texts(rules), _) => got.shadow() == *rules,
            (Want::Headers(all), _) => all.iter().all(|(name, values)| {
                let fields = got.reply.as_ref().map(Reply::fields).unwrap_or_default();
                let lines = fields.iter().filter(|(other, _)| other == name);
                lines.map(|(_, value)| &**value).eq(values.iter().map(String::as_str))
            }),
        }
    }
}

impl Got {
    /// The facts about the answer to a request, and to the response of the server.
    pub(in super::super) fn of_sent<S: Store>(
        mut sent: Sent,
        host: &Host<'_, S>,
        response: Option<&Response>,
    ) -> Self {
        let facts = Facts::of_sent(&sent);
        let received = match (&sent.outcome, response) {
            (Outcome::WentOn(_), Some(response)) => Some(receive(&mut sent, host, response)),
            _ => None,
        };
        let mut got = Self { facts, response: received, ..Self::default() };
        match sent.outcome {
            Outcome::WentOn(records) => {
                got.record = records.into_iter().next();
                let is_shadow =
                    got.record.as_ref().is_some_and(|one| one.decision == Decision::Shadow);
                got.decision = if is_shadow { "shadow" } else { "allowed" };
            }
            Outcome::Refused(refusal) => {
                got.decision = "denied";
                got.record = Some(refusal.record);
                got.reply = Some(refusal.reply);
            }
            Outcome::Served(served) => {
                got.decision = "served";
                got.reply = Some(served.reply);
            }
        }
        got
    }

    /// The facts about the answer to a decision.
    pub(in super::super) fn of_decision(reply: Reply) -> Self {
        Self {
            facts: Facts::of_decision(&reply),
            is_of_decision: true,
            decision: "served",
            reply: Some(reply),
            ..Self::default()
        }
    }

    /// The answer in a line.
    pub(in super::super) fn shown(&self) -> String {
        let mut line = self.facts.to_string();
        if let Some((status, body, is_whole)) = &self.response {
            let body = String::from_utf8_lossy(body);
            let what = if *is_whole { "unchanged" } else { "changed" };
            line += &format!("; the response, {what}: HTTP {status} {body}");
        }
        shown(&line).into_owned()
    }

    fn has_decision(&self, word: &str) -> bool {
        let is_unchanged = self.response.as_ref().is_none_or(|(_, _, is_whole)| *is_whole);
        match word {
            "forwarded" => ["allowed", "shadow"].contains(&self.decision) && is_unchanged,
            word => self.decision == word,
        }
    }

    /// The body that the client got.
    fn body(&self) -> &[u8] {
        match (&self.reply, &self.response) {
            (Some(reply), _) => &reply.body,
            (None, Some((_, body, _))) => body,
            (None, None) => &[],
        }
    }

    /// The part of the body at a pointer.
    fn json(&self, pointer: &str) -> Option<Json> {
        let body: Json = serde_json::from_slice(self.body()).ok()?;
        body.pointer(pointer).cloned()
    }

    /// The message that the client got: also in an error in the place of the response.
    fn message(&self) -> String {
        if let Some((_, _, false)) = &self.response
            && let Some(Json::String(message)) = self.json("/error/message")
        {
            return message;
        }
        let recorded = self.record.as_ref().and_then(|record| record.message.clone());
        match &*self.facts.message {
            "" => recorded.unwrap_or_default(),
            message => message.to_owned(),
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        let record = self.record.as_ref();
        match key {
            "outcome" => Some(self.facts.outcome.clone()),
            "decision" => Some(self.decision.to_owned()),
            // As the client is told, or as it is recorded.
            "reason" | "rule" | "tool" | "prompt" | "resource" => match self.json("/error/data") {
                Some(data) => data.get(key)?.as_str().map(str::to_owned),
                None if key == "reason" => record?.reason.map(|reason| reason.to_string()),
                None if key == "rule" => Some(record?.rule.clone()),
                None if key == "tool" => record?.tool.clone(),
                None => None,
            },
            "caller" => record?.caller_id.clone(),
            "state" if self.is_of_decision => Some(self.facts.outcome.clone()),
            _ => None,
        }
    }

    fn number(&self, key: &str) -> Option<i64> {
        let reply = self.reply.as_ref();
        match key {
            "status" => match (reply, &self.response) {
                (Some(reply), _) => Some(reply.status.into()),
                (None, Some((status, ..))) => i64::try_from(*status).ok(),
                (None, None) => None,
            },
            "code" => self.json("/error/code")?.as_i64(),
            "retry_after" => i64::try_from(reply?.retry_after?).ok(),
            _ => None,
        }
    }

    /// The names of the tools in the response.
    fn tools(&self) -> Option<Vec<String>> {
        let (_, body, _) = self.response.as_ref()?;
        let body: Json = serde_json::from_slice(body).ok()?;
        let tools = body.pointer("/result/tools")?.as_array()?.iter();
        tools.map(|tool| tool.get("name")?.as_str().map(str::to_owned)).collect()
    }

    /// The rules in shadow that the call did not pass, and the one that shadow mode let
    /// pass.
    fn shadow(&self) -> Vec<String> {
        let Some(record) = &self.record else { return Vec::new() };
        let own = (record.decision == Decision::Shadow).then(|| record.rule.clone());
        own.into_iter().chain(record.shadow.iter().map(|(rule, _)| rule.clone())).collect()
    }
}

/// The part of a server's response that reaches the client.
fn receive<S: Store>(
    sent: &mut Sent,
    host: &Host<'_, S>,
    response: &Response,
) -> (u64, Vec<u8>, bool) {
    let Some(listing) = sent.exchange.listing() else {
        return (response.status, response.body.clone(), true);
    };
    let status = response.status.to_string();
    let headers = response.headers.iter().map(|(name, value)| (&**name, &**value));
    let headers = [(":status", &*status)].into_iter().chain(headers);
    let headers = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let ending = if response.trailers { Ending::Trailers } else { Ending::Last };
    let received = host.receive(listing, headers, &Body { ending, ..Body::whole(&response.body) });
    let (status, body) = match received.head {
        HeadStep::Replace(reply) | HeadStep::Refuse(reply) => (u64::from(reply.status), reply.body),
        _ => (response.status, received.body),
    };
    let is_whole = status == response.status && body == response.body;
    (status, body, is_whole)
}
