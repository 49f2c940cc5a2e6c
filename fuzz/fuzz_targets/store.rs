#![no_main]
#![doc = "See `store.rs` in the library."]

use libfuzzer_sys::fuzz_target;
use mcp_policy_filter_fuzz::store;

fuzz_target!(|data: &[u8]| store::check(data));
