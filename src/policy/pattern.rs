//! Names with `*` for any run of characters, and the one entry that decides.
//!
//! Of all entries that match a name, one alone decides: the exact name; else
//! the narrowest patterns, and of those that do not nest, a denial before an
//! allowance, then the one with more literal characters, then byte order. So
//! `github_list_*` can reopen a part of a denied `github_*`, while a denied
//! `*delete*` is not undone by an allowed `github_*`.

#[cfg(any(test, not(target_os = "wasi")))]
mod contest;
mod index;

#[cfg(any(test, not(target_os = "wasi")))]
pub use contest::{Beaten, Match};

use crate::{meter, order};
use core::cmp::Ordering;
use index::Index;

/// A pattern: literal text with `*` for any run of characters, none included.
/// No other character is special, and case matters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Reads a pattern; repeated stars mean the same as one.
    pub fn new(text: &str) -> Self {
        let mut collapsed = String::with_capacity(text.len());
        for c in text.chars() {
            if c != '*' || !collapsed.ends_with('*') {
                collapsed.push(c);
            }
        }
        Self(collapsed.into())
    }

    /// The pattern's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a plain name.
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether it matches `name`. Linear for each star: the first position
    /// where a part fits is always good enough.
    pub fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return *self.0 == *name };
        let Some(mut name) = name.strip_prefix(first) else { return false };
        let mut rest = rest;
        while let Some((part, others)) = rest.split_once('*') {
            let Some((_, tail)) = name.split_once(part) else { return false };
            name = tail;
            rest = others;
        }
        name.ends_with(rest)
    }

    /// Whether every name that `self` matches, `other` matches too.
    ///
    /// A star of `self` stands for characters that `other` has nowhere, which
    /// only a star of `other` can match; as a literal, `*` is such a character.
    pub fn is_within(&self, other: &Self) -> bool {
        meter::steps(other.0.len());
        other.matches(&self.0)
    }

    /// Whether some name matches both.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.may_overlap(other) && overlap(self.0.as_bytes(), other.0.as_bytes())
    }

    /// Whether two patterns are the same before the first star and after the last, as
    /// those are that overlap. Most pairs of a policy are not.
    pub fn may_overlap(&self, other: &Self) -> bool {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        meter::steps(a.len().min(b.len()));
        agree(a.iter(), b.iter()) && agree(a.iter().rev(), b.iter().rev())
    }

    fn literals(&self) -> usize {
        self.0.chars().filter(|&c| c != '*').count()
    }
}

/// Whether two patterns are the same as far as neither has had a star.
fn agree<'p>(a: impl Iterator<Item = &'p u8>, b: impl Iterator<Item = &'p u8>) -> bool {
    a.zip(b).take_while(|(a, b)| **a != b'*' && **b != b'*').all(|(a, b)| a == b)
}

/// Whether two patterns have a name in common: `reachable` holds, for a prefix
/// of `a`, the prefixes of `b` that can have matched the same text.
fn overlap(a: &[u8], b: &[u8]) -> bool {
    meter::steps(a.len().saturating_mul(b.len()));
    let mut reachable = vec![true];
    let mut open = true;
    for &byte in b {
        open &= byte == b'*';
        reachable.push(open);
    }
    for &left in a {
        let mut next = Vec::with_capacity(reachable.len());
        let mut before = reachable.iter().copied();
        let mut diagonal = before.next().unwrap_or_default();
        next.push(left == b'*' && diagonal);
        for (&right, straight) in b.iter().zip(before) {
            let behind = next.last().copied().unwrap_or_default();
            let star = (left == b'*' || right == b'*') && (straight || behind);
            next.push(star || (left == right && diagonal));
            diagonal = straight;
        }
        reachable = next;
    }
    reachable.last().copied().unwrap_or_default()
}

/// Entries by pattern, of which at most one decides for a name.
#[derive(Debug)]
pub struct PatternMap<T> {
    values: Vec<T>,
    order: Order,
}

impl PatternMap<()> {
    /// A set of patterns, whose entries have no value.
    pub fn set(patterns: Vec<Pattern>) -> Self {
        Self::new(patterns.into_iter().map(|pattern| (pattern, ())), |()| 0)
    }
}

impl<T> PatternMap<T> {
    /// Gathers entries; of patterns that do not nest, the one with the highest rank
    /// decides.
    pub fn new(entries: impl IntoIterator<Item = (Pattern, T)>, rank: impl Fn(&T) -> u8) -> Self {
        let (patterns, values): (Vec<Pattern>, Vec<T>) = entries.into_iter().unzip();
        let ranks: Vec<u8> = values.iter().map(rank).collect();
        Self { order: Order::new(patterns, &ranks), values }
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Whether an entry is not a plain name.
    pub fn has_patterns(&self) -> bool {
        !self.order.patterns.is_empty()
    }

    /// The values of all entries.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The entry that decides for `name`.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.values.get(self.find(name)?)
    }

