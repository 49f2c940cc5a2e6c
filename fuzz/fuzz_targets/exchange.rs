#![no_main]
#![doc = "See `exchange.rs` in the library."]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use mcp_policy_filter_fuzz::{exchange, mutate::mutate};

fuzz_target!(|data: &[u8]| exchange::check(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(exchange::HEAD, data, size, max_size, seed)
});
