//! Asking a condition about a call.

use super::find::{Found, find_argument};
use super::{Condition, Each, Facts, Line, Root, Test, Truth, Why, Work, claim};
use crate::json::{Kind, Raw, Reader, Text};

/// White space to JSON.
const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];
/// How deep a text may be nested that is read as JSON.
const MAX_DEPTH: usize = 64;

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
        let whole = path.steps.len() == 1;
        find_argument(facts, arguments, &path.steps, &mut |found| {
            let next = match found {
                Found::Value(raw) => match raw.kind {
                    Kind::String(text) if whole => of_argument(test, &raw, text, facts.work),
                    _ => test.of(&raw, facts.work),
                },
                Found::Absent => test.of_absent(),
                Found::Unclear(why) => Truth::Undecidable(why),
            };
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

/// What a test says of an argument that is a text. The Python SDK reads such a
/// text as JSON where the tool's function does not ask for a plain `str`, and
/// takes it for the list, the object or the null that it finds. So the test has
/// to say the same of both.
fn of_argument(test: &Test, raw: &Raw<'_>, text: Text<'_>, work: &Work) -> Truth {
    let truth = test.of(raw, work);
    // Most texts are no JSON, and one look shows it.
    let first = text.chars().find(|c| !SPACE.contains(c));
    if !matches!(first, Some('[' | '{' | 'n')) {
        return truth;
    }
    match as_json(&text.decode()) {
        AsJson::Not => truth,
        AsJson::Value(other) if test.of(&other, work) == truth => truth,
        AsJson::Value(_) | AsJson::Unclear => Truth::Undecidable(Why::Json),
    }
}

/// What a text is as JSON.
enum AsJson<'a> {
    /// No list, no object and no null.
    Not,
    /// One of these.
    Value(Raw<'a>),
    /// To some readers one of these.
    Unclear,
}

fn as_json(text: &str) -> AsJson<'_> {
    let text = text.trim_matches(SPACE);
    let ends = |first, last| text.starts_with(first) && text.ends_with(last);
    if text != "null" && !ends('[', ']') && !ends('{', '}') {
        return AsJson::Not;
    }
    let read = Reader::new(text.as_bytes(), MAX_DEPTH).and_then(|mut reader| {
        let value = reader.value()?;
        reader.end()?;
        Ok((value, reader.ambiguity()))
    });
    match read {
        Ok((value, None)) => AsJson::Value(value),
        // Python knows three numbers that JSON has not, and takes half of a
        // surrogate pair for a character.
        Err(fault)
            if fault.kind.is_syntax()
                && !["NaN", "Infinity", "\\u"].iter().any(|word| text.contains(word)) =>
        {
            AsJson::Not
        }
        _ => AsJson::Unclear,
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
