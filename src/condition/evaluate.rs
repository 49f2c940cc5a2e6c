//! Asking a condition about a call.

use super::find::{Found, find_argument};
use super::{Condition, Each, Facts, Line, Root, Test, Truth, Why, Work, claim};

impl Condition {
    /// What the condition says of a call. `each` is how a path with `[*]`
    /// speaks of its elements.
    pub fn evaluate(&self, facts: &Facts<'_>, each: Each) -> Truth {
        let Self { path, test } = self;
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
            Root::Grant => test.of_text(facts.grant, facts.work),
            Root::Tool => test.of_text(facts.tool, facts.work),
        }
    }

    fn arguments(&self, facts: &Facts<'_>, each: Each) -> Truth {
        let Self { path, test } = self;
        let Some(arguments) = facts.arguments else { return test.of_absent() };
        let mut truth: Option<Truth> = None;
        find_argument(facts, arguments, &path.steps, &mut |found| {
            let next = of_found(test, &found, facts.work);
            truth = Some(match (truth, each) {
                (None, _) => next,
                (Some(truth), Each::Every) => truth.and(next),
                (Some(truth), Each::Any) => truth.or(next),
            });
        });
        // Without elements, every one satisfies and none does.
        truth.unwrap_or(match each {
            Each::Every => Truth::True,
            Each::Any => Truth::False,
        })
    }
}

fn of_found(test: &Test, found: &Found<'_>, work: &Work) -> Truth {
    match found {
        Found::Value(raw) => test.of(raw, work),
        Found::Absent => test.of_absent(),
        Found::Unclear(why) => Truth::Undecidable(*why),
    }
}

impl Truth {
    /// What conditions say together: one that is false decides, whatever the
    /// order, and otherwise one that is undecidable does. With the path of the
    /// condition that could not be decided.
    pub fn all<'c>(
        conditions: &'c [Condition],
        facts: &Facts<'_>,
        each: Each,
    ) -> (Self, Option<&'c str>) {
        let mut truth = (Self::True, None);
        for condition in conditions {
            match condition.evaluate(facts, each) {
                Self::True => {}
                Self::False => return (Self::False, None),
                undecidable if truth.1.is_none() => {
                    truth = (undecidable, Some(condition.path.as_str()));
                }
                Self::Undecidable(_) => {}
            }
        }
        truth
    }
}
