//! Headers of a stream.

use super::{HostError, Lent, done, imports};

/// Header maps of a stream, and of the answer to a call.
#[derive(Clone, Copy)]
pub(in crate::filter) enum Map {
    RequestHeaders = 0,
    ResponseHeaders = 2,
    /// Of the answer to a call of the filter.
    CallAnswer = 6,
}

/// All headers of a map, in the ABI's serialisation.
pub(in crate::filter) fn headers(map: Map) -> Result<Vec<u8>, HostError> {
    let mut lent = Lent::NOTHING;
    // SAFETY: the host writes a pointer and a size.
    done(unsafe {
        imports::proxy_get_header_map_pairs(map as u32, &raw mut lent.data, &raw mut lent.size)
    })?;
    Ok(lent.take())
}

/// The first line of a header in a map; `None` if the map or the header is not there.
pub(in crate::filter) fn header(map: Map, name: &str) -> Option<Vec<u8>> {
    let mut lent = Lent::NOTHING;
    // SAFETY: the name is live; the host writes a pointer and a size.
    let status = unsafe {
        imports::proxy_get_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            &raw mut lent.data,
            &raw mut lent.size,
        )
    };
    done(status).ok().map(|()| lent.take())
}

/// Removes every line of a header from a map.
pub(in crate::filter) fn remove_header(map: Map, name: &[u8]) -> Result<(), HostError> {
    // SAFETY: the name is live.
    done(unsafe { imports::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// Replaces all lines of a name in a map with one.
pub(in crate::filter) fn set_header(map: Map, name: &str, value: &str) -> Result<(), HostError> {
    // SAFETY: name and value are live strings.
    done(unsafe {
        imports::proxy_replace_header_map_value(
            map as u32,
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}
