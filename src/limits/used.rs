//! The used amount of a counter, read without a charge.

use super::bucket::Bucket;
use super::window::{Algorithm, Nanos, ONE_CALL, Outcome};
use super::{Charge, Store, StoreError, Table};

impl Charge {
    /// The seconds until its window ends; a sliding one has no end.
    pub fn ends_in(&self, now: Nanos) -> Option<u64> {
        // A window without room tells when it has some again: when the next one begins.
        match (Self { max: 0, weight: ONE_CALL, ..*self }).ask(None, now) {
            Outcome::Full { retry_after } if self.algorithm == Algorithm::Fixed => {
                Some(retry_after)
            }
            _ => None,
        }
    }
}

impl Table {
    /// The amount that counts now for the holder of a charge, in millionths.
    ///
    /// # Errors
    /// The count cannot be read.
    pub fn used(&self, store: &impl Store, charge: &Charge, now: Nanos) -> Result<u64, StoreError> {
        // A charge of nothing is admitted by every window, and tells what it holds.
        let nothing = Charge { weight: 0, max: u64::MAX, ..*charge };
        store.update(&self.key(charge.holder), |bytes| {
            let used = Bucket::read(bytes, now).and_then(|bucket| {
                match nothing.ask(bucket.find(charge.tag, charge.holder), now) {
                    Outcome::Admitted { state, .. } => Ok(state.used()),
                    Outcome::Full { .. } | Outcome::ClockAhead => Err(StoreError::Clock),
                }
            });
            (None, used)
        })?
    }
}

#[cfg(test)]
mod tests {
    use crate::limits::window::{Algorithm, Nanos, ONE_CALL, Window};
    use crate::limits::{Charge, MemoryStore, StoreError, Table, Tag};
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_count_is_read_and_not_changed() {
        let (table, store) = (Table::new("test", 9, 9), MemoryStore::default());
        let second = 1_000_000_000;
        for (algorithm, over) in [(Algorithm::Fixed, 60), (Algorithm::Sliding, 64)] {
            let charge = Charge {
                tag: Tag::new(&[algorithm.as_str().as_bytes()]),
                holder: table.holder_for_caller("a"),
                per_caller: true,
                values: None,
                apart: false,
                window: Window::new(60).unwrap(),
                algorithm,
                max: 2 * ONE_CALL,
                weight: ONE_CALL,
            };
            let used = |seconds: u64| table.used(&store, &charge, Nanos(seconds * second));
            let start = 6_000;
            let end = (algorithm == Algorithm::Fixed).then_some(17);
            assert_eq!(charge.ends_in(Nanos((start + 43) * second)), end);
            for count in 0..2 {
                assert_eq!(used(start), Ok(count * ONE_CALL));
                assert_eq!(used(start), Ok(count * ONE_CALL));
                table.charge(&store, &[charge], Nanos(start * second)).unwrap();
            }
            assert_eq!(used(start + over - 1), Ok(2 * ONE_CALL));
            assert_eq!(used(start + over), Ok(0));
            assert_eq!(used(0), Err(StoreError::Clock));
        }
        store.damage(b"?");
        let charge = Charge {
            tag: Tag::new(&[]),
            holder: table.holder_for_caller("a"),
            per_caller: true,
            values: None,
            apart: false,
            window: Window::new(60).unwrap(),
            algorithm: Algorithm::Fixed,
            max: 1,
            weight: 1,
        };
        assert_eq!(table.used(&store, &charge, Nanos(0)), Err(StoreError::Damaged));
    }
}
