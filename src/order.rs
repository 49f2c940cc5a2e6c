//! Sorting through one monomorphised function, to keep the module small.
//!
//! Each type that the standard library sorts is several kilobytes of module,
//! which every worker of an Envoy loads. Indexes are one type.

use core::cmp::Ordering;
use std::collections::BinaryHeap;

/// The numbers below `length`, in the order that `compare` gives them.
///
/// By way of a heap, whose code is a tenth of a slice's `sort_unstable`.
pub fn indexes(length: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let heap: BinaryHeap<Index> = (0..length).map(|at| Index { at, compare }).collect();
    heap.into_sorted_vec().into_iter().map(|index| index.at).collect()
}

/// One of the numbers to be ordered.
struct Index<'a> {
    at: usize,
    compare: &'a dyn Fn(usize, usize) -> Ordering,
}

impl Ord for Index<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Equal ones keep their order by their number.
        (self.compare)(self.at, other.at).then_with(|| self.at.cmp(&other.at))
    }
}

impl PartialOrd for Index<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Index<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Index<'_> {}

/// The elements of `items`, in the order that `compare` gives them.
pub fn sorted<T>(items: Vec<T>, compare: impl Fn(&T, &T) -> Ordering) -> Vec<T> {
    let by = |a: usize, b: usize| match (items.get(a), items.get(b)) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    let order = indexes(items.len(), &by);
    let mut items: Vec<Option<T>> = items.into_iter().map(Some).collect();
    order.into_iter().filter_map(|index| items.get_mut(index)?.take()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn equal_elements_keep_their_order() {
        let items = vec![(2, 'a'), (1, 'b'), (2, 'c'), (1, 'd'), (0, 'e')];
        let expected = [(0, 'e'), (1, 'b'), (1, 'd'), (2, 'a'), (2, 'c')];
        assert_eq!(sorted(items, |a, b| a.0.cmp(&b.0)), expected);
        assert!(sorted(Vec::<u8>::new(), Ord::cmp).is_empty());
    }
}
