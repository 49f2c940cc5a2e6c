#![no_main]
#![doc = "See `config.rs` in the library."]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mcp_policy_filter_fuzz::config::check(data));
