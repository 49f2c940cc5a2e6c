//! Calls of tools by the rule that decided. The names are made of the policy alone,
//! each at its first use, since a definition costs a host call and most rules of a
//! policy never decide. Envoy forgets no metric, and each policy pushed can bring new
//! rules: so there are at most [`MOST`] for the life of a worker, and calls beyond them
//! count under [`OTHER`].

use crate::exchange::record::Decision;
use crate::policy::Reason;
use core::fmt::Write;

/// Metrics with a rule's name that one worker defines, over all its policies.
const MOST: usize = 1_000;
/// Bytes of the longest name of a rule in a metric.
const LONGEST: usize = 256;
/// The name for all that no rule of the policy decided, or one without a metric.
const OTHER: &str = "other";

/// The metrics of rules in one worker; their ids hold for all policies in it.
#[derive(Debug)]
pub struct ByRule<I> {
    /// The number of those with a rule's name.
    named: usize,
    /// In the order of the rules' texts. They are few, and a map is more code than a
    /// search.
    rules: Vec<(Box<str>, Known<I>)>,
}

/// The metrics of one rule.
type Known<I> = Vec<(Outcome, I)>;

/// The outcome of a call.
pub type Outcome = (Decision, Option<Reason>);

/// The labels of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Labels<'a> {
    /// The decision.
    pub decision: &'static str,
    /// The reason, or `none`.
    pub reason: &'static str,
    /// The name of the rule.
    pub rule: &'a str,
}

impl<I> Default for ByRule<I> {
    fn default() -> Self {
        Self { named: 0, rules: Vec::new() }
    }
}

impl<I: Clone> ByRule<I> {
    /// The id of the metric of a call, which `define` makes at its first use.
    pub fn id(&mut self, rule: &str, outcome: Outcome, define: impl FnOnce(Labels<'_>) -> I) -> I {
        // Rules of the policy are pointers; a word in parentheses is not one.
        let rule = if rule.starts_with('/') { rule } else { OTHER };
        if let Some(id) = self.known(rule, outcome) {
            return id;
        }
        let may_have_own = rule != OTHER && self.named < MOST;
        let name = may_have_own.then(|| written(rule)).flatten();
        match name {
            Some(name) => {
                self.named = self.named.saturating_add(1);
                self.define(rule, &name, outcome, define)
            }
            None => match self.known(OTHER, outcome) {
                Some(id) => id,
                None => self.define(OTHER, OTHER, outcome, define),
            },
        }
    }

    fn known(&self, rule: &str, outcome: Outcome) -> Option<I> {
        let (_, known) = self.rules.get(self.place(rule).ok()?)?;
        known.iter().find(|(other, _)| *other == outcome).map(|(_, id)| id.clone())
    }

    /// The index of a rule, or that at which it belongs.
    fn place(&self, rule: &str) -> Result<usize, usize> {
        self.rules.binary_search_by(|(other, _)| (**other).cmp(rule))
    }

    fn define(
        &mut self,
        rule: &str,
        name: &str,
        outcome: Outcome,
        define: impl FnOnce(Labels<'_>) -> I,
    ) -> I {
        let decision = outcome.0.as_str();
        let reason = outcome.1.map_or("none", Reason::as_str);
        let id = define(Labels { decision, reason, rule: name });
        let place = self.place(rule).unwrap_or_else(|place| {
            self.rules.insert(place, (rule.into(), Vec::new()));
            place
        });
        if let Some((_, known)) = self.rules.get_mut(place) {
            known.push((outcome, id.clone()));
        }
        id
    }
}

/// A rule as a part of a metric's name: letters, digits and `_ - / * ~` as they are,
/// a dot between two of them too, all else as `%` and two hexadecimal digits a byte.
/// So no two rules have one name, and none has a character that Envoy or one of its
/// sinks changes or takes for an end. `None` if it is too long.
fn written(rule: &str) -> Option<String> {
    let mut name = String::with_capacity(rule.len());
    let mut bytes = rule.bytes().peekable();
    while let Some(byte) = bytes.next() {
        let plain = match byte {
            b'.' => bytes.peek().is_some_and(|next| *next != b'.'),
            byte => byte.is_ascii_alphanumeric() || b"_-/*~".contains(&byte),
        };
        if plain {
            name.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    (name.len() <= LONGEST).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::written;

    #[test]
    fn names_are_readable_and_none_is_that_of_two_rules() {
        for (rule, name) in [
            ("/tools/session_send/limits/a_day", "/tools/session_send/limits/a_day"),
            ("/tools/read_*", "/tools/read_*"),
            ("/tools/a~1b.c/require/0", "/tools/a~1b.c/require/0"),
            ("/tools/a.", "/tools/a%2E"),
            ("/tools/a..b", "/tools/a%2E.b"),
            ("/grants/spiffe:~1~1x/tools/a", "/grants/spiffe%3A~1~1x/tools/a"),
            ("/tools/a%2E", "/tools/a%252E"),
            ("/tools/é|\n", "/tools/%C3%A9%7C%0A"),
        ] {
            assert_eq!(written(rule).as_deref(), Some(name));
        }
        assert!(written(&"a".repeat(256)).is_some());
        assert_eq!(written(&"a".repeat(257)), None);
    }
}
