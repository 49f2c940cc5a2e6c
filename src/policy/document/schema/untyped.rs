//! Bounds of values of one type, where a schema lets values of every type pass.
//!
//! `{"maximum": 100}` alone says nothing about the text `"800"`, of which some servers make
//! a number.

use super::{MAX_SUBSCHEMAS, Reading};
use crate::policy::condition::{Assertion, Index};

/// The most references behind one another that are followed to a type, about: each time,
/// the whole table is gone through.
const DEPTH: usize = 8;

impl Reading<'_> {
    /// The places of bounds without a type: there is none there, by a subschema of `allOf`,
    /// `anyOf` or `$ref`, or by one that has it as its own. A schema with too many
    /// subschemas is an error, and not looked at.
    pub(super) fn untyped(&self) -> Vec<String> {
        if self.table.len() > MAX_SUBSCHEMAS {
            return Vec::new();
        }
        let typed = self.typed();
        let all = self.table.iter().zip(&self.paths).zip(typed);
        let open = all.filter(|((assertions, _), typed)| !typed && assertions.iter().any(is_bound));
        open.map(|((_, path), _)| path.clone()).collect()
    }

    /// For each subschema, whether it is for values of some types alone: it asks for them,
    /// or one does that has it as a part. Arguments are an object.
    fn typed(&self) -> Vec<bool> {
        let mut typed = self.asking();
        if let Some(arguments) = typed.first_mut() {
            *arguments = true;
        }
        for _ in 0..DEPTH {
            for (index, assertions) in self.table.iter().enumerate() {
                if typed.get(index) == Some(&true) {
                    for part in assertions.iter().filter_map(parts).flatten() {
                        set(&mut typed, *part);
                    }
                }
            }
        }
        typed
    }

    /// For each subschema, whether it asks for a type, itself or by its parts. Parts mostly
    /// come behind it.
    fn asking(&self) -> Vec<bool> {
        let mut asking = vec![false; self.table.len()];
        for _ in 0..DEPTH {
            for (index, assertions) in self.table.iter().enumerate().rev() {
                let asks = |part: &Index| is_set(&asking, *part);
                let asks = assertions.iter().any(|assertion| match assertion {
                    Assertion::Types(_) | Assertion::Values(_) | Assertion::Never => true,
                    Assertion::AllOf(parts) => parts.iter().any(asks),
                    Assertion::AnyOf(parts) => parts.iter().all(asks),
                    _ => false,
                });
                if let Some(flag) = asking.get_mut(index).filter(|_| asks) {
                    *flag = true;
                }
            }
        }
        asking
    }
}

fn is_set(flags: &[bool], index: Index) -> bool {
    usize::try_from(index).ok().and_then(|index| flags.get(index)) == Some(&true)
}

fn set(flags: &mut [bool], index: Index) {
    if let Some(flag) = usize::try_from(index).ok().and_then(|index| flags.get_mut(index)) {
        *flag = true;
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
