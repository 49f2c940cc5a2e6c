//! The decisions that change, and the calls that cannot be judged, counted by what they
//! have in common.

use super::call::{Call, Was, Word};
use super::engine::{Decided, Judged};
use crate::log::moment;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::text::start;
use std::collections::HashMap;
use std::hash::Hash;

/// The most rows that one table keeps.
pub(super) const MAX_ROWS: usize = 20_000;
/// The most bytes of a text that is kept.
const MAX_TEXT: usize = 512;

/// The outcome of a replay.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Calls, and other requests.
    pub(super) calls: u64,
    /// Those whose decision is the same.
    pub(super) same: u64,
    /// Those that are denied by another rule.
    pub(super) by_another_rule: u64,
    /// Those that are decided otherwise.
    pub(super) changed: Table<Change>,
    /// Those that cannot be judged.
    pub(super) unknown: Table<Lack>,
    span: Option<(Nanos, Nanos)>,
}

/// Counts by key.
#[derive(Debug)]
pub(super) struct Table<K> {
    rows: HashMap<K, Row>,
    /// All of them.
    pub(super) all: u64,
    /// Those in no row.
    pub(super) others: u64,
}

/// One count.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// The count.
    pub(super) calls: u64,
    /// The message of the last new decision.
    pub(super) message: String,
}

/// A decision that changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Change {
    pub(super) tool: String,
    pub(super) caller: String,
    pub(super) was: (Word, String, String),
    pub(super) is: (Word, String, String),
}

/// Something that a rule depends on and that the log does not tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Lack {
    pub(super) tool: String,
    pub(super) rule: String,
    pub(super) what: String,
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self { rows: HashMap::new(), all: 0, others: 0 }
    }
}

impl Changes {
    /// Counts a call by its decision of before and the one of the policy.
    pub(super) fn add(&mut self, call: &Call, before: Option<Judged>, now: Judged) {
        self.calls = self.calls.saturating_add(1);
        let (first, last) = self.span.unwrap_or((call.time, call.time));
        self.span = Some((first.min(call.time), last.max(call.time)));
        let was = match before {
            Some(Judged::Decided(Decided { word, reason, rule, .. })) => {
                Was { word, reason: reason.into(), rule, was_approved: false }
            }
            Some(Judged::Unknown { rule, what }) => {
                self.lack(call, rule, what);
                return;
            }
            // Traffic that nothing judged went on.
            None => call.was.clone().unwrap_or(Was {
                word: Word::Allowed,
                reason: String::new(),
                rule: String::new(),
                was_approved: false,
            }),
        };
        let Decided { word, reason, rule, message } = match now {
            Judged::Decided(decided) => decided,
            Judged::Unknown { rule, what } => {
                self.lack(call, rule, what);
                return;
            }
        };
        if word == was.word {
            self.same = self.same.saturating_add(1);
            if word != Word::Allowed && rule != was.rule {
                self.by_another_rule = self.by_another_rule.saturating_add(1);
            }
            return;
        }
        let change = Change {
            tool: cut(&call.tool),
            caller: cut(call.caller.as_deref().unwrap_or_default()),
            was: (was.word, cut(&was.reason), cut(&was.rule)),
            is: (word, reason.into(), cut(&rule)),
        };
        self.changed.add(change, &message);
    }

    fn lack(&mut self, call: &Call, rule: String, what: String) {
        self.unknown.add(Lack { tool: cut(&call.tool), rule, what }, "");
    }

    /// The first and the last moment, as they are written.
    pub(super) fn span(&self) -> Option<(String, String)> {
        // Without any time, calls are judged in 1970.
        let (first, last) = self.span.filter(|(first, _)| first.0 > 0)?;
        Some((moment::written(first), moment::written(last)))
    }
}

impl<K: Clone + Eq + Hash + Ord> Table<K> {
    fn add(&mut self, key: K, message: &str) {
        self.all = self.all.saturating_add(1);
        if self.rows.len() >= MAX_ROWS && !self.rows.contains_key(&key) {
            self.others = self.others.saturating_add(1);
            return;
        }
        let row = self.rows.entry(key).or_default();
        row.calls = row.calls.saturating_add(1);
        if row.message != message {
            row.message = cut(message);
        }
    }

    /// The rows, the most frequent first.
    pub(super) fn sorted(&self) -> Vec<(&K, &Row)> {
        let mut rows: Vec<(&K, &Row)> = self.rows.iter().collect();
        rows.sort_by(|(a, one), (b, other)| other.calls.cmp(&one.calls).then(a.cmp(b)));
        rows
    }
}

fn cut(text: &str) -> String {
    start(text, MAX_TEXT).to_owned()
}
