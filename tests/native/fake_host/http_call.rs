//! HTTP calls of the filter, as the host takes them.
#![allow(unsafe_code, reason = "the ABI is a C one")]

use super::abi::{bytes, fault, lend, pairs};
use super::host::{HOST, HttpCall};

#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_http_call(
    cluster: *const u8,
    cluster_size: usize,
    headers: *const u8,
    headers_size: usize,
    body: *const u8,
    body_size: usize,
    trailers: *const u8,
    trailers_size: usize,
    timeout: u32,
    token: *mut u32,
) -> u32 {
    if let Some(status) = fault("http_call") {
        return status;
    }
    assert_eq!(unsafe { bytes(trailers, trailers_size) }, 0_u32.to_le_bytes(), "trailers");
    assert!(timeout > 0, "a call that may take for ever");
    let text = |data, size| String::from_utf8(unsafe { bytes(data, size) }.to_vec()).unwrap();
    let call = HttpCall {
        cluster: text(cluster, cluster_size),
        headers: pairs(unsafe { bytes(headers, headers_size) }),
        body: text(body, body_size),
    };
    HOST.with_borrow_mut(|host| {
        host.http_calls.push(call);
        unsafe { *token = u32::try_from(host.http_calls.len()).unwrap() };
    });
    0
}

/// Of the answer to a call, and of nothing else.
#[unsafe(no_mangle)]
unsafe extern "C" fn proxy_get_header_map_value(
    map: u32,
    name: *const u8,
    name_size: usize,
    data: *mut *mut u8,
    size: *mut usize,
) -> u32 {
    if let Some(status) = fault("header") {
        return status;
    }
    let name = unsafe { bytes(name, name_size) };
    HOST.with_borrow(|host| {
        let found = host.maps[&map].iter().find(|(other, _)| other == name);
        found.map_or(1, |(_, value)| unsafe { lend(value, data, size) })
    })
}
