//! Requests to other services, and the way on for a request that waited for one.
//!
//! Envoy calls hooks of a callout while it starts one, and ends a stream under the hooks
//! of its callouts. So nothing of a stream may be held when these are called, and nothing
//! is decided in such a hook: the answer is kept, and Envoy is asked for a hook of its own.

use super::imports::{self, Pair};
use super::lend;
use super::stream::Envoy;

impl Envoy {
    /// Starts a request with this body to a cluster; its number, unless Envoy refuses.
    /// Hooks of the callout may come before this returns.
    pub(super) fn start(
        &self,
        cluster: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        timeout: u32,
    ) -> Option<u64> {
        const SUCCESS: u32 = 0;
        let pair = |(name, value): &(&str, &str)| Pair {
            name: lend(name.as_bytes()),
            value: lend(value.as_bytes()),
        };
        let headers: Vec<Pair> = headers.iter().map(pair).collect();
        let mut id = 0;
        // SAFETY: the stream is in a hook; all that is lent is live, and Envoy copies it.
        let status = unsafe {
            imports::start_stream(
                self.filter,
                &raw mut id,
                lend(cluster.as_bytes()),
                headers.as_ptr(),
                headers.len(),
                lend(body),
                true,
                u64::from(timeout),
            )
        };
        (status == SUCCESS).then_some(id)
    }

    /// Ends a callout, of which hooks may come before this returns.
    pub(super) fn reset(&self, callout: u64) {
        // SAFETY: the stream is in a hook; Envoy ignores a number that it does not know.
        unsafe { imports::reset_stream(self.filter, callout) }
    }

    /// Has Envoy call the hook `scheduled`, when this one is over and nothing of its
    /// callouts is on the stack.
    pub(super) fn schedule(&self) {
        // SAFETY: the stream is in a hook. The event keeps what it needs of the scheduler.
        unsafe {
            let scheduler = imports::scheduler(self.filter);
            if !scheduler.is_null() {
                imports::schedule(scheduler, 0);
                imports::end_scheduler(scheduler);
            }
        }
    }

    /// Has the stream's request go on. Envoy may destroy the stream before this returns, so
    /// it takes the stream, and whoever calls it must hold nothing of it.
    pub(super) fn go_on(self) {
        // SAFETY: the stream is in a hook.
        unsafe { imports::continue_request(self.filter) }
    }
}
