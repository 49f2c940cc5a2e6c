//! A window that moves with the present moment: in no interval of its length
//! is more than `max` admitted.
//! Time is cut into slices of a sixteenth of the window, and a charge counts
//! for the slice that it falls in. The charges within a window before any
//! moment lie in the moment's own slice or the sixteen before it, so all
//! seventeen count. The price is that room may come back late, by one slice.

use super::{Nanos, Outcome, State, Window};

/// Slices of a window.
const SLICES: u64 = 16;
/// Nanoseconds of a slice for each second of the window: a whole number.
const SLICE: u64 = super::NANOS / SLICES;
/// Slices that count: those of a window, and the one that is under way.
const COUNTED: usize = 17;

/// The used part of a sliding window, slice by slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    /// The number of the newest slice, counted from 1970.
    pub newest: u64,
    /// The amounts admitted, in millionths: first in the newest slice, then in
    /// each one before it.
    pub used: [u64; COUNTED],
}

/// The length of a slice in nanoseconds.
fn length(window: Window) -> u64 {
    u64::from(window.seconds()).saturating_mul(SLICE)
}

fn slice(window: Window, now: Nanos) -> u64 {
    now.0.checked_div(length(window)).unwrap_or_default()
}

/// The start of slice `number`.
pub(super) fn start(window: Window, number: u64) -> Nanos {
    Nanos(number.saturating_mul(length(window)))
}

impl Sliding {
    /// Charges `weight` to the slice that `now` falls in, or to the newest one
    /// where the clock stepped back.
    pub(super) fn charge(
        stored: Option<Self>,
        window: Window,
        max: u64,
        weight: u64,
        now: Nanos,
    ) -> Outcome {
        let present = slice(window, now);
        let mut state = match stored {
            Some(stored) => stored.moved_to(present),
            None => Self { newest: present, used: [0; COUNTED] },
        };
        if state.newest > present.saturating_add(SLICES) {
            return Outcome::ClockAhead;
        }
        match state.used().checked_add(weight) {
            Some(used) if used <= max => {
                let [newest, ..] = &mut state.used;
                *newest = newest.saturating_add(weight);
                Outcome::Admitted { state: State::Sliding(state), handle: state.newest }
            }
            _ => {
                Outcome::Full { retry_after: now.until_moment(state.room_at(window, max, weight)) }
            }
        }
    }

    /// The amount that counts now, in millionths.
    pub(super) fn used(&self) -> u64 {
        self.used.iter().fold(0, |sum, used| sum.saturating_add(*used))
    }

    /// Whether every slice has stopped counting.
    pub(super) fn is_over(&self, window: Window, now: Nanos) -> bool {
        start(window, self.newest.saturating_add(COUNTED as u64)) <= now
    }

    /// A moment not before the last charge.
    pub(super) fn last_charged(&self, window: Window) -> Nanos {
        start(window, self.newest)
    }

    /// The number of slices since slice `number` was the newest.
    fn age(&self, number: u64) -> Option<usize> {
        usize::try_from(self.newest.checked_sub(number)?).ok()
    }

    /// Whether slice `number` still counts.
    pub(super) fn counts(&self, number: u64) -> bool {
        self.age(number).is_some_and(|age| age < COUNTED)
    }

    /// Gives back a charge to slice `number`.
    #[must_use]
    pub(super) fn refund(mut self, number: u64, weight: u64) -> Self {
        if let Some(used) = self.age(number).and_then(|age| self.used.get_mut(age)) {
            *used = used.saturating_sub(weight);
        }
        self
    }

    /// The same charges, seen from slice `present` if that is later.
    fn moved_to(self, present: u64) -> Self {
        let passed = usize::try_from(present.saturating_sub(self.newest)).unwrap_or(usize::MAX);
        if passed == 0 {
            return self;
        }
        let mut used = [0; COUNTED];
        for (to, from) in used.iter_mut().skip(passed).zip(self.used) {
            *to = from;
        }
        Self { newest: present, used }
    }

