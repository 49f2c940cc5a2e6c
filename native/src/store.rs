//! Counts that all workers share: a map in shards, each under a lock. A step runs under
//! its shard's lock, so it runs once, no worker is ever told that another was first, and
//! a count is exact.
//!
//! The map belongs to the process. Counts stay over pushes as long as the module stays
//! loaded, which takes `do_not_close: true`. Keys are few and fixed in number, as in
//! shared data; what is over in a value goes when the value is next written.

use mcp_policy_filter::limits::{Store, StoreError};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Mutex;

/// Shards: so many that two workers seldom meet in one.
const SHARDS: usize = 64;

type Values = HashMap<Box<[u8]>, Vec<u8>, BuildHasherDefault<Fnv>>;

/// A shard, on cache lines of its own.
#[repr(align(128))]
struct Shard(Mutex<Values>);

/// A map in shards.
pub(crate) struct Shards([Shard; SHARDS]);

/// The counts of this process.
pub(crate) static SHARED: Shards = Shards::new();

impl Shards {
    const fn new() -> Self {
        Self([const { Shard(Mutex::new(Values::with_hasher(BuildHasherDefault::new()))) }; SHARDS])
    }

    fn shard(&self, key: &[u8]) -> Option<&Mutex<Values>> {
        let mut hasher = Fnv::default();
        hasher.write(key);
        // The map takes the low bits.
        let shard = usize::try_from(hasher.finish() >> 48).unwrap_or_default() % SHARDS;
        Some(&self.0.get(shard)?.0)
    }
}

impl Store for Shards {
    fn update<T>(
        &self,
        key: &[u8],
        mut step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        let shard = self.shard(key).ok_or(StoreError::Host)?;
        // A step that panicked has written nothing, but why it did may be in a value.
        let mut values = shard.lock().map_err(|_| StoreError::Host)?;
        match values.get_mut(key) {
            Some(value) => {
                let (new, result) = step(Some(value));
                if let Some(new) = new {
                    *value = new;
                }
                Ok(result)
            }
            None => {
                let (new, result) = step(None);
                if let Some(new) = new {
                    values.insert(key.into(), new);
                }
                Ok(result)
            }
        }
    }
}

/// FNV-1a. No client chooses a key: they are made of the salted hash of its id.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Adds one to the number under a key.
    fn add(store: &Shards, key: &[u8]) -> u64 {
        let add = |stored: Option<&[u8]>| {
            let number =
                stored.map_or(0, |value| u64::from_le_bytes(value.try_into().unwrap())) + 1;
            (Some(number.to_le_bytes().to_vec()), number)
        };
        store.update(key, add).unwrap()
    }

    #[test]
    fn no_count_is_lost_between_threads() {
        static STORE: Shards = Shards::new();
        let keys: Vec<[u8; 2]> = (0..200_u16).map(u16::to_be_bytes).collect();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    keys.iter().cycle().take(20_000).for_each(|key| {
                        add(&STORE, key);
                    })
                });
            }
        });
        for key in keys {
            assert_eq!(add(&STORE, &key), 801);
        }
    }

    #[test]
    fn a_step_sees_what_is_stored_and_stores_what_it_says() {
        let store = Shards::new();
        let see = |stored: Option<&[u8]>| (None, stored.map(<[u8]>::to_vec));
        assert_eq!(store.update(b"key", see), Ok(None));
        store.update(b"key", |_| (Some(b"value".to_vec()), ())).unwrap();
        assert_eq!(store.update(b"key", see), Ok(Some(b"value".to_vec())));
        assert_eq!(store.update(b"other", see), Ok(None));
    }

    #[test]
    fn a_shard_in_which_a_step_panicked_counts_no_more() {
        static STORE: Shards = Shards::new();
        let panicked = thread::spawn(|| {
            let _ = STORE.update(b"key", |_| -> (Option<Vec<u8>>, ()) { panic!("on purpose") });
        });
        assert!(panicked.join().is_err());
        assert_eq!(STORE.update(b"key", |_| (None, ())), Err(StoreError::Host));
    }

    #[test]
    fn keys_of_a_table_spread_over_the_shards() {
        let store = Shards::new();
        let mut used = std::collections::HashMap::new();
        for bucket in 0..4096 {
            let key = format!("mcp-policy-filter/1/6:policy:/{bucket:04x}");
            *used.entry(std::ptr::from_ref(store.shard(key.as_bytes()).unwrap())).or_insert(0) += 1;
        }
        assert_eq!(used.len(), SHARDS);
        assert!(used.values().all(|keys| (16..160).contains(keys)), "{used:?}");
    }
}
