//! The shell: translates between Envoy's proxy-wasm host and the core.
//!
//! Only this folder names `proxy_wasm`, and only [`host`] calls the host. The
//! SDK is used for what it must be used for (exports, dispatch); its wrappers
//! of host calls panic on statuses and bytes that they do not expect, and a
//! panic here is an outage.

mod headers;
mod host;
mod log;
mod metrics;
mod peer;
mod plugin;
mod reply;
mod response;
mod root;
mod shared_data;
mod stream;

use root::Root;

proxy_wasm::main! {{
    log::install();
    proxy_wasm::set_root_context(|_| Box::new(Root::default()));
}}
