//! Records, in the log as the policy says and in filter state for access logs.

use super::{Host, metrics};
use crate::exchange::approvals::{DecisionRecord, Stage};
use crate::exchange::audit;
use crate::exchange::head::Trace;
use crate::exchange::record::Record;
use crate::limits::window::Nanos;
use crate::policy::Policy;
use crate::policy::document::AuditLog;

/// The filter state that access logs show as `%FILTER_STATE(wasm.mcp_audit:PLAIN)%`.
const AUDIT: &str = "mcp_audit";
/// The filter state that a filter behind this one can require.
pub(super) const MARK: &str = "mcp_policy";

/// Writes the records of one request.
pub(super) fn write<'r, H: Host>(
    host: &mut H,
    policy: &Policy,
    records: impl Iterator<Item = &'r Record>,
    trace: &Trace,
    now: Option<Nanos>,
) {
    let mut all = Vec::new();
    let mut last = None;
    for record in records {
        last = Some(record);
        let json = audit::json(policy, record, trace, now);
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
            log::info!("{}{json}", audit::PREFIX);
        }
        all.push(json);
    }
    match &*all {
        [] => {}
        [one] => {
            publish(host, AUDIT, one);
            // For the same filters as the mark.
            if let Some(record) = last.filter(|_| policy.settings.mark_requests) {
                host.describe(record);
            }
        }
        many => publish(host, AUDIT, &format!("[{}]", many.join(","))),
    }
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
    let json = audit::decision(policy, decision, trace, now);
    log::info!("{}{json}", audit::PREFIX);
    publish(host, AUDIT, &json);
}

/// Sets filter state. It is for others to read, so a failure stops no request.
pub(super) fn publish<H: Host>(host: &mut H, name: &str, value: &str) {
    if let Err(error) = host.set_filter_state(name, value) {
        log::warn!("mcp-policy-filter: no filter state: status {}", error.0);
    }
}