    /// The moment when enough of the oldest slices have stopped counting.
    fn room_at(&self, window: Window, max: u64, weight: u64) -> Nanos {
        let mut used = self.used();
        let mut age = COUNTED as u64;
        for slice in self.used.iter().rev() {
            age = age.saturating_sub(1);
            used = used.saturating_sub(*slice);
            if used.saturating_add(weight) <= max {
                break;
            }
        }
        let oldest = self.newest.saturating_sub(age);
        start(window, oldest.saturating_add(COUNTED as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::window::{Algorithm, NANOS, ONE_CALL};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// A small generator of numbers that look random, the same every time.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % bound
        }
    }

    #[test]
    fn no_interval_of_a_windows_length_admits_more_than_max() {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for round in 0..300 {
            let seconds = 1 + random.below(100);
            let window = Window::new(u32::try_from(seconds).unwrap()).unwrap();
            let length = seconds * NANOS;
            let max = 1 + random.below(20);
            let mut now = 1_000_000 * NANOS + random.below(length);
            let mut stored = None;
            // Every admitted call with its moment, as a plain list.
            let mut kept: Vec<(u64, u64)> = Vec::new();
            for _ in 0..400 {
                // Bursts, pauses, and steps that land on the edges.
                now += match random.below(5) {
                    0 => 0,
                    1 => random.below(length / 16 + 1),
                    2 => random.below(length / 4 + 1),
                    3 => length / 16,
                    _ => random.below(1000),
                };
                let weight = 1 + random.below(3);
                let recent = kept.iter().filter(|(at, _)| now - at <= length);
                let recent: u64 = recent.map(|(_, weight)| weight).sum();
                let charge = |now| {
                    State::charge(
                        stored,
                        Algorithm::Sliding,
                        window,
                        max * ONE_CALL,
                        weight * ONE_CALL,
                        Nanos(now),
                    )
                };
                match charge(now) {
                    Outcome::Admitted { state, .. } => {
                        kept.push((now, weight));
                        assert!(
                            recent + weight <= max,
                            "round {round}: {recent} + {weight} > {max}"
                        );
                        stored = Some(state);
                    }
                    Outcome::Full { retry_after: wait } => {
                        // A plain list of the calls that can still count,
                        // one slice longer than the window, is full too.
                        let window = length + length / 16;
                        let counted = kept.iter().filter(|(at, _)| now - at <= window);
                        let counted: u64 = counted.map(|(_, weight)| weight).sum();
                        assert!(counted + weight > max, "round {round}: refused too early");
                        if weight <= max {
                            assert!(
                                matches!(charge(now + wait * NANOS), Outcome::Admitted { .. }),
                                "round {round}: no room after {wait} s"
                            );
                        }
                    }
                    Outcome::ClockAhead => panic!("round {round}: the clock never stepped back"),
                }
            }
        }
    }

    #[test]
    fn room_comes_back_at_most_a_slice_late() {
        let window = Window::new(16).unwrap();
        let at = |nanos| Nanos(1_600 * NANOS + nanos);
        let charge = |stored, now| {
            State::charge(stored, Algorithm::Sliding, window, ONE_CALL, ONE_CALL, now)
        };
        let Outcome::Admitted { state, .. } = charge(None, at(NANOS - 1)) else {
            panic!("refused")
        };
        assert_eq!(charge(Some(state), at(NANOS)), Outcome::Full { retry_after: 16 });
        assert_eq!(charge(Some(state), at(17 * NANOS - 1)), Outcome::Full { retry_after: 1 });
        assert!(matches!(charge(Some(state), at(17 * NANOS)), Outcome::Admitted { .. }));
        assert!(!state.is_over(window, at(17 * NANOS - 1)));
        assert!(state.is_over(window, at(17 * NANOS)));
    }

    #[test]
    fn a_clock_that_steps_back_resets_nothing() {
        let window = Window::new(16).unwrap();
        let charge = |stored, seconds: u64| {
            let now = Nanos(seconds * NANOS);
            State::charge(stored, Algorithm::Sliding, window, ONE_CALL, ONE_CALL, now)
        };
        let Outcome::Admitted { state, .. } = charge(None, 1600) else { panic!("refused") };
        assert_eq!(charge(Some(state), 1590), Outcome::Full { retry_after: 27 });
        assert_eq!(charge(Some(state), 1584), Outcome::Full { retry_after: 33 });
        assert_eq!(charge(Some(state), 1583), Outcome::ClockAhead);
    }

    #[test]
    fn a_refund_goes_into_the_slice_that_was_charged() {
        let window = Window::new(16).unwrap();
        let charge = |stored, seconds: u64| {
            let now = Nanos(seconds * NANOS);
            State::charge(stored, Algorithm::Sliding, window, 2 * ONE_CALL, ONE_CALL, now)
        };
        let Outcome::Admitted { state: one, handle } = charge(None, 1600) else {
            panic!("refused")
        };
        let Outcome::Admitted { state: two, .. } = charge(Some(one), 1605) else {
            panic!("refused")
        };
        assert_eq!(two.used(), 2 * ONE_CALL);
        let back = two.refund(handle, ONE_CALL);
        assert_eq!(back.used(), ONE_CALL);
        assert_eq!(two.refund(handle - 1, ONE_CALL), two);
        assert!(matches!(charge(Some(back), 1605), Outcome::Admitted { .. }));
    }
}
