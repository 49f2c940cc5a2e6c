//! The places in the author's text of the rules that an explanation names.

use crate::policy::explain::{About, Explanation};
use crate::simulate::tree::Tree;
use crate::text::{position, shown};
use crate::wire::mcp::OfferKind;
use core::ops::Range;

/// A policy with the text that it was read from.
#[derive(Debug)]
pub struct Written<'a, T> {
    /// The name of the text, before lines and columns of it.
    pub name: &'a str,
    /// The text.
    pub text: &'a str,
    /// The policy in it.
    pub tree: &'a T,
}

impl<T> Clone for Written<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Written<'_, T> {}

impl<T: Tree> Written<'_, T> {
    /// The place of a rule; of `hide` and `default` too, where an explanation tells which.
    pub fn of_rule(&self, rule: &str, explanation: Option<&Explanation>) -> Option<Range<usize>> {
        if rule.starts_with('/') {
            return self.tree.find(rule);
        }
        let explanation = explanation?;
        match rule {
            "(hidden)" => {
                let hides =
                    |about: &About| matches!(about, About::Hide(patterns) if !patterns.is_empty());
                let mut questions = explanation.questions.iter();
                let hidden = questions.find(|one| hides(&one.about))?;
                self.tree.find(hidden.rule.as_deref()?)
            }
            "(default deny)" | "(default allow)" => {
                let default = match explanation.kind.map_or("", OfferKind::key) {
                    "" => "/default".to_owned(),
                    key => format!("/{key}/default"),
                };
                let own = format!("{}{default}", explanation.rules.pointer);
                self.tree.find(&own).or_else(|| self.tree.find(&default))
            }
            _ => None,
        }
    }

    /// A place as `NAME:LINE:COLUMN`.
    pub fn at(&self, place: &Range<usize>) -> String {
        let (line, column) = position(self.text, place.start);
        format!("{}:{line}:{column}", shown(self.name))
    }
}
