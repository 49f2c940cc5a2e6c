//! The two forms of the filter in an Envoy.
//!
//! Both make the same decisions, so one set of tests is for both. What they name
//! differently, a test asks for here.

use std::env;

/// A form of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// The WebAssembly module, in a VM for each worker.
    Wasm,
    /// The native module, one for all workers.
    Native,
}

impl Shell {
    /// The one that `MCP_SHELL` names, `wasm` or `native`; without it the first.
    ///
    /// # Panics
    ///
    /// If it names another one.
    pub fn under_test() -> Self {
        match env::var("MCP_SHELL").as_deref() {
            Err(_) | Ok("" | "wasm") => Self::Wasm,
            Ok("native") => Self::Native,
            Ok(other) => panic!("MCP_SHELL is `wasm` or `native`, not `{other}`"),
        }
    }
}
