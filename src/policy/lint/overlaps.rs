//! Warnings of patterns that match the same names, and do different things to them.

use super::pairs::Pairs;
use crate::policy::document::{Action, Findings, Rules, Warning, quote};
use crate::policy::pattern::Pattern;

/// Warns of entries of `tools`.
pub(super) fn of_tools(rules: &Rules, pairs: &mut Pairs, findings: &mut Findings) {
    let patterns = rules.tools.iter().map(|(pattern, rule)| Acting {
        pattern,
        name: &rule.name,
        path: &rule.path,
        action: (rule.action, rule.shadow),
    });
    overlapping(patterns.collect(), pairs, findings);
}

/// An entry with an action on the names that its pattern matches.
pub(super) struct Acting<'d> {
    pub(super) pattern: &'d Pattern,
    pub(super) name: &'d str,
    pub(super) path: &'d str,
    /// The action, and whether it is in shadow.
    pub(super) action: (Action, bool),
}

/// Patterns of one body that overlap without nesting, and have different actions.
pub(super) fn overlapping(
    mut entries: Vec<Acting<'_>>,
    pairs: &mut Pairs,
    findings: &mut Findings,
) {
    entries.retain(|entry| !entry.pattern.is_exact());
    let mut rest = &*entries;
    while let [first, others @ ..] = rest {
        for second in others {
            if !pairs.take(1) {
                return;
            }
            let (a, b) = (first.pattern, second.pattern);
            let differ = first.action.0 != second.action.0 && first.action.1 == second.action.1;
            if differ
                && pairs.overlap(a, b)
                && !pairs.is_spent()
                && !a.is_within(b)
                && !b.is_within(a)
            {
                findings.warning(Warning::Overlap, &|| {
                    let message = format!(
                        "overlaps with {}, which has another action; a denial decides",
                        quote(second.name)
                    );
                    (first.path.to_owned(), message)
                });
            }
        }
        rest = others;
    }
}
