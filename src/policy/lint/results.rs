//! Warnings about the size of results, and about schemas.

use crate::policy::document::{Document, Findings, Lenient, Rules, Warning};

/// The warning where a schema says what is not asked.
const FORMAT: &str = "is a description, and no call is denied by it; hold a URL by `host_in`, a \
                      path by `within` and other texts by `regex`, in `require`";

/// The warning where a schema bounds values of one type, and lets all others pass.
const UNTYPED: &str = "bounds values of one type, and lets those of all others pass; write the \
                       `type` beside it";

/// The warning where a result that is too long may come another way.
const REPLAYED: &str = "bounds answers to calls, and a server may send a result again to a GET, \
                        where no call is known; give `settings` a `max_result_bytes` too";

/// Bounds and formats that say less than they seem to.
pub(super) fn warnings(document: &Document, all_rules: &[&Rules], findings: &mut Findings) {
    if document.settings.max_result_bytes.is_none()
        && let Some(rule) = super::bounded(document)
    {
        findings.warn(Warning::ReplayedResults, &[&rule.path, "/max_result_bytes"], REPLAYED);
    }
    let lenient = || all_rules.iter().flat_map(|rules| &rules.tools).map(|(_, rule)| &rule.lenient);
    let mut warn = |kind, paths: fn(&Lenient) -> &[String], message: &str| {
        for path in lenient().flat_map(paths) {
            findings.warning(kind, &|| (path.clone(), message.into()));
        }
    };
    warn(Warning::UnassertedFormat, |lenient| &lenient.formats, FORMAT);
    warn(Warning::UntypedBound, |lenient| &lenient.untyped, UNTYPED);
}
