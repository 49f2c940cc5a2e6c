#![no_main]
#![doc = "See `exchange.rs` in the library."]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mcp_policy_filter_fuzz::exchange::check(data));
