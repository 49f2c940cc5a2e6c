//! The counts of a report. Tools, rules and callers come from a log that may hold any
//! number of them, so that many are kept as memory allows and the rest is counted.

use crate::log::find::Miss;
use crate::log::lines::Counts;
use crate::log::moment;
use crate::log::record::{Record, Text};
use mcp_policy_filter::limits::window::Nanos;
use std::collections::{BTreeSet, HashMap};

/// The most rows that one table keeps.
pub(super) const MAX_ROWS: usize = 20_000;
/// The most bytes of a text that is kept.
const MAX_TEXT: usize = 512;
/// The most policies that are named.
const MAX_POLICIES: usize = 16;

/// The counts of a report.
#[derive(Debug)]
pub(super) struct Tally {
    since: Option<Nanos>,
    until: Option<Nanos>,
    /// The lines that were read.
    pub(super) counts: Counts,
    /// Lines without a record.
    pub(super) without: u64,
    /// Lines with one that cannot be read.
    pub(super) broken: u64,
    /// Lines with several.
    pub(super) several: u64,
    /// Records, of any time.
    pub(super) records: u64,
    /// Records out of the time that was asked for.
    pub(super) out_of_time: u64,
    /// Records without a time, where one was asked for.
    pub(super) untimed: u64,
    /// Calls that were allowed.
    pub(super) allowed: u64,
    /// Decisions of approvers, and refused attempts at one.
    pub(super) of_approvers: u64,
    /// Calls that the policy denies and shadow mode let pass.
    pub(super) shadow: Table,
    /// Rules in shadow that calls did not pass.
    pub(super) beside: Table,
    /// Requests that were refused.
    pub(super) denied: Table,
    /// Limits, by rule and caller.
    pub(super) limits: Limits,
    /// The first and the last moment.
    pub(super) span: Option<(Nanos, Nanos)>,
    /// The policies in force.
    pub(super) policies: BTreeSet<String>,
    /// Whether there were more of them.
    pub(super) more_policies: bool,
    key: String,
}

/// Counts of denials.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: HashMap<Box<str>, Row>,
    /// All of them.
    pub(super) all: u64,
    /// Those in no row.
    pub(super) others: u64,
}

/// The denials of one tool by one rule to one caller.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The tool, or the method; empty for neither.
    pub(super) tool: String,
    /// The rule.
    pub(super) rule: String,
    /// The reason.
    pub(super) reason: String,
    /// The caller; empty where none is known.
    pub(super) caller: String,
    /// The number of them.
    pub(super) calls: u64,
    /// The message of the last.
    pub(super) message: String,
    /// The first and the last moment.
    pub(super) span: Option<(Nanos, Nanos)>,
}

/// Rests of limits.
#[derive(Debug, Default)]
pub(super) struct Limits {
    rows: HashMap<Box<str>, Limit>,
    /// Charges and refusals in no row.
    pub(super) others: u64,
}

/// One limit of one caller.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    /// The limit.
    pub(super) rule: String,
    /// The caller; empty where none is known.
    pub(super) caller: String,
    /// Calls that were charged.
    pub(super) charged: u64,
    /// The least rest after a charge, and the most; none where every call found it full.
    pub(super) left: Option<(f64, f64)>,
    /// Calls that found it full.
    pub(super) full: u64,
}

impl Tally {
    /// Counts of what was decided from one moment until another.
    pub(super) fn new(since: Option<Nanos>, until: Option<Nanos>) -> Self {
        Self {
            since,
            until,
            counts: Counts::default(),
            without: 0,
            broken: 0,
            several: 0,
            records: 0,
            out_of_time: 0,
            untimed: 0,
            allowed: 0,
            of_approvers: 0,
            shadow: Table::default(),
            beside: Table::default(),
            denied: Table::default(),
            limits: Limits::default(),
            span: None,
            policies: BTreeSet::new(),
            more_policies: false,
            key: String::new(),
        }
    }

    /// Counts a line that has no record.
    pub(super) fn miss(&mut self, miss: Miss) {
        let count = match miss {
            Miss::None => &mut self.without,
            Miss::Broken => &mut self.broken,
            Miss::Several => &mut self.several,
        };
        add(count);
    }

