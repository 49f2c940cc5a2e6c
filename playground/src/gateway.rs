//! A policy in force, on which lines of calls are played one by one: those of a table,
//! which `mcp-policy test` reads too, and messages as they are sent.

mod told;

use core::fmt;
use mcp_policy_filter::exchange::Step;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::simulate::caller::admit_made_up_tokens;
use mcp_policy_filter::simulate::notation::{Ask, NotationError};
use mcp_policy_filter::simulate::stage::{self, Stage, Untrue};
use mcp_policy_filter::simulate::table::{self, Act, Facts, Line};
use mcp_policy_filter::simulate::tree::{self, Node, Tree as _, Value as Tree};
use mcp_policy_filter::simulate::words::Written;
use mcp_policy_filter::text::shown;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::findings::{MAX_POLICY, units};
use told::Told;

/// The most calls of one table, so that a page answers as one types.
pub const MAX_CALLS: u64 = 5_000;

/// A policy in force, its counts and its clock.
#[derive(Debug)]
pub struct Gateway {
    stage: Stage,
    text: String,
    tree: Node,
    made: u64,
}

/// A line that cannot be played.
struct Fault {
    /// The byte at which the fault is.
    at: usize,
    message: String,
}

impl Fault {
    fn new(message: impl fmt::Display) -> Self {
        Self { at: 0, message: message.to_string() }
    }
}

impl From<NotationError> for Fault {
    fn from(error: NotationError) -> Self {
        Self { at: error.at, message: error.to_string() }
    }
}

impl From<Box<Step>> for Fault {
    fn from(step: Box<Step>) -> Self {
        Self::new(Untrue::OutOfTurn(step))
    }
}

/// The outcome of a line.
#[derive(Default)]
struct Played {
    /// Equal answers that follow each other, each with their number.
    rounds: Vec<(Facts, u64)>,
    told: Option<Told>,
}

impl Gateway {
    /// A gateway under a policy, at midnight; nothing of a text that is none.
    pub fn open(policy: &str) -> Option<Self> {
        if policy.len() > MAX_POLICY {
            return None;
        }
        let tree = tree::read(policy).ok()?;
        let mut compiled = Policy::parse(policy.as_bytes(), "").ok()?;
        admit_made_up_tokens(&mut compiled);
        Some(Self {
            stage: Stage::under(Arc::new(compiled)),
            text: policy.to_owned(),
            tree,
            made: 0,
        })
    }

    /// The policy.
    pub fn policy(&self) -> &Policy {
        &self.stage.policy
    }

    /// The names and patterns of tools that the policy has rules for.
    pub fn tools(&self) -> Value {
        let tools = self.tree.member("tools").map(|(_, tools)| &tools.value);
        let Some(Tree::Object(members)) = tools else { return Value::Array(Vec::new()) };
        members.iter().map(|member| Value::from(&*member.key)).collect()
    }

