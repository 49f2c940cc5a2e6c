//! Properties, by which Envoy tells of a stream, and filter state.

use super::{HostError, Lent, NOT_FOUND, done, imports};

/// A property of the host, its path's parts joined by NUL; `None` where there
/// is none.
pub(in crate::filter) fn property(path: &str) -> Result<Option<Vec<u8>>, HostError> {
    let mut lent = Lent::NOTHING;
    // SAFETY: the path is a live string; the host writes a pointer and a size.
    let status = unsafe {
        imports::proxy_get_property(
            path.as_ptr(),
            path.len(),
            &raw mut lent.data,
            &raw mut lent.size,
        )
    };
    match status {
        NOT_FOUND => Ok(None),
        status => done(status).map(|()| Some(lent.take())),
    }
}

/// Sets a property: Envoy's filter state `wasm.NAME`.
pub(in crate::filter) fn set_property(name: &str, value: &str) -> Result<(), HostError> {
    // SAFETY: name and value are live strings.
    done(unsafe {
        imports::proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}
