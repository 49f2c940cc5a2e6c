//! Counts that all workers share: a map in shards, each under a lock. A step runs under
//! its shard's lock, so it runs once, no write is lost to another worker's, and a count
//! is exact.
//!
//! The map belongs to the process. Counts stay over pushes as long as the module stays
//! loaded, which takes `do_not_close: true`. Keys are few and fixed in number, as in
//! shared data; what is over in a value goes when the value is next written. So that a
//! burst of callers does not stay in memory for good, a worker sweeps one shard after
//! each 4,096 of its writes, and drops the values in which all is over.

use core::cell::Cell;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::limits::{Store, StoreError, is_over};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Shards: enough for two workers to be in one seldom.
const SHARDS: usize = 64;

/// Writes of a worker between two sweeps of its own: a sweep takes as long as some ten
/// calls.
const WRITES_PER_SWEEP: u32 = 4096;

thread_local! {
    /// The writes of this worker.
    static WRITES: Cell<u32> = const { Cell::new(0) };
}

type Values = HashMap<Box<[u8]>, Vec<u8>, BuildHasherDefault<Folded>>;

/// A shard, on cache lines of its own.
#[repr(align(128))]
struct Shard(Mutex<Values>);

/// A map in shards.
pub(crate) struct Shards {
    shards: [Shard; SHARDS],
    /// The shard that is swept next.
    next: AtomicUsize,
}

/// The counts of this process.
pub(crate) static SHARED: Shards = Shards::new();

impl Default for Shards {
    fn default() -> Self {
        Self::new()
    }
}

impl Shards {
    const fn new() -> Self {
        let shards =
            [const { Shard(Mutex::new(Values::with_hasher(BuildHasherDefault::new()))) }; SHARDS];
        Self { shards, next: AtomicUsize::new(0) }
    }

    /// Counts a write of this worker, and after some of them sweeps a shard.
    fn wrote(&self) {
        let writes = WRITES.with(|writes| {
            writes.set(writes.get().wrapping_add(1));
            writes.get()
        });
        if writes.is_multiple_of(WRITES_PER_SWEEP)
            && let Ok(since) = SystemTime::now().duration_since(UNIX_EPOCH)
            && let Ok(now) = u64::try_from(since.as_nanos())
        {
            let shard = self.next.fetch_add(1, Ordering::Relaxed) % SHARDS;
            self.sweep(shard, Nanos(now));
        }
    }

    /// Drops the values of a shard in which all counts are over, unless a worker is at it.
    fn sweep(&self, shard: usize, now: Nanos) {
        if let Some(shard) = self.shards.get(shard)
            && let Ok(mut values) = shard.0.try_lock()
        {
            values.retain(|key, value| !is_over(key, value, now));
        }
    }

    fn shard(&self, key: &[u8]) -> Option<&Mutex<Values>> {
        let mut hasher = Folded::default();
        hasher.write(key);
        // The map takes the low bits.
        let shard = usize::try_from(hasher.finish() >> 48).unwrap_or_default() % SHARDS;
        Some(&self.shards.get(shard)?.0)
    }
}

impl Store for Shards {
    fn update<T>(
        &self,
        key: &[u8],
        mut step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        let shard = self.shard(key).ok_or(StoreError::Host)?;
        // A step that panicked has written nothing, but its cause may be in a value.
        let mut values = shard.lock().map_err(|_| StoreError::Host)?;
        let stored = values.get_mut(key);
        let (new, result) = step(stored.as_deref().map(Vec::as_slice));
        match (new, stored) {
            (None, _) => return Ok(result),
            (Some(new), Some(value)) => *value = new,
            (Some(new), None) => drop(values.insert(key.into(), new)),
        }
        drop(values);
        self.wrote();
        Ok(result)
    }
}

/// A hash that takes eight bytes at a time: each is multiplied to 128 bits, whose halves
/// are laid on each other. No client chooses a key: they are made of the salted hash of
/// its id.
struct Folded(u64);

