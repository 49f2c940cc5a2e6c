#![no_main]
#![doc = "See `decode.rs` in the library."]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mcp_policy_filter_fuzz::decode::check(data));
