//! Charging on trial: tells whether there would be room, without a write that
//! other workers could see.

use super::{Store, StoreError};
use core::cell::Cell;

/// A store whose writes go through to another, or stay in it.
///
/// It is one type for both, so that the code that charges is in the module once.
pub struct Trial<'s, S> {
    store: &'s S,
    /// The values written so far by key; `None` where writes go through.
    written: Option<Cell<Written>>,
}

type Written = Vec<(Vec<u8>, Vec<u8>)>;

impl<'s, S> Trial<'s, S> {
    /// Writes nothing to `store`, and sees its own writes.
    pub const fn new(store: &'s S) -> Self {
        Self { store, written: Some(Cell::new(Vec::new())) }
    }

    /// Passes everything on to `store`.
    pub const fn through(store: &'s S) -> Self {
        Self { store, written: None }
    }
}

impl<S: Store> Store for Trial<'_, S> {
    fn update<T>(
        &self,
        key: &[u8],
        mut step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        let mut last = None;
        self.write(key, &mut |stored| {
            let (new, result) = step(stored);
            last = Some(result);
            new
        })?;
        last.ok_or(StoreError::Host)
    }
}

/// A step that returns the value to store and keeps its result to itself.
type Step<'a> = dyn FnMut(Option<&[u8]>) -> Option<Vec<u8>> + 'a;

impl<S: Store> Trial<'_, S> {
    /// The one way to the store, compiled once for all kinds of steps.
    fn write(&self, key: &[u8], step: &mut Step<'_>) -> Result<(), StoreError> {
        let mut written = self.written.as_ref().map(Cell::take);
        let own = written.iter_mut().flatten().find(|(other, _)| *other == key);
        let stored = match own {
            Some((_, value)) => {
                if let Some(new) = step(Some(value)) {
                    *value = new;
                }
                Ok(())
            }
            None => {
                let mut kept = None;
                let stored = self.store.update(key, |stored| {
                    let new = step(stored);
                    if written.is_none() {
                        return (new, ());
                    }
                    kept = new;
                    (None, ())
                });
                if let Some(written) = &mut written {
                    written.extend(kept.map(|value| (key.to_vec(), value)));
                }
                stored
            }
        };
        if let (Some(cell), Some(written)) = (&self.written, written) {
            cell.set(written);
        }
        stored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MemoryStore;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn append(store: &impl Store, key: &[u8], byte: u8) -> Vec<u8> {
        let add = |stored: Option<&[u8]>| {
            let new = [stored.unwrap_or_default(), &[byte]].concat();
            (Some(new.clone()), new)
        };
        store.update(key, add).unwrap()
    }

    #[test]
    fn what_is_written_on_trial_is_seen_there_and_nowhere_else() {
        let store = MemoryStore::default();
        append(&store, b"a", 1);
        let trial = Trial::new(&store);
        assert_eq!(append(&trial, b"a", 2), [1, 2]);
        assert_eq!(append(&trial, b"a", 3), [1, 2, 3]);
        assert_eq!(append(&trial, b"b", 4), [4]);
        assert_eq!(append(&Trial::new(&store), b"a", 5), [1, 5]);
        assert_eq!(store.size(), (1, 1));
        assert_eq!(append(&Trial::through(&store), b"a", 6), [1, 6]);
        assert_eq!(store.size(), (1, 2));
    }
}
