//! Bodies, and the configuration.

use super::{HostError, Lent, NOT_FOUND, done, imports};

/// Buffers that the host lends.
#[derive(Clone, Copy)]
pub(in crate::filter) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    /// Of the answer to a call of the filter.
    CallAnswer = 4,
    GrpcAnswer = 5,
    PluginConfiguration = 7,
}

/// At most `max_size` bytes of a buffer; no more than it has.
pub(in crate::filter) fn buffer(buffer: Buffer, max_size: usize) -> Result<Vec<u8>, HostError> {
    let mut lent = Lent::NOTHING;
    // SAFETY: the host writes a pointer and a size.
    let status = unsafe {
        imports::proxy_get_buffer_bytes(
            buffer as u32,
            0,
            max_size,
            &raw mut lent.data,
            &raw mut lent.size,
        )
    };
    match status {
        // An empty buffer is not found.
        NOT_FOUND => Ok(Vec::new()),
        status => done(status).map(|()| lent.take()),
    }
}

/// Replaces all that a buffer has with `value`.
pub(in crate::filter) fn set_buffer(buffer: Buffer, value: &[u8]) -> Result<(), HostError> {
    // SAFETY: the value is live.
    done(unsafe {
        imports::proxy_set_buffer_bytes(buffer as u32, 0, usize::MAX, value.as_ptr(), value.len())
    })
}