    /// Plays a line. Its `kind` is `nothing`, `case`, `day`, `fault` or `call`. A call is
    /// `explained` by the counts that it finds the last of its times.
    pub fn play(&mut self, line: &str, explained: bool) -> Value {
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            return json!({ "kind": "nothing" });
        }
        let one_column = text.split_once(' ').filter(|_| !text.contains("  "));
        match one_column {
            Some(("case", _)) => {
                self.stage = Stage::under(Arc::clone(&self.stage.policy));
                return json!({ "kind": "case" });
            }
            Some(("day", day)) => {
                let Some(day) = stage::day(day) else {
                    let message = format!("`{day}` is not a day; write `day YYYY-MM-DD`");
                    return fault(line, &Fault::new(message));
                };
                self.stage.day = day;
                return json!({ "kind": "day" });
            }
            _ => {}
        }
        match self.read(line).and_then(|read| Ok((self.times(&read, explained)?, read))) {
            Ok((played, read)) => self.answer(&read, played),
            Err(wrong) => fault(line, &wrong),
        }
    }

    /// Reads a line of calls, or a message.
    fn read(&self, text: &str) -> Result<Line, Fault> {
        let trimmed = text.trim();
        if trimmed.starts_with(['{', '[']) {
            return self.message(text, trimmed);
        }
        let mut line = Line::parse_open(text)?;
        let columns = text.split("  ").map(str::trim).filter(|column| !column.is_empty());
        let call = columns.into_iter().find(|column| table::clock(column).is_none());
        let second = call.and_then(|call| call.split_whitespace().nth(1));
        if let Act::Ask(ask) = &mut line.act
            && !second.is_some_and(|word| word.starts_with('/'))
        {
            **ask = ask.as_ref().clone().where_mcp_is(self.policy());
        }
        Ok(line)
    }

    /// Reads a message as it is sent, with what comes with it in parentheses.
    fn message(&self, text: &str, trimmed: &str) -> Result<Line, Fault> {
        let split = trimmed.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
        let (body, with) = split.unwrap_or((trimmed, ""));
        let ask = Ask::post(body).where_mcp_is(self.policy());
        let ask = ask.with_parenthesis(with).map_err(|mut error| {
            let before = with.as_ptr().addr().saturating_sub(text.as_ptr().addr());
            error.at = error.at.saturating_add(before);
            error
        })?;
        let act = Act::Ask(Box::new(ask));
        Ok(Line { clock: None, act, times: 1, outcome: String::new(), more: Vec::new() })
    }

    /// Does all times of a line.
    fn times(&mut self, line: &Line, explained: bool) -> Result<Played, Fault> {
        self.made = self.made.saturating_add(line.times);
        if self.made > MAX_CALLS {
            self.made = MAX_CALLS;
            return Err(Fault::new(format!(
                "more than {MAX_CALLS} calls; `mcp-policy test` plays longer tables"
            )));
        }
        self.stage.clock = line.clock.unwrap_or(self.stage.clock);
        let mut played = Played::default();
        for time in 1..=line.times {
            let is_last = explained && time == line.times;
            let facts = match &line.act {
                Act::Ask(ask) => {
                    if is_last {
                        let told = self.stage.explain(ask).map_err(Box::new)?;
                        played.told = Some(Told::Request(Box::new(told)));
                    }
                    Facts::of_sent(&self.stage.send(ask).map_err(Box::new)?)
                }
                Act::Decide(decision) => {
                    let reply = self.stage.decide(decision).map_err(Fault::new)?;
                    let facts = Facts::of_decision(&reply);
                    if is_last {
                        played.told = Some(Told::Decision(Box::new(reply)));
                    }
                    facts
                }
            };
            match played.rounds.last_mut() {
                Some((last, count)) if *last == facts => *count = count.saturating_add(1),
                _ => played.rounds.push((facts, 1)),
            }
        }
        Ok(played)
    }

    /// The answer about a line that was played.
    fn answer(&self, line: &Line, played: Played) -> Value {
        let rounds = played.rounds.iter().map(|(facts, times)| {
            json!({
                "times": times,
                "outcome": facts.outcome,
                "facts": facts.more,
                "message": facts.message,
                "text": facts.to_string(),
            })
        });
        let is_stated = !line.outcome.is_empty();
        let is_met = || played.rounds.iter().all(|(facts, _)| line.is_met(facts));
        let written = Written { name: "line", text: &self.text, tree: &self.tree };
        let now = self.stage.now();
        json!({
            "kind": "call",
            "rounds": rounds.collect::<Vec<_>>(),
            "expected": is_stated.then(|| line.to_string()),
            "met": is_stated.then(is_met),
            "told": played.told.map(|told| told.json(self.policy(), written, now)),
        })
    }
}

fn fault(line: &str, fault: &Fault) -> Value {
    json!({ "kind": "fault", "at": units(line, fault.at), "message": shown(&fault.message) })
}
