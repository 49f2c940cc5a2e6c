//! Messages that name prompts and resources, taken apart.

use super::Explaining;
use crate::exchange::head::Head;
use crate::exchange::identity::Peer;
use crate::limits::Store;
use crate::policy::Caller;
use crate::policy::condition::{Facts, JsonTexts, Work};
use crate::policy::explain::{ExplainedOffer, Explanation};
use crate::simulate::Host;
use crate::wire::jsonrpc::Call;
use crate::wire::mcp::{OfferKind, Offers};

impl<S: Store> Host<'_, S> {
    /// A message that names prompts or resources, if rules are for them.
    pub(super) fn offer(
        &self,
        method: &str,
        call: &Call<'_>,
        head: &Head,
        caller: &Caller,
        peer: &dyn Peer,
        work: &Work,
    ) -> Option<Explaining> {
        let kinds = OfferKind::of_method(method);
        if !kinds.iter().any(|kind| self.policy.governs(caller, *kind)) {
            return None;
        }
        let offers = Offers::parse(method, &call.params).ok()?;
        let is_denied = |offer: &&_| self.policy.decide_offer(caller, offer).is_err();
        let offer = offers.iter().find(is_denied).or(offers.first.as_ref())?;
        if !self.policy.governs(caller, offer.kind) {
            return None;
        }
        let texts = JsonTexts::default();
        let facts = Facts {
            arguments: None,
            members: None,
            headers: &head.named,
            claims: peer,
            caller_id: &caller.id,
            tool: "",
            moment: self.policy.moment(self.now),
            work,
            texts: &texts,
        };
        let explanation = self.policy.explain_offer(&ExplainedOffer {
            caller,
            offer,
            all: &offers,
            facts: &facts,
            session: head.trace.session.as_ref(),
            store: self.store,
            now: self.now,
        });
        Some(Explaining::Offer {
            method: method.to_owned(),
            kind: offer.kind,
            name: offer.name.to_string(),
            explanation: Box::new(explanation),
        })
    }
}

impl Explaining {
    /// The message taken apart, if rules are for it and its caller is known.
    pub fn explanation(&self) -> Option<&Explanation> {
        match self {
            Self::Call { explanation, .. } => explanation.as_deref(),
            Self::Offer { explanation, .. } => Some(explanation),
            Self::Other { .. } | Self::Response => None,
        }
    }

    pub(super) fn explanation_mut(&mut self) -> Option<&mut Explanation> {
        match self {
            Self::Call { explanation, .. } => explanation.as_deref_mut(),
            Self::Offer { explanation, .. } => Some(explanation),
            Self::Other { .. } | Self::Response => None,
        }
    }

    /// The tool, of a call.
    pub(super) fn tool(&self) -> Option<&String> {
        match self {
            Self::Call { tool, .. } => Some(tool),
            _ => None,
        }
    }
}
