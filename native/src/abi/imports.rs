//! The functions and types of the ABI that this module uses, as Envoy 1.40 exports
//! them under the version `v0.2.0`.

use core::ffi::c_void;

/// Bytes of either side: a pointer, null where there are none, and their number.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// The first of them.
    pub data: *const u8,
    /// Their number.
    pub size: usize,
}

/// A name and a value.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Not null.
    pub name: Bytes,
    /// Null where it is empty.
    pub value: Bytes,
}

/// Envoy's half of a stream's filter, from `filter_new` to `filter_destroy`.
pub(super) type EnvoyFilter = *mut c_void;
/// Envoy's half of a configuration, from `config_new` to `config_destroy`.
pub(super) type EnvoyConfig = *mut c_void;
/// Envoy's half of a scheduler, until it is deleted.
pub(super) type EnvoyScheduler = *mut c_void;

macro_rules! imports {
    ($($name:ident = $symbol:literal ($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        unsafe extern "C" {
            $(
                #[link_name = concat!("envoy_dynamic_module_callback_", $symbol)]
                pub(super) fn $name($($argument: $type),*) $(-> $result)?;
            )*
        }
    };
}

imports! {
    log = "log"(level: u32, message: Bytes);
    log_enabled = "log_enabled"(level: u32) -> bool;
    define_counter = "http_filter_config_define_counter"(
        config: EnvoyConfig, name: Bytes, labels: *const Bytes, count: usize, id: *mut usize
    ) -> u32;
    define_gauge = "http_filter_config_define_gauge"(
        config: EnvoyConfig, name: Bytes, labels: *const Bytes, count: usize, id: *mut usize
    ) -> u32;
    add = "http_filter_config_increment_counter"(
        config: EnvoyConfig, id: usize, labels: *const Bytes, count: usize, by: u64
    ) -> u32;
    set_gauge = "http_filter_config_set_gauge"(
        config: EnvoyConfig, id: usize, labels: *const Bytes, count: usize, value: u64
    ) -> u32;
    increment = "http_filter_increment_counter"(
        filter: EnvoyFilter, id: usize, labels: *const Bytes, count: usize, by: u64
    ) -> u32;
    headers_size = "http_get_headers_size"(filter: EnvoyFilter, map: u32) -> usize;
    headers = "http_get_headers"(filter: EnvoyFilter, map: u32, pairs: *mut Pair) -> bool;
    set_header = "http_set_header"(
        filter: EnvoyFilter, map: u32, name: Bytes, value: Bytes
    ) -> bool;
    body_size = "http_get_body_size"(filter: EnvoyFilter, body: u32) -> usize;
    chunks_size = "http_get_body_chunks_size"(filter: EnvoyFilter, body: u32) -> usize;
    chunks = "http_get_body_chunks"(filter: EnvoyFilter, body: u32, pieces: *mut Bytes) -> bool;
    received_is_buffered_request = "http_received_buffered_request_body"(
        filter: EnvoyFilter
    ) -> bool;
    received_is_buffered_response = "http_received_buffered_response_body"(
        filter: EnvoyFilter
    ) -> bool;
    drain = "http_drain_body"(filter: EnvoyFilter, body: u32, size: usize) -> bool;
    append = "http_append_body"(filter: EnvoyFilter, body: u32, bytes: Bytes) -> bool;
    send_response = "http_send_response"(
        filter: EnvoyFilter, status: u32, headers: *const Pair, count: usize, body: Bytes,
        details: Bytes
    );
    start_stream = "http_filter_start_http_stream"(
        filter: EnvoyFilter, id: *mut u64, cluster: Bytes, headers: *const Pair, count: usize,
        body: Bytes, end: bool, timeout: u64
    ) -> u32;
    reset_stream = "http_filter_reset_http_stream"(filter: EnvoyFilter, id: u64);
    continue_request = "http_filter_continue_decoding"(filter: EnvoyFilter);
    scheduler = "http_filter_scheduler_new"(filter: EnvoyFilter) -> *mut c_void;
    schedule = "http_filter_scheduler_commit"(scheduler: *mut c_void, event: u64);
    end_scheduler = "http_filter_scheduler_delete"(scheduler: *mut c_void);
    filter_state = "http_get_filter_state_bytes"(
        filter: EnvoyFilter, name: Bytes, value: *mut Bytes
    ) -> bool;
    set_filter_state = "http_set_filter_state_bytes"(
        filter: EnvoyFilter, name: Bytes, value: Bytes
    ) -> bool;
    set_metadata = "http_set_dynamic_metadata_string_batch"(
        filter: EnvoyFilter, namespace: Bytes, pairs: *const Pair, count: usize
    );
    scheduler_new = "http_filter_config_scheduler_new"(config: EnvoyConfig) -> EnvoyScheduler;
    scheduler_commit = "http_filter_config_scheduler_commit"(scheduler: EnvoyScheduler, event: u64);
    scheduler_delete = "http_filter_config_scheduler_delete"(scheduler: EnvoyScheduler);
    call = "http_filter_config_http_callout"(
        config: EnvoyConfig, id: *mut u64, cluster: Bytes, headers: *const Pair, count: usize,
        body: Bytes, milliseconds: u64
    ) -> u32;
    attribute_text = "http_filter_get_attribute_string"(
        filter: EnvoyFilter, id: u32, value: *mut Bytes
    ) -> bool;
    attribute_number = "http_filter_get_attribute_int"(
        filter: EnvoyFilter, id: u32, value: *mut u64
    ) -> bool;
    attribute_flag = "http_filter_get_attribute_bool"(
        filter: EnvoyFilter, id: u32, value: *mut bool
    ) -> bool;
}
