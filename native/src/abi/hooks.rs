//! The hooks of streams, and all others without which Envoy loads no module.
//!
//! A panic that left a hook would end Envoy, so each is guarded. Where an answer may be
//! sent, a panic is one; nothing goes on. An answer from [`stream_complete`] would end
//! Envoy too, and where a configuration or a filter is made there is nobody to answer.
//!
//! [`stream_complete`]: envoy_dynamic_module_on_http_filter_stream_complete

mod unasked;

use super::config::Definitions;
use super::imports::{Bytes, EnvoyConfig, EnvoyFilter, Pair};
use super::stream::{Answer, Envoy};
use super::{pairs, views};
use crate::callout::{Asking, Callouts, Heard};
use crate::config::Config;
use crate::http::{Http, Outcome};
use core::ffi::{CStr, c_char};
use core::ptr::null_mut;
use mcp_policy_filter::exchange::question::Question;
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
    // SAFETY: the hook's own pointers.
    let outcome = unsafe { run(filter, http, hook) };
    match outcome {
        Outcome::GoOn => GO_ON,
        Outcome::Wait => waiting,
        Outcome::Ask(question) => {
            // SAFETY: the hook's own pointers.
            unsafe { ask(filter, http, &question) };
            waiting
        }
        Outcome::Answered(answer) => {
            // SAFETY: the hook's own pointer, and an answer may be sent from it.
            unsafe { send(filter, answer.as_deref()) };
            // From here on, `http` may be gone.
            stopped
        }
    }
}

/// Runs a hook; a panic is an answer.
///
/// # Safety
/// Both pointers must be those that the hook got.
unsafe fn run(
    filter: EnvoyFilter,
    http: *const Http,
    hook: impl FnOnce(&Http, &mut Envoy) -> Outcome,
) -> Outcome {
    let outcome = guarded(None, || {
        // SAFETY: this is a hook of the stream.
        let mut envoy = unsafe { Envoy::new(filter) };
        // SAFETY: null, or made by `filter_new` and not destroyed before the stream's
        // hooks are over. The reference ends with this closure.
        let http = unsafe { http.as_ref() };
        // Envoy 1.39 goes on with a filter that could not be made.
        http.map(|http| hook(http, &mut envoy))
    });
    outcome.unwrap_or_else(Outcome::panicked)
}

/// Sends the answer, if there is one to send: not on the way of most calls, as questions
/// are not.
///
/// # Safety
/// The pointer must be the one that a hook of the stream got in which an answer may be sent.
#[cold]
unsafe fn send(filter: EnvoyFilter, answer: Option<&Answer>) {
    if let Some(answer) = answer {
        // SAFETY: by the caller's promise.
        guarded((), || unsafe { Envoy::new(filter) }.answer(answer));
    }
}

/// Sends a question. One that cannot be sent has failed, and that is an answer too.
///
/// # Safety
/// Both pointers must be those that the hook got.
#[cold]
unsafe fn ask(filter: EnvoyFilter, http: *const Http, question: &Question) {
    guarded((), || {
        // SAFETY: as in `run`. Hooks of the callout, which may come meanwhile, have shared
        // references too.
        let (envoy, http) = unsafe { (Envoy::new(filter), http.as_ref()) };
        let Some(http) = http else { return };
        let Asking { headers, body } = http.asking(question);
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, &**value)).collect();
        let started = envoy.start(&question.cluster, &headers, &body, question.timeout);
        if http.asked(started) {
            envoy.schedule();
        }
    });
}

/// Runs a hook of a callout, which says whether the answer is there, and ends the callout
/// if the answer is too long.
///
/// # Safety
/// Both pointers must be those that the hook got.
unsafe fn hearing(
    filter: EnvoyFilter,
    http: *const Http,
    callout: u64,
    hook: impl FnOnce(&Callouts) -> Heard,
) {
    let heard = guarded(Heard::Whole, || {
        // SAFETY: as in `ask`.
        let http = unsafe { http.as_ref() };
        http.map_or(Heard::Part, |http| http.hear(hook))
    });
    guarded((), || {
        // SAFETY: this is a hook of the stream.
        let envoy = unsafe { Envoy::new(filter) };
        match heard {
            Heard::Part => {}
            Heard::Whole => envoy.schedule(),
            Heard::TooLong => {
                envoy.schedule();
                envoy.reset(callout);
            }
        }
    });
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

/// The headers of the answer of a service; `end` if nothing follows.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_headers(
    filter: EnvoyFilter,
    http: *const Http,
    callout: u64,
    headers: *const Pair,
    count: usize,
    _: bool,
) {
    // SAFETY: the hook's own pointers.
    unsafe {
        hearing(filter, http, callout, |callouts| callouts.head(callout, pairs(headers, count)));
    }
}

/// A piece of the answer of a service; `end` if nothing follows.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_data(
    filter: EnvoyFilter,
    http: *const Http,
    callout: u64,
    pieces: *const Bytes,
    count: usize,
    _: bool,
) {
    // SAFETY: the hook's own pointers.
    unsafe {
        hearing(filter, http, callout, |callouts| {
            callouts.piece(callout, views(pieces, count).iter().map(|piece| piece.view()))
        });
    }
}

/// The trailers of the answer of a service.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_trailers(
    filter: EnvoyFilter,
    http: *const Http,
    callout: u64,
    trailers: *const Pair,
    count: usize,
) {
    // SAFETY: the hook's own pointers.
    unsafe {
        hearing(filter, http, callout, |callouts| callouts.tail(callout, pairs(trailers, count)));
    }
}

/// The end of a request to a service, whose answer is whole.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_complete(
    filter: EnvoyFilter,
    http: *const Http,
    callout: u64,
) {
    // SAFETY: the hook's own pointers.
    unsafe { hearing(filter, http, callout, |callouts| callouts.end(callout, true)) }
}

/// The end of a request to a service that was broken off.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_http_stream_reset(
    filter: EnvoyFilter,
    http: *const Http,
    callout: u64,
    _: u32,
) {
    // SAFETY: the hook's own pointers.
    unsafe { hearing(filter, http, callout, |callouts| callouts.end(callout, false)) }
}

/// The event that `schedule` asked for: an answer is there.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_scheduled(
    filter: EnvoyFilter,
    http: *const Http,
    _: u64,
) {
    // SAFETY: the hook's own pointers.
    let outcome = unsafe { run(filter, http, Http::answered) };
    match outcome {
        Outcome::Wait => {}
        // SAFETY: as above.
        Outcome::Ask(question) => unsafe { ask(filter, http, &question) },
        // SAFETY: this is a hook of the stream. From here on, `http` may be gone.
        Outcome::GoOn => guarded((), || unsafe { Envoy::new(filter) }.go_on()),
        // SAFETY: as above, and an answer may be sent.
        Outcome::Answered(answer) => unsafe { send(filter, answer.as_deref()) },
    }
}
