//! Records, in the log as the policy says and in filter state for access logs.
//!
//! Each is written once, into one text whose memory a worker uses again, while the host
//! still lends the body that it is about. Filter state is set after that: no change of it
//! may happen under a view of the host's own.

use super::{Host, metrics};
use crate::exchange::approvals::{DecisionRecord, Stage};
use crate::exchange::audit;
use crate::exchange::head::Trace;
use crate::exchange::inquiry::{Consulted, FailureKind};
use crate::exchange::record::{self, Record};
use crate::limits::window::Nanos;
use crate::policy::document::AuditLog;
use crate::policy::{Policy, Reason};
use core::cell::Cell;

/// The filter state that access logs show as `%FILTER_STATE(wasm.mcp_audit:PLAIN)%`.
const AUDIT: &str = "wasm.mcp_audit";
/// The filter state for the record of an answer that is too long. That of its call is
/// there already.
const RESULT: &str = "wasm.mcp_result";
/// The filter state that a filter behind this one can require.
pub(super) const MARK: &str = "wasm.mcp_policy";

/// Bytes of the text of records that a worker keeps for the next: more than most take.
const KEPT: usize = 4096;

/// Nanoseconds between two lines about one fault of another service.
const MINUTE: u64 = 60_000_000_000;

thread_local! {
    /// The last lines about a service that says OK without proof, about a home of
    /// approvals without an answer, and about a question to this one.
    static FAULTS: [Cell<Option<Nanos>>; 3] = const { [const { Cell::new(None) }; 3] };
    /// The text of records, so that its memory is used again.
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
}

/// The writer of the records of one step.
pub(super) struct Records<'a, H> {
    host: &'a H,
    policy: &'a Policy,
    /// The time in the records; without one, the host is asked.
    pub(super) now: Option<Nanos>,
    written: Written,
}

/// The records that were written: JSON texts behind `[` and commas.
#[derive(Default)]
struct Written {
    text: String,
    count: usize,
    /// The only one, for other filters.
    described: Vec<(&'static str, String)>,
}

/// Takes a step, and publishes the records that it makes.
pub(super) fn recording<H: Host, T>(
    host: &mut H,
    policy: &Policy,
    step: impl FnOnce(&H, &mut Records<'_, H>) -> T,
) -> T {
    let written = Written { text: TEXT.take(), ..Written::default() };
    let mut records = Records { host, policy, now: None, written };
    let taken = step(host, &mut records);
    records.written.publish(host, AUDIT);
    taken
}

/// Counts, writes and publishes the record of an answer that is too long.
pub(super) fn oversized<H: Host>(
    host: &mut H,
    policy: &Policy,
    record: &Record<'_>,
    trace: &Trace,
) {
    let written = Written { text: TEXT.take(), ..Written::default() };
    metrics::oversized(host, record);
    let mut records = Records { host: &*host, policy, now: None, written };
    records.add(record, trace);
    let written = records.written;
    written.publish(host, RESULT);
}

impl<H: Host> Records<'_, H> {
    /// Writes a record of a decision, and to the log if the policy wants that.
    fn add(&mut self, record: &Record<'_>, trace: &Trace) {
        let is_logged = match self.policy.settings.audit_log {
            _ if record.approval.as_ref().is_some_and(|one| one.stage != Stage::Pending) => true,
            AuditLog::All => true,
            AuditLog::Denied => record.is_of_denial(),
            AuditLog::Off => false,
        };
        self.write(is_logged, |text, policy, now| audit::write(text, policy, record, trace, now));
    }

    /// Writes a record behind the others, and to the log if it `is_logged`.
    fn write(&mut self, is_logged: bool, write: impl FnOnce(&mut String, &Policy, Option<Nanos>)) {
        let now = self.now.or_else(|| self.host.now());
        let Written { text, count, .. } = &mut self.written;
        text.push(if *count == 0 { '[' } else { ',' });
        *count = count.saturating_add(1);
        let start = text.len();
        write(text, self.policy, now);
        if is_logged {
            log::info!("{}{}", audit::PREFIX, text.get(start..).unwrap_or_default());
        }
    }
}

impl<H: Host> record::Records for Records<'_, H> {
    fn record(&mut self, record: &Record<'_>, trace: &Trace) {
        metrics::called(self.host, record);
        self.add(record, trace);
        // For the same filters as the mark.
        if H::DESCRIBES && self.policy.settings.mark_requests {
            self.written.described = described(record);
        }
    }

    fn consulted(&mut self, event: Consulted) {
        metrics::consulted(self.host, event);
        let number = match event {
            Consulted::Failed(FailureKind::Unproven) => 0,
            Consulted::StoreFailed(..) => 1,
            Consulted::StoreRefused(_) => 2,
            _ => return,
        };
        let now = self.now.or_else(|| self.host.now()).unwrap_or(Nanos(0));
        let is_due = FAULTS.with(|faults| {
            let last = faults.get(number);
            last.is_some_and(|last| {
                let is_due = last.get().is_none_or(|last| now.0.abs_diff(last.0) > MINUTE);
                if is_due {
                    last.set(Some(now));
                }
                is_due
            })
        });
        match event {
            _ if !is_due => {}
            Consulted::StoreFailed(_, why) => log::error!(
                "mcp-policy-filter: `settings.approvals.store` gives no answer that counts: {why}"
            ),
            Consulted::StoreRefused(why) => log::warn!(
                "mcp-policy-filter: a question to `settings.approvals.serve_store` was refused: \
                 {why}"
            ),
            _ => log::error!(
                "mcp-policy-filter: `settings.limit_service` says OK without a proof that it \
                 applies each limit; see that it is configured for them"
            ),
        }
    }

    fn decided(&mut self, decision: &DecisionRecord, trace: &Trace) {
        metrics::decided(self.host, decision);
        // Whatever `audit_log` says.
        self.write(true, |text, policy, now| {
            audit::write_decision(text, policy, decision, trace, now);
        });
    }
}

/// The parts of a record for other filters.
fn described(record: &Record<'_>) -> Vec<(&'static str, String)> {
    let texts = [
        ("decision", Some(record.decision.as_str())),
        ("reason", record.reason.map(Reason::as_str)),
        ("rule", Some(record.rule)),
        ("method", record.method.as_deref()),
        ("tool", record.tool.as_deref()),
        ("caller", record.caller_id),
    ];
    texts.into_iter().filter_map(|(name, text)| Some((name, text?.to_owned()))).collect()
}

impl Written {
    /// Shows the records to others, and gives the memory of the text back.
    fn publish<H: Host>(mut self, host: &mut H, name: &str) {
        match self.count {
            0 => {}
            1 => {
                publish(host, name, self.text.get(1..).unwrap_or_default());
                if !self.described.is_empty() {
                    host.describe(&self.described);
                }
            }
            _ => {
                self.text.push(']');
                publish(host, name, &self.text);
            }
        }
        self.text.clear();
        self.text.shrink_to(KEPT);
        TEXT.set(self.text);
    }
}

/// Sets filter state. It is for others to read, so a failure stops no request.
pub(super) fn publish<H: Host>(host: &mut H, name: &str, value: &str) {
    if let Err(error) = host.set_filter_state(name, value) {
        log::warn!("mcp-policy-filter: no filter state: status {}", error.0);
    }
}
