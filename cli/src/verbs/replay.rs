//! `replay`: recorded traffic through a policy, and the decisions that change.
//!
//! The core decides, with the counters that it has in Envoy, at the times that the log
//! has. A record holds no values of arguments, except for those that a policy names, so
//! some calls cannot be judged of it: those are listed and never guessed. What is
//! unknown about one call's charge stays unknown for the calls that share its counter.

mod call;
mod cassette;
mod changes;
mod counts;
mod doubt;
mod engine;
mod evidence;
mod order;
mod print;
mod traffic;

use crate::failure::Failure;
use crate::log::lines::{self, Counts};
use crate::output::{Format, heard};
use crate::{Outcome, policy};
use call::Call;
use changes::Changes;
use engine::Engine;
use order::Order;
use traffic::{Missed, Traffic};

/// The arguments of `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  mcp-policy replay new.json access.log
  mcp-policy replay new.json --against old.json access.log.1.gz access.log
  mcp-policy replay policy.json session.cassette.jsonl

Exit status: 0 no decision changes, 1 some do, 2 it could not run.")]
pub(crate) struct Arguments {
    /// The policy, in JSON or YAML
    #[arg(value_name = "POLICY")]
    policy: String,
    /// Access logs with records, records or JSON-RPC requests as JSON Lines, cassettes of
    /// mcp-recorder and mcp-cassette, also compressed by gzip; `-` is standard input
    #[arg(required = true, value_name = "LOG")]
    logs: Vec<String>,
    /// Compare with the decisions of this policy, and not with those in the log
    #[arg(long, value_name = "OLD")]
    against: Option<String>,
    /// Take recorded values that read as JSON for JSON, and never for a text
    #[arg(long)]
    json_values: bool,
    /// Fail also if a call cannot be judged
    #[arg(long)]
    strict: bool,
    /// Show at most this many lines of each table
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// The form of the result
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
}

/// The result of a replay.
#[derive(Debug)]
struct Replayed {
    counts: Counts,
    missed: Missed,
    order: Order,
    changes: Changes,
    /// Whether the log's own decisions are compared with.
    is_by_log: bool,
}

/// A policy, and the one that it is compared with.
struct Replay {
    engine: Engine,
    against: Option<Engine>,
    changes: Changes,
}

impl Replay {
    fn judge(&mut self, call: &Call) {
        let before = self.against.as_mut().map(|engine| engine.judge(call));
        let now = self.engine.judge(call);
        self.changes.add(call, before, now);
    }
}

/// Replays the logs and prints what changes.
///
/// # Errors
/// A policy's file or a log cannot be read, or no line has a call.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let against = arguments.against.as_deref().map(policy::load).transpose()?;
    let is_by_log = against.is_none();
    let (engine, against) = match (policy::load(&arguments.policy)?, against.transpose()) {
        (Ok(new), Ok(old)) => (Engine::new(new.policy), old.map(|old| Engine::new(old.policy))),
        (new, old) => {
            let errors = [new.err(), old.err()].into_iter().flatten().flatten();
            return policy::refuse(&errors.collect::<Vec<_>>());
        }
    };
    let mut replay = Replay { engine, against, changes: Changes::default() };
    let mut traffic = Traffic::new(arguments.json_values);
    let mut order = Order::default();
    let mut take = |call| {
        if let Some(call) = order.push(call) {
            replay.judge(&call);
        }
    };
    let counts = lines::each(&arguments.logs, |line| {
        traffic.line(&line, &mut take);
        Ok(())
    })?;
    traffic.end(&mut take);
    while let Some(call) = order.pop() {
        replay.judge(&call);
    }
    let missed = traffic.missed;
    let Replay { changes, .. } = replay;
    let replayed = Replayed { counts, missed, order, changes, is_by_log };
    if counts.lines > 0 && replayed.changes.calls == 0 {
        return Err(Failure::new(format!(
            "none of {} lines has a call; an access log needs \
             %FILTER_STATE(wasm.mcp_audit:PLAIN)% in its format",
            counts.lines
        )));
    }
    heard(match arguments.format {
        Format::Text => print::text(&replayed, arguments.top),
        Format::Json => print::json(&replayed, arguments.top),
    })?;
    let Changes { changed, unknown, .. } = &replayed.changes;
    let fails = changed.all > 0 || (arguments.strict && unknown.all > 0);
    Ok(if fails { Outcome::Findings } else { Outcome::Clean })
}
