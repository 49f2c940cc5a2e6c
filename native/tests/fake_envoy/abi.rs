//! The ABI: the module's hooks, and the functions that Envoy gives it.

use crate::configuration::{ConfigCall, counted, define};
use crate::lending::Kind;
use crate::stream::{Phase, Reply, Sent, Stream};
pub use mcp_policy_native::{Bytes, Pair};
use std::cell::RefCell;
use std::ffi::{c_char, c_void};
use std::sync::Mutex;

/// Bytes that there are none of.
pub const NONE: Bytes = Bytes { data: std::ptr::null(), size: 0 };

/// Bytes, for a call of the module.
pub fn lend(bytes: &[u8]) -> Bytes {
    Bytes { data: bytes.as_ptr(), size: bytes.len() }
}

/// Bytes of the module.
pub fn read(bytes: Bytes) -> Vec<u8> {
    if bytes.size == 0 {
        return Vec::new();
    }
    unsafe { std::slice::from_raw_parts(bytes.data, bytes.size) }.to_vec()
}

pub fn text(bytes: Bytes) -> String {
    String::from_utf8(read(bytes)).expect("the module's own texts are UTF-8")
}

/// Envoy's half of a configuration: the labels of its metrics, by id.
#[derive(Default)]
pub struct Side {
    /// Whether it is being made: metrics are defined only then.
    pub making: bool,
    pub metrics: Vec<(String, usize)>,
    /// Counters and gauges that were changed, with the values of their labels.
    pub counted: Vec<(String, Vec<String>, u64)>,
    /// Whether Envoy takes no metrics.
    pub refuses_metrics: bool,
    /// The schedulers that were made and not deleted.
    pub schedulers: usize,
    /// The events that wait for the main thread.
    pub scheduled: usize,
    /// The calls of the configuration so far; the number of each is its place.
    pub calls: Vec<ConfigCall>,
    /// Whether Envoy makes no calls.
    pub refuses_calls: bool,
}

/// As Envoy hands over a configuration or a stream.
pub type Config = *const Mutex<Side>;
pub type Filter = *const RefCell<Stream>;

