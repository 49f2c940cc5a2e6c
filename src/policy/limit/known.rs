//! The charge of a limit for a call of which not everything is known.

use super::{Holders, Limit};
use crate::limits::Charge;
use crate::policy::Denial;
use crate::policy::condition::{self, Facts, Path};
use crate::policy::document::Per;
use crate::policy::known::{Counted, Known, Unknown, same};
use std::borrow::Cow;

impl Limit {
    /// The charge for a call, as far as it is known.
    ///
    /// # Errors
    /// The denial of [`Self::charge`], if all that it depends on is known.
    pub(in crate::policy) fn counted<'p>(
        &'p self,
        holders: &Holders<'_>,
        known: &dyn Known<'_>,
    ) -> Result<Counted<'p>, Denial<'p>> {
        match self.unknown(known) {
            Some(what) => {
                let unknown = Unknown { rule: &self.pointer, what };
                Ok(Counted::Unknown(self.heaviest(holders), unknown))
            }
            None => self.charge(holders, known.facts()).map(Counted::Known),
        }
    }

    /// The largest charge that any call can be.
    pub(in crate::policy) fn heaviest(&self, holders: &Holders<'_>) -> Charge {
        Charge { weight: self.max, ..self.plain(holders) }
    }

    /// The first value that the charge depends on and that is not known.
    fn unknown<'p>(&'p self, known: &dyn Known<'_>) -> Option<&'p str> {
        let per = self.per.as_deref().unwrap_or_default().iter();
        let per = per.filter(|per| match per {
            Per::Call => !known.has_all_arguments(),
            Per::Value { path, literal } => {
                let text = |facts: &Facts<'_>| {
                    condition::text(path, *literal, facts).ok().map(Cow::into_owned)
                };
                same(known, path, text).is_none()
            }
        });
        let weight = self.increment_from.as_deref();
        let weight = weight.filter(|path| {
            same(known, path, |facts| condition::weight(path, facts).ok()).is_none()
        });
        per.map(Per::as_str).chain(weight.map(Path::as_str)).next()
    }
}