    /// The number of the entry that decides for `name`, among the values.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.order.first(name)
    }

    /// The entry that decides for `name` if those of `base` compete with these, and
    /// whether it is one of these. Of two with one pattern, that of `base` is out.
    pub fn get_over<'m>(
        &'m self,
        base: &'m Self,
        name: &str,
        rank: impl Fn(&T) -> u8,
    ) -> Option<(&'m T, bool)> {
        let value = |(is_own, number): Place| (if is_own { self } else { base }).values.get(number);
        let rank = |place| value(place).map_or(0, &rank);
        let place = self.order.first_over(&base.order, name, &rank)?;
        value(place).map(|value| (value, place.0))
    }

    /// The number of the entry whose pattern is this plain name.
    pub fn find_exact(&self, name: &str) -> Option<usize> {
        self.order.exact(name)
    }

    /// All entries that match `name`, in no order.
    pub fn all(&self, name: &str) -> Vec<&T> {
        let matching = self.order.matching(name).into_iter();
        matching.filter_map(|(_, number)| self.values.get(number)).collect()
    }

    /// The number of the entry that decides for `name`, if only the entries are there
    /// that `admits` lets in. All are of one rank.
    pub fn find_where(&self, name: &str, admits: &dyn Fn(&T) -> bool) -> Option<usize> {
        let mut matching = self.order.matching(name);
        matching.retain(|(_, number)| self.values.get(*number).is_some_and(admits));
        let ranked = matching.into_iter().map(|(pattern, number)| (pattern, 0, (true, number)));
        deciding(ranked.collect()).map(|(_, number)| number)
    }
}

/// The place of a value: whether it is in the map that is asked, and not in its base; and
/// its number there.
type Place = (bool, usize);

/// The patterns of a map, each with the number of its value. Apart from the
/// values, so that it is compiled once.
#[derive(Debug)]
struct Order {
    /// In byte order.
    exact: Vec<(Pattern, usize)>,
    /// In the order of precedence among patterns that do not nest.
    patterns: Vec<(Pattern, usize)>,
    index: Index,
}

impl Order {
    /// Orders patterns with the ranks of their values.
    fn new(patterns: Vec<Pattern>, ranks: &[u8]) -> Self {
        let (exact, patterns): (Vec<_>, Vec<_>) = patterns
            .into_iter()
            .enumerate()
            .map(|(number, pattern)| (pattern, number))
            .partition(|(pattern, _)| pattern.is_exact());
        let rank = |number: usize| ranks.get(number).copied().unwrap_or_default();
        let patterns = order::sorted(patterns, |(a, left), (b, right)| {
            precedence((a, rank(*left)), (b, rank(*right)))
        });
        Self {
            exact: order::sorted(exact, |(a, _), (b, _)| a.cmp(b)),
            index: Index::new(patterns.iter().map(|(pattern, _)| pattern)),
            patterns,
        }
    }

    /// The patterns that match `name`, with the numbers of their values.
    fn matching(&self, name: &str) -> Vec<(&Pattern, usize)> {
        let exact = self.exact.binary_search_by(|(pattern, _)| pattern.as_str().cmp(name));
        let exact = exact.ok().and_then(|at| self.exact.get(at));
        let candidates = self.index.candidates(name).into_iter();
        let patterns = candidates.filter_map(|number| self.patterns.get(number));
        let matching = patterns.filter(|(pattern, _)| pattern.matches(name));
        exact.into_iter().chain(matching).map(|(pattern, number)| (pattern, *number)).collect()
    }

    /// The number of the value of a plain name.
    fn exact(&self, name: &str) -> Option<usize> {
        let at = self.exact.binary_search_by(|(pattern, _)| pattern.as_str().cmp(name)).ok()?;
        self.exact.get(at).map(|(_, value)| *value)
    }

    /// The number of the value that decides for `name`.
    fn first(&self, name: &str) -> Option<usize> {
        if let Some(value) = self.exact(name) {
            return Some(value);
        }
        if self.patterns.is_empty() {
            return None;
        }
        let mut matching = self.index.candidates(name);
        let pattern = |number: usize| self.patterns.get(number).map(|(pattern, _)| pattern);
        matching.retain(|number| pattern(*number).is_some_and(|pattern| pattern.matches(name)));
        let is_within = |a: usize, b: usize| match (pattern(a), pattern(b)) {
            (Some(a), Some(b)) => a.is_within(b),
            _ => false,
        };
        // Of those without a narrower one, the first in the order of precedence.
        let narrowest = matching
            .iter()
            .filter(|&&number| {
                !matching.iter().any(|&other| other != number && is_within(other, number))
            })
            .min();
        narrowest.and_then(|number| self.patterns.get(*number)).map(|(_, value)| *value)
    }

    /// The place of the value that decides for `name`, if those of `base` compete with these.
    /// Of two with one pattern, that of `base` is out.
    fn first_over(&self, base: &Self, name: &str, rank: &dyn Fn(Place) -> u8) -> Option<Place> {
        let own = self.matching(name);
        let mut other = base.matching(name);
        other.retain(|(pattern, _)| !own.iter().any(|(own, _)| own == pattern));
        let mut all = Vec::with_capacity(own.len().saturating_add(other.len()));
        for (matching, is_own) in [(own, true), (other, false)] {
            for (pattern, number) in matching {
                all.push((pattern, rank((is_own, number)), (is_own, number)));
            }
        }
        deciding(all)
    }
}

/// Of patterns that match one name, each with a rank and a place, the place of the one that
/// decides.
fn deciding(matching: Vec<(&Pattern, u8, Place)>) -> Option<Place> {
    let is_narrowest = |pattern: &Pattern| {
        !matching.iter().any(|(other, ..)| *other != pattern && other.is_within(pattern))
    };
    let narrowest: Vec<bool> = matching.iter().map(|(pattern, ..)| is_narrowest(pattern)).collect();
    let remaining = matching.into_iter().zip(narrowest).filter(|(_, narrowest)| *narrowest);
    let first = remaining
        .map(|(one, _)| one)
        .min_by(|(a, left, _), (b, right, _)| precedence((a, *left), (b, *right)));
    first.map(|(_, _, value)| value)
}

/// The order of patterns that do not nest, each with the rank of its value.
fn precedence((a, left): (&Pattern, u8), (b, right): (&Pattern, u8)) -> Ordering {
    right.cmp(&left).then_with(|| b.literals().cmp(&a.literals())).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests;
