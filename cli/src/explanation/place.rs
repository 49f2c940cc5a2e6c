//! The places in the author's file of the rules that an explanation names.

use super::Written;
use crate::document::{Node, position};
use crate::output::shown;
use core::ops::Range;
use mcp_policy_filter::policy::explain::{About, Explanation};
use mcp_policy_filter::wire::mcp::OfferKind;

/// The place of a rule, as `FILE:LINE:COLUMN`; of `hide` and `default` too, where an
/// explanation tells which.
pub(super) fn of_rule(
    written: Written<'_>,
    rule: &str,
    explanation: Option<&Explanation>,
) -> Option<String> {
    if rule.starts_with('/') {
        return of_pointer(written, rule);
    }
    let explanation = explanation?;
    match rule {
        "(hidden)" => {
            let hides =
                |about: &About| matches!(about, About::Hide(patterns) if !patterns.is_empty());
            let mut questions = explanation.questions.iter();
            let hidden = questions.find(|one| hides(&one.about))?;
            of_pointer(written, hidden.rule.as_deref()?)
        }
        "(default deny)" | "(default allow)" => {
            let key = explanation.kind.map_or("", OfferKind::key);
            let default = match key {
                "" => "/default".to_owned(),
                key => format!("/{key}/default"),
            };
            let own = format!("{}{default}", explanation.rules.pointer);
            of_pointer(written, &own).or_else(|| of_pointer(written, &default))
        }
        _ => None,
    }
}

/// The place of a pointer that names limits and checks as answers do.
pub(super) fn of_pointer(written: Written<'_>, pointer: &str) -> Option<String> {
    let span = find(written.node, pointer)?;
    let (line, column) = position(&written.source.text, span.start);
    Some(format!("{}:{line}:{column}", shown(&written.source.name)))
}

fn find(node: &Node, pointer: &str) -> Option<Range<usize>> {
    let mut node = node;
    let mut place = node.span.clone();
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        if let Some(member) = node.member(&step) {
            place = member.key_span.clone();
            node = &member.value;
            continue;
        }
        let is_named = |element: &&Node| {
            let is = |key| element.get(key).and_then(Node::text) == Some(&*step);
            is("name") || is("use") || is("counter")
        };
        let by_index = || step.parse::<usize>().ok().and_then(|index| node.elements().get(index));
        let element = node.elements().iter().find(is_named).or_else(by_index)?;
        place = element.span.clone();
        node = element;
    }
    Some(place)
}
