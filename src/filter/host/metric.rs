//! Metrics.

use super::{HostError, done, imports};

/// A metric that only grows.
const COUNTER: u32 = 0;
/// A metric that is set.
const GAUGE: u32 = 1;

/// Defines a counter metric.
pub(in crate::filter) fn define_counter(name: &str) -> Result<u32, HostError> {
    define(COUNTER, name)
}

/// Defines a gauge metric.
pub(in crate::filter) fn define_gauge(name: &str) -> Result<u32, HostError> {
    define(GAUGE, name)
}

fn define(kind: u32, name: &str) -> Result<u32, HostError> {
    let mut id = 0;
    // SAFETY: the name is live; the host writes one u32.
    done(unsafe { imports::proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Adds to a counter metric.
pub(in crate::filter) fn increment(id: u32, by: i64) -> Result<(), HostError> {
    // SAFETY: only numbers.
    done(unsafe { imports::proxy_increment_metric(id, by) })
}

/// Sets a gauge metric.
pub(in crate::filter) fn record(id: u32, value: u64) -> Result<(), HostError> {
    // SAFETY: only numbers.
    done(unsafe { imports::proxy_record_metric(id, value) })
}
