//! The entries that match a name, and the reason for which each but one does not decide.
//!
//! The decision itself is made elsewhere, and is an argument here.

use super::{Pattern, PatternMap, precedence};
use core::cmp::Ordering;

/// The reason for which an entry that matches does not decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beaten {
    /// It is outside of its time.
    OutOfTime,
    /// The body has an entry with the same pattern, which replaces this one.
    Replaced,
    /// An exact name decides before any pattern.
    Exact(String),
    /// This other pattern is narrower.
    Narrower(String),
    /// The patterns do not nest, and the deciding entry is stricter.
    Stricter,
    /// The patterns do not nest, and the deciding one has more characters besides `*`.
    Longer,
    /// The patterns do not nest, and the deciding one comes first in byte order.
    First,
}

/// An entry that matches a name.
#[derive(Debug)]
pub struct Match<'m, T> {
    /// Its pattern.
    pub pattern: &'m Pattern,
    /// Its value.
    pub value: &'m T,
    /// Whether it is of the body itself, and not of one that this extends.
    pub own: bool,
    /// The reason for which it does not decide; `None` for the one that does.
    pub beaten: Option<Beaten>,
}

impl<T> PatternMap<T> {
    /// The patterns that match a name, in byte order.
    pub fn patterns(&self, name: &str) -> Vec<&Pattern> {
        let mut patterns: Vec<&Pattern> =
            self.order.matching(name).into_iter().map(|(pattern, _)| pattern).collect();
        patterns.sort();
        patterns
    }

