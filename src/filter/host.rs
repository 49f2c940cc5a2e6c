//! The host's functions, as bytes and results: the one folder with `unsafe` in
//! it. The ABI is proxy-wasm 0.2.1, as Envoy implements it.
#![expect(unsafe_code, reason = "the host's functions can be called in no other way")]

mod buffer;
mod headers;
mod imports;
mod metric;
mod property;
mod request;
mod shared;

pub(super) use buffer::{Buffer, buffer, set_buffer};
pub(super) use headers::{Map, header, headers, remove_header, set_header};
pub(super) use metric::{define_counter, define_gauge, increment, record};
pub(super) use property::{property, set_property};
pub(super) use request::continue_request;
pub(super) use shared::{set_shared, shared};

use core::ptr::{null, null_mut};

/// The host's status for a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HostError(pub(super) u32);

const OK: u32 = 0;
const NOT_FOUND: u32 = 1;

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

/// Has the root context be called at this interval; zero ends that.
pub(super) fn set_tick_period(milliseconds: u32) -> Result<(), HostError> {
    // SAFETY: only a number.
    done(unsafe { imports::proxy_set_tick_period_milliseconds(milliseconds) })
}
