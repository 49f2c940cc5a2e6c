//! The proxy-wasm ABI in the test's own process: the host's functions are
//! defined here, and the filter is entered by the functions that the SDK
//! exports. Everything that the module does runs natively but the sandbox.
//!
//! Each thread has a VM of its own, since the SDK keeps its state by thread.

use crate::core::MIDNIGHT;
use crate::corpus::{self, Case, Client, Outcome, Request};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

// The filter is linked for its exports.
use mcp_policy_filter as _;

#[allow(unsafe_code, reason = "the ABI is a C one")]
mod abi {
    use super::HOST;
    use std::slice;

    unsafe extern "C" {
        pub(super) fn _initialize();
        pub(super) fn proxy_on_context_create(context: u32, root: u32);
        pub(super) fn proxy_on_vm_start(context: u32, size: usize) -> bool;
        pub(super) fn proxy_on_configure(context: u32, size: usize) -> bool;
        pub(super) fn proxy_on_request_headers(context: u32, count: usize, end: bool) -> u32;
        pub(super) fn proxy_on_request_body(context: u32, size: usize, end: bool) -> u32;
        pub(super) fn proxy_on_request_trailers(context: u32, count: usize) -> u32;
        pub(super) fn proxy_on_log(context: u32);
        pub(super) fn proxy_on_delete(context: u32);
        fn proxy_on_memory_allocate(size: usize) -> *mut u8;
    }

    /// # Safety
    /// The filter gives pointer and length of live bytes.
    unsafe fn bytes<'a>(data: *const u8, size: usize) -> &'a [u8] {
        if size == 0 { &[] } else { unsafe { slice::from_raw_parts(data, size) } }
    }

