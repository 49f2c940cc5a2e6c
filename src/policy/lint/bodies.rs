//! Warnings about the bodies of grants: which of them applies, and when.

use crate::policy::document::{DefaultAction, Document, Findings, Grant, Warning, escape};
use crate::policy::pattern::Pattern;

/// Warns of bodies that end, where their callers come under one that allows by
/// default.
pub(super) fn warnings(document: &Document, findings: &mut Findings) {
    for (pattern, grant) in &document.grants {
        if grant.rules.validity.ends()
            && let Some(next) = after(document, pattern, grant)
        {
            findings.warning(Warning::EndsOpen, &|| {
                let message = format!(
                    "after this, its callers are under {next}, which allows by default; have that \
                     deny, or leave the time out"
                );
                (format!("{}/valid_until", grant.rules.path), message)
            });
        }
    }
}

/// A body with the default `allow` that some callers of a grant come under after its
/// time.
fn after(document: &Document, pattern: &Pattern, grant: &Grant) -> Option<String> {
    let others = || {
        let others = document.grants.iter();
        others.filter(|(_, other)| !core::ptr::eq(other, grant))
    };
    let open = others().find(|(other, next)| {
        allows(next.rules.default) && (pattern.is_within(other) || pattern.overlaps(other))
    });
    if let Some((_, next)) = open {
        return Some(format!("`/grants/{}`", escape(&next.name)));
    }
    let covered =
        others().any(|(other, next)| pattern.is_within(other) && !next.rules.validity.is_bounded());
    (!covered && allows(document.rules.default)).then(|| "the top-level rules".into())
}

fn allows(default: DefaultAction) -> bool {
    default == DefaultAction::Allow
}
