//! Messages that name prompts and resources.
//!
//! Such a message passes as any other method does if the policy has no rules for it.

use super::charging::{Allowed, Called, Charged};
use super::methods::Other;
use super::{Decided, Judge};
use crate::exchange::record::{Decision, Record};
use crate::exchange::refusal::Refusal;
use crate::limits::{Charge, Store};
use crate::policy::condition::{Facts, JsonTexts};
use crate::policy::{Caller, Denial, Holders, Limit, OfferRuling, Reason};
use crate::wire::jsonrpc::{DecodeError, INVALID_PARAMS, Id};
use crate::wire::mcp::{Offer, OfferKind, Offers};

impl<'a, S: Store> Judge<'a, S> {
    /// Decides a message by what it names; `None` if no rule is for that.
    pub(super) fn offers(
        &self,
        message: &Other<'_, 'a>,
        caller: &Caller,
    ) -> Result<Option<Decided<'a>>, Box<Refusal<'a>>> {
        let Other { method, call, .. } = message;
        let kinds = OfferKind::of_method(method);
        if !kinds.iter().any(|kind| self.policy.governs(caller, *kind)) {
            return Ok(None);
        }
        // As a call of a tool without one, it would be judged and never answered.
        let Some(id) = call.id else {
            let mut refusal = Refusal::silent(Reason::Undecodable);
            refusal.record.method = Some(method.clone());
            return Err(refusal);
        };
        let offers = Offers::parse(method, &call.params).map_err(|(problem, at)| {
            self.malformed(DecodeError { code: INVALID_PARAMS, id: Some(id), problem, at })
        })?;
        let Offers { first: Some(first), others } = offers else { return Ok(None) };
        if !self.policy.governs(caller, first.kind) {
            return Ok(None);
        }
        self.judge_offers(message, id, caller, first, others).map(Some)
    }

    /// Decides about all that a message names: all are allowed, or the first that is not
    /// refuses it.
    fn judge_offers(
        &self,
        message: &Other<'_, 'a>,
        id: Id<'a>,
        caller: &Caller,
        first: Offer<'a>,
        others: Vec<Offer<'a>>,
    ) -> Result<Decided<'a>, Box<Refusal<'a>>> {
        let facts = Facts {
            arguments: None,
            members: None,
            headers: &self.head.named,
            claims: self.peer,
            caller_id: &caller.id,
            tool: "",
            moment: self.policy.moment(self.now),
            work: &self.work,
            texts: &JsonTexts::default(),
        };
        let session = self.head.trace.session.as_ref();
        let holders = Holders::new(&self.policy.table, caller, session);
        let asked = Asked { holders: &holders, facts: &facts };
        let mut shadow = Vec::new();
        let (rule, mut sum) = match self.allow(caller, &first, &asked, &mut shadow) {
            Ok((ruling, sum)) if others.is_empty() => (ruling.rule, sum),
            Ok((ruling, sum)) => {
                let charged = Charged::Several(ruling.limits.iter().collect());
                (ruling.rule, Sum { charged, ..sum })
            }
            Err(denial) => return self.deny_offer(message, id, first, denial, shadow),
        };
        for offer in others {
            match self.allow(caller, &offer, &asked, &mut shadow) {
                Ok((ruling, more)) => sum.add(ruling.limits, more),
                Err(denial) => return self.deny_offer(message, id, offer, denial, shadow),
            }
        }
        let Sum { charged, charges, beside } = sum;
        let called = self.offered(message, id, rule, first, shadow);
        Ok(Decided::Allowed(Allowed { called, limits: charged, charges, beside }))
    }

    /// The ruling about one of them, with its charges.
    fn allow(
        &self,
        caller: &Caller,
        offer: &Offer<'_>,
        asked: &Asked<'_>,
        shadow: &mut Vec<(&'a str, Reason)>,
    ) -> Result<(OfferRuling<'a>, Sum<'a>), Denial<'a>> {
        let ruling = self.policy.decide_offer(caller, offer)?;
        let limits = ruling.charged();
        let charges = limits.charges(asked.holders, asked.facts)?;
        let mut beside = Vec::new();
        for limit in ruling.beside {
            match limit.charge(asked.holders, asked.facts) {
                Ok(charge) => beside.push((limit, charge)),
                Err(denial) => shadow.push((denial.rule, denial.reason)),
            }
        }
        Ok((ruling, Sum { charged: Charged::One(limits), charges, beside }))
    }

    fn deny_offer(
        &self,
        message: &Other<'_, 'a>,
        id: Id<'a>,
        offer: Offer<'a>,
        denial: Denial<'a>,
        shadow: Vec<(&'a str, Reason)>,
    ) -> Result<Decided<'a>, Box<Refusal<'a>>> {
        let called = self.offered(message, id, denial.rule, offer, shadow);
        self.deny(called, denial).map(Decided::Passes)
    }

    /// The message, for its answer and its record.
    fn offered(
        &self,
        message: &Other<'_, 'a>,
        id: Id<'a>,
        rule: &'a str,
        offer: Offer<'a>,
        shadow: Vec<(&'a str, Reason)>,
    ) -> Called<'a> {
        let record = Record {
            method: Some(message.method.clone()),
            offer: Some(offer),
            caller_id: self.caller_id(),
            shadow,
            ..Record::of(Decision::Allowed, rule)
        };
        Called { id, stateless: message.stateless, record }
    }
}

/// The parts of a request that limits count by.
struct Asked<'f> {
    holders: &'f Holders<'f>,
    facts: &'f Facts<'f>,
}

/// The charges of a message for all that it names.
struct Sum<'a> {
    charged: Charged<'a>,
    charges: Vec<Charge>,
    beside: Vec<(&'a Limit, Charge)>,
}

impl<'a> Sum<'a> {
    fn add(&mut self, limits: &'a [Limit], more: Self) {
        if let Charged::Several(all) = &mut self.charged {
            all.extend(limits);
        }
        self.charges.extend(more.charges);
        self.beside.extend(more.beside);
    }
}
