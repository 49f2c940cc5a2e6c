#![no_main]
#![doc = "See `listing.rs` in the library."]

use libfuzzer_sys::{fuzz_mutator, fuzz_target};
use mcp_policy_filter_fuzz::{listing, mutate::mutate};

fuzz_target!(|data: &[u8]| listing::check(data));

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(listing::HEAD, data, size, max_size, seed)
});