macro_rules! hooks {
    ($($name:ident = $symbol:literal ($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        unsafe extern "C" {
            $(
                #[link_name = concat!("envoy_dynamic_module_on_", $symbol)]
                pub fn $name($($argument: $type),*) $(-> $result)?;
            )*
        }
    };
}

hooks! {
    program_init = "program_init"() -> *const c_char;
    config_new = "http_filter_config_new"(envoy: Config, name: Bytes, text: Bytes) -> *const c_void;
    config_destroy = "http_filter_config_destroy"(config: *const c_void);
    filter_new = "http_filter_new"(config: *const c_void, filter: Filter) -> *const c_void;
    filter_destroy = "http_filter_destroy"(module: *const c_void);
    request_headers = "http_filter_request_headers"(f: Filter, m: *const c_void, end: bool) -> u32;
    request_body = "http_filter_request_body"(f: Filter, m: *const c_void, end: bool) -> u32;
    request_trailers = "http_filter_request_trailers"(f: Filter, m: *const c_void) -> u32;
    response_headers = "http_filter_response_headers"(f: Filter, m: *const c_void, end: bool) -> u32;
    response_body = "http_filter_response_body"(f: Filter, m: *const c_void, end: bool) -> u32;
    response_trailers = "http_filter_response_trailers"(f: Filter, m: *const c_void) -> u32;
    stream_complete = "http_filter_stream_complete"(f: Filter, m: *const c_void);
    callout_done = "http_filter_http_callout_done"(
        f: Filter, m: *const c_void, id: u64, result: u32, headers: *const Pair, count: usize,
        body: *const Bytes, pieces: usize
    );
    callout_headers = "http_filter_http_stream_headers"(
        f: Filter, m: *const c_void, id: u64, headers: *const Pair, count: usize, end: bool
    );
    callout_data = "http_filter_http_stream_data"(
        f: Filter, m: *const c_void, id: u64, body: *const Bytes, pieces: usize, end: bool
    );
    callout_trailers = "http_filter_http_stream_trailers"(
        f: Filter, m: *const c_void, id: u64, headers: *const Pair, count: usize
    );
    callout_complete = "http_filter_http_stream_complete"(f: Filter, m: *const c_void, id: u64);
    callout_reset = "http_filter_http_stream_reset"(f: Filter, m: *const c_void, id: u64, why: u32);
    config_scheduled = "http_filter_config_scheduled"(c: Config, p: *const c_void, id: u64);
    config_callout_done = "http_filter_config_http_callout_done"(
        c: Config, p: *const c_void, id: u64, result: u32, headers: *const Pair, count: usize,
        body: *const Bytes, pieces: usize
    );
    scheduled = "http_filter_scheduled"(f: Filter, m: *const c_void, id: u64);
    above = "http_filter_downstream_above_write_buffer_high_watermark"(f: Filter, m: *const c_void);
    below = "http_filter_downstream_below_write_buffer_low_watermark"(f: Filter, m: *const c_void);
}

thread_local! {
    /// The lines that this thread logged.
    pub static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// The stream of a pointer, for one call.
fn on<T>(filter: Filter, call: impl FnOnce(&mut Stream) -> T) -> T {
    call(&mut unsafe { &*filter }.borrow_mut())
}

/// Writes for the module where it asked for it.
pub fn write<T>(place: *mut T, value: T) {
    unsafe { place.write(value) }
}

macro_rules! callbacks {
    ($($symbol:ident($($argument:ident: $type:ty),*) $(-> $result:ty)? $body:block)*) => {
        $(
            #[unsafe(no_mangle)]
            extern "C" fn $symbol($($argument: $type),*) $(-> $result)? $body
        )*
    };
}

callbacks! {
    envoy_dynamic_module_callback_log(level: u32, line: Bytes) {
        let line = format!("{level} {}", text(line));
        // The module's panic hook is the process's, so a test's own panic comes here.
        if line.contains("panic") {
            eprintln!("{line}");
        }
        LOG.with_borrow_mut(|log| log.push(line));
    }
    envoy_dynamic_module_callback_log_enabled(level: u32) -> bool {
        level >= 2
    }
    envoy_dynamic_module_callback_http_filter_config_define_counter(
        config: Config, name: Bytes, labels: *const Bytes, count: usize, id: *mut usize
    ) -> u32 {
        define(config, name, labels, count, id)
    }
    envoy_dynamic_module_callback_http_filter_config_define_gauge(
        config: Config, name: Bytes, labels: *const Bytes, count: usize, id: *mut usize
    ) -> u32 {
        define(config, name, labels, count, id)
    }
    envoy_dynamic_module_callback_http_filter_config_increment_counter(
        config: Config, id: usize, labels: *const Bytes, count: usize, by: u64
    ) -> u32 {
        counted(&mut unsafe { &*config }.lock().unwrap(), id, labels, count, by)
    }
    envoy_dynamic_module_callback_http_filter_config_set_gauge(
        config: Config, id: usize, labels: *const Bytes, count: usize, value: u64
    ) -> u32 {
        counted(&mut unsafe { &*config }.lock().unwrap(), id, labels, count, value)
    }
    envoy_dynamic_module_callback_http_filter_increment_counter(
        filter: Filter, id: usize, labels: *const Bytes, count: usize, by: u64
    ) -> u32 {
        let (works, config) = on(filter, |stream| (stream.works("increment"), stream.config));
        if !works {
            return 1;
        }
        counted(&mut unsafe { &*config }.lock().unwrap(), id, labels, count, by)
    }
    envoy_dynamic_module_callback_http_get_headers_size(filter: Filter, map: u32) -> usize {
        on(filter, |stream| {
            stream.works("headers_size");
            stream.maps[map as usize].as_ref().map_or(0, Vec::len)
        })
    }
    envoy_dynamic_module_callback_http_get_headers(
        filter: Filter, map: u32, pairs: *mut Pair
    ) -> bool {
        on(filter, |stream| {
            if !stream.works("headers") {
                return false;
            }
            let Some(lines) = stream.maps[map as usize].clone() else { return false };
            for (index, line) in lines.iter().enumerate() {
                let pair = stream.lent.lend_pair(line);
                write(unsafe { pairs.add(index) }, pair);
            }
            true
        })
    }
    envoy_dynamic_module_callback_http_set_header(
        filter: Filter, map: u32, name: Bytes, value: Bytes
    ) -> bool {
        on(filter, |stream| {
            if !stream.works("set_header") {
                return false;
            }
            let name = read(name);
            assert!(stream.reply.is_none(), "a header is changed after the answer");
            let Some(lines) = &mut stream.maps[map as usize] else { return false };
            lines.retain(|line| line.0 != name);
            if !value.data.is_null() {
                lines.push((name, read(value)));
            }
            stream.lent.end(Kind::Headers);
            true
        })
    }
    envoy_dynamic_module_callback_http_get_body_size(filter: Filter, body: u32) -> usize {
        on(filter, |stream| {
            stream.works("body_size");
            stream.bodies[body as usize].iter().map(Vec::len).sum()
        })
    }
    envoy_dynamic_module_callback_http_get_body_chunks_size(filter: Filter, body: u32) -> usize {
        on(filter, |stream| {
            stream.works("chunks_size");
            stream.bodies[body as usize].len()
        })
    }
    envoy_dynamic_module_callback_http_get_body_chunks(
        filter: Filter, body: u32, pieces: *mut Bytes
    ) -> bool {
        on(filter, |stream| {
            if !stream.works("chunks") {
                return false;
            }
            for (index, piece) in stream.bodies[body as usize].clone().iter().enumerate() {
                let view = stream.lent.lend(Kind::Bodies, piece);
                write(unsafe { pieces.add(index) }, view);
            }
            true
        })
    }
    envoy_dynamic_module_callback_http_received_buffered_request_body(filter: Filter) -> bool {
        on(filter, |stream| {
            stream.works("received_is_held");
            stream.received_is_held
        })
    }
    envoy_dynamic_module_callback_http_received_buffered_response_body(filter: Filter) -> bool {
        on(filter, |stream| {
            stream.works("received_is_held");
            stream.received_is_held
        })
    }
    envoy_dynamic_module_callback_http_drain_body(filter: Filter, body: u32, size: usize) -> bool {
        on(filter, |stream| {
            if !stream.works("drain") {
                return false;
            }
            assert!(body >= 2, "a request's body is changed");
            let number = body as usize;
            let body = &mut stream.bodies[number];
            let whole = body.concat();
            *body = vec![whole[size..].to_vec()];
            body.retain(|piece| !piece.is_empty());
            stream.share(number);
            stream.lent.end(Kind::Bodies);
            true
        })
    }
    envoy_dynamic_module_callback_http_append_body(
        filter: Filter, body: u32, bytes: Bytes
    ) -> bool {
        on(filter, |stream| {
            if !stream.works("append") {
                return false;
            }
            assert!(body >= 2, "a request's body is changed");
            stream.bodies[body as usize].push(read(bytes));
            stream.share(body as usize);
            stream.lent.end(Kind::Bodies);
            true
        })
    }
    envoy_dynamic_module_callback_http_send_response(
        filter: Filter, status: u32, headers: *const Pair, count: usize, body: Bytes,
        details: Bytes
    ) {
        let meanwhile = on(filter, |stream| {
            assert!(stream.works("send_response"));
            // Seen in Envoy 1.40: it would end here.
            assert_ne!(stream.phase, Phase::Complete, "an answer from stream_complete");
            assert!(stream.reply.is_none(), "a second answer");
            let pair = |index| unsafe { *headers.add(index) };
            stream.reply = Some(Reply {
                status: u16::try_from(status).expect("a status"),
                headers: (0..count).map(pair).map(|p| (text(p.name), text(p.value))).collect(),
                body: read(body),
                details: text(details),
            });
            stream.lent.end_all();
            stream.meanwhile.take()
        });
        meanwhile.into_iter().for_each(|hooks| hooks());
    }
    envoy_dynamic_module_callback_http_filter_start_http_stream(
        filter: Filter, id: *mut u64, cluster: Bytes, headers: *const Pair, count: usize,
        body: Bytes, end: bool, timeout: u64
    ) -> u32 {
        assert!(end, "the rest of a question would follow");
        let pair = |index| unsafe { *headers.add(index) };
        let sent = Sent {
            cluster: text(cluster),
            headers: (0..count).map(pair).map(|p| (text(p.name), text(p.value))).collect(),
            body: read(body),
            timeout,
        };
        let (number, inline) = on(filter, |stream| {
            stream.sent.push(sent);
            let number = stream.sent.len() as u64;
            (stream.works("start_stream").then_some(number), stream.inline.take())
        });
        // Envoy's status "cluster not found".
        let Some(number) = number else { return 2 };
        write(id, number);
        if let Some(inline) = inline {
            inline(number);
        }
        0
    }
    envoy_dynamic_module_callback_http_filter_reset_http_stream(filter: Filter, id: u64) {
        on(filter, |stream| stream.reset.push(id));
    }
    envoy_dynamic_module_callback_http_filter_continue_decoding(filter: Filter) {
        let meanwhile = on(filter, |stream| {
            assert!(stream.works("continue"));
            assert!(stream.reply.is_none(), "continued after an answer");
            stream.continued += 1;
            stream.lent.end_all();
            stream.meanwhile.take()
        });
        meanwhile.into_iter().for_each(|hooks| hooks());
    }
    envoy_dynamic_module_callback_http_filter_scheduler_new(filter: Filter) -> *mut c_void {
        on(filter, |stream| assert!(stream.works("schedule")));
        Box::into_raw(Box::new(filter)).cast()
    }
    envoy_dynamic_module_callback_http_filter_scheduler_commit(
        scheduler: *mut c_void, event: u64
    ) {
        assert_eq!(event, 0);
        on(unsafe { *scheduler.cast::<Filter>() }, |stream| stream.scheduled += 1);
    }
    envoy_dynamic_module_callback_http_filter_scheduler_delete(scheduler: *mut c_void) {
        drop(unsafe { Box::from_raw(scheduler.cast::<Filter>()) });
    }
    envoy_dynamic_module_callback_http_get_filter_state_bytes(
        filter: Filter, name: Bytes, value: *mut Bytes
    ) -> bool {
        on(filter, |stream| {
            if !stream.works("filter_state") {
                return false;
            }
            let Some(found) = stream.filter_state.get(&read(name)).cloned() else { return false };
            write(value, stream.lent.lend(Kind::State, &found));
            true
        })
    }
    envoy_dynamic_module_callback_http_set_filter_state_bytes(
        filter: Filter, name: Bytes, value: Bytes
    ) -> bool {
        on(filter, |stream| {
            if !stream.works("set_filter_state") {
                return false;
            }
            stream.filter_state.insert(read(name), read(value));
            stream.lent.end(Kind::State);
            true
        })
    }
    envoy_dynamic_module_callback_http_set_dynamic_metadata_string_batch(
        filter: Filter, namespace: Bytes, pairs: *const Pair, count: usize
    ) {
        on(filter, |stream| {
            stream.works("set_metadata");
            for index in 0..count {
                let pair = unsafe { *pairs.add(index) };
                stream.metadata.insert((read(namespace), read(pair.name)), read(pair.value));
            }
        });
    }
    envoy_dynamic_module_callback_http_filter_get_attribute_string(
        filter: Filter, id: u32, value: *mut Bytes
    ) -> bool {
        on(filter, |stream| {
            if !stream.works("attribute") {
                return false;
            }
            let Some(found) = stream.texts.get(&id).cloned() else { return false };
            write(value, stream.lent.lend(Kind::State, &found));
            true
        })
    }
    envoy_dynamic_module_callback_http_filter_get_attribute_int(
        filter: Filter, id: u32, value: *mut u64
    ) -> bool {
        on(filter, |stream| {
            let found = stream.numbers.get(&id).copied().filter(|_| stream.works("attribute"));
            found.map(|found| write(value, found)).is_some()
        })
    }
    envoy_dynamic_module_callback_http_filter_get_attribute_bool(
        filter: Filter, id: u32, value: *mut bool
    ) -> bool {
        on(filter, |stream| {
            let found = stream.flags.get(&id).copied().filter(|_| stream.works("attribute"));
            found.map(|found| write(value, found)).is_some()
        })
    }
}
