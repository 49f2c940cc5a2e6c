//! A filter that decides nothing, for `make bench`: it holds each request for
//! its body, makes the host calls that this project's filter makes for an
//! allowed call with limits, throws away what they return, and lets the request
//! go on. What it costs is Envoy's part of the cost, which no policy's code can
//! go below while it makes these calls.
#![allow(
    unsafe_code,
    missing_docs,
    unreachable_pub,
    reason = "the module's exports, and nothing else"
)]

/// Named like the filter's own, since its file takes this for its parent.
#[path = "../../src/filter"]
mod filter {
    #[allow(dead_code, unused_imports, reason = "the filter needs more of it")]
    mod host;

    use host::{Buffer, Map};
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A record and two counts, as long as those of an allowed call.
    const RECORD: &str = concat!(
        r#"{"decision":"allowed","rule":"/grants/ci/tools/tool_25","method":"tools/call","tool":"tool_25","#,
        r#""grant":"ci","request_id":"0b2c4f0e-7a4b-4d52-9f4e-1f1f3c2d4b5a","time":"2026-01-01T00:00:00.000Z","#,
        r#""arguments":["amount","path","text"],"limits":[{"rule":"/grants/ci/tools/tool_25/limits/calls","#,
        r#""left":999999999},{"rule":"/grants/ci/tools/tool_25/limits/spent","left":999999995}],"#,
        r#""policy":"43e53a0348a9"}"#,
    );
    const COUNTS: [u8; 90] = [0; 90];

    static METRIC: AtomicU32 = AtomicU32::new(0);

    const CONTINUE: u32 = 0;
    const PAUSE: u32 = 1;
    const YES: u32 = 1;

    #[unsafe(no_mangle)]
    pub extern "C" fn proxy_abi_version_0_2_1() {}

    #[unsafe(no_mangle)]
    pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
        Box::into_raw(vec![0; size].into_boxed_slice()).cast()
    }

    #[unsafe(no_mangle)]
    pub extern "C" fn proxy_on_vm_start(_: u32, _: usize) -> u32 {
        METRIC.store(host::define_counter("empty_total").unwrap_or_default(), Ordering::Relaxed);
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
        let _ = host::headers(Map::RequestHeaders);
        PAUSE
    }

    #[unsafe(no_mangle)]
    pub extern "C" fn proxy_on_request_body(_: u32, size: usize, end: u32) -> u32 {
        if end == 0 {
            return PAUSE;
        }
        let _ = host::buffer(Buffer::RequestBody, size);
        let _ = host::now();
        let key = b"empty/0000";
        // A version that no value has makes the first one, as the filter does.
        let version = host::shared(key).ok().flatten().map_or(u32::MAX, |(_, version)| version);
        let _ = host::set_shared(key, &COUNTS, version);
        for _ in 0..3 {
            let _ = host::increment(METRIC.load(Ordering::Relaxed), 1);
        }
        let _ = host::set_property("mcp_audit", RECORD);
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
        let _ = host::property("response\0flags");
    }

    #[unsafe(no_mangle)]
    pub extern "C" fn proxy_on_delete(_: u32) {}
}
