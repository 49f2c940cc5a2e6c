//! The hooks of what this module does not do. Envoy loads no module without them, and calls
//! them only where one makes callouts of another kind, or overfills the client's connection.

use crate::abi::imports::{Bytes, EnvoyFilter, Pair};
use core::ffi::c_void;

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_callout_done(
    _: EnvoyFilter,
    _: *mut c_void,
    _: u64,
    _: u32,
    _: *const Pair,
    _: usize,
    _: *const Bytes,
    _: usize,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_downstream_above_write_buffer_high_watermark(
    _: EnvoyFilter,
    _: *mut c_void,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_downstream_below_write_buffer_low_watermark(
    _: EnvoyFilter,
    _: *mut c_void,
) {
}
