//! Examples of the pages, played through the core: no host, a store in plain
//! memory, a clock that the example sets.

use super::ask::Ask;
use crate::core::{Connection, MIDNIGHT};
use mcp_policy_filter::exchange::audit;
use mcp_policy_filter::exchange::head::Trace;
use mcp_policy_filter::exchange::record::{Decision, Record};
use mcp_policy_filter::exchange::refusal::Refusal;
use mcp_policy_filter::exchange::reply::Reply;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::limits::{MemoryStore, Store};
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::{Body, Host, Outcome, Sent, pairs};
use serde_json::Value;

/// A policy in force, and what has been counted under it.
pub struct Stage {
    pub policy: Policy,
    store: MemoryStore,
    /// The filter's own answer to the last request, if it was one.
    pub served: Option<Reply>,
    /// Seconds after midnight.
    clock: u64,
}

/// What came of a request: it went on, perhaps with a record, or was refused.
pub type Answer = Result<Option<Record>, Box<Refusal>>;

/// What a request is found again by, and its seconds after midnight.
pub type Seen = (Trace, u64);

fn moment(clock: u64) -> Nanos {
    Nanos((MIDNIGHT + clock) * 1_000_000_000)
}

/// Sends a request at a time.
pub fn send(policy: &Policy, store: &impl Store, clock: u64, ask: &Ask) -> Answer {
    let host = Host { policy, store, now: moment(clock) };
    let mut sent = sent(&host, ask);
    match sent.outcome {
        Outcome::WentOn(ref mut records) => {
            let record = records.drain(..).next();
            if ask.flags.is_some() {
                host.end(&mut sent, ask.flags);
            }
            Ok(record)
        }
        Outcome::Refused(refusal) => Err(refusal),
        Outcome::Served(reply) => panic!("nobody asked for {reply:?}"),
    }
}

fn sent(host: &Host<'_, impl Store>, ask: &Ask) -> Sent {
    let pseudo = [(":method", &ask.method), (":path", &ask.path)].into_iter();
    let headers = pseudo.chain(ask.headers.iter().map(|(name, value)| (&**name, value)));
    let headers = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    host.send(headers, &Connection(&ask.client), &Body::whole(&ask.body)).unwrap()
}

/// The rule that a refusal names.
pub fn rule(refusal: &Refusal) -> &str {
    &refusal.record.rule
}

/// What the log says of a decision, without the prefix of such lines.
pub fn record(policy: &Policy, answer: &Answer, (trace, clock): &Seen) -> Result<String, String> {
    let record = match answer {
        Ok(record) => record.as_ref().ok_or("this request has no record")?,
        Err(refusal) => &refusal.record,
    };
    Ok(audit::json(policy, record, trace, Some(moment(*clock))))
}

fn parse(policy: &str) -> Result<Policy, Vec<String>> {
    Policy::parse(policy.as_bytes(), "docs").map_err(|errors| errors.lines().collect())
}

impl Stage {
    pub fn new(policy: &str) -> Result<Self, Vec<String>> {
        Ok(Self { policy: parse(policy)?, store: MemoryStore::default(), served: None, clock: 0 })
    }

    /// Another policy takes over, as by a push of configuration.
    pub fn push(&mut self, policy: &str) -> Result<(), Vec<String>> {
        self.policy = parse(policy)?;
        Ok(())
    }

    pub fn send(&self, ask: &Ask) -> Answer {
        send(&self.policy, &self.store, self.clock, ask)
    }

    /// The answer to a request that asks the filter itself.
    fn serve(&self, ask: &Ask) -> Option<Reply> {
        let resource = self.policy.settings.protected_resource.as_ref()?;
        let host = Host { policy: &self.policy, store: &self.store, now: moment(self.clock) };
        match resource.is_at(&ask.path).then(|| sent(&host, ask).outcome) {
            Some(Outcome::Served(reply)) => Some(reply),
            _ => None,
        }
    }

    /// What a request would be found again by now.
    pub fn seen(&self, ask: &Ask) -> Seen {
        let headers = ask.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        (Trace::from_headers(headers), self.clock)
    }

