//! A count of the steps that judging takes, kept in tests and while fuzzing.
//!
//! Time depends on the machine, steps do not: that no input costs more of them
//! than its length allows can be asserted. A step is about a nanosecond. In the
//! module that Envoy loads nothing is counted.

#[cfg(any(test, fuzzing))]
std::thread_local! {
    static STEPS: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}

/// Counts this many steps.
#[cfg_attr(not(any(test, fuzzing)), expect(clippy::missing_const_for_fn, reason = "it counts"))]
#[inline(always)]
pub(crate) fn steps(count: usize) {
    #[cfg(any(test, fuzzing))]
    STEPS.set(STEPS.get().saturating_add(count));
    #[cfg(not(any(test, fuzzing)))]
    let _ = count;
}

/// The steps of this thread since the last call.
#[cfg(any(test, fuzzing))]
pub fn take() -> usize {
    STEPS.take()
}
