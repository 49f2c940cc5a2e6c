//! Panics on purpose, for tests of the guards: in a build with the feature
//! `test-panics`, a filter that is named `panic:HOOK` panics in that hook. In every
//! other build there is nothing here.

/// Panics if the filter of this name is to do so in this hook.
#[cfg(feature = "test-panics")]
#[expect(clippy::panic, reason = "on purpose")]
pub(crate) fn spring(filter: &str, hook: &str) {
    if filter.strip_prefix("panic:") == Some(hook) {
        log::error!("mcp-policy-filter: on purpose, in {hook}");
        panic!("on purpose");
    }
}

/// Does nothing.
#[cfg(not(feature = "test-panics"))]
#[inline(always)]
pub(crate) const fn spring(_: &str, _: &str) {}
