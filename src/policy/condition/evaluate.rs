//! The answer of a condition about a call.

use super::find::{Found, find_argument};
use super::{Condition, Elements, Facts, Line, Root, Truth, Why, claim};
use crate::wire::json::{Kind, Raw, Text};

impl Condition {
    /// The answer about a call. `each` is the quantifier of a path with `[*]`.
    pub fn evaluate(&self, facts: &Facts<'_>, each: Elements) -> Truth {
        let Self { path, test, .. } = self;
        match path.root {
            Root::Args => self.arguments(facts, each),
            Root::Claims => claim::test(test, &path.steps, facts),
            Root::Headers => {
                let line = facts.headers.iter().find(|(name, _)| Some(&**name) == path.header());
                match line.map_or(&Line::Absent, |(_, line)| line) {
                    Line::Absent => test.of_absent(),
                    Line::Text(text) => test.of_text(text, facts.work),
                    Line::Unclear => Truth::Undecidable(Why::Header),
                }
            }
            Root::Grant => test.of_text(facts.caller_id, facts.work),
            Root::Tool => test.of_text(facts.tool, facts.work),
        }
    }

    fn arguments(&self, facts: &Facts<'_>, each: Elements) -> Truth {
        let Self { path, test, .. } = self;
        let Some(arguments) = facts.arguments else { return test.of_absent() };
        let as_json = path.steps.len() == 1 && !self.literal;
        let truth = find_argument(facts, arguments, &path.steps, each, &mut |found| match found {
            Found::Value(raw) => match raw.kind {
                Kind::String(text) if as_json => self.of_argument(&raw, text, facts),
                _ => self.of_value(&raw, facts),
            },
            Found::Absent => test.of_absent(),
            Found::Unclear(why) => Truth::Undecidable(why),
        });
        // With no elements, "all" holds and "any" does not.
        truth.unwrap_or(match each {
            Elements::All => Truth::True,
            Elements::Any => Truth::False,
        })
    }

    fn of_value(&self, raw: &Raw<'_>, facts: &Facts<'_>) -> Truth {
        self.test.of_value(raw, self.of_null, facts.work)
    }

    /// The answer about an argument that is a text. The Python SDK reads such a
    /// text as JSON where the tool's function does not ask for a plain `str`,
    /// and takes it for the list, the object or the null in it. So the answer
    /// has to be the same for both.
    fn of_argument<'a>(&self, raw: &Raw<'_>, text: Text<'a>, facts: &Facts<'a>) -> Truth {
        let truth = self.of_value(raw, facts);
        facts.texts.agree(raw.at, text, facts.work, truth, |other| self.of_value(other, facts))
    }
}
