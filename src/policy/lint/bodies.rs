//! Errors and warnings about the bodies of a policy: which of them applies, and with
//! which others.

use super::{MAX_ASKED, too_many};
use crate::order;
use crate::policy::document::{
    DefaultAction, Document, Findings, Grant, Limit, Rules, Warning, escape, pointer, shorten,
};
use crate::policy::pattern::Pattern;

/// Refuses what a body and the top-level rules that it extends cannot be together: a
/// call that two counters of one name count, or that has too many limits.
pub(super) fn extending(rules: &Rules, base: &Rules, errors: &mut Findings) {
    let replaced =
        order::sorted(rules.tools.iter().map(|(pattern, _)| pattern).collect(), Ord::cmp);
    let inherited = || {
        let tools = base.tools.iter();
        tools.filter(|(pattern, _)| replaced.binary_search(&pattern).is_err()).map(|(_, rule)| rule)
    };
    let all = &rules.all_tools.limits;
    let common = &base.all_tools.limits;
    let mut names: Vec<&Limit> = inherited().flat_map(|rule| &rule.limits).collect();
    names.extend(common);
    same_name(all, &by_counter(names), errors);
    let common_names = by_counter(common.iter().collect());
    for (_, rule) in &rules.tools {
        same_name(&rule.limits, &common_names, errors);
    }
    let asked = inherited().map(|rule| rule.limits.len()).max().unwrap_or_default();
    let asked = asked.saturating_add(all.len()).saturating_add(common.len());
    if asked > MAX_ASKED {
        errors.error(rules.path.clone(), too_many(asked));
    }
}

fn by_counter(limits: Vec<&Limit>) -> Vec<&Limit> {
    order::sorted(limits, |a, b| a.counter.cmp(&b.counter))
}

fn same_name(limits: &[Limit], others: &[&Limit], errors: &mut Findings) {
    for limit in limits {
        let found = others.binary_search_by(|other| other.counter.cmp(&limit.counter));
        if let Some(other) = found.ok().and_then(|at| others.get(at)) {
            errors.error(
                limit.path.clone(),
                format!(
                    "the counter `{}` is also one at {}, which this body extends, and a call could \
                     be under both; give this one another name",
                    shorten(&limit.counter),
                    pointer(&other.path)
                ),
            );
        }
    }
}

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
    let allows =
        |rules: &Rules| rules.default.or(document.rules.default) == Some(DefaultAction::Allow);
    let open = others().find(|(other, next)| {
        allows(&next.rules) && (pattern.is_within(other) || pattern.overlaps(other))
    });
    if let Some((_, next)) = open {
        return Some(format!("`/grants/{}`", escape(&next.name)));
    }
    let covered =
        others().any(|(other, next)| pattern.is_within(other) && !next.rules.validity.is_bounded());
    (!covered && allows(&document.rules)).then(|| "the top-level rules".into())
}
