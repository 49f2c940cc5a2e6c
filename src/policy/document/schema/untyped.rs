//! Bounds of values of one type, where a schema lets values of every type pass.
//!
//! `{"maximum": 100}` alone says nothing about the text `"800"`, of which some servers make
//! a number.

use super::Reading;
use crate::policy::condition::{Assertion, Index};

/// The most subschemas within one another that are looked at for a type.
const DEPTH: usize = 8;

impl Reading<'_> {
    /// The places of bounds without a type: there is none there, by a subschema of `allOf`,
    /// `anyOf` or `$ref`, or by one that has it as its own.
    pub(super) fn untyped(&self) -> Vec<String> {
        let all = self.table.iter().zip(&self.paths).zip(0..);
        let open = all.filter(|((assertions, _), index)| {
            assertions.iter().any(is_bound) && !self.has_type(*index, DEPTH)
        });
        open.map(|((_, path), _)| path.clone()).collect()
    }

    /// Whether a subschema is for values of some types alone. Arguments are an object.
    fn has_type(&self, index: Index, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let mut all = self.table.iter().zip(0..);
        index == 0
            || self.asks_type(index, DEPTH)
            || all.any(|(assertions, outer)| {
                let parts = assertions.iter().filter_map(parts);
                parts.flatten().any(|part| *part == index) && self.has_type(outer, depth)
            })
    }

    /// Whether a subschema asks for a type, itself or by its parts.
    fn asks_type(&self, index: Index, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return false };
        let assertions = usize::try_from(index).ok().and_then(|index| self.table.get(index));
        let mut part = |part: &Index| self.asks_type(*part, depth);
        assertions.into_iter().flatten().any(|assertion| match assertion {
            Assertion::Types(_) | Assertion::Values(_) | Assertion::Never => true,
            Assertion::AllOf(parts) => parts.iter().any(&mut part),
            Assertion::AnyOf(parts) => parts.iter().all(&mut part),
            _ => false,
        })
    }
}

/// Whether an assertion is about values of one type.
const fn is_bound(assertion: &Assertion) -> bool {
    matches!(
        assertion,
        Assertion::Bound(..)
            | Assertion::Length(..)
            | Assertion::Items(..)
            | Assertion::Each(_)
            | Assertion::Members(_)
    )
}

/// The subschemas that an assertion asks about the same value.
fn parts(assertion: &Assertion) -> Option<&[Index]> {
    match assertion {
        Assertion::AllOf(parts) | Assertion::AnyOf(parts) => Some(parts),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
