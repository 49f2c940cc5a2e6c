//! Warnings about the size of results, and about schemas.

use crate::policy::document::{Document, Findings, Rules, Warning};

/// The warning where a schema says what is not asked.
const FORMAT: &str = "is a description, and no call is denied by it; hold a URL by `host_in`, a \
                      path by `within` and other texts by `regex`, in `require`";

/// The warning where a result that is too long may come another way.
const REPLAYED: &str = "bounds answers to calls, and a server may send a result again to a GET, \
                        where no call is known; give `settings` a `max_result_bytes` too";

/// Bounds and formats that say less than they seem to.
pub(super) fn warnings(document: &Document, all_rules: &[&Rules], findings: &mut Findings) {
    if document.settings.max_result_bytes.is_none()
        && let Some(rule) = super::bounded(document)
    {
        findings.warning(Warning::ReplayedResults, &|| {
            (format!("{}/max_result_bytes", rule.path), REPLAYED.into())
        });
    }
    for (_, rule) in all_rules.iter().flat_map(|rules| &rules.tools) {
        for path in &rule.formats {
            findings.warning(Warning::UnassertedFormat, &|| (path.clone(), FORMAT.into()));
        }
    }
}