    /// What a client gets of `list`, with which a server answers its request.
    pub fn show(&self, ask: &Ask, list: &str) -> Result<String, String> {
        let host = Host { policy: &self.policy, store: &self.store, now: moment(self.clock) };
        let mut sent = sent(&host, ask);
        if let Outcome::Refused(refusal) = sent.outcome {
            return Err(format!("refused: {}", refusal.reason));
        }
        let shown = sent.exchange.listing().map(|listing| {
            let headers = [(":status", "200"), ("content-type", "application/json")];
            host.receive(listing, pairs(&headers), &Body::whole(list.as_bytes())).body
        });
        Ok(shown.map_or(list.to_owned(), |bytes| String::from_utf8(bytes).unwrap()))
    }

    /// Plays one line of a table of calls:
    ///
    /// ```text
    /// [HH:MM:SS]  CALL[, N times]  allowed | shadow | served | REASON  [MORE ..]
    /// ```
    ///
    /// Columns stand apart by two spaces or more. MORE is the rule, `HTTP N`,
    /// `NAME: VALUE` for a header, `again in N s`, the reason of what shadow mode lets
    /// pass, or a part of the message in double quotes.
    pub fn play(&mut self, line: &str) -> Result<(), String> {
        let mut columns = line.split("  ").map(str::trim).filter(|column| !column.is_empty());
        let mut column = || columns.next().ok_or("a column is missing");
        let mut call = column()?;
        if let Some(clock) = clock(call) {
            self.clock = clock;
            call = column()?;
        }
        let outcome = column()?;
        let (call, times) = match call.strip_suffix(" times").and_then(|c| c.rsplit_once(", ")) {
            Some((call, times)) => (call, times.parse().map_err(|_| "how many times?")?),
            None => (call, 1),
        };
        let more: Vec<&str> = columns.collect();
        for _ in 0..times {
            let ask = Ask::parse(call)?;
            self.served = self.serve(&ask);
            let (found, message) = match &self.served {
                Some(reply) => (of_reply("served".into(), reply), String::new()),
                None => facts(&self.send(&ask)),
            };
            let is_so = |column: &&str| match column.strip_prefix('"') {
                Some(part) => message.contains(part.trim_end_matches('"')),
                None => found.iter().skip(1).any(|fact| fact == column),
            };
            if found.first().is_none_or(|word| word != outcome) || !more.iter().all(is_so) {
                return Err(format!("found {found:?} {message}"));
            }
        }
        Ok(())
    }
}

/// What a line may say of an answer, its outcome first, and the message.
fn facts(answer: &Answer) -> (Vec<String>, String) {
    match answer {
        Ok(None) => (vec!["allowed".into()], String::new()),
        Ok(Some(record)) => {
            let shadow = record.decision == Decision::Shadow;
            let word = if shadow { "shadow" } else { "allowed" };
            let reason = record.reason.map(|reason| reason.to_string()).unwrap_or_default();
            (vec![word.into(), record.rule.clone(), reason], String::new())
        }
        Err(refusal) => {
            let reply = &refusal.reply;
            let mut facts = of_reply(refusal.reason.to_string(), reply);
            facts.push(rule(refusal).to_owned());
            facts.extend(reply.retry_after.map(|s| format!("again in {s} s")));
            let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
            (facts, body["error"]["message"].as_str().unwrap_or_default().to_owned())
        }
    }
}

/// What a line may say of the filter's own answer, with this word for its outcome.
fn of_reply(word: String, reply: &Reply) -> Vec<String> {
    let headers = reply.fields().into_iter().map(|(name, value)| format!("{name}: {value}"));
    [word, format!("HTTP {}", reply.status)].into_iter().chain(headers).collect()
}

/// "00:01:30" as seconds.
fn clock(text: &str) -> Option<u64> {
    let parts: Vec<u64> = text.split(':').map_while(|part| part.parse().ok()).collect();
    match *parts {
        [hours, minutes, seconds] => Some(hours * 3_600 + minutes * 60 + seconds),
        _ => None,
    }
}
