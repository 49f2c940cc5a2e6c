//! A limit as one call meets it: whose count it is, what the call weighs, and what the
//! count was before.

use super::{Holders, Limit, Per, condition};
use crate::limits::window::Nanos;
use crate::limits::{Charge, ChargeError, Store, StoreError, Table, Trial};
use crate::policy::condition::{Facts, JsonTexts, Why, Work};
use crate::policy::denial::Denied;

/// A limit as one call meets it. Amounts are in millionths.
#[derive(Clone, Debug)]
pub struct LimitState {
    /// The rule's pointer.
    pub rule: String,
    /// The amount that a window admits.
    pub max: u64,
    /// The length of the window, in seconds.
    pub window: u32,
    /// The window in words: "minute", "90 seconds".
    pub window_name: String,
    /// The algorithm of the window.
    pub algorithm: &'static str,
    /// The callers that share a count.
    pub scope: &'static str,
    /// The values of which each combination has a count, with those of the call.
    pub per: Vec<(String, Result<String, Why>)>,
    /// The argument that gives the call's weight, if one does.
    pub increment_from: Option<String>,
    /// The count, unless the call cannot be counted.
    pub counted: Result<Counted, Denied>,
}

/// The count of a limit, and a call's charge to it. Amounts are in millionths.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The weight of the call.
    pub weight: u64,
    /// The used amount before the call.
    pub before: Result<u64, StoreError>,
    /// The used amount after it, as far as it was charged.
    pub after: Result<u64, StoreError>,
    /// The error of a charge to this limit alone, if there is no room for the call.
    pub refused: Option<ChargeError>,
    /// The seconds until the window ends; a sliding one has no end.
    pub ends_in: Option<u64>,
    charge: Charge,
}

impl Limit {
    /// The limit as a call meets it, and its charge, if the call can be counted. Nothing
    /// is charged.
    pub(crate) fn state(
        &self,
        holders: &Holders<'_>,
        facts: &Facts<'_>,
        store: &impl Store,
        now: Nanos,
    ) -> (LimitState, Option<Charge>) {
        let counted = self.charge(holders, facts).map_err(|denial| Denied::from(&denial));
        let table = holders.table;
        let state = |charge: Charge| {
            let before = table.used(store, &charge, now);
            let alone = table.charge(&Trial::new(store), &[charge], now);
            Counted {
                weight: charge.weight,
                before,
                after: before,
                refused: alone.err(),
                ends_in: charge.ends_in(now),
                charge,
            }
        };
        let charge = counted.as_ref().ok().copied();
        // Looking takes nothing from the budget of the call.
        let (work, texts) = (Work::default(), JsonTexts::default());
        let facts = Facts { work: &work, texts: &texts, ..*facts };
        let value = |per: &Per| match per {
            Per::Value { path, literal } => {
                condition::text(path, *literal, &facts).map(|text| text.into_owned())
            }
            Per::Call => holders.call(&facts).map(|hash| super::super::fingerprint_of(&hash)),
        };
        let per = self.per.as_deref().unwrap_or_default().iter();
        let state = LimitState {
            rule: self.pointer.as_ref().to_owned(),
            max: self.max,
            window: self.window.seconds(),
            window_name: self.window.to_string(),
            algorithm: self.algorithm.as_str(),
            scope: self.scope.as_str(),
            per: per.map(|per| (per.as_str().to_owned(), value(per))).collect(),
            increment_from: self.increment_from.as_ref().map(|path| path.as_str().to_owned()),
            counted: counted.map(state),
        };
        (state, charge)
    }
}

impl LimitState {
    /// Reads the count again, once the call was judged.
    pub(crate) fn read_after(&mut self, table: &Table, store: &impl Store, now: Nanos) {
        if let Ok(counted) = &mut self.counted {
            counted.after = table.used(store, &counted.charge, now);
        }
    }

    /// The charge of the call, if it can be counted.
    pub(crate) fn charge(&self) -> Option<Charge> {
        self.counted.as_ref().ok().map(|counted| counted.charge)
    }

    /// Leaves the count as it was before the call.
    pub(crate) fn take_back(&mut self) {
        if let Ok(counted) = &mut self.counted {
            counted.after = counted.before;
        }
    }

    /// The rest of `max` after the call.
    pub fn left(&self) -> Option<u64> {
        let after = self.counted.as_ref().ok()?.after.ok()?;
        Some(self.max.saturating_sub(after))
    }
}
