#![no_main]
#![doc = "See `limit_service.rs` in the library."]

use libfuzzer_sys::fuzz_target;
use mcp_policy_filter_fuzz::limit_service;

fuzz_target!(|data: &[u8]| limit_service::check(data));
