//! The checks that rules use by their names, while a document is read.

use super::super::checks::Named;
use super::super::wording::{nearest, quote};
use super::At;

/// The most names of checks that are compared with one that is unknown.
const MAX_SHOWN: usize = 64;

impl At<'_> {
    /// Keeps the checks that rules use by their names.
    pub(in crate::policy::document) fn share_checks(&self, checks: Vec<Named>) {
        self.document.checks.replace(checks);
    }

    /// Takes these checks back.
    pub(in crate::policy::document) fn shared_checks(&self) -> Vec<Named> {
        self.document.checks.take()
    }

    /// The check of this name, which is used here.
    pub(in crate::policy::document) fn shared_check(&self, name: &str) -> Option<Named> {
        let mut checks = self.document.checks.borrow_mut();
        let found = checks.binary_search_by(|check| (*check.name).cmp(name));
        if let Some(check) = found.ok().and_then(|index| checks.get_mut(index)) {
            check.is_used = true;
            return Some(check.clone());
        }
        let words: Vec<&str> = checks.iter().map(|check| &*check.name).take(MAX_SHOWN).collect();
        self.wrong(match nearest(name, &words) {
            Some(word) => {
                format!("there is no check {}; did you mean {}?", quote(name), quote(word))
            }
            None => format!("there is no check {}; give it an entry in `checks`", quote(name)),
        });
        None
    }
}