impl Default for Folded {
    fn default() -> Self {
        // Digits of pi, as below.
        Self(0x243f_6a88_85a3_08d3)
    }
}

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.write_u64(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        // With its length, `a` and `a\0` differ.
        self.write_u64(u64::from_le_bytes(last) ^ u64::try_from(bytes.len()).unwrap_or(0) << 56);
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word).wrapping_mul(0x1319_8a2e_0370_7345);
        let [low, high] = [product, product >> 64].map(|half| half as u64);
        self.0 = low ^ high;
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(u64::try_from(number).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_policy_filter::exchange::identity::NoPeer;
    use mcp_policy_filter::simulate::{Body, Gateway, Outcome, POST, pairs};
    use std::thread;

    const POLICY: &str = r#"{"version":"1","default":"deny","identity":[{"header":"x-id"}],"tools":
        {"echo":{"limits":[{"counter":"c","window":"minute","max":9,"scope":"grant"}]}}}"#;
    const CALL: &[u8] =
        br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;

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
        // Miri takes a thousand times as long, and sees a race wherever there may be one.
        let (threads, count, rounds) = if cfg!(miri) { (3, 9, 5) } else { (8, 200, 100) };
        let keys: Vec<[u8; 2]> = (0..count).map(u16::to_be_bytes).collect();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    keys.iter().cycle().take(keys.len() * rounds).for_each(|key| {
                        add(&STORE, key);
                    })
                });
            }
        });
        for key in keys {
            assert_eq!(add(&STORE, &key), threads * rounds as u64 + 1);
        }
    }

    #[test]
    fn a_step_gets_the_stored_value_and_its_result_is_stored() {
        let store = Shards::default();
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
    fn memory_of_windows_that_are_over_is_freed_and_nothing_else() {
        let mut gateway = Gateway::<Shards>::new(POLICY).unwrap();
        gateway.policy.table.share_salt(&gateway.store, [7; 16]).unwrap();
        let values = |store: &Shards| -> usize {
            store.shards.iter().map(|shard| shard.0.lock().unwrap().len()).sum()
        };
        let sweep = |gateway: &Gateway<Shards>| {
            (0..SHARDS).for_each(|shard| gateway.store.sweep(shard, gateway.now));
        };
        // An approval's slot is not a bucket.
        let slot = b"mcp-policy-filter/1//approval4/0ff";
        gateway.store.update(slot, |_| (Some(Vec::new()), ())).unwrap();
        let callers = if cfg!(miri) { 20 } else { 500 };
        for caller in 0..callers {
            let caller = format!("caller-{caller}");
            let headers = [&POST[..], &[("x-id", &caller)]].concat();
            let sent = gateway.host().send(pairs(&headers), &NoPeer, &Body::whole(CALL)).unwrap();
            assert!(matches!(sent.outcome, Outcome::WentOn(_)), "{:?}", sent.outcome);
        }
        let full = values(&gateway.store);
        assert!(full > callers * 4 / 5, "{full}");
        sweep(&gateway);
        assert_eq!(values(&gateway.store), full);
        gateway.now = Nanos(180_000_000_000);
        sweep(&gateway);
        // The salt, the number of all entries, and the slot.
        assert_eq!(values(&gateway.store), 3);
    }

    #[test]
    fn keys_of_a_table_spread_over_the_shards() {
        let store = Shards::default();
        let mut used = std::collections::HashMap::new();
        for bucket in 0..4096 {
            let key = format!("mcp-policy-filter/1/6:policy:/{bucket:04x}");
            *used.entry(std::ptr::from_ref(store.shard(key.as_bytes()).unwrap())).or_insert(0) += 1;
        }
        assert_eq!(used.len(), SHARDS);
        assert!(used.values().all(|keys| (16..160).contains(keys)), "{used:?}");
    }
}
