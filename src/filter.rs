//! The shell: a translation between Envoy's proxy-wasm host and the core.
//!
//! [`exports`] has the functions by which the host enters, and only [`host`] calls the
//! host. No SDK is between: its dispatch is a tenth of a module, for kinds of contexts
//! and calls that are not here, and panics on what it does not expect, which is an outage.

mod envoy;
mod exports;
mod headers;
mod held;
mod host;
mod log;
mod metrics;
mod peer;
mod plugin;
mod reply;
mod root;
mod shared_data;
mod stream;
