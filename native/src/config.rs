//! One configuration: a policy that is compiled once and shared by all workers.

use crate::abi::Definitions;
use mcp_policy_filter::policy::Policy;

/// One configuration of the filter.
pub(crate) struct Config {
    /// The policy.
    pub(crate) policy: Policy,
}

// Workers share it.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Config>();
};

impl Config {
    /// The configuration of a filter's name and text. `None`, by which Envoy rejects
    /// all of the update, if it is invalid; the log has the errors.
    pub(crate) fn new(_: &mut Definitions, name: &[u8], text: &[u8]) -> Option<Self> {
        let name = String::from_utf8_lossy(name);
        // As in the other shell, where a second name follows.
        let namespace = format!("{}:{name}:", name.len());
        let policy = Policy::parse(text, &namespace).map_err(|errors| {
            for line in errors.lines() {
                log::error!("mcp-policy-filter: bad policy: {line}");
            }
        });
        Some(Self { policy: policy.ok()? })
    }
}
