//! The charges of one call, against the counts that are certain and those in doubt.

use super::doubt::Doubts;
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::limits::{Charge, ChargeError, MemoryStore, StoreError, Trial};
use mcp_policy_filter::policy::known::Counted;
use mcp_policy_filter::policy::{Denial, Limit, Policy, Reason};

/// The charges of one call, and the counts.
pub(super) struct Counts<'e, 'p> {
    pub(super) policy: &'p Policy,
    pub(super) store: &'e MemoryStore,
    pub(super) doubts: &'e mut Doubts,
    pub(super) now: Nanos,
    pub(super) charges: Vec<(&'p Limit, Counted<'p>)>,
}

/// The outcome of charging a call.
pub(super) enum Charged<'p> {
    /// There was room, and it was charged.
    Yes,
    /// There was none.
    No(Denial<'p>),
    /// It is not known: the limit, and the reason.
    Unknown(&'p str, &'p str),
}

/// The reason where earlier calls could not be judged.
const COUNT: &str = "its count, since calls before could not be judged";

impl<'p> Counts<'_, 'p> {
    /// Charges the call, if there is room.
    pub(super) fn charge(&mut self) -> Charged<'p> {
        let known = self.known();
        let unknown = self.charges.iter().find_map(|(_, charge)| match charge {
            Counted::Known(_) => None,
            Counted::Unknown(_, unknown) => Some(*unknown),
        });
        if self.doubts.is_empty() && unknown.is_none() {
            return match self.policy.table.charge(self.store, &known, self.now) {
                Ok(_) => Charged::Yes,
                Err(refused) => self.refused(refused),
            };
        }
        if let Err(refused) = self.try_charge(&known) {
            return self.refused(refused);
        }
        if let Some(unknown) = unknown {
            self.doubt();
            return Charged::Unknown(unknown.rule, unknown.what);
        }
        for (index, charge) in known.iter().enumerate() {
            let weight = charge.weight.saturating_add(self.doubts.of(charge, self.now));
            if self.try_charge(&[Charge { weight, ..*charge }]).is_err() {
                self.doubt();
                return Charged::Unknown(self.rule(index), COUNT);
            }
        }
        match self.policy.table.charge(self.store, &known, self.now) {
            Ok(_) => Charged::Yes,
            Err(refused) => self.refused(refused),
        }
    }

    /// Counts the call as one that may have been charged.
    pub(super) fn doubt(&mut self) {
        for (_, charge) in &self.charges {
            match charge {
                Counted::Known(charge) => self.doubts.add(charge, false, self.now),
                Counted::Unknown(charge, _) => self.doubts.add(charge, true, self.now),
            }
        }
    }

    /// Whether a limit has no room for certain.
    pub(super) fn is_full(&self) -> bool {
        self.try_charge(&self.known()).is_err()
    }

    fn known(&self) -> Vec<Charge> {
        let known = |(_, charge): &(_, Counted<'_>)| match charge {
            Counted::Known(charge) => Some(*charge),
            Counted::Unknown(..) => None,
        };
        self.charges.iter().filter_map(known).collect()
    }

    fn try_charge(&self, charges: &[Charge]) -> Result<(), ChargeError> {
        self.policy.table.charge(&Trial::new(self.store), charges, self.now).map(drop)
    }

    /// The limit of a known charge.
    fn limit(&self, index: usize) -> Option<&'p Limit> {
        let known = |(_, charge): &&(&'p Limit, Counted<'p>)| matches!(charge, Counted::Known(_));
        self.charges.iter().filter(known).nth(index).map(|(limit, _)| *limit)
    }

    fn rule(&self, index: usize) -> &'p str {
        self.limit(index).map_or("", |limit| &limit.pointer)
    }

    fn refused(&self, refused: ChargeError) -> Charged<'p> {
        let (index, reason) = match refused {
            ChargeError::Limit { index, retry_after } => match self.limit(index) {
                Some(limit) => return Charged::No(limit.full(retry_after)),
                None => (index, Reason::Internal),
            },
            ChargeError::Counter { index, error } => (
                index,
                match error {
                    StoreError::Full => Reason::CounterFull,
                    StoreError::Contended => Reason::CounterContended,
                    StoreError::Damaged => Reason::CounterDamaged,
                    StoreError::Clock => Reason::CounterClock,
                    StoreError::Host => Reason::Internal,
                },
            ),
        };
        let message = "The gateway cannot count this call.".into();
        Charged::No(Denial { reason, rule: self.rule(index), message, retry_after: None })
    }
}
