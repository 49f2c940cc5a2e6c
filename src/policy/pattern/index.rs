//! An index of the patterns that can match a name at all.
//!
//! A pattern that begins with literal text can match only names that begin
//! with it too; one that begins with `*` is looked up by its end. Only those
//! with `*` on both sides are tried one by one.

use super::Pattern;
use crate::order;

/// Patterns by the text that they begin or end with.
#[derive(Debug, Default)]
pub(super) struct Index {
    by_start: Texts,
    by_end: Texts,
    floating: Vec<usize>,
}

impl Index {
    pub(super) fn new<'p>(patterns: impl Iterator<Item = &'p Pattern>) -> Self {
        let (mut starts, mut ends, mut floating) = (Vec::new(), Vec::new(), Vec::new());
        for (number, pattern) in patterns.enumerate() {
            let text = pattern.as_str();
            let (start, _) = text.split_once('*').unwrap_or((text, ""));
            let (_, end) = text.rsplit_once('*').unwrap_or(("", text));
            if !start.is_empty() {
                starts.push((start.bytes().collect(), number));
            } else if !end.is_empty() {
                ends.push((end.bytes().rev().collect(), number));
            } else {
                floating.push(number);
            }
        }
        Self { by_start: Texts::new(starts), by_end: Texts::new(ends), floating }
    }

    /// The numbers of the patterns that may match `name`, in no order.
    pub(super) fn candidates(&self, name: &str) -> Vec<usize> {
        let mut found = self.floating.clone();
        self.by_start.beginnings_of(name.as_bytes(), &mut found);
        if !self.by_end.0.is_empty() {
            let reversed: Vec<u8> = name.bytes().rev().collect();
            self.by_end.beginnings_of(&reversed, &mut found);
        }
        found
    }
}

/// Texts in byte order, each with its patterns.
#[derive(Debug, Default)]
struct Texts(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    text: Vec<u8>,
    patterns: Vec<usize>,
    /// The longest other text that this one begins with.
    parent: Option<usize>,
}

impl Texts {
    fn new(texts: Vec<(Vec<u8>, usize)>) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        for (text, pattern) in order::sorted(texts, |(a, _), (b, _)| a.cmp(b)) {
            match entries.last_mut() {
                Some(last) if last.text == text => last.patterns.push(pattern),
                _ => {
                    // The texts before it that it begins with are those that
                    // the last one begins with, or the last one itself.
                    let mut parent = entries.len().checked_sub(1);
                    while let Some(entry) = parent.and_then(|at| entries.get(at)) {
                        if text.starts_with(&entry.text) {
                            break;
                        }
                        parent = entry.parent;
                    }
                    entries.push(Entry { text, patterns: vec![pattern], parent });
                }
            }
        }
        Self(entries)
    }

    /// Every text that `name` begins with is the last one not after it in byte
    /// order, or one that this one begins with.
    fn beginnings_of(&self, name: &[u8], found: &mut Vec<usize>) {
        let after = self.0.partition_point(|entry| *entry.text <= *name);
        let mut next = after.checked_sub(1);
        while let Some(entry) = next.and_then(|at| self.0.get(at)) {
            if name.starts_with(&entry.text) {
                found.extend(&entry.patterns);
            }
            next = entry.parent;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_pattern_that_matches_is_a_candidate() {
        let texts = [
            "a*", "ab*", "abc*", "abd*", "b*", "*c", "*bc", "*abc", "*b*", "*", "a*c", "ab*bc",
            "é*", "*é", "abc*x", "ac*", "*x",
        ];
        let patterns: Vec<Pattern> = texts.iter().map(|text| Pattern::new(text)).collect();
        let index = Index::new(patterns.iter());
        for name in
            ["", "a", "ab", "abc", "abcc", "abdc", "ac", "é", "éx", "abcé", "b", "abcx", "zz"]
        {
            let candidates: BTreeSet<usize> = index.candidates(name).into_iter().collect();
            for (number, pattern) in patterns.iter().enumerate() {
                let matches = pattern.matches(name);
                assert!(!matches || candidates.contains(&number), "{pattern:?} {name}");
            }
        }
        assert_eq!(index.candidates("zz").len(), 2);
    }
}