    /// Counts the records of a line.
    pub(super) fn add(&mut self, records: &[Record<'_>]) {
        records.iter().for_each(|record| self.record(record));
    }

    fn record(&mut self, record: &Record<'_>) {
        add(&mut self.records);
        let time = record.time.as_deref().and_then(moment::parse);
        match time {
            None if self.since.is_some() || self.until.is_some() => {
                add(&mut self.untimed);
                return;
            }
            Some(time)
                if self.since.is_some_and(|since| time < since)
                    || self.until.is_some_and(|until| time >= until) =>
            {
                add(&mut self.out_of_time);
                return;
            }
            _ => {}
        }
        widen(&mut self.span, time);
        if let Some(policy) = &record.policy
            && !self.policies.contains(&**policy)
        {
            if self.policies.len() < MAX_POLICIES {
                self.policies.insert(cut(policy));
            } else {
                self.more_policies = true;
            }
        }
        if record.is_of_approver() {
            add(&mut self.of_approvers);
            return;
        }
        let caller = text(&record.grant);
        let about = |rule, reason| Denial { record, rule, reason, time };
        let (rule, reason) = (text(&record.rule), text(&record.reason));
        let is_full = reason == "rate_limited";
        match &*record.decision {
            "allowed" => add(&mut self.allowed),
            "shadow" => self.shadow.add(&mut self.key, &about(rule, reason)),
            _ => self.denied.add(&mut self.key, &about(rule, reason)),
        }
        if is_full {
            self.limits.add(&mut self.key, rule, caller, None);
        }
        for beside in &record.shadow {
            self.beside.add(&mut self.key, &about(&beside.rule, &beside.reason));
            if &*beside.reason == "rate_limited" {
                self.limits.add(&mut self.key, &beside.rule, caller, None);
            }
        }
        for limit in &record.limits {
            self.limits.add(&mut self.key, &limit.rule, caller, Some(limit.left));
        }
    }
}

/// One denial of a record.
struct Denial<'a> {
    record: &'a Record<'a>,
    rule: &'a str,
    reason: &'a str,
    time: Option<Nanos>,
}

impl Table {
    fn add(&mut self, key: &mut String, denial: &Denial<'_>) {
        let Denial { record, rule, reason, time } = *denial;
        add(&mut self.all);
        let tool = record.tool.as_deref().or(record.method.as_deref()).unwrap_or_default();
        let caller = text(&record.grant);
        key.clear();
        key.extend([tool, "\0", rule, "\0", reason, "\0", caller]);
        // The text of another denial is none of a rule in shadow.
        let message = if rule == text(&record.rule) { text(&record.message) } else { "" };
        if let Some(row) = self.rows.get_mut(key.as_str()) {
            add(&mut row.calls);
            widen(&mut row.span, time);
            if row.message != message {
                row.message = cut(message);
            }
        } else if self.rows.len() < MAX_ROWS {
            let row = Row {
                tool: cut(tool),
                rule: cut(rule),
                reason: cut(reason),
                caller: cut(caller),
                calls: 1,
                message: cut(message),
                span: time.map(|time| (time, time)),
            };
            self.rows.insert(key.as_str().into(), row);
        } else {
            add(&mut self.others);
        }
    }

    /// The rows, the most frequent first.
    pub(super) fn sorted(&self) -> Vec<&Row> {
        let mut rows: Vec<&Row> = self.rows.values().collect();
        rows.sort_by(|a, b| {
            let names = |row: &Row| (row.tool.clone(), row.rule.clone(), row.caller.clone());
            b.calls.cmp(&a.calls).then_with(|| names(a).cmp(&names(b)))
        });
        rows
    }
}

impl Limits {
    fn add(&mut self, key: &mut String, rule: &str, caller: &str, left: Option<f64>) {
        key.clear();
        key.extend([rule, "\0", caller]);
        if !self.rows.contains_key(key.as_str()) {
            if self.rows.len() == MAX_ROWS {
                add(&mut self.others);
                return;
            }
            let (rule, caller) = (cut(rule), cut(caller));
            let row = Limit { rule, caller, charged: 0, left: None, full: 0 };
            self.rows.insert(key.as_str().into(), row);
        }
        let Some(row) = self.rows.get_mut(key.as_str()) else { return };
        match left {
            None => add(&mut row.full),
            Some(left) => {
                add(&mut row.charged);
                let (least, most) = row.left.unwrap_or((left, left));
                row.left = Some((least.min(left), most.max(left)));
            }
        }
    }

    /// The rows, those that callers come nearest to first: that were full most often,
    /// then those with the least rest.
    pub(super) fn sorted(&self) -> Vec<&Limit> {
        let mut rows: Vec<&Limit> = self.rows.values().collect();
        let least = |row: &Limit| row.left.map_or(f64::INFINITY, |(least, _)| least);
        rows.sort_by(|a, b| {
            let names = |row: &Limit| (row.rule.clone(), row.caller.clone());
            let near = b.full.cmp(&a.full).then(least(a).total_cmp(&least(b)));
            near.then(b.charged.cmp(&a.charged)).then_with(|| names(a).cmp(&names(b)))
        });
        rows
    }
}

fn add(count: &mut u64) {
    *count = count.saturating_add(1);
}

fn text<'a>(text: &'a Option<Text<'_>>) -> &'a str {
    text.as_deref().unwrap_or_default()
}

fn cut(text: &str) -> String {
    mcp_policy_filter::text::start(text, MAX_TEXT).to_owned()
}

fn widen(span: &mut Option<(Nanos, Nanos)>, time: Option<Nanos>) {
    let Some(time) = time else { return };
    let (first, last) = span.unwrap_or((time, time));
    *span = Some((first.min(time), last.max(time)));
}
