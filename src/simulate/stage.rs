//! A policy in force, on which calls are played one after the other: counters in
//! memory, a clock that the calls set, the approvals that they ask for.

use crate::exchange;
use crate::exchange::record::Decision as Decided;
use crate::exchange::reply::Reply;
use crate::limits::MemoryStore;
use crate::limits::window::Nanos;
use crate::policy::Policy;
use crate::policy::document::{self, Findings};
use crate::simulate::explain::Explanations;
use crate::simulate::notation::Ask;
use crate::simulate::table::{Act, Decision, Facts, Line};
use crate::simulate::{Host, Outcome, Refused, Sent};
use core::fmt;
use serde_json::Value;
use std::sync::Arc;

/// The midnight at which the clock begins, in seconds since 1970.
pub const MIDNIGHT: u64 = 20_000 * 86_400;

/// A policy in force, and everything that was counted under it.
#[derive(Debug)]
pub struct Stage {
    /// The policy.
    pub policy: Arc<Policy>,
    /// The counters.
    pub store: MemoryStore,
    /// The day, in seconds since 1970.
    pub day: u64,
    /// Seconds after midnight.
    pub clock: u64,
    /// The request for approval that an answer named last.
    asked: Option<String>,
}

/// The reason why a line is not true.
#[derive(Debug)]
pub enum Untrue {
    /// The answer is another one, the first time or later.
    Differs {
        /// The number of this time, from 1.
        time: u64,
        /// The answer.
        found: Box<Facts>,
    },
    /// A decision about approvals, of which the policy has none.
    NoApprovals,
    /// A decision before any call asked for approval.
    NothingAsked,
    /// A decision that was not answered by the filter.
    NotServed,
    /// A fault of the core.
    OutOfTurn(Box<exchange::Step>),
}

impl fmt::Display for Untrue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { time: 1, found } => write!(f, "found {found}"),
            Self::Differs { time, found } => write!(f, "found {found}, at time {time}"),
            Self::NoApprovals => f.write_str("the policy has no path for approvers"),
            Self::NothingAsked => f.write_str("no call above asked for approval"),
            Self::NotServed => f.write_str("the decision was not answered by the filter"),
            Self::OutOfTurn(step) => write!(f, "a step came out of turn: {step:?}"),
        }
    }
}

impl core::error::Error for Untrue {}

impl Stage {
    /// A stage under the policy of this text, at midnight.
    ///
    /// # Errors
    /// The errors of the policy, for its author.
    pub fn new(policy: &str) -> Result<Self, Findings> {
        Ok(Self::under(Arc::new(Policy::parse(policy.as_bytes(), "")?)))
    }

    /// A stage under a policy, at midnight.
    pub fn under(policy: Arc<Policy>) -> Self {
        Self { policy, store: MemoryStore::default(), day: MIDNIGHT, clock: 0, asked: None }
    }

    /// The present moment.
    pub const fn now(&self) -> Nanos {
        Nanos(self.day.saturating_add(self.clock).saturating_mul(1_000_000_000))
    }

    /// The host of its exchanges.
    pub fn host(&self) -> Host<'_, MemoryStore> {
        Host { policy: &self.policy, store: &self.store, now: self.now() }
    }

    /// The request for approval that an answer named last.
    pub fn asked(&self) -> Option<&str> {
        self.asked.as_deref()
    }

    /// Sends a request, and keeps the request for approval that its answer names.
    ///
    /// # Errors
    /// See [`Host::send`].
    pub fn send(&mut self, ask: &Ask) -> Result<Sent, exchange::Step> {
        let sent = match self.named(&ask.path) {
            Some(path) => ask.clone().at(&path).send(&self.host())?,
            None => ask.send(&self.host())?,
        };
        if let Outcome::Refused(refusal) = &sent.outcome {
            let id = text_in(&refusal.reply, "/error/data/approval/id");
            self.asked = id.or(self.asked.take());
        }
        Ok(sent)
    }

    /// Takes a request apart by the counts that it would find; nothing is counted.
    ///
    /// # Errors
    /// See [`Host::send`].
    pub fn explain(&self, ask: &Ask) -> Result<Explanations, exchange::Step> {
        match self.named(&ask.path) {
            Some(path) => ask.clone().at(&path).explain(&self.host()),
            None => ask.explain(&self.host()),
        }
    }

    /// A path in which `ID` is the request for approval that was named last.
    fn named(&self, path: &str) -> Option<String> {
        let (before, after) = path.split_once("/ID")?;
        let is_whole = after.is_empty() || after.starts_with(['/', '?']);
        is_whole.then(|| format!("{before}/{}{after}", self.asked().unwrap_or_default()))
    }

    /// The answer to a decision about the request that was named last, as a person makes
    /// it who has seen it, at the address that agents are shown.
    ///
    /// # Errors
    /// There is no such request, or nobody can decide about it.
    pub fn decide(&mut self, decision: &Decision) -> Result<Reply, Untrue> {
        let approvals = self.policy.approvals.as_ref().ok_or(Untrue::NoApprovals)?;
        let path = approvals.path.as_ref().ok_or(Untrue::NoApprovals)?.as_str();
        let path = format!("{path}/{}", self.asked().ok_or(Untrue::NothingAsked)?);
        let host = approvals.url.as_deref().and_then(|url| url.split('/').nth(2));
        let by = match host {
            // A decision at another host than that of `url` is refused.
            Some(host) => decision.by.clone().with(":authority", host),
            None => decision.by.clone(),
        };
        let shown = self.served(&Ask { method: "GET".into(), ..by.clone().at(&path) })?;
        let digest = shown.and_then(|reply| text_in(&reply, "/digest"));
        let digest = digest.unwrap_or_else(|| "0".repeat(64));
        let ask = by.at(&format!("{path}{}", decision.below));
        let ask = ask.with("mcp-approval-digest", &digest);
        self.served(&ask)?.ok_or(Untrue::NotServed)
    }

    /// The filter's own answer to a request, if it has one.
    fn served(&mut self, ask: &Ask) -> Result<Option<Reply>, Untrue> {
        match self.send(ask).map_err(|step| Untrue::OutOfTurn(Box::new(step)))?.outcome {
            Outcome::Served(served) => Ok(Some(served.reply)),
            _ => Ok(None),
        }
    }

    /// Does once as a line says.
    ///
    /// # Errors
    /// It cannot be done.
    pub fn act(&mut self, act: &Act) -> Result<(Facts, Option<Sent>), Untrue> {
        match act {
            Act::Ask(ask) => {
                let sent = self.send(ask).map_err(|step| Untrue::OutOfTurn(Box::new(step)))?;
                Ok((Facts::of_sent(&sent), Some(sent)))
            }
            Act::Decide(decision) => Ok((Facts::of_decision(&self.decide(decision)?), None)),
        }
    }

    /// Plays one line of a table.
    ///
    /// # Errors
    /// It is not true.
    pub fn play(&mut self, line: &Line) -> Result<(), Untrue> {
        self.clock = line.clock.unwrap_or(self.clock);
        for time in 1..=line.times {
            let (found, _) = self.act(&line.act)?;
            if !line.is_met(&found) {
                return Err(Untrue::Differs { time, found: Box::new(found) });
            }
        }
        Ok(())
    }
}