    unsafe fn lend(value: &[u8], data: *mut *mut u8, size: *mut usize) -> u32 {
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

    /// The status that a test wants of a host call, if it wants one.
    fn fault(call: &'static str) -> Option<u32> {
        HOST.with_borrow(|host| host.faults.get(call).copied())
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
        HOST.with_borrow(|host| {
            let buffer = match buffer {
                0 => &host.body,
                7 => &host.configuration,
                other => panic!("buffer {other} is not to be read"),
            };
            let lent = &buffer[..buffer.len().min(max_size)];
            if lent.is_empty() { 1 } else { unsafe { lend(lent, data, size) } }
        })
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn proxy_get_header_map_pairs(
        map: u32,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32 {
        fault!("headers");
        assert_eq!(map, 0);
        HOST.with_borrow(|host| unsafe { lend(&host.headers, data, size) })
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn proxy_remove_header_map_value(
        map: u32,
        name: *const u8,
        size: usize,
    ) -> u32 {
        fault!("remove_header");
        assert_eq!(map, 0);
        let name = String::from_utf8(unsafe { bytes(name, size) }.to_vec()).unwrap();
        HOST.with_borrow_mut(|host| host.removed.push(name));
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
        assert_eq!(path, b"mcp_audit");
        let value = String::from_utf8(value.to_vec()).unwrap();
        HOST.with_borrow_mut(|host| host.filter_state = value);
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
        _headers: *const u8,
        _headers_size: usize,
        _grpc_status: i32,
    ) -> u32 {
        fault!("reply");
        let details = String::from_utf8(unsafe { bytes(details, details_size) }.to_vec()).unwrap();
        let body = unsafe { bytes(body, body_size) }.to_vec();
        HOST.with_borrow_mut(|host| {
            assert!(host.reply.is_none(), "answered twice");
            host.reply = Some((u16::try_from(status).unwrap(), body, details));
        });
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
        assert_eq!(kind, 0);
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

    /// What the SDK knows besides. The filter calls none of it: the SDK's
    /// wrappers panic on what they do not expect.
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
        proxy_continue_stream
        proxy_dequeue_shared_queue
        proxy_done
        proxy_enqueue_shared_queue
        proxy_get_header_map_value
        proxy_get_log_level
        proxy_get_metric
        proxy_get_status
        proxy_grpc_call
        proxy_grpc_cancel
        proxy_grpc_close
        proxy_grpc_send
        proxy_grpc_stream
        proxy_http_call
        proxy_record_metric
        proxy_register_shared_queue
        proxy_replace_header_map_value
        proxy_resolve_shared_queue
        proxy_set_buffer_bytes
        proxy_set_effective_context
        proxy_set_header_map_pairs
        proxy_set_tick_period_milliseconds
    }
}

#[derive(Default)]
struct Host {
    log: Vec<String>,
    now: u64,
    configuration: Vec<u8>,
    headers: Vec<u8>,
    body: Vec<u8>,
    removed: Vec<String>,
    properties: BTreeMap<String, Vec<u8>>,
    flags: Vec<u8>,
    filter_state: String,
    shared: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    version: u32,
    reply: Option<(u16, Vec<u8>, String)>,
    metrics: Vec<(String, i64)>,
    faults: BTreeMap<&'static str, u32>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
    static CONTEXTS: RefCell<u32> = const { RefCell::new(1) };
}

/// How Envoy is set up and behaves.
#[derive(Clone, Copy)]
struct Manner {
    /// Envoy's `allow_on_headers_stop_iteration`.
    holds: bool,
    /// The size of the pieces in which bodies come.
    piece: usize,
}

const PAUSE: u32 = 1;

/// A worker of Envoy with the filter in it.
struct Worker {
    root: u32,
    manner: Manner,
}

fn context() -> u32 {
    CONTEXTS.with_borrow_mut(|last| {
        *last += 1;
        *last
    })
}

#[allow(unsafe_code, reason = "the ABI is a C one")]
impl Worker {
    /// Starts a VM, unless this thread has one, and configures a plugin.
    fn configure(policy: &str, manner: Manner) -> Result<Self, Vec<String>> {
        let first = CONTEXTS.with_borrow(|last| *last == 1);
        let root = context();
        HOST.with_borrow_mut(|host| {
            host.configuration = policy.as_bytes().to_vec();
            host.log.clear();
        });
        let good = unsafe {
            if first {
                abi::_initialize();
            }
            abi::proxy_on_context_create(root, 0);
            abi::proxy_on_vm_start(root, 0) && abi::proxy_on_configure(root, policy.len())
        };
        let log = HOST.with_borrow(|host| host.log.clone());
        if good { Ok(Self { root, manner }) } else { Err(log) }
    }

    /// What Envoy does with one request.
    fn send(&self, request: &Request) -> Outcome {
        let stream = context();
        let mut pairs = vec![(":method", &*request.method), (":path", &*request.path)];
        pairs.extend(request.headers.iter().map(|(name, value)| (&**name, &**value)));
        HOST.with_borrow_mut(|host| {
            host.now = (MIDNIGHT + request.at) * 1_000_000_000;
            host.headers = serialise(&pairs);
            host.body.clear();
            host.removed.clear();
            host.properties = properties(&request.client);
            let flags = host.flags.clone();
            host.properties.insert("response\0flags".into(), flags);
            host.filter_state.clear();
            host.reply = None;
        });
        unsafe { abi::proxy_on_context_create(stream, self.root) };
        let forwarded = self.stream(stream, request, pairs.len());
        unsafe {
            abi::proxy_on_log(stream);
            abi::proxy_on_delete(stream);
        }
        match HOST.with_borrow_mut(|host| host.reply.take()) {
            Some((status, body, details)) => {
                assert!(!forwarded, "both forwarded and answered");
                assert!(details.starts_with("mcp_policy_filter:"), "{details}");
                Outcome::Replied { status, body }
            }
            None if forwarded => Outcome::Forwarded,
            None => Outcome::Hung,
        }
    }

    /// Drives the callbacks; whether the whole request was let through.
    fn stream(&self, stream: u32, request: &Request, count: usize) -> bool {
        let replied = || HOST.with_borrow(|host| host.reply.is_some());
        let bodyless = request.body.is_empty();
        let end = bodyless && !request.trailers;
        let mut action = unsafe { abi::proxy_on_request_headers(stream, count, end) };
        if replied() || end {
            return action != PAUSE;
        }
        if action == PAUSE && !self.manner.holds {
            return false;
        }
        let pieces = request.body.chunks(self.manner.piece);
        let last = pieces.len();
        for (index, piece) in pieces.enumerate() {
            // While the filter pauses, Envoy shows it all that has come.
            HOST.with_borrow_mut(|host| {
                if action != PAUSE {
                    host.body.clear();
                }
                host.body.extend_from_slice(piece);
            });
            let size = HOST.with_borrow(|host| host.body.len());
            let end = index + 1 == last && !request.trailers;
            action = unsafe { abi::proxy_on_request_body(stream, size, end) };
            if replied() {
                return false;
            }
            if index == 0 && !end && action != PAUSE {
                // What is let through before its end was not judged.
                return true;
            }
        }
        if request.trailers {
            action = unsafe { abi::proxy_on_request_trailers(stream, 1) };
        }
        !replied() && action != PAUSE
    }

    fn log() -> Vec<String> {
        HOST.with_borrow(|host| host.log.clone())
    }

    fn metric(name: &str) -> i64 {
        HOST.with_borrow(|host| {
            host.metrics.iter().filter(|(other, _)| other == name).map(|(_, value)| value).sum()
        })
    }
}

/// Envoy's properties of a client.
fn properties(client: &Client) -> BTreeMap<String, Vec<u8>> {
    let payload = "metadata\0filter_metadata\0envoy.filters.http.jwt_authn\0payload";
    let mut properties = BTreeMap::new();
    for (path, bytes) in &client.claims {
        properties.insert(payload.to_owned(), b"\0a struct\0".to_vec());
        properties.insert(format!("{payload}\0{}", path.replace('/', "\0")), bytes.clone());
    }
    if let Some(san) = &client.san {
        properties.insert("connection\0mtls".into(), vec![1]);
        properties.insert("connection\0uri_san_peer_certificate".into(), san.clone().into_bytes());
    }
    properties
}

fn serialise(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = u32::try_from(pairs.len()).unwrap().to_le_bytes().to_vec();
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// The policy with `settings.hold_request_headers`.
fn holding(policy: &str) -> String {
    let mut policy: serde_json::Value = serde_json::from_str(policy).unwrap();
    policy["settings"]["hold_request_headers"] = true.into();
    policy.to_string()
}

fn run(case: &Case, policy: &str, manner: Manner) -> Vec<(usize, Result<(), String>)> {
    HOST.with_borrow_mut(|host| host.shared.clear());
    let worker = Worker::configure(policy, manner)
        .unwrap_or_else(|log| panic!("{}: {}", case.name, log.join("\n")));
    let mut results = Vec::new();
    for (index, request) in case.requests.iter().enumerate() {
        for _ in 0..request.times {
            let outcome = worker.send(request);
            results.push((index, corpus::check(&outcome, &request.expect)));
        }
    }
    results
}

#[test]
fn the_corpus_passes_the_module_in_one_piece() {
    let manner = Manner { holds: false, piece: usize::MAX };
    corpus::run(corpus::cases(), |case| run(case, &case.policy, manner));
}

#[test]
fn the_corpus_passes_the_module_in_single_bytes() {
    let manner = Manner { holds: false, piece: 1 };
    let small = corpus::cases()
        .into_iter()
        .filter(|case| case.requests.iter().all(|request| request.body.len() < 10_000));
    corpus::run(small, |case| run(case, &case.policy, manner));
}

#[test]
fn the_corpus_passes_the_module_while_headers_are_held() {
    let manner = Manner { holds: true, piece: 7 };
    corpus::run(corpus::cases(), |case| run(case, &holding(&case.policy), manner));
}

fn call(tool: &str) -> Request {
    Request {
        method: "POST".into(),
        path: "/mcp".into(),
        headers: vec![("accept".into(), "application/json".into())],
        body: format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}"}}}}"#
        )
        .into_bytes(),
        trailers: false,
        times: 1,
        at: 0,
        client: Client::default(),
        expect: serde_json::Value::Null,
    }
}

const ONE_A_MINUTE: &str =
    r#"{"version": "1", "default": "deny", "tools": {"a": {"rate_limit": "1/minute"}}}"#;

const PLAIN: Manner = Manner { holds: false, piece: usize::MAX };

#[test]
fn a_bad_policy_is_refused_and_says_why() {
    let Err(log) = Worker::configure(r#"{"version": "1", "tool": {}}"#, PLAIN) else {
        panic!("accepted")
    };
    assert_eq!(
        log,
        [
            "mcp-policy-filter: bad policy: /tool: unknown key; did you mean `tools`?",
            "mcp-policy-filter: bad policy: (top level): `default` is missing",
        ]
    );
}

#[test]
fn counts_survive_a_push_and_a_changed_max() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
    assert!(matches!(worker.send(&call("a")), Outcome::Replied { .. }));
    let pushed = ONE_A_MINUTE.replace("1/minute", "2/minute");
    let worker = Worker::configure(&pushed, PLAIN).unwrap();
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
    assert!(matches!(worker.send(&call("a")), Outcome::Replied { .. }));
}

#[test]
fn a_failing_host_call_is_a_refusal_and_the_vm_lives() {
    for (fault, reason) in [
        ("headers", "internal"),
        ("buffer", "internal"),
        ("time", "internal"),
        ("get_shared", "internal"),
        ("set_shared", "internal"),
    ] {
        for status in [1, 2, 3, 7, 9, 10, 12, 99, u32::MAX] {
            // "Not found" is an answer to some questions.
            if status == 1 && ["buffer", "get_shared"].contains(&fault) {
                continue;
            }
            let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
            HOST.with_borrow_mut(|host| {
                host.shared.clear();
                host.faults.insert(fault, status);
            });
            let outcome = worker.send(&call("a"));
            let expect = serde_json::json!({"code": -32603, "reason": reason});
            assert_eq!(corpus::check(&outcome, &expect), Ok(()), "{fault} {status}");
            HOST.with_borrow_mut(|host| host.faults.clear());
            assert!(matches!(worker.send(&call("a")), Outcome::Forwarded), "{fault} {status}");
        }
    }
}

#[test]
fn headers_by_which_a_client_has_envoy_repeat_a_call_are_taken_out() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    let mut request = call("a");
    for name in ["x-envoy-retry-on", "x-envoy-max-retries", "x-other"] {
        request.headers.push((name.into(), "5".into()));
    }
    assert!(matches!(worker.send(&request), Outcome::Forwarded));
    let removed = HOST.with_borrow(|host| host.removed.clone());
    assert_eq!(removed, ["x-envoy-retry-on", "x-envoy-max-retries"]);
    HOST.with_borrow_mut(|host| host.faults.insert("remove_header", 10));
    let expect = serde_json::json!({"reason": "internal"});
    assert_eq!(corpus::check(&worker.send(&request), &expect), Ok(()));
    HOST.with_borrow_mut(|host| host.faults.clear());
}

const TOKENS: &str = r#"{"version": "1", "default": "allow", "identity": [{"bearer": {"tokens":
    {"alice": "sha256:0e9c8bd2ae2f8ef2f2ed7bd1a3f6e1e0a2d3a5a4d5a7c1a8b9c0d1e2f3a4b5c6"}}}]}"#;

