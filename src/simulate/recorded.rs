//! Records as they are written, kept for those who look at them later.

use crate::exchange::approvals::DecisionRecord;
use crate::exchange::audit;
use crate::exchange::head::Trace;
use crate::exchange::record::{Decision, Record, Records};
use crate::limits::window::Nanos;
use crate::policy::{Policy, Reason};

/// A record that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its line in the log, which has all of it.
    pub line: String,
    /// The decision.
    pub decision: Decision,
    /// The reason, unless it was allowed.
    pub reason: Option<Reason>,
    /// The rule that decided.
    pub rule: String,
    /// The message for the client, or that of a denial in shadow mode.
    pub message: Option<String>,
    /// The tool, if the request was a call of one.
    pub tool: Option<String>,
    /// The caller's id, if one is known.
    pub caller_id: Option<String>,
    /// The limits that an allowed call was charged, each with the rest of its `max`, in
    /// millionths.
    pub limits: Vec<(String, u64)>,
    /// The rules in shadow that the call did not pass, each with its reason.
    pub shadow: Vec<(String, Reason)>,
}

/// The records of one request.
#[derive(Debug)]
pub struct Recorder<'a> {
    policy: &'a Policy,
    now: Nanos,
    records: Vec<Recorded>,
}

impl<'a> Recorder<'a> {
    /// A place for records of decisions by this policy, at this moment.
    pub const fn new(policy: &'a Policy, now: Nanos) -> Self {
        Self { policy, now, records: Vec::new() }
    }

    /// The records since this was asked last.
    pub fn take(&mut self) -> Vec<Recorded> {
        core::mem::take(&mut self.records)
    }
}

impl Records for Recorder<'_> {
    fn record(&mut self, record: &Record<'_>, trace: &Trace) {
        let mut line = String::new();
        audit::write(&mut line, self.policy, record, trace, Some(self.now));
        let (limits, shadow) = (record.limits.iter(), record.shadow.iter());
        self.records.push(Recorded {
            line,
            decision: record.decision,
            reason: record.reason,
            rule: record.rule.to_owned(),
            message: record.message.as_deref().map(str::to_owned),
            tool: record.tool.as_deref().map(str::to_owned),
            caller_id: record.caller_id.map(str::to_owned),
            limits: limits
                .filter_map(|left| Some((left.rule.to_owned(), left.millionths?)))
                .collect(),
            shadow: shadow.map(|(rule, reason)| ((*rule).to_owned(), *reason)).collect(),
        });
    }

    /// The step has all of it.
    fn decided(&mut self, _: &DecisionRecord, _: &Trace) {}
}
