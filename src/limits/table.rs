//! The table that holds the counters: the key in shared data for each entry.

use super::{Charge, Store, StoreError, recent};
use crate::digest::of_parts;

/// The beginning of every key: another layout takes another number.
const PREFIX: &str = "mcp-policy-filter/1/";
/// Buckets of a table, whatever its capacity: changing that must not move
/// anybody's counts. At the default capacity a bucket serves eight callers.
const BUCKETS: u16 = 4096;

/// `settings.counters.values` where a policy does not say.
pub const DEFAULT_VALUES: u64 = 256;

/// The holder of an entry: a caller, a session or a value of one, or all callers
/// together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    pub(super) id: [u8; 16],
    bucket: u16,
}

impl Holder {
    /// The one holder of a counter that all callers share.
    pub fn for_everyone(tag: Tag) -> Self {
        Self::new(of_parts(&[b"everyone", &tag.0]))
    }

    fn new(hash: [u8; 32]) -> Self {
        let mut id = [0; 16];
        id.copy_from_slice(hash.first_chunk::<16>().unwrap_or(&[0; 16]));
        let [.., high, low] = hash;
        Self { id, bucket: u16::from_be_bytes([high, low]) % BUCKETS }
    }
}

/// The counter that an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub(super) [u8; 8]);

impl Tag {
    /// The counter of everything that makes two counters different. `parts` are
    /// told apart by their lengths.
    pub fn new(parts: &[&[u8]]) -> Self {
        Self(*of_parts(parts).first_chunk().unwrap_or(&[0; 8]))
    }

    /// The tag of these bytes, which were those of one.
    pub const fn of_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

/// Whether a key is that of a bucket, as [`Table::key`] makes it.
pub(super) fn is_bucket(key: &[u8]) -> bool {
    match key {
        [start @ .., b'/', a, b, c, d] => {
            let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            start.starts_with(PREFIX.as_bytes()) && [a, b, c, d].into_iter().all(is_digit)
        }
        _ => false,
    }
}

/// The counters of one filter configuration.
#[derive(Clone, Debug)]
pub struct Table {
    prefix: Vec<u8>,
    /// Random bytes that all workers share, so that no client can tell which
    /// callers' or sessions' entries share a bucket.
    salt: [u8; 16],
    /// The most callers that one counter can hold in a window.
    pub(super) capacity: u64,
    /// The most entries of all counters together.
    pub(super) max_entries: u64,
    /// The most values of a counter for which a caller can hold entries in a window.
    pub(super) values: u64,
}

impl Table {
    /// A table that shares its counts with all tables of the same namespace.
    pub fn new(namespace: &str, capacity: u64, max_entries: u64) -> Self {
        let prefix = [PREFIX.as_bytes(), namespace.as_bytes(), b"/"].concat();
        Self { prefix, salt: [0; 16], capacity, max_entries, values: DEFAULT_VALUES }
    }

    /// The same table, in which a caller can hold this many values of a counter.
    #[must_use]
    pub fn with_values(self, values: u64) -> Self {
        Self { values, ..self }
    }

    /// Takes the salt that the workers share, or gives them `proposal`.
    ///
    /// # Errors
    /// The store failed, or holds something else.
    pub fn share_salt(&mut self, store: &impl Store, proposal: [u8; 16]) -> Result<(), StoreError> {
        self.salt = store.update(&self.named(b"salt"), |stored| match stored {
            Some(salt) => (None, salt.try_into().map_err(|_| StoreError::Damaged)),
            None => (Some(proposal.to_vec()), Ok(proposal)),
        })??;
        Ok(())
    }

    /// The beginning of every key of this namespace.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// The key of the tools that have changed.
    pub fn lock_key(&self) -> Vec<u8> {
        self.named(b"lock")
    }

    /// The salt that the workers share.
    pub const fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// The holder for a caller's id.
    pub fn holder_for_caller(&self, id: &str) -> Holder {
        recent::holder(&self.salt, id, || self.hash_caller(id))
    }

    /// The same holder, without the cache.
    pub(super) fn hash_caller(&self, id: &str) -> Holder {
        Holder::new(of_parts(&[b"caller", &self.salt, id.as_bytes()]))
    }

    /// The holder for one session of a caller.
    pub fn holder_for_session(&self, caller: &str, session: &[u8]) -> Holder {
        Holder::new(of_parts(&[b"session", &self.salt, caller.as_bytes(), session]))
    }

    /// The holder for values of a caller, or for those values of all callers.
    pub fn holder_for_values(&self, caller: Option<&str>, values: &[impl AsRef<[u8]>]) -> Holder {
        let whose = caller.map_or("all", |_| "own");
        let caller = caller.unwrap_or_default();
        let mut parts: Vec<&[u8]> =
            vec![b"values", &self.salt, whose.as_bytes(), caller.as_bytes()];
        parts.extend(values.iter().map(AsRef::as_ref));
        Holder::new(of_parts(&parts))
    }

    pub(super) fn key(&self, holder: Holder) -> Vec<u8> {
        // As `{:04x}` writes it.
        let digit = |shift: u32| char::from_digit(u32::from(holder.bucket >> shift) & 0xf, 16);
        let digits = [12, 8, 4, 0].map(|shift| digit(shift).map_or(b'0', |digit| digit as u8));
        self.named(&digits)
    }

    pub(super) fn total_key(&self, charge: &Charge) -> Vec<u8> {
        self.named(if charge.apart { b"shadow" } else { b"total" })
    }

    fn named(&self, name: &[u8]) -> Vec<u8> {
        [&*self.prefix, name].concat()
    }
}