    /// The entries of this map, and of `base` beneath it, that match a name: first the
    /// one that was found to decide, if any was, then the others from the narrowest on.
    /// Those are out that `admits` does not let in.
    pub fn contest<'m>(
        &'m self,
        base: Option<&'m Self>,
        name: &str,
        decides: Option<&T>,
        rank: impl Fn(&T) -> u8,
        admits: impl Fn(&T) -> bool,
    ) -> Vec<Match<'m, T>> {
        let mut all: Vec<Match<'m, T>> = Vec::new();
        for (map, own) in core::iter::once((self, true)).chain(base.map(|base| (base, false))) {
            for (pattern, number) in map.order.matching(name) {
                let Some(value) = map.values.get(number) else { continue };
                all.push(Match { pattern, value, own, beaten: None });
            }
        }
        let is_winner = |one: &Match<'m, T>| decides.is_some_and(|it| core::ptr::eq(it, one.value));
        let admitted = |one: &Match<'m, T>| admits(one.value);
        let in_place: Vec<&Pattern> =
            all.iter().filter(|one| admitted(one)).map(|one| one.pattern).collect();
        let winner = all.iter().find(|one| is_winner(one));
        let winner = winner.map(|one| (one.pattern, rank(one.value)));
        let why = |one: &Match<'m, T>| {
            if !admitted(one) {
                return Some(Beaten::OutOfTime);
            }
            let (pattern, strict) = winner?;
            if pattern == one.pattern {
                return Some(Beaten::Replaced);
            }
            let is_narrower =
                |other: &Pattern| other != one.pattern && other.is_within(one.pattern);
            if is_narrower(pattern) && pattern.is_exact() {
                return Some(Beaten::Exact(pattern.as_str().to_owned()));
            }
            let others = core::iter::once(pattern).chain(in_place.iter().copied());
            if let Some(other) = others.into_iter().find(|other| is_narrower(other)) {
                return Some(Beaten::Narrower(other.as_str().to_owned()));
            }
            Some(match strict.cmp(&rank(one.value)) {
                Ordering::Greater => Beaten::Stricter,
                _ if pattern.literals() > one.pattern.literals() => Beaten::Longer,
                _ => Beaten::First,
            })
        };
        let reasons: Vec<Option<Beaten>> =
            all.iter().map(|one| if is_winner(one) { None } else { why(one) }).collect();
        for (one, beaten) in all.iter_mut().zip(reasons) {
            one.beaten = beaten;
        }
        let order = |one: &Match<'m, T>| (!is_winner(one), !one.pattern.is_exact());
        all.sort_by(|a, b| {
            let by_pattern = || precedence((a.pattern, 0), (b.pattern, 0));
            order(a).cmp(&order(b)).then_with(by_pattern).then_with(|| b.own.cmp(&a.own))
        });
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn map(entries: &[(&str, u8)]) -> PatternMap<u8> {
        PatternMap::new(entries.iter().map(|(text, rank)| (Pattern::new(text), *rank)), |rank| {
            *rank
        })
    }

    fn contest(own: &PatternMap<u8>, base: Option<&PatternMap<u8>>, name: &str) -> Vec<String> {
        let decides = match base {
            None => own.get(name),
            Some(base) => own.get_over(base, name, |rank| *rank).map(|(value, _)| value),
        };
        let all = own.contest(base, name, decides, |rank| *rank, |rank| *rank < 9);
        let shown = |one: Match<'_, u8>| match one.beaten {
            None => one.pattern.as_str().to_owned(),
            Some(why) => format!("{} {why:?}", one.pattern.as_str()),
        };
        all.into_iter().map(shown).collect()
    }

    #[test]
    fn each_entry_has_the_reason_for_which_it_does_not_decide() {
        let tools = map(&[
            ("github_*", 2),
            ("github_list_*", 0),
            ("github_list_secrets", 2),
            ("*_delete", 2),
            ("*_list_*", 0),
        ]);
        assert_eq!(
            contest(&tools, None, "github_list_secrets"),
            [
                "github_list_secrets",
                r#"github_list_* Exact("github_list_secrets")"#,
                r#"github_* Exact("github_list_secrets")"#,
                r#"*_list_* Exact("github_list_secrets")"#,
            ]
        );
        assert_eq!(
            contest(&tools, None, "github_list_delete"),
            [
                "*_delete",
                "github_list_* Stricter",
                r#"github_* Narrower("github_list_*")"#,
                r#"*_list_* Narrower("github_list_*")"#,
            ]
        );
        assert!(contest(&tools, None, "other").is_empty());
        let equal = map(&[("ab*", 0), ("*yz", 0), ("*z*", 0)]);
        assert_eq!(contest(&equal, None, "abyz"), ["*yz", "ab* First", r#"*z* Narrower("*yz")"#]);
        let longer = map(&[("abc*", 0), ("*z", 0)]);
        assert_eq!(contest(&longer, None, "abcz"), ["abc*", "*z Longer"]);
    }

    #[test]
    fn an_entry_of_the_body_replaces_that_of_the_top() {
        let (own, base) = (map(&[("a*", 0), ("b", 0)]), map(&[("a*", 2), ("ab", 1), ("*", 0)]));
        assert_eq!(contest(&own, Some(&base), "ac"), ["a*", "a* Replaced", r#"* Narrower("a*")"#]);
        assert_eq!(
            contest(&own, Some(&base), "ab"),
            ["ab", r#"a* Exact("ab")"#, r#"a* Exact("ab")"#, r#"* Exact("ab")"#]
        );
    }

    #[test]
    fn one_that_is_out_of_its_time_takes_no_place() {
        let grants = map(&[("a", 9), ("a*", 0), ("*", 9)]);
        let all = grants.contest(
            None,
            "a",
            grants.find_where("a", &|rank| *rank < 9).and_then(|n| grants.values().get(n)),
            |_| 0,
            |rank| *rank < 9,
        );
        let shown: Vec<_> = all.iter().map(|one| (one.pattern.as_str(), &one.beaten)).collect();
        assert_eq!(
            shown,
            [("a*", &None), ("a", &Some(Beaten::OutOfTime)), ("*", &Some(Beaten::OutOfTime))]
        );
    }
}