#[test]
fn a_token_of_ours_is_taken_out_of_every_request() {
    for manner in [PLAIN, Manner { holds: true, ..PLAIN }] {
        let policy = if manner.holds { holding(TOKENS) } else { TOKENS.to_owned() };
        let worker = Worker::configure(&policy, manner).unwrap();
        for method in ["POST", "GET", "OPTIONS"] {
            let mut request = Request { method: method.into(), ..call("a") };
            request.headers.push(("authorization".into(), "Bearer x".into()));
            worker.send(&request);
            let removed = HOST.with_borrow(|host| host.removed.clone());
            assert_eq!(removed, ["authorization"], "{method}");
        }
    }
}

#[test]
fn a_charge_is_given_back_only_where_nothing_was_sent() {
    // No healthy host, no connection, too many requests, no route, no cluster.
    let unsent = [0x2, 0x20, 0x80, 0x100, 0x100_0000, 0x22];
    // None; a client's reset; an upstream's; a timeout; one of ours with more.
    let sent = [0, 0x4000, 0x10, 0x40, 0x4, 0x4020, 0x8020];
    let mut cases: Vec<(Vec<u8>, bool)> = Vec::new();
    cases.extend(unsent.map(|flags: u64| (flags.to_le_bytes().to_vec(), true)));
    cases.extend(sent.map(|flags: u64| (flags.to_le_bytes().to_vec(), false)));
    cases.extend([(vec![], false), (vec![2], false), (b"UF".to_vec(), false)]);
    for (flags, given_back) in cases {
        HOST.with_borrow_mut(|host| {
            host.shared.clear();
            host.flags = flags.clone();
        });
        let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
        assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
        let again = matches!(worker.send(&call("a")), Outcome::Forwarded);
        assert_eq!(again, given_back, "{flags:?}");
    }
}

