//! The ABI as the filter meets it: the functions by which it is entered, which
//! the SDK exports, and those of the host, which work on [`Host`].
#![allow(unsafe_code, reason = "the ABI is a C one")]

use super::host::{Call, HOST, Host, RESPONSE_BODY, serialise};
use std::slice;

unsafe extern "C" {
    pub(super) fn _initialize();
    pub(super) fn proxy_on_context_create(context: u32, root: u32);
    pub(super) fn proxy_on_vm_start(context: u32, size: usize) -> bool;
    pub(super) fn proxy_on_configure(context: u32, size: usize) -> bool;
    pub(super) fn proxy_on_request_headers(context: u32, count: usize, end: bool) -> u32;
    pub(super) fn proxy_on_request_body(context: u32, size: usize, end: bool) -> u32;
    pub(super) fn proxy_on_request_trailers(context: u32, count: usize) -> u32;
    pub(super) fn proxy_on_response_headers(context: u32, count: usize, end: bool) -> u32;
    pub(super) fn proxy_on_response_body(context: u32, size: usize, end: bool) -> u32;
    pub(super) fn proxy_on_response_trailers(context: u32, count: usize) -> u32;
    pub(super) fn proxy_on_grpc_receive(context: u32, call: u32, size: usize);
    pub(super) fn proxy_on_grpc_close(context: u32, call: u32, status: u32);
    pub(super) fn proxy_on_log(context: u32);
    pub(super) fn proxy_on_tick(context: u32);
    pub(super) fn proxy_on_http_call_response(
        context: u32,
        token: u32,
        headers: usize,
        body: usize,
        trailers: usize,
    );
    pub(super) fn proxy_on_delete(context: u32);
    fn proxy_on_memory_allocate(size: usize) -> *mut u8;
}

/// # Safety
/// The filter gives pointer and length of live bytes.
pub(super) unsafe fn bytes<'a>(data: *const u8, size: usize) -> &'a [u8] {
    if size == 0 { &[] } else { unsafe { slice::from_raw_parts(data, size) } }
}

/// A header map as the filter gives it.
pub(super) fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let count = number(0);
    let mut at = 4 + 8 * count;
    let mut text = |size: usize| {
        let text = String::from_utf8(bytes[at..at + size].to_vec()).unwrap();
        assert_eq!(bytes[at + size], 0, "a text without its end");
        at += size + 1;
        text
    };
    let sizes = (0..count).map(|index| (number(4 + 8 * index), number(8 + 8 * index)));
    sizes.map(|(name, value)| (text(name), text(value))).collect()
}

pub(super) unsafe fn lend(value: &[u8], data: *mut *mut u8, size: *mut usize) -> u32 {
    unsafe {
        if value.is_empty() {
            *data = std::ptr::null_mut();
        } else {
            *data = proxy_on_memory_allocate(value.len());
            (*data).copy_from_nonoverlapping(value.as_ptr(), value.len());
        }
        *size = value.len();
    }
    0
}

/// Counts a host call. Returns the status that a test wants of it, if it wants one.
pub(super) fn fault(call: &'static str) -> Option<u32> {
    HOST.with_borrow_mut(|host: &mut Host| {
        *host.made.entry(call).or_default() += 1;
        let (status, times) = host.faults.get_mut(call)?;
        *times = times.checked_sub(1)?;
        Some(*status)
    })
}

