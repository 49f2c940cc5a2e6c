//! Counters in Envoy's shared data.

use super::host;
use crate::limits::{Store, StoreError};

/// Shared data of the host: one map for all workers of the process.
pub(super) struct SharedData;

/// Tries of a write before the call is denied. Each failure means that another
/// worker succeeded, so only a host that never succeeds meets a bound this high.
const TRIES: usize = 100;

/// The host ignores the expected version of a key that does not exist, and no
/// existing value has this one: so a first write that expects it creates the
/// value or fails, where a plain write could undo another worker's.
const ABSENT: u32 = u32::MAX;

impl Store for SharedData {
    fn update<T>(
        &self,
        key: &[u8],
        mut step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        for _ in 0..TRIES {
            let (stored, cas) = match host::shared(key).map_err(failed)? {
                Some((value, cas)) => (Some(value), cas),
                None => (None, ABSENT),
            };
            let (new, result) = step(stored.as_deref());
            let Some(new) = new else { return Ok(result) };
            // Zero would write whatever is there; the host never hands it out.
            if cas == 0 {
                return Err(StoreError::Host);
            }
            if host::set_shared(key, &new, cas).map_err(failed)? {
                return Ok(result);
            }
        }
        Err(StoreError::Contended)
    }
}

fn failed(error: host::HostError) -> StoreError {
    log::error!("mcp-policy-filter: shared data failed with status {}", error.0);
    StoreError::Host
}