#[test]
fn a_write_that_never_succeeds_is_a_refusal_not_a_hang() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    HOST.with_borrow_mut(|host| host.faults.insert("set_shared", 8));
    let outcome = worker.send(&call("a"));
    let expect = serde_json::json!({"status": 200, "code": 503, "reason": "counter_contended"});
    assert_eq!(corpus::check(&outcome, &expect), Ok(()));
    HOST.with_borrow_mut(|host| host.faults.clear());
    assert_eq!(Worker::metric("mcp_policy_refused_counter_contended_total"), 1);
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
}

#[test]
fn a_reply_that_cannot_be_sent_lets_nothing_through() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    HOST.with_borrow_mut(|host| host.faults.insert("reply", 10));
    assert!(matches!(worker.send(&call("b")), Outcome::Hung));
    HOST.with_borrow_mut(|host| host.faults.clear());
}

#[test]
fn metrics_that_fail_do_not_stop_the_judging() {
    HOST.with_borrow_mut(|host| host.faults.insert("metric", 10));
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
    assert!(matches!(worker.send(&call("b")), Outcome::Replied { .. }));
    HOST.with_borrow_mut(|host| host.faults.clear());
}

#[test]
fn holding_without_envoys_flag_is_named_in_the_log_and_counted() {
    let worker = Worker::configure(&holding(ONE_A_MINUTE), PLAIN).unwrap();
    assert!(matches!(worker.send(&call("a")), Outcome::Hung));
    assert_eq!(Worker::metric("mcp_policy_held_without_body_total"), 1);
    let log = Worker::log();
    assert!(log.iter().any(|line| line.contains("allow_on_headers_stop_iteration")), "{log:?}");
}

