//! Comparing patterns pair by pair, as far as a budget goes.
//!
//! Of two lists of patterns, each of one is compared with each of the other. A person
//! writes few enough for all of them. A generator may not, and a worker that reads its
//! policy must not stall.

use crate::meter;
use crate::policy::pattern::Pattern;

/// More steps than the patterns of a policy that a person writes take.
const STEPS: usize = 20_000_000;

/// The steps that are left. A step is a byte of a pattern, or a pair of bytes of two.
pub(super) struct Pairs(usize);

impl Pairs {
    pub(super) const fn new() -> Self {
        Self(STEPS)
    }

    /// Whether an answer may be missing.
    pub(super) const fn is_spent(&self) -> bool {
        self.0 == 0
    }

    /// Takes steps, if there are enough left.
    pub(super) fn take(&mut self, steps: usize) -> bool {
        meter::steps(1);
        self.0 = self.0.saturating_sub(steps);
        !self.is_spent()
    }

    /// Whether every name that one matches, the other matches too. Once the budget is
    /// spent everything is true, so that searches end.
    pub(super) fn within(&mut self, one: &Pattern, other: &Pattern) -> bool {
        !self.take(both(one, other)) || one.is_within(other)
    }

    /// Whether some name matches both, or the budget is spent.
    pub(super) fn overlap(&mut self, one: &Pattern, other: &Pattern) -> bool {
        if !self.take(both(one, other)) {
            return true;
        }
        let product = one.as_str().len().saturating_mul(other.as_str().len());
        one.may_overlap(other) && (!self.take(product) || one.overlaps(other))
    }
}

/// The steps of looking at two patterns once.
fn both(one: &Pattern, other: &Pattern) -> usize {
    one.as_str().len().saturating_add(other.as_str().len()).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Elements that `one` makes of numbers.
    fn many(count: usize, one: impl Fn(usize) -> String) -> String {
        (0..count).map(one).collect::<Vec<_>>().join(",")
    }

    fn policy(rest: &str) -> String {
        format!(
            r#"{{"version": "1", "default": "deny", "settings": {{"paths": ["/mcp"]}}, {rest}}}"#
        )
    }

    const COUNT: usize = 2_500;
    const SOURCE: &str = r#""identity": [{"header": "x-id"}]"#;
    const WHEN: &str = r#""when": [{"path": "claims.team", "op": "eq", "value": "a"}]"#;

    /// Policies with two lists of patterns, each of which is compared with all of the
    /// other.
    fn large() -> Vec<(&'static str, String)> {
        let tools = |name: &str, entry: &str| {
            let one = |number| format!(r#""{name}{number}*": {{{entry}}}"#);
            format!(r#""tools": {{{}}}"#, many(COUNT, one))
        };
        let hide = |name: &str| {
            let one = |number| format!(r#""{name}{number:04}*""#);
            format!(r#""hide": [{}]"#, many(COUNT, one))
        };
        let deny = r#""action": "deny""#;
        let body = |top: &str, own: &str| {
            let groups = format!(r#""groups": [{{"name": "g", {WHEN}, "extends": "top", {own}}}]"#);
            policy(&format!("{SOURCE}, {top}, {groups}"))
        };
        let ends = r#""default": "deny", "valid_until": "2030-01-01T00:00:00Z""#;
        let grants = format!(
            r#"{SOURCE}, "grants": {{{}, {}}}"#,
            many(COUNT, |number| format!(r#""a{number}*": {{{ends}}}"#)),
            many(COUNT, |number| format!(r#""b{number}*": {{"default": "allow"}}"#)),
        );
        let both = |one: &str, entry: &str| {
            let denied = many(COUNT, |number| format!(r#""{one}{number}": {{{entry}}}"#));
            let others = many(COUNT, |number| format!(r#""b{number}*": {{}}"#));
            policy(&format!(r#""tools": {{{denied}, {others}}}"#))
        };
        vec![
            ("a denial of a group", body(&tools("a", ""), &tools("b", deny))),
            ("what a group hides", body(&hide("a"), &hide("a"))),
            ("a grant that ends", policy(&grants)),
            ("entries of one body", both("*a", deny)),
            ("denials in shadow", both("a", &format!(r#"{deny}, "mode": "shadow""#))),
        ]
    }

    #[test]
    fn comparing_takes_no_more_steps_than_the_budget_has() {
        for (what, text) in large() {
            let _ = meter::take();
            let policy = Policy::parse(text.as_bytes(), "").unwrap_or_else(|e| panic!("{e:?}"));
            let steps = meter::take();
            let told = policy.warnings.lines().any(|line| line.contains("too many patterns"));
            assert!(told, "{what}: {steps}");
            assert!(steps < 2 * STEPS, "{what}: {steps}");
        }
    }

    #[test]
    fn counters_of_too_many_entries_need_other_names() {
        let limit = r#""limits": [{"counter": "c", "window": "day", "max": 1}]"#;
        let with = |count: usize| {
            let one = |name: &str, rest: &str| {
                many(count, |number| format!(r#""{name}{number}*": {{{rest} {limit}}}"#))
            };
            policy(&format!(
                r#"{SOURCE}, "tools": {{{}}}, "groups": [{{"name": "g", {WHEN}, "extends": "top",
                "tools": {{{}}}}}]"#,
                one("a", ""),
                one("b", r#""mode": "shadow","#),
            ))
        };
        assert!(Policy::parse(with(100).as_bytes(), "").is_ok());
        let _ = meter::take();
        let errors = Policy::parse(with(COUNT).as_bytes(), "").unwrap_err();
        let steps = meter::take();
        assert!(steps < 2 * STEPS, "{steps}");
        let first = errors.lines().next().unwrap();
        let message = "this body extends, and there are too many of that name to compare their \
                       tools; give this one another name";
        assert!(first.starts_with("/groups/0/tools/b") && first.ends_with(message), "{first}");
    }

    #[test]
    fn a_grant_that_is_not_compared_with_all_callers_is_refused() {
        let errors = |start: &str, end: &str| {
            let token = |number| format!(r#""c{number:04}": "sha256:{number:064x}""#);
            let tokens = many(COUNT, token);
            let grant = |number| format!(r#""{start}c{number:04}{end}": {{"default": "deny"}}"#);
            let grants = many(COUNT, grant);
            let policy = policy(&format!(
                r#""identity": [{{"bearer": {{"tokens": {{{tokens}}}}}}}],
                "grants": {{{grants}, "typo": {{"default": "deny"}}}}"#
            ));
            let _ = meter::take();
            let errors = Policy::parse(policy.as_bytes(), "").map(|_| ()).unwrap_err();
            let steps = meter::take();
            assert!(steps < 2 * STEPS, "{start}{end}: {steps}");
            errors.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let typo = "/grants/typo: no token of `identity` names a caller that this matches";
        assert_eq!(errors("", "*"), [typo]);
        let all = errors("*", "");
        assert!(all.iter().any(|line| line == typo));
        let not_compared = all.iter().filter(|line| line.contains("too many callers"));
        assert!((1..COUNT).contains(&not_compared.count()), "{all:?}");
    }
}
