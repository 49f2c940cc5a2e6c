//! A store in plain memory, for tests and for the model of the counters.

use super::{Store, StoreError};
use core::cell::RefCell;
use std::collections::BTreeMap;

/// Key and value in a map, without other writers.
#[derive(Debug, Default)]
pub struct MemoryStore {
    values: RefCell<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl MemoryStore {
    /// The number of keys, and the bytes of all values.
    pub fn size(&self) -> (usize, usize) {
        let values = self.values.borrow();
        (values.len(), values.values().map(Vec::len).sum())
    }

    /// Replaces every stored value, as a fault would.
    pub fn damage(&self, value: &[u8]) {
        self.values.borrow_mut().values_mut().for_each(|stored| *stored = value.to_vec());
    }
}

impl Store for MemoryStore {
    fn update<T>(
        &self,
        key: &[u8],
        mut step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        let stored = self.values.borrow().get(key).cloned();
        let (new, result) = step(stored.as_deref());
        if let Some(new) = new {
            self.values.borrow_mut().insert(key.to_vec(), new);
        }
        Ok(result)
    }
}