#[test]
fn metrics_count_every_decision_by_its_reason() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    for tool in ["a", "a", "b", "b"] {
        worker.send(&call(tool));
    }
    assert_eq!(Worker::metric("mcp_policy_evaluations_total"), 4);
    assert_eq!(Worker::metric("mcp_policy_passed_total"), 1);
    assert_eq!(Worker::metric("mcp_policy_refused_rate_limited_total"), 1);
    assert_eq!(Worker::metric("mcp_policy_refused_default_deny_total"), 2);
}

#[test]
fn records_name_the_rule_and_never_a_value() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    let mut request = call("b");
    request.body = br#"{"jsonrpc":"2.0","id":"id-1","method":"tools/call","params":{"name":"b","arguments":{"password":"hunter2"}}}"#.to_vec();
    worker.send(&request);
    let log = Worker::log();
    assert!(
        log.iter()
            .any(|line| line.starts_with("mcp-policy-audit {") && line.contains("(default deny)")),
        "{log:?}"
    );
    assert!(!log.iter().any(|line| line.contains("hunter2")), "{log:?}");
}

#[test]
fn the_log_has_the_decisions_that_it_is_told_to_have() {
    for (which, expected) in [("all", [1, 1]), ("denied", [0, 1]), ("off", [0, 0])] {
        let mut policy: serde_json::Value = serde_json::from_str(ONE_A_MINUTE).unwrap();
        policy["settings"]["audit_log"] = which.into();
        HOST.with_borrow_mut(|host| host.shared.clear());
        let worker = Worker::configure(&policy.to_string(), PLAIN).unwrap();
        for (tool, decision) in [("a", "allowed"), ("b", "denied")] {
            worker.send(&call(tool));
            let marked = format!(r#""decision":"{decision}""#);
            assert!(HOST.with_borrow(|host| host.filter_state.contains(&marked)));
        }
        let log = Worker::log();
        let lines = |decision: &str| {
            let marked = format!(r#"mcp-policy-audit {{"decision":"{decision}""#);
            log.iter().filter(|line| line.starts_with(&marked)).count()
        };
        assert_eq!([lines("allowed"), lines("denied")], expected, "{which}");
    }
}

#[test]
fn keys_in_shared_data_are_few_and_carry_product_and_format() {
    HOST.with_borrow_mut(|host| host.shared.clear());
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    for at in 0..10 {
        worker.send(&Request { at: at * 60, ..call("a") });
    }
    let keys: BTreeSet<String> = HOST.with_borrow(|host| {
        host.shared.keys().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    });
    assert!(keys.iter().all(|key| key.starts_with("mcp-policy-filter/1/3:mcp:root/")), "{keys:?}");
    // The salt, the total, the caller's bucket and that of the callers' count.
    assert_eq!(keys.len(), 4, "{keys:?}");
}
