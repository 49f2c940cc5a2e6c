//! The answer of a condition about a call.

use super::find::{Found, find_argument};
use super::{Condition, Elements, Facts, Line, Root, Test, Truth, Why, claim};
use crate::wire::json::{Kind, Raw, Text};

impl Condition {
    /// The answer about a call. `each` is the quantifier of a path with `[*]`.
    pub fn evaluate(&self, facts: &Facts<'_>, each: Elements) -> Truth {
        match &self.test {
            Test::From(operand) => match operand.test(self.path.root, self.literal, facts) {
                Ok(test) => self.of(&test, facts, each),
                // One that is absent is compared with nothing.
                Err(why) => match self.of(&Test::Exists(true), facts, each) {
                    Truth::True => Truth::Undecidable(why),
                    Truth::False if claim::is_list(&self.path, facts) => Truth::Undecidable(why),
                    other => other,
                },
            },
            test => self.of(test, facts, each),
        }
    }

    /// The answer of a test about the values of the path.
    #[inline(never)]
    fn of(&self, test: &Test, facts: &Facts<'_>, each: Elements) -> Truth {
        let path = &self.path;
        match path.root {
            Root::Args => self.arguments(test, facts, each),
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
            Root::Hour => match facts.moment.hour() {
                Some(hour) => claim::number(test, f64::from(hour)),
                None => Truth::Undecidable(Why::Absent),
            },
            Root::Weekday => match facts.moment.weekday() {
                Some(day) => test.of_text(day, facts.work),
                None => Truth::Undecidable(Why::Absent),
            },
        }
    }

    fn arguments(&self, test: &Test, facts: &Facts<'_>, each: Elements) -> Truth {
        let path = &self.path;
        let Some(arguments) = facts.arguments else { return test.of_absent() };
        let as_json = path.steps.len() == 1 && !self.literal;
        let truth = find_argument(facts, arguments, &path.steps, each, &mut |found| match found {
            Found::Value(raw) => match raw.kind {
                Kind::String(text) if as_json => self.of_argument(test, &raw, text, facts),
                _ => test.of_value(&raw, self.of_null, facts.work),
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

    /// The answer about an argument that is a text. The Python SDK reads such a
    /// text as JSON where the tool's function does not ask for a plain `str`,
    /// and takes it for the list, the object or the null in it. So the answer
    /// has to be the same for both.
    fn of_argument<'a>(
        &self,
        test: &Test,
        raw: &Raw<'_>,
        text: Text<'a>,
        facts: &Facts<'a>,
    ) -> Truth {
        let answer = |raw: &Raw<'_>| test.of_value(raw, self.of_null, facts.work);
        facts.texts.agree(raw.at, text, facts.work, answer(raw), answer)
    }
}
