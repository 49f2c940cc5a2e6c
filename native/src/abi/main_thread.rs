//! Events and calls of a configuration, on Envoy's main thread.
//!
//! Envoy ends a call of a stream with the stream. One of a configuration goes on, but
//! it belongs to the main thread: a worker may only have that thread do something.

use super::imports::{self, Bytes, EnvoyConfig, EnvoyScheduler, Pair};
use super::lend;
use crate::config::Config;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The way from a worker to the main thread.
#[derive(Debug)]
pub(crate) struct Scheduler(EnvoyScheduler);

// SAFETY: Envoy makes schedulers for this: `commit` posts to the main thread from any.
unsafe impl Send for Scheduler {}
// SAFETY: as above; `commit` changes nothing of it.
unsafe impl Sync for Scheduler {}

impl Scheduler {
    /// A scheduler of a configuration.
    ///
    /// # Safety
    /// The pointer must be the one that `config_new` got, in that call.
    pub(super) unsafe fn new(config: EnvoyConfig) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { imports::scheduler_new(config) })
    }

    /// Has [`Config::scheduled`] run on the main thread, unless the configuration is gone
    /// by then.
    pub(crate) fn schedule(&self) {
        // SAFETY: not deleted before it is dropped.
        unsafe { imports::scheduler_commit(self.0, 0) };
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        // SAFETY: made by `scheduler_new`, and deleted once.
        unsafe { imports::scheduler_delete(self.0) };
    }
}

/// Envoy's half of a configuration, for the time of one hook of its own on the main
/// thread.
pub(crate) struct MainThread(EnvoyConfig);

impl MainThread {
    /// Makes an HTTP request; Envoy's number for it, or its status if it makes none.
    pub(crate) fn call(
        &mut self,
        cluster: &str,
        headers: &[(&str, &str)],
        body: &str,
        milliseconds: u32,
    ) -> Result<u64, u32> {
        let pair = |(name, value): &(&str, &str)| Pair {
            name: lend(name.as_bytes()),
            value: lend(value.as_bytes()),
        };
        let pairs: Vec<Pair> = headers.iter().map(pair).collect();
        let mut id = 0;
        // SAFETY: this is the main thread, in a hook of the configuration; all that is
        // lent is live, Envoy copies it, and writes one number.
        let status = unsafe {
            imports::call(
                self.0,
                &raw mut id,
                lend(cluster.as_bytes()),
                pairs.as_ptr(),
                pairs.len(),
                lend(body.as_bytes()),
                milliseconds.into(),
            )
        };
        if status == 0 { Ok(id) } else { Err(status) }
    }

    /// Adds one to a counter without labels; the error is Envoy's status.
    pub(crate) fn increment(&mut self, id: usize) -> Result<(), u32> {
        let none: [Bytes; 0] = [];
        // SAFETY: as above; Envoy refuses an id that it does not know.
        match unsafe { imports::add(self.0, id, none.as_ptr(), 0, 1) } {
            0 => Ok(()),
            status => Err(status),
        }
    }
}

/// Runs a hook of a configuration on the main thread. A panic has been logged by the
/// panic hook, and ends here; so do the notices that it was about.
///
/// # Safety
/// Both pointers must be those that the hook got.
unsafe fn on_main_thread(
    envoy: EnvoyConfig,
    config: *const Config,
    hook: impl FnOnce(&Config, &mut MainThread),
) {
    let hook = || {
        // SAFETY: null, or made by `config_new` and not destroyed before this hook is over.
        if let Some(config) = unsafe { config.as_ref() } {
            hook(config, &mut MainThread(envoy));
        }
    };
    // There is nobody to tell.
    let _ = catch_unwind(AssertUnwindSafe(hook));
}

/// An event that a worker scheduled.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_scheduled(
    envoy: EnvoyConfig,
    config: *const Config,
    _: u64,
) {
    // SAFETY: the hook's own pointers.
    unsafe { on_main_thread(envoy, config, Config::scheduled) };
}

/// The end of a call; `result` is zero if there is an answer.
#[unsafe(no_mangle)]
unsafe extern "C" fn envoy_dynamic_module_on_http_filter_config_http_callout_done(
    envoy: EnvoyConfig,
    config: *const Config,
    call: u64,
    result: u32,
    headers: *const Pair,
    count: usize,
    _: *const Bytes,
    _: usize,
) {
    // SAFETY: the hook's own pointers.
    unsafe {
        on_main_thread(envoy, config, |config, main| {
            let count = if result == 0 && !headers.is_null() { count } else { 0 };
            let line = |index| {
                // SAFETY: Envoy lends this many lines for the time of the hook.
                let pair = *headers.add(index);
                // SAFETY: and the bytes of each.
                (pair.name.view(), pair.value.view())
            };
            let status = (0..count).map(line).find(|(name, _)| *name == b":status");
            config.called(main, call, status.map(|(_, value)| value));
        });
    }
}
