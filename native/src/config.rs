//! One configuration: a policy that is compiled once and shared by all workers.

use crate::abi::Definitions;
use crate::metrics::{self, Metrics};
use crate::outbox::Outbox;
use crate::store::SHARED;
use mcp_policy_filter::policy::Policy;
use mcp_policy_filter::policy::document::doubts;
use mcp_policy_filter::random::random;

/// One configuration of the filter.
pub(crate) struct Config {
    /// The policy.
    pub(crate) policy: Policy,
    /// The name of the filter state that holds the claims of tokens.
    pub(crate) claims: String,
    /// The metrics.
    pub(crate) metrics: Metrics,
    /// The notices that are in line or on the way.
    pub(crate) outbox: Outbox,
    /// The filter's name, which says where to panic.
    #[cfg(feature = "test-panics")]
    name: String,
}

// Workers share it.
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Config>();
};

impl Config {
    /// The configuration of a filter's name and text. `None`, by which Envoy rejects
    /// all of the update, if it is invalid; the log has the errors.
    pub(crate) fn new(definitions: &mut Definitions, name: &[u8], text: &[u8]) -> Option<Self> {
        let name = String::from_utf8_lossy(name);
        crate::trap::spring(&name, "config_new");
        // As in the wasm shell, where a second name follows.
        let namespace = format!("{}:{name}:", name.len());
        let Some((mut policy, claims)) = read(text, &namespace) else {
            metrics::bad_policies(definitions, 1);
            return None;
        };
        if let Err(trouble) = policy.table.share_salt(&SHARED, random()) {
            log::error!("mcp-policy-filter: no shared counters: {trouble:?}");
            return None;
        }
        for warning in policy.warnings.lines() {
            log::warn!("mcp-policy-filter: {warning}");
        }
        log::info!("mcp-policy-filter: policy {} is in force", policy.fingerprint);
        metrics::bad_policies(definitions, 0);
        metrics::show(definitions, &name, &policy.fingerprint);
        let notify = policy.approvals.as_ref().and_then(|all| all.notify.as_ref());
        let outbox = Outbox::new(notify.map(|_| definitions.scheduler()));
        Some(Self {
            outbox,
            policy,
            claims,
            metrics: Metrics::define(definitions),
            #[cfg(feature = "test-panics")]
            name: name.into_owned(),
        })
    }

    /// Panics if a test names this hook.
    #[cfg(feature = "test-panics")]
    pub(crate) fn trap(&self, hook: &str) {
        crate::trap::spring(&self.name, hook);
    }

    /// Does nothing.
    #[cfg(not(feature = "test-panics"))]
    #[inline(always)]
    pub(crate) const fn trap(&self, _: &str) {}
}

/// The policy of a text, and the filter state that holds the claims of tokens. What is
/// wrong with it is logged.
fn read(text: &[u8], namespace: &str) -> Option<(Policy, String)> {
    let log = |line: &str| log::error!("mcp-policy-filter: bad policy: {line}");
    let policy =
        Policy::parse(text, namespace).map_err(|errors| errors.lines().for_each(|line| log(&line)));
    let policy = policy.ok()?;
    let doubts = doubts(text);
    if !doubts.is_empty() {
        doubts.lines().for_each(|line| log(&line));
        log("without white space this may be a Struct that Envoy has printed; if it is JSON of \
             yours, end it with a line break");
        return None;
    }
    let claims = policy.payload_state().map(str::to_owned).map_err(|error| log(&error)).ok()?;
    Some((policy, claims))
}

#[cfg(test)]
mod tests {
    use mcp_policy_filter::random::random;
    use std::collections::BTreeSet;

    /// A salt that a client could guess would tell it which callers share a bucket.
    #[test]
    fn no_salt_is_like_another() {
        let halves = |_| random().chunks(8).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let halves = (0..50).flat_map(halves);
        assert_eq!(halves.collect::<BTreeSet<_>>().len(), 100);
    }
}
