//! Values that all workers share.

use super::{HostError, Lent, NOT_FOUND, done, imports};

/// The host's status for a value that another worker has written.
const CAS_MISMATCH: u32 = 8;

/// A shared value and its version; `None` where there is none.
pub(in crate::filter) fn shared(key: &[u8]) -> Result<Option<(Vec<u8>, u32)>, HostError> {
    let mut lent = Lent::NOTHING;
    let mut cas = 0;
    // SAFETY: the key is live; the host writes a pointer, a size and a u32.
    let status = unsafe {
        imports::proxy_get_shared_data(
            key.as_ptr(),
            key.len(),
            &raw mut lent.data,
            &raw mut lent.size,
            &raw mut cas,
        )
    };
    match status {
        NOT_FOUND => Ok(None),
        status => done(status).map(|()| Some((lent.take(), cas))),
    }
}

/// Stores a shared value if its version is still `cas`; whether it was.
pub(in crate::filter) fn set_shared(key: &[u8], value: &[u8], cas: u32) -> Result<bool, HostError> {
    // SAFETY: key and value are live.
    let status = unsafe {
        imports::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas)
    };
    match status {
        CAS_MISMATCH => Ok(false),
        status => done(status).map(|()| true),
    }
}
