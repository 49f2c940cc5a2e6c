#![no_main]
#![doc = "See `config.rs` in the library."]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use mcp_policy_filter_fuzz::{config, mutate::mutate};

fuzz_target!(|data: &[u8]| config::check(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(config::HEAD, data, size, max_size, seed)
});
