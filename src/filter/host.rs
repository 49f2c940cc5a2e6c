//! The host's functions, as bytes and results: the one file with `unsafe` in
//! it. The ABI is proxy-wasm 0.2.1, as Envoy implements it.
#![expect(unsafe_code, reason = "the host's functions can be called in no other way")]

use core::ptr::{null, null_mut};

/// The host's status for a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostError(pub(super) u32);

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;
const CAS_MISMATCH: u32 = 8;

/// Buffers that the host lends.
#[derive(Clone, Copy)]
pub(super) enum Buffer {
    RequestBody = 0,
    ResponseBody = 1,
    PluginConfiguration = 7,
}

/// Header maps of a stream.
#[derive(Clone, Copy)]
pub(super) enum Map {
    RequestHeaders = 0,
    ResponseHeaders = 2,
}

/// A metric that only grows.
const COUNTER: u32 = 0;
/// A metric that is set.
const GAUGE: u32 = 1;

mod imports {
    #[cfg_attr(target_family = "wasm", link(wasm_import_module = "env"))]
    unsafe extern "C" {
        pub(super) fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
        pub(super) fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
        pub(super) fn proxy_get_buffer_bytes(
            buffer: u32,
            start: usize,
            max_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_set_buffer_bytes(
            buffer: u32,
            start: usize,
            size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_get_header_map_pairs(
            map: u32,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_remove_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
        ) -> u32;
        pub(super) fn proxy_replace_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_set_property(
            path: *const u8,
            path_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_get_shared_data(
            key: *const u8,
            key_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
            cas: *mut u32,
        ) -> u32;
        pub(super) fn proxy_set_shared_data(
            key: *const u8,
            key_size: usize,
            value: *const u8,
            value_size: usize,
            cas: u32,
        ) -> u32;
        pub(super) fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub(super) fn proxy_define_metric(
            kind: u32,
            name: *const u8,
            name_size: usize,
            id: *mut u32,
        ) -> u32;
        pub(super) fn proxy_increment_metric(id: u32, offset: i64) -> u32;
        pub(super) fn proxy_record_metric(id: u32, value: u64) -> u32;
        pub(super) fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    }
}

fn done(status: u32) -> Result<(), HostError> {
    if status == OK { Ok(()) } else { Err(HostError(status)) }
}

/// Bytes that the host allocated in this module's memory.
struct Lent {
    data: *mut u8,
    size: usize,
}

impl Lent {
    const NOTHING: Self = Self { data: null_mut(), size: 0 };

    fn take(self) -> Vec<u8> {
        if self.data.is_null() {
            return Vec::new();
        }
        // SAFETY: the host got the block from `proxy_on_memory_allocate` of the
        // SDK, which leaks a boxed slice of exactly this size, and gave it up.
        unsafe { Vec::from_raw_parts(self.data, self.size, self.size) }
    }
}

/// Writes a line to Envoy's log. A line that cannot be written is lost: there
/// is nowhere else to say so.
pub(super) fn log(level: u32, message: &str) {
    // SAFETY: pointer and length are those of a live string.
    let _lost = unsafe { imports::proxy_log(level, message.as_ptr(), message.len()) };
}

/// Nanoseconds since 1970.
pub(super) fn now() -> Result<u64, HostError> {
    let mut time = 0;
    // SAFETY: the host writes one u64.
    done(unsafe { imports::proxy_get_current_time_nanoseconds(&raw mut time) })?;
    Ok(time)
}

/// At most `max_size` bytes of a buffer; no more than it has.
pub(super) fn buffer(buffer: Buffer, max_size: usize) -> Result<Vec<u8>, HostError> {
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
pub(super) fn set_buffer(buffer: Buffer, value: &[u8]) -> Result<(), HostError> {
    // SAFETY: the value is live.
    done(unsafe {
        imports::proxy_set_buffer_bytes(buffer as u32, 0, usize::MAX, value.as_ptr(), value.len())
    })
}

/// All headers of a map, in the ABI's serialisation.
pub(super) fn headers(map: Map) -> Result<Vec<u8>, HostError> {
    let mut lent = Lent::NOTHING;
    // SAFETY: the host writes a pointer and a size.
    done(unsafe {
        imports::proxy_get_header_map_pairs(map as u32, &raw mut lent.data, &raw mut lent.size)
    })?;
    Ok(lent.take())
}

/// Removes every line of a header from a map.
pub(super) fn remove_header(map: Map, name: &[u8]) -> Result<(), HostError> {
    // SAFETY: the name is live.
    done(unsafe { imports::proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// Replaces all lines of a name in a map with one.
pub(super) fn set_header(map: Map, name: &str, value: &str) -> Result<(), HostError> {
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

/// A property of the host, its path's parts joined by NUL; `None` where there
/// is none.
pub(super) fn property(path: &str) -> Result<Option<Vec<u8>>, HostError> {
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
pub(super) fn set_property(name: &str, value: &str) -> Result<(), HostError> {
    // SAFETY: name and value are live strings.
    done(unsafe {
        imports::proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// A shared value and its version; `None` where there is none.
pub(super) fn shared(key: &[u8]) -> Result<Option<(Vec<u8>, u32)>, HostError> {
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
pub(super) fn set_shared(key: &[u8], value: &[u8], cas: u32) -> Result<bool, HostError> {
    // SAFETY: key and value are live.
    let status = unsafe {
        imports::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas)
    };
    match status {
        CAS_MISMATCH => Ok(false),
        status => done(status).map(|()| true),
    }
}

/// Answers the request. `details` becomes `%RESPONSE_CODE_DETAILS%`, and
/// `headers` is a map in the ABI's serialisation.
pub(super) fn reply(
    status: u16,
    details: &str,
    headers: &[u8],
    body: &[u8],
) -> Result<(), HostError> {
    let body_pointer = if body.is_empty() { null() } else { body.as_ptr() };
    // SAFETY: details, headers and body are live.
    done(unsafe {
        imports::proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body_pointer,
            body.len(),
            headers.as_ptr(),
            headers.len(),
            -1,
        )
    })
}

/// Defines a counter metric.
pub(super) fn define_counter(name: &str) -> Result<u32, HostError> {
    define(COUNTER, name)
}

/// Defines a gauge metric.
pub(super) fn define_gauge(name: &str) -> Result<u32, HostError> {
    define(GAUGE, name)
}

fn define(kind: u32, name: &str) -> Result<u32, HostError> {
    let mut id = 0;
    // SAFETY: the name is live; the host writes one u32.
    done(unsafe { imports::proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

/// Adds to a counter metric.
pub(super) fn increment(id: u32, by: i64) -> Result<(), HostError> {
    // SAFETY: only numbers.
    done(unsafe { imports::proxy_increment_metric(id, by) })
}

/// Sets a gauge metric.
pub(super) fn record(id: u32, value: u64) -> Result<(), HostError> {
    // SAFETY: only numbers.
    done(unsafe { imports::proxy_record_metric(id, value) })
}

/// Has the root context be called at this interval; zero ends that.
pub(super) fn set_tick_period(milliseconds: u32) -> Result<(), HostError> {
    // SAFETY: only a number.
    done(unsafe { imports::proxy_set_tick_period_milliseconds(milliseconds) })
}
