//! A filter that decides nothing, for `make bench`: it holds each request for
//! its body, makes the host calls that this project's filter makes for an
//! allowed call with limits, throws away what they return, and lets the request
//! go on. What it costs is Envoy's part of the cost, which no policy's code can
//! go below while it makes these calls.
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    reason = "the host's functions and the module's exports, and nothing else"
)]

use std::ptr::{null_mut, slice_from_raw_parts_mut};
use std::sync::atomic::{AtomicU32, Ordering};

#[cfg_attr(target_family = "wasm", link(wasm_import_module = "env"))]
unsafe extern "C" {
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        most: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_property(
        path: *const u8,
        length: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_property(
        path: *const u8,
        length: usize,
        value: *const u8,
        value_length: usize,
    ) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        length: usize,
        data: *mut *mut u8,
        size: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        length: usize,
        value: *const u8,
        value_length: usize,
        version: u32,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, length: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
}

/// As long as the record of an allowed call, and as two counts of a caller.
const RECORD: [u8; 330] = [b'x'; 330];
const COUNTS: [u8; 90] = [0; 90];

static METRIC: AtomicU32 = AtomicU32::new(0);

const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;
const YES: u32 = 1;

/// Makes a call that lends bytes, and gives them back.
fn borrow(call: impl FnOnce(*mut *mut u8, *mut usize)) {
    let (mut data, mut size) = (null_mut(), 0);
    call(&raw mut data, &raw mut size);
    if !data.is_null() {
        // SAFETY: the host got the block from `proxy_on_memory_allocate`.
        drop(unsafe { Box::from_raw(slice_from_raw_parts_mut(data, size)) });
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Box::into_raw(vec![0; size].into_boxed_slice()).cast()
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_vm_start(_: u32, _: usize) -> u32 {
    let (name, mut id) = ("empty_total", 0);
    // SAFETY: the name is live, and the host writes a number.
    unsafe { proxy_define_metric(0, name.as_ptr(), name.len(), &raw mut id) };
    METRIC.store(id, Ordering::Relaxed);
    YES
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_configure(_: u32, _: usize) -> u32 {
    YES
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_context_create(_: u32, _: u32) {}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_headers(_: u32, _: u32, _: u32) -> u32 {
    // SAFETY: the host writes a pointer and a size.
    borrow(|data, size| _ = unsafe { proxy_get_header_map_pairs(0, data, size) });
    PAUSE
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_body(_: u32, size: usize, end: u32) -> u32 {
    if end == 0 {
        return PAUSE;
    }
    let (key, state, metric) = ("empty/0000", "mcp_audit", METRIC.load(Ordering::Relaxed));
    let (mut time, mut version) = (0, 0);
    // SAFETY, of all: texts are live, and the host writes numbers, or a pointer
    // and a size.
    borrow(|data, length| _ = unsafe { proxy_get_buffer_bytes(0, 0, size, data, length) });
    unsafe { proxy_get_current_time_nanoseconds(&raw mut time) };
    borrow(|data, length| {
        let (key, bytes) = (key.as_ptr(), key.len());
        _ = unsafe { proxy_get_shared_data(key, bytes, data, length, &raw mut version) };
    });
    unsafe {
        proxy_set_shared_data(key.as_ptr(), key.len(), COUNTS.as_ptr(), COUNTS.len(), version);
        for _ in 0..3 {
            proxy_increment_metric(metric, 1);
        }
        proxy_set_property(state.as_ptr(), state.len(), RECORD.as_ptr(), RECORD.len());
    }
    CONTINUE
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_response_headers(_: u32, _: u32, _: u32) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_response_body(_: u32, _: usize, _: u32) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_done(_: u32) -> u32 {
    YES
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_log(_: u32) {
    let path = "response\0flags";
    // SAFETY: the path is live, and the host writes a pointer and a size.
    borrow(|data, size| {
        _ = unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) };
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_delete(_: u32) {}