/// A moment of the day on which the clock begins.
pub const fn moment(clock: u64) -> Nanos {
    Nanos(MIDNIGHT.saturating_add(clock).saturating_mul(1_000_000_000))
}

/// A day, `2026-03-01`, in seconds since 1970.
pub fn day(text: &str) -> Option<u64> {
    let Nanos(moment) = document::moment_of(&format!("{text}T00:00:00Z"))?;
    moment.checked_div(1_000_000_000)
}

/// The body of an answer; null where it is not JSON.
pub fn body(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or_default()
}

/// A text in the body of an answer, by its JSON pointer.
fn text_in(reply: &Reply, pointer: &str) -> Option<String> {
    body(reply).pointer(pointer)?.as_str().map(str::to_owned)
}

impl Facts {
    /// The facts about an answer to a request.
    pub fn of_sent(sent: &Sent) -> Self {
        match &sent.outcome {
            Outcome::WentOn(records) => {
                let Some(record) = records.first() else {
                    return Self { outcome: "allowed".into(), ..Self::default() };
                };
                let shadow = record.decision == Decided::Shadow;
                let outcome = if shadow { "shadow" } else { "allowed" };
                let reason = record.reason.map(|reason| reason.to_string());
                let more = [record.rule.clone()].into_iter().chain(reason).collect();
                Self { outcome: outcome.into(), more, message: String::new() }
            }
            Outcome::Refused(refusal) => Self::of_refusal(refusal),
            Outcome::Served(served) => Self::of_reply("served", &served.reply),
        }
    }

    /// The facts about a refusal.
    fn of_refusal(refusal: &Refused) -> Self {
        let reply = &refusal.reply;
        let mut facts = Self::of_reply(refusal.reason.as_str(), reply);
        facts.more.insert(0, refusal.record.rule.clone());
        facts.more.extend(reply.retry_after.map(|seconds| format!("again in {seconds} s")));
        facts.message = text_in(reply, "/error/message").unwrap_or_default();
        facts
    }

    /// The facts about the answer to a decision, and its error.
    pub fn of_decision(reply: &Reply) -> Self {
        let outcome = text_in(reply, "/state").unwrap_or_else(|| "refused".into());
        let message = text_in(reply, "/error").unwrap_or_default();
        Self { message, ..Self::of_reply(&outcome, reply) }
    }

    /// The facts about the filter's own answer.
    fn of_reply(outcome: &str, reply: &Reply) -> Self {
        let headers = reply.fields().into_iter().map(|(name, value)| format!("{name}: {value}"));
        let more = [format!("HTTP {}", reply.status)].into_iter().chain(headers).collect();
        Self { outcome: outcome.into(), more, message: String::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_comes_by_the_address_that_agents_are_shown() {
        let policy = r#"{"version": "1", "default": "deny", "identity": [{"header": "x-id"}],
            "tools": {"pay": {"action": "require_approval"}},
            "settings": {"paths": ["/mcp"], "approvals": {"path": "/approvals",
                         "url": "https://gateway.example.com:8443/approvals", "approvers": ["boss"]}}}"#;
        let mut stage = Stage::new(policy).unwrap();
        for line in [
            "pay (x-id: a)  approval_required",
            "approve it (x-id: boss)  approved",
            "pay (x-id: a)  allowed",
        ] {
            let played = stage.play(&Line::parse(line).unwrap());
            assert!(played.is_ok(), "{line}: {played:?}");
        }
    }
}
