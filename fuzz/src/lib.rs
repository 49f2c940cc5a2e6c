//! The properties of every input, as functions of bytes: one module for each target in
//! `fuzz_targets`, the lenient reader that they compare the filter with, and the changes by
//! which inputs become other inputs.
//!
//! A target of a new kind is a module here with `check`, a file in
//! `fuzz_targets` and a `[[bin]]` in `Cargo.toml`. `scripts/fuzz` finds it by
//! the file; `seeds.py` says what it starts from.

pub mod canonical;
pub mod config;
pub mod decode;
pub mod exchange;
pub mod lenient;
pub mod limit_service;
pub mod listing;
pub mod mutate;
pub mod reading;
pub mod store;