macro_rules! fault {
    ($call:literal) => {
        if let Some(status) = fault($call) {
            return status;
        }
    };
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_log(level: u32, message: *const u8, size: usize) -> u32 {
    let message = String::from_utf8_lossy(unsafe { bytes(message, size) }).into_owned();
    fault!("log");
    if level == 5 {
        // A panic: of the filter, or of the test itself.
        eprintln!("{message}");
        return 0;
    }
    HOST.with_borrow_mut(|host| host.log.push(message));
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32 {
    fault!("time");
    unsafe { *time = HOST.with_borrow(|host| host.now) };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_buffer_bytes(
    buffer: u32,
    start: usize,
    max_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    fault!("buffer");
    assert_eq!(start, 0);
    HOST.with_borrow_mut(|host| {
        let whole = &host.buffers[&buffer];
        let lent = &whole[..whole.len().min(max_size)];
        if buffer == RESPONSE_BODY {
            host.lent = (host.lent.0 + lent.len(), host.lent.1.max(lent.len()));
        }
        if lent.is_empty() { 1 } else { unsafe { lend(lent, data, size) } }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_buffer_bytes(
    buffer: u32,
    start: usize,
    size: usize,
    value: *const u8,
    value_size: usize,
) -> u32 {
    fault!("set_buffer");
    // What is not replaced as a whole would be put together wrongly.
    assert_eq!((start, size), (0, usize::MAX));
    assert_eq!(buffer, RESPONSE_BODY, "no request may be changed");
    let value = unsafe { bytes(value, value_size) }.to_vec();
    HOST.with_borrow_mut(|host| *host.buffers.get_mut(&buffer).unwrap() = value);
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_header_map_pairs(
    map: u32,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    fault!("headers");
    HOST.with_borrow(|host| {
        let bytes = host.damaged_headers.clone();
        let bytes = bytes.unwrap_or_else(|| serialise(&host.maps[&map]));
        unsafe { lend(&bytes, data, size) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_remove_header_map_value(map: u32, name: *const u8, size: usize) -> u32 {
    fault!("remove_header");
    let name = unsafe { bytes(name, size) };
    HOST.with_borrow_mut(|host| {
        let map = host.maps.get_mut(&map).unwrap();
        map.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        host.removed.push(String::from_utf8(name.to_vec()).unwrap());
    });
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_replace_header_map_value(
    map: u32,
    name: *const u8,
    name_size: usize,
    value: *const u8,
    value_size: usize,
) -> u32 {
    fault!("replace_header");
    let (name, value) = unsafe { (bytes(name, name_size), bytes(value, value_size)) };
    HOST.with_borrow_mut(|host| {
        let map = host.maps.get_mut(&map).unwrap();
        map.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        map.push((name.to_vec(), value.to_vec()));
    });
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_property(
    path: *const u8,
    path_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    fault!("property");
    let path = String::from_utf8(unsafe { bytes(path, path_size) }.to_vec()).unwrap();
    let value = HOST.with_borrow(|host| host.properties.get(&path).cloned());
    match (&*path, value) {
        (_, Some(value)) => unsafe { lend(&value, data, size) },
        ("plugin_name", _) => unsafe { lend(b"mcp", data, size) },
        ("plugin_root_id", _) => unsafe { lend(b"root", data, size) },
        _ => 1,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_property(
    path: *const u8,
    path_size: usize,
    value: *const u8,
    value_size: usize,
) -> u32 {
    fault!("set_property");
    let (path, value) = unsafe { (bytes(path, path_size), bytes(value, value_size)) };
    let value = String::from_utf8(value.to_vec()).unwrap();
    HOST.with_borrow_mut(|host| match path {
        b"mcp_audit" => host.filter_state = value,
        b"mcp_result" => host.result_state = value,
        _ => panic!("{path:?}"),
    });
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_shared_data(
    key: *const u8,
    key_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
    cas: *mut u32,
) -> u32 {
    fault!("get_shared");
    HOST.with_borrow(|host| match host.shared.get(unsafe { bytes(key, key_size) }) {
        None => 1,
        Some((value, version)) => unsafe {
            *cas = *version;
            lend(value, data, size)
        },
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_shared_data(
    key: *const u8,
    key_size: usize,
    value: *const u8,
    value_size: usize,
    cas: u32,
) -> u32 {
    fault!("set_shared");
    let (key, value) = unsafe { (bytes(key, key_size), bytes(value, value_size)) };
    HOST.with_borrow_mut(|host| {
        if host.shared.get(key).is_some_and(|(_, stored)| cas != 0 && cas != *stored) {
            return 8;
        }
        host.version += 1;
        host.shared.insert(key.to_vec(), (value.to_vec(), host.version));
        0
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_send_local_response(
    status: u32,
    details: *const u8,
    details_size: usize,
    body: *const u8,
    body_size: usize,
    headers: *const u8,
    headers_size: usize,
    _grpc_status: i32,
) -> u32 {
    fault!("reply");
    let details = String::from_utf8(unsafe { bytes(details, details_size) }.to_vec()).unwrap();
    let body = unsafe { bytes(body, body_size) }.to_vec();
    let headers = pairs(unsafe { bytes(headers, headers_size) });
    HOST.with_borrow_mut(|host| {
        assert!(host.reply.is_none(), "answered twice");
        host.reply = Some((u16::try_from(status).unwrap(), headers, body, details));
    });
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_grpc_call(
    target: *const u8,
    target_size: usize,
    service: *const u8,
    service_size: usize,
    method: *const u8,
    method_size: usize,
    metadata: *const u8,
    metadata_size: usize,
    message: *const u8,
    message_size: usize,
    timeout: u32,
    call: *mut u32,
) -> u32 {
    fault!("grpc_call");
    let text = |data, size| String::from_utf8(unsafe { bytes(data, size) }.to_vec()).unwrap();
    assert!(pairs(unsafe { bytes(metadata, metadata_size) }).is_empty());
    HOST.with_borrow_mut(|host| {
        host.calls.push(Call {
            target: unsafe { bytes(target, target_size) }.to_vec(),
            method: format!("{}/{}", text(service, service_size), text(method, method_size)),
            message: String::from_utf8_lossy(unsafe { bytes(message, message_size) }).into_owned(),
            timeout,
        });
        unsafe { *call = u32::try_from(host.calls.len()).unwrap() };
    });
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_continue_stream(stream: u32) -> u32 {
    fault!("continue");
    assert_eq!(stream, 0, "only a request is continued");
    HOST.with_borrow_mut(|host| {
        assert!(host.reply.is_none(), "continued after an answer");
        host.continued += 1;
    });
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_set_effective_context(_context: u32) -> u32 {
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_define_metric(
    kind: u32,
    name: *const u8,
    size: usize,
    id: *mut u32,
) -> u32 {
    fault!("metric");
    // Counters and gauges.
    assert!(kind <= 1);
    let name = String::from_utf8(unsafe { bytes(name, size) }.to_vec()).unwrap();
    HOST.with_borrow_mut(|host| {
        host.metrics.push((name, 0));
        unsafe { *id = u32::try_from(host.metrics.len() - 1).unwrap() };
    });
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_increment_metric(id: u32, offset: i64) -> u32 {
    fault!("metric");
    HOST.with_borrow_mut(|host| host.metrics[id as usize].1 += offset);
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_record_metric(id: u32, value: u64) -> u32 {
    fault!("metric");
    HOST.with_borrow_mut(|host| host.metrics[id as usize].1 = i64::try_from(value).unwrap());
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_set_tick_period_milliseconds(period: u32) -> u32 {
    fault!("tick");
    HOST.with_borrow_mut(|host| host.tick = period);
    0
}

/// The rest of the SDK's functions. The filter calls none of them: the SDK's wrappers panic
/// on statuses that they do not expect.
macro_rules! never {
    ($($name:ident)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $name() -> u32 {
                eprintln!("the filter called {}", stringify!($name));
                std::process::abort()
            }
        )*
    };
}

never! {
    proxy_add_header_map_value
    proxy_call_foreign_function
    proxy_close_stream
    proxy_dequeue_shared_queue
    proxy_done
    proxy_enqueue_shared_queue
    proxy_get_log_level
    proxy_get_metric
    proxy_get_status
    proxy_grpc_cancel
    proxy_grpc_close
    proxy_grpc_send
    proxy_grpc_stream
    proxy_register_shared_queue
    proxy_resolve_shared_queue
    proxy_set_header_map_pairs
}
