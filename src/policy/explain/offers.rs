//! A request for a prompt or a resource, taken apart as a call is.

use super::{About, Answered, Denied, Entry, Explanation, Shadow};
use crate::limits::window::Nanos;
use crate::limits::{Store, Trial};
use crate::policy::condition::Facts;
use crate::policy::document::DefaultAction;
use crate::policy::offers::{AppliedOffers, Decisive};
use crate::policy::{Caller, Holders, Limit, Policy, Reason, Rule};
use crate::wire::mcp::{Offer, Offers};

/// The parts of a request that its explanation is made of.
#[derive(Clone, Copy)]
pub struct ExplainedOffer<'a, 'f, S> {
    /// The caller, whose rules were looked up.
    pub caller: &'a Caller,
    /// The prompt or the resource; of several, the first that is denied, or the first.
    pub offer: &'a Offer<'f>,
    /// All that the request names.
    pub all: &'a Offers<'f>,
    /// The facts, of no tool.
    pub facts: &'a Facts<'f>,
    /// The SHA-256 of its session, if it has one.
    pub session: Option<&'a [u8; 32]>,
    /// The counters, which are not changed.
    pub store: &'a S,
    /// The present moment.
    pub now: Nanos,
}

impl Policy {
    /// Takes a request for a prompt or a resource apart.
    pub fn explain_offer(&self, explained: &ExplainedOffer<'_, '_, impl Store>) -> Explanation {
        let ExplainedOffer { caller, offer, all, facts, session, store, now } = *explained;
        let decided = self.decide_offer(caller, offer);
        let holders = Holders::new(&self.table, caller, session);
        let rules = self.known_rules(caller);
        let rules = rules.and_then(|rules| rules.offers(offer.kind));
        let entry = rules.and_then(|rules| match rules.find(offer) {
            Decisive::Rule(rule) => Some(rule),
            _ => None,
        });
        let rulings = all.iter().map(|offer| self.decide_offer(caller, offer));
        let rulings: Vec<_> = rulings.collect::<Result<_, _>>().unwrap_or_default();
        let deciding = rulings.iter().flat_map(|ruling| ruling.limits);
        let beside = rulings.iter().flat_map(|ruling| ruling.beside);
        let state = |limit: &Limit| limit.state(&holders, facts, store, now);
        let (limits, charges): (Vec<_>, Vec<_>) = deciding.map(state).unzip();
        let charges: Vec<_> = charges.into_iter().flatten().collect();
        let refused = self.table.charge(&Trial::new(store), &charges, now).err();
        let denied = decided.as_ref().err().map(Denied::from);
        let mut applying = self.applying(caller, facts);
        if let Some(rules) = rules {
            applying.allows_by_default = rules.own.default == DefaultAction::Allow;
        }
        Explanation {
            result: self.result_bounds(caller, None),
            kind: Some(offer.kind),
            rules: applying,
            entries: rules.map(|rules| rules.entries(&offer.name, entry)).unwrap_or_default(),
            questions: rules
                .map(|rules| rules.questions(&offer.name, entry, denied.as_ref()))
                .unwrap_or_default(),
            approval: None,
            refused: refused.filter(|_| charges.len() == limits.len()),
            limits,
            shadow: Shadow {
                limits: beside.map(|limit| state(limit).0).collect(),
                ..Shadow::default()
            },
            decided: decided
                .map(|ruling| ruling.rule.to_owned())
                .map_err(|denial| Denied::from(&denial)),
        }
    }
}

impl AppliedOffers<'_> {
    /// The entries that match a name, first the one that decides.
    fn entries(self, name: &str, decides: Option<&Rule>) -> Vec<Entry> {
        let base = self.base.map(|base| &base.rules);
        let all = self.own.rules.contest(base, name, decides, Rule::rank, |_| true);
        let entry = |one: crate::policy::pattern::Match<'_, Rule>| Entry {
            pattern: one.pattern.as_str().to_owned(),
            pointer: one.value.entry().to_owned(),
            action: one.value.word(),
            beaten: one.beaten,
        };
        let all = all.into_iter().map(entry);
        // Of a name that is in doubt, or hidden, none decides.
        if decides.is_some() { all.collect() } else { Vec::new() }
    }

    /// The questions in their order: of those that a denial could come from, it is the
    /// answer to one.
    fn questions(self, name: &str, entry: Option<&Rule>, denied: Option<&Denied>) -> Vec<Answered> {
        let by = |is: &dyn Fn(Reason) -> bool| denied.filter(|denied| is(denied.reason)).cloned();
        let hide = self.levels().map(|level| {
            let patterns = level.hide.patterns(name).into_iter();
            let rule = level.pointer.strip_suffix("rules").unwrap_or_default();
            Answered {
                asked: "hidden",
                rule: Some(format!("{rule}hide")),
                about: About::Hide(patterns.map(|one| one.as_str().to_owned()).collect()),
                denied: by(&|reason| reason == Reason::Hidden)
                    .filter(|_| level.hide.get(name).is_some()),
            }
        });
        let mut questions: Vec<Answered> = hide.collect();
        questions.push(Answered {
            asked: "entry",
            rule: entry.map(|rule| rule.entry().to_owned()),
            about: About::Entry {
                found: entry.is_some(),
                allows: self.own.default == DefaultAction::Allow,
            },
            denied: by(&|reason| matches!(reason, Reason::DefaultDeny | Reason::Undecidable)),
        });
        if let Some(rule) = entry {
            questions.push(Answered {
                asked: "action",
                rule: Some(format!("{}/action", rule.entry())),
                about: About::Action(rule.word()),
                denied: by(&|reason| reason == Reason::Denied),
            });
        }
        questions.push(Answered {
            asked: "limits",
            rule: None,
            about: About::Limits,
            denied: None,
        });
        questions
    }
}
