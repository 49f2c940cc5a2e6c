//! Finds keys that an object has twice.
//!
//! Most servers take the last of two equal keys, some the first, one hands
//! both on. The keys of all open objects share one stack, so a body costs at
//! most one growing allocation.

use super::text::Text;
use crate::{meter, order};
use core::hash::BuildHasher;
use std::hash::RandomState;

/// Objects of up to this many keys, none of them long, are compared pair by pair;
/// of others the hashes, so that no long key is read more than once or twice,
/// however alike they are.
const PAIRWISE: usize = 8;
/// The bytes of a long key.
const LONG: usize = 64;

#[derive(Debug, Default)]
pub(super) struct KeyStack<'a> {
    keys: Vec<(Text<'a>, usize)>,
}

impl<'a> KeyStack<'a> {
    /// A stack with room for the keys of most calls.
    pub(super) fn with_room() -> Self {
        Self { keys: Vec::with_capacity(16) }
    }

    /// The index at which the keys of an object that begins now will start.
    pub(super) fn height(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn push(&mut self, key: Text<'a>, at: usize) {
        self.keys.push((key, at));
    }

    /// Ends the object that began at `height`. Returns the offset of a repeated
    /// key.
    pub(super) fn close(&mut self, height: usize) -> Option<usize> {
        let repeated = repeated(self.keys.get(height..).unwrap_or_default());
        self.keys.truncate(height);
        repeated
    }
}

fn repeated(keys: &[(Text<'_>, usize)]) -> Option<usize> {
    let pairwise = keys.len() <= PAIRWISE && keys.iter().all(|(key, _)| key.raw().len() < LONG);
    if pairwise {
        let bytes: usize = keys.iter().map(|(key, _)| key.raw().len()).sum();
        meter::steps(bytes.saturating_mul(keys.len()));
        let mut rest = keys;
        while let [(key, _), others @ ..] = rest {
            if let Some((_, at)) = others.iter().find(|(other, _)| key.equals(*other)) {
                return Some(*at);
            }
            rest = others;
        }
        return None;
    }
    repeated_hash(keys)
}

#[cold]
fn repeated_hash(keys: &[(Text<'_>, usize)]) -> Option<usize> {
    // Under a secret of this process: nobody can choose keys of one hash.
    let state = RandomState::new();
    let mut decoded = String::new();
    let hashes = keys.iter().map(|(key, _)| {
        if !key.is_escaped() {
            return state.hash_one(key.raw());
        }
        decoded.clear();
        decoded.extend(key.chars());
        state.hash_one(&*decoded)
    });
    let hashes: Vec<u64> = hashes.collect();
    meter::steps(keys.iter().map(|(key, _)| key.raw().len().saturating_add(64)).sum());
    let of = |index: usize| hashes.get(index).copied();
    // Equal keys keep their order in the text. Two keys of one hash that are
    // not equal would be refused too; the chance of that is negligible.
    let sorted = order::indexes(keys.len(), &|a, b| of(a).cmp(&of(b)));
    let again = sorted.windows(2).filter_map(|pair| match pair {
        [a, b] if of(*a) == of(*b) => keys.get(*b).map(|(_, at)| *at),
        _ => None,
    });
    again.min()
}
