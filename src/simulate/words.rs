//! A request taken apart, in words and as JSON: why it goes on or not, step by step, and
//! what to change. The command prints them, and the playground shows them.
//!
//! Values of the call are in it, as the one who typed the call knows them, and no token.

mod asked;
mod json;
mod limits;
mod place;
mod remedy;
mod rules;

pub use json::{decision, json};
pub use place::Written;

use crate::exchange::record::Decision;
use crate::exchange::reply::Reply;
use crate::policy::explain::Explanation;
use crate::policy::{Policy, Reason};
use crate::simulate::explain::{Explaining, Explanations, Treatment};
use crate::simulate::tree::Tree;
use crate::simulate::{Outcome, Recorded};
use crate::text::{shown, start};

/// The most bytes of a text from outside that are shown on one line.
const MAX_SHOWN: usize = 120;

/// The end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It went on to the server, or was served by the filter.
    WentOn,
    /// It was refused.
    Refused,
}

/// The end of a request that was taken apart.
pub fn end(told: &Explanations) -> End {
    match told.outcome {
        Outcome::Refused(_) => End::Refused,
        Outcome::WentOn(_) | Outcome::Served(_) => End::WentOn,
    }
}

/// The lines about a request that was taken apart. None holds a character that disturbs
/// a terminal.
pub fn text(policy: &Policy, written: Written<'_, impl Tree>, told: &Explanations) -> Vec<String> {
    let mut lines = vec![verdict(told)];
    if let Some(record) = told.record() {
        let place = written.of_rule(&record.rule, told.explanation());
        let place = place.map(|place| format!(", at {}", written.at(&place))).unwrap_or_default();
        lines.push(format!("  rule: {}{place}", cut(&record.rule)));
        lines.extend(record.message.as_ref().map(|message| format!("  message: {}", cut(message))));
    }
    lines.extend(remedy(told).map(|remedy| format!("  to change it: {remedy}")));
    lines.extend(steps(policy, written, told));
    lines.push(String::new());
    lines.extend(answer(told));
    lines
}

/// One sentence about what to change.
pub fn remedy(told: &Explanations) -> Option<String> {
    remedy::of(told, told.explanation())
}

/// The lines about the steps to the decision, with an empty one before each part.
pub fn steps(policy: &Policy, written: Written<'_, impl Tree>, told: &Explanations) -> Vec<String> {
    let mut lines = Vec::new();
    let calls: Vec<&Explaining> = told.messages.iter().collect();
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
    lines
}

fn of_call(written: Written<'_, impl Tree>, explanation: &Explanation) -> Vec<String> {
    let mut lines = rules::rules(explanation);
    lines.extend(rules::entries(explanation));
    if explanation.rules.denied.is_some() {
        return lines;
    }
    lines.extend(asked::questions(written, explanation));
    lines.extend(limits::approval(explanation));
    lines.extend(limits::limits(explanation));
    lines.extend(asked::shadow(explanation));
    lines.extend(limits::result(explanation));
    lines
}

/// The first line: the outcome with its reason, and the subject.
pub fn verdict(told: &Explanations) -> String {
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
