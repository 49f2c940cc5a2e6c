//! Examples of the pages, played through the core: no host, a store in plain
//! memory, a clock that the example sets.

use super::ask::Ask;
use crate::core::{Connection, MIDNIGHT};
use mcp_policy_filter::exchange::record::Decision;
use mcp_policy_filter::exchange::reply::Reply;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::limits::{MemoryStore, Store};
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::{Body, Host, Outcome, Recorded, Refused, Sent, pairs};
use serde_json::Value;

/// A policy in force, and what has been counted under it.
pub struct Stage {
    pub policy: Policy,
    store: MemoryStore,
    /// The filter's own answer to the last request, if it was one.
    pub served: Option<Reply>,
    /// The request for approval that an answer named last.
    asked: Option<String>,
    /// Seconds after midnight.
    clock: u64,
}

/// What came of a request: it went on, perhaps with a record, or was refused.
pub type Answer = Result<Option<Recorded>, Box<Refused>>;

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
pub fn rule(refusal: &Refused) -> &str {
    &refusal.record.rule
}

/// What the log says of a decision, without the prefix of such lines.
pub fn record(answer: &Answer) -> Result<&str, String> {
    match answer {
        Ok(Some(record)) => Ok(&record.line),
        Ok(None) => Err("this request has no record".into()),
        Err(refusal) => Ok(&refusal.record.line),
    }
}

fn parse(policy: &str) -> Result<Policy, Vec<String>> {
    Policy::parse(policy.as_bytes(), "docs").map_err(|errors| errors.lines().collect())
}

impl Stage {
    pub fn new(policy: &str) -> Result<Self, Vec<String>> {
        let (policy, store) = (parse(policy)?, MemoryStore::default());
        Ok(Self { policy, store, served: None, asked: None, clock: 0 })
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
        let resource = self.policy.settings.protected_resource.as_ref();
        let endpoint = self.policy.approvals.as_ref().and_then(|all| all.path.as_ref());
        let is_own = resource.is_some_and(|resource| resource.is_at(&ask.path))
            || endpoint.is_some_and(|path| ask.path.starts_with(path.as_str()));
        let host = Host { policy: &self.policy, store: &self.store, now: moment(self.clock) };
        match is_own.then(|| sent(&host, ask).outcome) {
            Some(Outcome::Served(served)) => Some(served.reply),
            _ => None,
        }
    }

    /// What a person is answered who decides about the request that was named last,
    /// as it is shown to him.
    fn decide(&self, decision: &str, with: &str) -> Result<Reply, String> {
        let endpoint = self.policy.approvals.as_ref().and_then(|all| all.path.as_ref());
        let path = endpoint.ok_or("the policy has no endpoint")?.as_str();
        let id = self.asked.as_ref().ok_or("nothing was asked for above")?;
        let ask = |method: &str, below: &str| Ask::parse(&format!("{method} {path}/{id}{below}"));
        let shown = self.serve(&ask("GET", "")?.with_parenthesis(with)?);
        let shown = shown.map(|reply| body(&reply)).unwrap_or_default();
        let digest = shown["digest"].as_str().map_or("0".repeat(64), str::to_owned);
        let ask = ask("POST", decision)?.without_body().with_parenthesis(with)?;
        self.serve(&ask.with("mcp-approval-digest", &digest)).ok_or("it went on".into())
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
    ///
    /// In a path, `ID` is the request for approval that an answer named last.
    /// `approve it (WITH)` and `deny it: REASON (WITH)` are decisions about it. Their
    /// outcome is its state, or `refused`.
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
            let (found, message) = match decision(call) {
                Some((decision, with)) => of_decision(&self.decide(&decision, with)?),
                None => {
                    let id = self.asked.as_deref().unwrap_or_default();
                    self.answer(&Ask::parse(&call.replace("/ID ", &format!("/{id} ")))?)
                }
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

impl Stage {
    /// What a line may say of the answer to a request, and the message.
    fn answer(&mut self, ask: &Ask) -> (Vec<String>, String) {
        self.served = self.serve(ask);
        if let Some(reply) = &self.served {
            return (of_reply("served".into(), reply), String::new());
        }
        let answer = self.send(ask);
        if let Err(refusal) = &answer {
            self.note(refusal);
        }
        facts(&answer)
    }

    /// Sends what a `curl` sends to the endpoint of approvals.
    pub fn curl(&self, line: &str, token: &str) -> Result<(), String> {
        if line == "read -rs TOKEN" {
            return Ok(());
        }
        let id = self.asked.as_ref().ok_or("nothing was asked for above")?;
        let bearer = ("authorization", format!("Bearer {token}"));
        let endpoint = self.policy.approvals.as_ref().and_then(|all| all.path.as_ref());
        let path = endpoint.ok_or("the policy has no endpoint")?.as_str();
        let one = Ask::parse(&format!("GET {path}/{id}"))?.with(bearer.0, &bearer.1);
        let shown = self.serve(&one).map(|reply| body(&reply)).unwrap_or_default();
        let digest = shown["digest"].as_str().ok_or("nothing is shown")?;
        let line = line.replace("$TOKEN", token).replace("/ID", &format!("/{id}"));
        let line = line.replace("DIGEST", digest);
        let url = line.rsplit(' ').next().unwrap_or_default().trim_matches('"');
        let target = url.strip_prefix("https://gateway.example.com").ok_or("another host")?;
        let method = if line.contains(" -X POST ") { "POST" } else { "GET" };
        let mut ask = Ask::parse(&format!("{method} {target}"))?.without_body();
        for header in line.split(" -H \"").skip(1) {
            let header = header.split('"').next().unwrap_or_default();
            let (name, value) = header.split_once(": ").ok_or("a header is `NAME: VALUE`")?;
            ask = ask.with(name, value);
        }
        let reply = self.serve(&ask).ok_or("it went on")?;
        let text = String::from_utf8_lossy(&reply.body);
        if reply.status == 200 { Ok(()) } else { Err(format!("{line}: {} {text}", reply.status)) }
    }

    /// Keeps the request for approval that a refusal names.
    pub fn note(&mut self, refusal: &Refused) {
        let id =
            body(&refusal.reply)["error"]["data"]["approval"]["id"].as_str().map(str::to_owned);
        self.asked = id.or(self.asked.take());
    }
}

fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

/// A decision as a path below a request for approval, and who makes it.
fn decision(call: &str) -> Option<(String, &str)> {
    let split = call.strip_suffix(')').and_then(|call| call.rsplit_once(" ("));
    let (decision, with) = split.unwrap_or((call, ""));
    match decision {
        "approve it" => Some(("/approve".into(), with)),
        "deny it" => Some(("/deny".into(), with)),
        _ => {
            let reason = decision.strip_prefix("deny it: ")?.replace(' ', "%20");
            Some((format!("/deny?reason={reason}"), with))
        }
    }
}

/// What a line may say of the answer to a decision, and its error.
fn of_decision(reply: &Reply) -> (Vec<String>, String) {
    let body = body(reply);
    let word = body["state"].as_str().unwrap_or("refused").to_owned();
    (of_reply(word, reply), body["error"].as_str().unwrap_or_default().to_owned())
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
            (facts, body(reply)["error"]["message"].as_str().unwrap_or_default().to_owned())
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
