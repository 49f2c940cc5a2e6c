//! The hooks of streams, and all others without which Envoy loads no module.
//!
//! A panic that left a hook would end Envoy, so each is guarded. Where an answer may be
//! sent, a panic is one; nothing goes on. An answer from [`stream_complete`] would end
//! Envoy too, and where a configuration or a filter is made there is nobody to answer.
//!
//! [`stream_complete`]: envoy_dynamic_module_on_http_filter_stream_complete

use super::config::Definitions;
use super::imports::{Bytes, EnvoyConfig, EnvoyFilter, Pair};
use super::stream::Envoy;
use crate::config::Config;
use crate::http::{Http, Outcome};
use core::ffi::{CStr, c_char, c_void};
use core::ptr::null_mut;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The version of the ABI, for Envoy.
const VERSION: &CStr = c"v0.2.0";

/// Statuses of hooks by which nothing goes on: for headers and trailers
/// `StopIteration`, for a body `StopIterationAndBuffer` while more is waited for and
/// `StopIterationNoBuffer` once it is answered.
const STOP: u32 = 1;
const STOP_AND_BUFFER: u32 = 1;
const STOP_WITHOUT_BUFFER: u32 = 3;

/// Runs a hook. A panic has been logged by the panic hook, and ends here.
fn guarded<T>(otherwise: T, hook: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(hook)).unwrap_or(otherwise)
}

/// Called once, when the module is loaded.
#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_program_init() -> *const c_char {
    guarded((), crate::log::install);
    VERSION.as_ptr()
}

/// Makes a configuration; null if it is invalid.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_new(
    envoy: EnvoyConfig,
    name: Bytes,
    text: Bytes,
) -> *mut Config {
    guarded(null_mut(), || {
        // SAFETY: this is `config_new`, and name and text are lent for its time.
        let (mut definitions, name, text) =
            unsafe { (Definitions::new(envoy), name.view(), text.view()) };
        let config = Config::new(&mut definitions, name, text);
        config.map_or(null_mut(), |config| Box::into_raw(Box::new(config)))
    })
}

/// Frees a configuration.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_destroy(config: *mut Config) {
    // SAFETY: made by `config_new`, and given back once, after its last stream.
    guarded((), || drop(unsafe { Box::from_raw(config) }));
}

/// Makes the filter of a stream; null if that fails, to which Envoy or, before 1.40, each
/// hook answers 500.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_new(
    config: *const Config,
    _: EnvoyFilter,
) -> *mut Http {
    guarded(null_mut(), || {
        // SAFETY: Envoy destroys a configuration after all of its streams.
        let config: &'static Config = unsafe { &*config };
        Box::into_raw(Box::new(Http::new(config)))
    })
}

/// Frees the filter of a stream.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_destroy(http: *mut Http) {
    // SAFETY: made by `filter_new`, and given back once. No reference to it is left:
    // `answering` ends its own before an answer can lead here.
    guarded((), || drop(unsafe { Box::from_raw(http) }));
}

/// Runs a hook of a stream in which an answer may be sent.
///
/// # Safety
/// Both pointers must be those that the hook got.
unsafe fn answering(
    filter: EnvoyFilter,
    http: *const Http,
    stopped: u32,
    waiting: u32,
    hook: impl FnOnce(&Http, &mut Envoy) -> Outcome,
) -> u32 {
    const GO_ON: u32 = 0;
    let outcome = guarded(Outcome::panicked(), || {
        // SAFETY: this is a hook of the stream.
        let mut envoy = unsafe { Envoy::new(filter) };
        // SAFETY: null, or made by `filter_new` and not destroyed before the stream's
        // hooks are over. The reference ends with this closure.
        let http = unsafe { http.as_ref() };
        // Envoy 1.39 goes on with a filter that could not be made.
        http.map_or_else(Outcome::panicked, |http| hook(http, &mut envoy))
    });
    match outcome {
        Outcome::GoOn => GO_ON,
        Outcome::Wait => waiting,
        Outcome::Answered(answer) => {
            if let Some(answer) = answer {
                // SAFETY: this is a hook of the stream in which an answer may be sent.
                guarded((), || unsafe { Envoy::new(filter) }.answer(&answer));
            }
            // From here on, `http` may be gone.
            stopped
        }
    }
}

/// The request's headers; `end` if nothing follows.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_headers(
    filter: EnvoyFilter,
    http: *const Http,
    end: bool,
) -> u32 {
    // SAFETY: the hook's own pointers.
    unsafe { answering(filter, http, STOP, STOP, |http, envoy| http.request_headers(envoy, end)) }
}

/// A piece of the request's body; `end` if it is the last.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_body(
    filter: EnvoyFilter,
    http: *const Http,
    end: bool,
) -> u32 {
    // SAFETY: the hook's own pointers.
    unsafe {
        answering(filter, http, STOP_WITHOUT_BUFFER, STOP_AND_BUFFER, |http, envoy| {
            http.request_body(envoy, end)
        })
    }
}

/// The request's trailers, after which nothing follows.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_request_trailers(
    filter: EnvoyFilter,
    http: *const Http,
) -> u32 {
    // SAFETY: the hook's own pointers.
    unsafe { answering(filter, http, STOP, STOP, Http::request_trailers) }
}

/// The response's headers; `end` if nothing follows.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_response_headers(
    filter: EnvoyFilter,
    http: *const Http,
    end: bool,
) -> u32 {
    // SAFETY: the hook's own pointers.
    unsafe { answering(filter, http, STOP, STOP, |http, envoy| http.response_headers(envoy, end)) }
}

/// A piece of the response's body; `end` if it is the last.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_response_body(
    filter: EnvoyFilter,
    http: *const Http,
    end: bool,
) -> u32 {
    // SAFETY: the hook's own pointers.
    unsafe {
        answering(filter, http, STOP_WITHOUT_BUFFER, STOP_AND_BUFFER, |http, envoy| {
            http.response_body(envoy, end)
        })
    }
}

/// The response's trailers, after which nothing follows.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_response_trailers(
    filter: EnvoyFilter,
    http: *const Http,
) -> u32 {
    // SAFETY: the hook's own pointers.
    unsafe { answering(filter, http, STOP, STOP, Http::response_trailers) }
}

/// The end of a stream, before it is logged. No answer may be sent from here.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_stream_complete(
    filter: EnvoyFilter,
    http: *const Http,
) {
    guarded((), || {
        // SAFETY: the hook's own pointers, of which the second may be null; the filter
        // is destroyed after this hook.
        let (mut envoy, http) = unsafe { (Envoy::new(filter), http.as_ref()) };
        if let Some(http) = http {
            http.complete(&mut envoy);
        }
    });
}

// Envoy loads no module without the rest of the hooks, and calls them only where a
// module makes callouts, schedules events, or overfills the client's connection.

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
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_headers(
    _: EnvoyFilter,
    _: *mut c_void,
    _: u64,
    _: *const Pair,
    _: usize,
    _: bool,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_data(
    _: EnvoyFilter,
    _: *mut c_void,
    _: u64,
    _: *const Bytes,
    _: usize,
    _: bool,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_trailers(
    _: EnvoyFilter,
    _: *mut c_void,
    _: u64,
    _: *const Pair,
    _: usize,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_complete(
    _: EnvoyFilter,
    _: *mut c_void,
    _: u64,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_reset(
    _: EnvoyFilter,
    _: *mut c_void,
    _: u64,
    _: u32,
) {
}

#[unsafe(no_mangle)]
extern "C" fn envoy_dynamic_module_on_http_filter_scheduled(
    _: EnvoyFilter,
    _: *mut c_void,
    _: u64,
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
