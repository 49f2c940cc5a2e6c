//! A limit as the service counts it, across replicas.

use super::Limit;
use crate::limit_service;
use crate::limits::window::{ONE_CALL, Scope};
use crate::limits::{Charge, Tag};
use crate::policy::document;

/// The count of a limit in the service.
#[derive(Debug)]
pub(super) struct InService {
    /// The counter's name there.
    counter: Box<str>,
    /// The units that a window admits.
    max: u32,
    /// The amount that is one unit, in millionths.
    unit: u64,
}

impl InService {
    /// The count of a limit of the rules with this name, if the service counts it.
    pub(super) fn new(rules: &str, limit: &document::Limit) -> Option<Self> {
        if !limit.is_across_replicas() {
            return None;
        }
        Some(Self {
            counter: limit.name_in_service(rules).into(),
            max: limit.max_in_units(),
            unit: limit.unit,
        })
    }
}

impl Limit {
    /// Whether the service counts it.
    pub fn is_across_replicas(&self) -> bool {
        self.in_service.is_some()
    }

    /// The amount that is this many units of the service, in millionths.
    pub fn amount_of(&self, units: u32) -> u64 {
        let unit = self.in_service.as_ref().map_or(ONE_CALL, |count| count.unit);
        unit.saturating_mul(units.into())
    }

    /// The counter.
    pub fn tag(&self) -> Tag {
        self.tag
    }

    /// The charge to the service for a call of this caller, if it counts the limit. A
    /// weight is rounded up to whole units.
    pub fn in_service<'a>(
        &'a self,
        caller_id: &'a str,
        charge: &Charge,
    ) -> Option<limit_service::Charge<'a>> {
        let InService { counter, max, unit } = &**self.in_service.as_ref()?;
        Some(limit_service::Charge {
            counter,
            caller: (self.scope != Scope::Global).then_some(caller_id),
            max: *max,
            window: self.window.seconds(),
            units: charge.weight.div_ceil((*unit).max(1)),
        })
    }
}

#[cfg(test)]
mod tests;
