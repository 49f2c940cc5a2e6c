//! Finds keys that an object has twice.
//!
//! Most servers take the last of two equal keys, some the first, one hands
//! both on. The keys of all open objects share one stack, so a body costs at
//! most one growing allocation.

use super::text::Text;
use crate::order;

/// Objects of up to this many keys are compared pair by pair; larger ones are
/// sorted, so that no body costs more than n log n comparisons.
const PAIRWISE: usize = 8;

#[derive(Debug, Default)]
pub(super) struct KeyStack<'a> {
    keys: Vec<(Text<'a>, usize)>,
}

impl<'a> KeyStack<'a> {
    /// With room for the keys of most calls.
    pub(super) fn with_room() -> Self {
        Self { keys: Vec::with_capacity(16) }
    }

    /// Where the keys of an object that begins now will start.
    pub(super) fn mark(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn push(&mut self, key: Text<'a>, at: usize) {
        self.keys.push((key, at));
    }

    /// Ends the object that began at `mark`: the offset of a repeated key.
    pub(super) fn close(&mut self, mark: usize) -> Option<usize> {
        let repeated = repeated(self.keys.get(mark..).unwrap_or_default());
        self.keys.truncate(mark);
        repeated
    }
}

fn repeated(keys: &[(Text<'_>, usize)]) -> Option<usize> {
    if keys.len() <= PAIRWISE {
        let mut rest = keys;
        while let [(key, _), others @ ..] = rest {
            if let Some((_, at)) = others.iter().find(|(other, _)| key.equals(*other)) {
                return Some(*at);
            }
            rest = others;
        }
        return None;
    }
    let by_value = |a: usize, b: usize| match (keys.get(a), keys.get(b)) {
        (Some((a, _)), Some((b, _))) => a.order(*b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    // Equal keys keep the order in which they stand.
    order::indexes(keys.len(), &by_value).windows(2).find_map(|pair| match pair {
        [a, b] if by_value(*a, *b).is_eq() => keys.get(*b).map(|(_, at)| *at),
        _ => None,
    })
}
