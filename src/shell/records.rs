//! Records, in the log as the policy says and in filter state for access logs.

use super::{Host, metrics};
use crate::exchange::approvals::{DecisionRecord, Stage};
use crate::exchange::audit;
use crate::exchange::head::Trace;
use crate::exchange::record::Record;
use crate::limits::window::Nanos;
use crate::policy::Policy;
use crate::policy::document::AuditLog;
use core::cell::Cell;

/// The filter state that access logs show as `%FILTER_STATE(wasm.mcp_audit:PLAIN)%`.
const AUDIT: &str = "mcp_audit";
/// The filter state that a filter behind this one can require.
pub(super) const MARK: &str = "mcp_policy";

/// Bytes of the text of records that a worker keeps for the next: more than most take.
const KEPT: usize = 4096;

thread_local! {
    /// The text of records, so that its memory is used again.
    static TEXT: Cell<String> = const { Cell::new(String::new()) };
}

/// Gives the memory of a text back.
fn put_back(mut text: String) {
    text.clear();
    text.shrink_to(KEPT);
    TEXT.set(text);
}

/// Writes the records of one request.
pub(super) fn write<'r, H: Host>(
    host: &mut H,
    policy: &Policy,
    records: impl Iterator<Item = &'r Record>,
    trace: &Trace,
    now: Option<Nanos>,
) {
    let mut text = TEXT.take();
    let mut count = 0_usize;
    let mut last = None;
    for record in records {
        last = Some(record);
        text.push(if count == 0 { '[' } else { ',' });
        let start = text.len();
        audit::write(&mut text, policy, record, trace, now);
        count = count.saturating_add(1);
        if let Some(approval) = &record.approval {
            metrics::approval(host, approval.stage);
        }
        let logged = match policy.settings.audit_log {
            _ if record.approval.as_ref().is_some_and(|one| one.stage != Stage::Pending) => true,
            AuditLog::All => true,
            AuditLog::Denied => record.is_of_denial(),
            AuditLog::Off => false,
        };
        if logged {
            log::info!("{}{}", audit::PREFIX, text.get(start..).unwrap_or_default());
        }
    }
    match count {
        0 => {}
        1 => {
            publish(host, AUDIT, text.get(1..).unwrap_or_default());
            // For the same filters as the mark.
            if let Some(record) = last.filter(|_| policy.settings.mark_requests) {
                host.describe(record);
            }
        }
        _ => {
            text.push(']');
            publish(host, AUDIT, &text);
        }
    }
    put_back(text);
}

/// Records a person's decision, whatever `audit_log` says.
pub(super) fn decided<H: Host>(
    host: &mut H,
    policy: &Policy,
    decision: &DecisionRecord,
    trace: &Trace,
    now: Option<Nanos>,
) {
    metrics::decided(host, decision);
    let mut text = TEXT.take();
    audit::write_decision(&mut text, policy, decision, trace, now);
    log::info!("{}{text}", audit::PREFIX);
    publish(host, AUDIT, &text);
    put_back(text);
}

/// Sets filter state. It is for others to read, so a failure stops no request.
pub(super) fn publish<H: Host>(host: &mut H, name: &str, value: &str) {
    if let Err(error) = host.set_filter_state(name, value) {
        log::warn!("mcp-policy-filter: no filter state: status {}", error.0);
    }
}
