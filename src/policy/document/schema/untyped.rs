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
    /// `anyOf` or `$ref`, or by each that has it as its own. A schema with too many
    /// subschemas is an error, and not looked at.
    pub(super) fn untyped(&self) -> Vec<String> {
        if self.table.len() > MAX_SUBSCHEMAS {
            return Vec::new();
        }
        let all = self.table.iter().zip(&self.paths).zip(self.open());
        let open = all.filter(|((assertions, _), open)| {
            *open && assertions.iter().any(|assertion| self.is_bound(assertion))
        });
        open.map(|((_, path), _)| path.clone()).collect()
    }

    /// For each subschema, whether it is asked about values of any type: neither does it ask
    /// for one, nor does a subschema that has it as a part. Arguments are an object.
    fn open(&self) -> Vec<bool> {
        let asking = self.asking();
        let (mut part, mut own) = (vec![false; self.table.len()], vec![false; self.table.len()]);
        for assertion in self.table.iter().flatten() {
            parts(assertion).into_iter().flatten().for_each(|index| set(&mut part, *index));
            each_below(assertion, |index| set(&mut own, index));
        }
        // The arguments are the first. A definition that nothing names is of no type.
        let begins = part
            .iter()
            .zip(&own)
            .enumerate()
            .filter(|(index, (part, own))| *index > 0 && (**own || !**part));
        let mut next: Vec<usize> = begins.map(|(index, _)| index).collect();
        let mut open = vec![false; self.table.len()];
        while let Some(index) = next.pop() {
            if asking.get(index) == Some(&true) {
                continue;
            }
            let Some(flag) = open.get_mut(index).filter(|flag| !**flag) else { continue };
            *flag = true;
            let parts = self.table.get(index).into_iter().flatten().filter_map(parts).flatten();
            next.extend(parts.filter_map(|part| usize::try_from(*part).ok()));
        }
        open
    }

    /// Whether an assertion is about values of one type, and not true of all of them.
    fn is_bound(&self, assertion: &Assertion) -> bool {
        let asserts = |index: &Index| {
            let at = usize::try_from(*index).ok();
            at.and_then(|at| self.table.get(at)).is_none_or(|inner| !inner.is_empty())
        };
        match assertion {
            Assertion::Bound(..) | Assertion::Length(..) | Assertion::Items(..) => true,
            Assertion::Each(items) => asserts(items),
            Assertion::Members(object) => {
                let of_names = object.names.iter().filter_map(|(_, inner, _)| inner.as_ref());
                object.required > 0 || of_names.chain(&object.others).any(asserts)
            }
            _ => false,
        }
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

/// The subschemas that an assertion asks about the same value.
fn parts(assertion: &Assertion) -> Option<&[Index]> {
    match assertion {
        Assertion::AllOf(parts) | Assertion::AnyOf(parts) => Some(parts),
        _ => None,
    }
}

/// Shows the subschemas that an assertion asks about values within the value.
fn each_below(assertion: &Assertion, mut see: impl FnMut(Index)) {
    match assertion {
        Assertion::Each(items) => see(*items),
        Assertion::Members(object) => {
            let names = object.names.iter().filter_map(|(_, inner, _)| *inner);
            names.chain(object.others).for_each(see);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
