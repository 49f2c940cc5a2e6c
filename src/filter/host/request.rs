//! The way on for a request that was held.

use super::{HostError, done, imports};

/// Has the stream's request go on.
pub(in crate::filter) fn continue_request() -> Result<(), HostError> {
    const REQUEST: u32 = 0;
    // SAFETY: only a number.
    done(unsafe { imports::proxy_continue_stream(REQUEST) })
}
