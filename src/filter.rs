//! The shell: a translation between Envoy's proxy-wasm host and the core.
//!
//! Only this folder names `proxy_wasm`, and only [`host`] calls the host. The SDK
//! serves for exports and their dispatch alone: its wrappers of host calls panic on
//! unexpected statuses and bytes, and a panic here is an outage.

mod answers;
mod callout;
mod envoy;
mod headers;
mod held;
mod host;
mod log;
mod metrics;
mod outbox;
mod peer;
mod plugin;
mod reply;
mod root;
mod shared_data;
mod stream;

use root::Root;

proxy_wasm::main! {{
    log::install();
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}
