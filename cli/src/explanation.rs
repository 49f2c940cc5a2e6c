//! The explanation of a request in words: why it goes on or not, step by step, and what
//! to change. `explain` prints it, and `test` beneath a case that failed.
//!
//! Values of the call are in it, as the one who typed the call knows them, and no token.

mod asked;
mod json;
mod limits;
mod place;
mod remedy;
mod rules;

use crate::document::Node;
use crate::failure::Failure;
use crate::finding::Source;
use crate::output::shown;
use mcp_policy_filter::exchange::record::Decision;
use mcp_policy_filter::exchange::reply::Reply;
use mcp_policy_filter::limits::Store;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::policy::explain::Explanation;
use mcp_policy_filter::policy::{Policy, Reason};
use mcp_policy_filter::simulate::explain::{Explaining, Explanations, Treatment};
use mcp_policy_filter::simulate::notation::Ask;
use mcp_policy_filter::simulate::{Host, Outcome, Recorded};
use mcp_policy_filter::text::start;

pub(crate) use json::json;

/// The most bytes of a text from outside that are shown on one line.
const MAX_SHOWN: usize = 120;

/// A policy as its author wrote it, for the places of its rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'a> {
    /// The file.
    pub(crate) source: &'a Source,
    /// The policy in it.
    pub(crate) node: &'a Node,
}

/// The end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It went on to the server, or was served by the filter.
    WentOn,
    /// It was refused.
    Refused,
}

/// Takes a request apart, by the counts that are in the store, which are not changed.
///
/// # Errors
/// The gateway in memory lost its way, which is a fault of this program.
pub(crate) fn explain(
    policy: &Policy,
    store: &impl Store,
    ask: &Ask,
    now: Nanos,
) -> Result<Explanations, Failure> {
    let host = Host { policy, store, now };
    ask.explain(&host).map_err(|step| {
        Failure::new(format!("the gateway in memory took a step out of turn: {step:?}"))
    })
}

/// The end of a request that was taken apart.
pub(crate) fn end(told: &Explanations) -> End {
    match told.outcome {
        Outcome::Refused(_) => End::Refused,
        Outcome::WentOn(_) | Outcome::Served(_) => End::WentOn,
    }
}

/// The lines about a request that was taken apart. None holds a character that disturbs
/// a terminal.
pub(crate) fn text(policy: &Policy, written: Written<'_>, told: &Explanations) -> Vec<String> {
    let mut lines = vec![verdict(told)];
    let calls: Vec<&Explaining> = told.messages.iter().collect();
    let first = told.explanation();
    if let Some(record) = told.record() {
        let place = place::of_rule(written, &record.rule, first);
        let place = place.map(|place| format!(", at {place}")).unwrap_or_default();
        lines.push(format!("  rule: {}{place}", cut(&record.rule)));
        lines.extend(record.message.as_ref().map(|message| format!("  message: {}", cut(message))));
    }
    lines.extend(remedy::of(told, first).map(|remedy| format!("  to change it: {remedy}")));
    let caller = rules::caller(policy, told);
    if !caller.is_empty() {
        lines.push(String::new());
        lines.extend(caller);
    }
    let many = calls.len() > 1;
    for (index, message) in calls.iter().enumerate() {
        if many {
            let number = index.saturating_add(1);
            lines.push(String::new());
            lines.push(format!("message {number} of {}: {}", calls.len(), subject(message)));
        }
        if let Some(explanation) = message.explanation() {
            lines.extend(of_call(written, explanation));
        }
    }
    lines.push(String::new());
    lines.extend(answer(told));
    lines
}

fn of_call(written: Written<'_>, explanation: &Explanation) -> Vec<String> {
    let mut lines = rules::rules(explanation);
    lines.extend(rules::entries(explanation));
    if explanation.rules.denied.is_some() {
        return lines;
    }
    lines.extend(asked::questions(written, explanation));
    lines.extend(limits::approval(explanation));
    lines.extend(limits::limits(explanation));
    lines.extend(asked::shadow(explanation));
    lines
}

/// The first line: the outcome with its reason, and the subject.
fn verdict(told: &Explanations) -> String {
    let why = |record: &Recorded| record.reason.map_or("allowed", Reason::as_str);
    let outcome = match (&told.outcome, told.treatment) {
        (Outcome::Served(served), _) => format!("SERVED by the filter itself ({})", served.what),
        (Outcome::Refused(refusal), _) => {
            let word = if refusal.reason.is_by_rule() { "DENIED" } else { "REFUSED" };
            format!("{word} ({})", why(&refusal.record))
        }
        (Outcome::WentOn(_), Treatment::Exempt) => {
            "PASSES (its path is exempt, by /settings/exempt_paths)".into()
        }
        (Outcome::WentOn(_), Treatment::Bodyless) => {
            "PASSES (a request of this method carries no message, so no rule is asked)".into()
        }
        (Outcome::WentOn(_), _) => match told.record() {
            Some(record) if record.decision == Decision::Shadow => {
                format!("PASSES in shadow mode (else {})", why(record))
            }
            Some(_) => "ALLOWED".into(),
            None => "PASSES (not a call of a tool; its method is listed)".into(),
        },
    };
    match &*told.messages {
        [] => outcome,
        [one] => format!("{outcome}: {}", subject(one)),
        many => format!("{outcome}: a batch of {} messages", many.len()),
    }
}

/// A message in a few words.
fn subject(message: &Explaining) -> String {
    match message {
        Explaining::Call { tool, arguments, .. } => match arguments {
            Some(arguments) => format!("{} {}", cut(tool), cut_to(arguments, 60)),
            None => cut(tool),
        },
        Explaining::Offer { method, name, .. } => format!("{} {}", cut(method), cut(name)),
        Explaining::Other { method, silent: false, .. } => cut(method),
        Explaining::Other { method, silent: true, .. } => format!("{} without an id", cut(method)),
        Explaining::Response => "an answer to the server".into(),
    }
}

/// The answer as the client gets it, and the records.
fn answer(told: &Explanations) -> Vec<String> {
    let mut lines = Vec::new();
    match &told.outcome {
        Outcome::WentOn(_) => lines.push("answer: the server's".into()),
        Outcome::Refused(refusal) => lines.extend(reply(&refusal.reply)),
        Outcome::Served(served) => lines.extend(reply(&served.reply)),
    }
    for line in &told.lines {
        lines.push("record:".into());
        lines.push(format!("  {}", shown(line)));
    }
    lines
}

fn reply(reply: &Reply) -> Vec<String> {
    let headers = reply.fields().into_iter().filter(|(name, _)| *name != "content-type");
    let headers: String =
        headers.map(|(name, value)| format!(", {name}: {}", shown(&value))).collect();
    let mut lines = vec![format!("answer: HTTP {}{headers}", reply.status)];
    if !reply.body.is_empty() {
        lines.push(format!("  {}", shown(&String::from_utf8_lossy(&reply.body))));
    }
    lines
}

/// A text from outside, on one line and not too long.
fn cut(text: &str) -> String {
    cut_to(text, MAX_SHOWN)
}

fn cut_to(text: &str, bytes: usize) -> String {
    let begins = start(text, bytes);
    let more = if begins.len() < text.len() { "…" } else { "" };
    format!("{}{more}", shown(begins))
}
