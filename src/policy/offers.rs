//! Rules for prompts and resources, as compiled: whether a caller gets one, and whether a
//! list shows it.
//!
//! They have no checks: a prompt or a resource is known by its name alone. A body without
//! them lets everything pass, as it does where the language has none.

use super::bodies::{Applied, Limits};
use super::caller::Caller;
use super::{Action, Denial, Limit, Policy, Reason, Rule, Rules};
use crate::policy::document::{DefaultAction, Mode, ToolsList};
use crate::policy::pattern::PatternMap;
use crate::policy::uri;
use crate::wire::mcp::{List, Lists, Offer, OfferKind};

/// The rules of one body for one kind of offers.
#[derive(Debug)]
pub(super) struct Offers {
    /// The pointer to its entries.
    pub(super) pointer: String,
    pub(super) default: DefaultAction,
    pub(super) hide: PatternMap<()>,
    /// Entries without checks.
    pub(super) rules: PatternMap<Rule>,
    /// Whether an entry denies.
    pub(super) denies: bool,
}

/// A prompt or resource that a caller gets as soon as its limits are charged.
#[derive(Clone, Copy, Debug)]
pub struct OfferRuling<'p> {
    /// The rule that allowed it.
    pub rule: &'p str,
    /// The limits to charge.
    pub limits: &'p [Limit],
    /// The limits to charge as far as they have room.
    pub beside: &'p [Limit],
}

/// The rules for one kind of offers that apply to a caller.
#[derive(Clone, Copy, Debug)]
pub(super) struct AppliedOffers<'p> {
    pub(super) own: &'p Offers,
    /// Those of the top level, if the body extends them.
    pub(super) base: Option<&'p Offers>,
}

/// The part of the rules that decides about a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Decisive<'p> {
    /// `hide` names it.
    Hidden,
    /// Readers may take it for another name, for this reason.
    InDoubt(&'static str),
    /// An entry matches.
    Rule(&'p Rule),
    /// No entry matches.
    Default(DefaultAction),
}

impl Rules {
    fn offers(&self, kind: OfferKind) -> Option<&Offers> {
        match kind {
            OfferKind::Prompt => self.prompts.as_deref(),
            OfferKind::Resource => self.resources.as_deref(),
        }
    }
}

impl<'p> Applied<'p> {
    /// The rules for one kind of offers, if there are any.
    pub(super) fn offers(self, kind: OfferKind) -> Option<AppliedOffers<'p>> {
        let base = self.base.and_then(|base| base.offers(kind));
        match self.own.offers(kind) {
            Some(own) => Some(AppliedOffers { own, base }),
            None => base.map(|own| AppliedOffers { own, base: None }),
        }
    }
}

impl<'p> AppliedOffers<'p> {
    pub(super) fn levels(self) -> impl Iterator<Item = &'p Offers> {
        core::iter::once(self.own).chain(self.base)
    }

    /// The part that decides about an offer. One that is in doubt is decided by an entry
    /// that has it as it is, byte for byte, or by `default` where there is nothing else.
    pub(super) fn find(self, offer: &Offer<'_>) -> Decisive<'p> {
        let name = &*offer.name;
        let doubt = match offer.kind {
            OfferKind::Prompt => None,
            OfferKind::Resource => uri::doubt(name, offer.template),
        };
        let Some(doubt) = doubt else { return self.find_plain(name) };
        let any = |holds: fn(&Offers) -> bool| self.levels().any(holds);
        if self.levels().any(|level| level.hide.find_exact(name).is_some()) {
            return Decisive::Hidden;
        }
        if any(|level| level.hide.has_patterns()) {
            return Decisive::InDoubt(doubt);
        }
        let exact = |level: &'p Offers| level.rules.values().get(level.rules.find_exact(name)?);
        if let Some(rule) = self.levels().find_map(exact) {
            return Decisive::Rule(rule);
        }
        // An entry without `*` may mean the same resource in another spelling.
        if any(|level| !(level.hide.is_empty() && level.rules.is_empty())) {
            return Decisive::InDoubt(doubt);
        }
        Decisive::Default(self.own.default)
    }

    /// The same, of a name that all readers take for the same.
    fn find_plain(self, name: &str) -> Decisive<'p> {
        if self.levels().any(|level| level.hide.get(name).is_some()) {
            return Decisive::Hidden;
        }
        let rule = match self.base {
            None => self.own.rules.get(name),
            Some(base) => {
                let found = self.own.rules.get_over(&base.rules, name, Rule::rank);
                found.map(|(rule, _)| rule)
            }
        };
        rule.map_or(Decisive::Default(self.own.default), Decisive::Rule)
    }

    /// Whether there may be one that lists do not show.
    fn conceals(self, callable: bool) -> bool {
        self.levels().any(|level| !level.hide.is_empty() || (callable && level.denies))
            || (callable && self.own.default == DefaultAction::Deny)
    }

    /// Whether lists show a name. A template is compared as it is written.
    fn shows(self, list: List, name: &str, callable: bool) -> bool {
        let found = match list {
            List::Resources => {
                let name = name.into();
                self.find(&Offer { kind: OfferKind::Resource, name, template: false })
            }
            _ => self.find_plain(name),
        };
        match found {
            Decisive::Hidden => false,
            // It may be what `hide` names.
            Decisive::InDoubt(_) => !callable && self.levels().all(|level| level.hide.is_empty()),
            Decisive::Rule(rule) => !callable || rule.conditions().is_some(),
            Decisive::Default(default) => !callable || default == DefaultAction::Allow,
        }
    }
}

impl Policy {
    /// Whether rules decide about offers of a kind to a caller. One of whom it is not known
    /// which rules apply gets none in any case.
    pub fn governs(&self, caller: &Caller, kind: OfferKind) -> bool {
        self.has_offers
            && self.known_rules(caller).is_some_and(|rules| rules.offers(kind).is_some())
    }

    /// Decides about an offer by everything except for its limits. Where no rules are for
    /// its kind, everything is allowed.
    ///
    /// # Errors
    /// The denial. It names a prompt, and no URI: those hold what callers look for.
    pub fn decide_offer(
        &self,
        caller: &Caller,
        offer: &Offer<'_>,
    ) -> Result<OfferRuling<'_>, Denial<'_>> {
        let nothing = OfferRuling { rule: "(default allow)", limits: &[], beside: &[] };
        let Some(rules) = self.rules(caller)?.offers(offer.kind) else { return Ok(nothing) };
        let this = || match offer.kind {
            OfferKind::Prompt => format!("the prompt {}", offer.name),
            OfferKind::Resource => "this resource".to_owned(),
        };
        let (reason, rule, message) = match rules.find(offer) {
            Decisive::Default(DefaultAction::Allow) => return Ok(nothing),
            Decisive::Rule(Rule { pointer, action: Action::Allow(conditions), .. }) => {
                let (limits, beside) = (&conditions.limits, &conditions.beside.limits);
                return Ok(OfferRuling { rule: pointer, limits, beside });
            }
            Decisive::Rule(Rule { pointer, action: Action::Deny(reason), .. }) => {
                let message = match reason {
                    Some(reason) => reason.as_str().into(),
                    None => format!("The policy denies {}.", this()).into(),
                };
                let reason = Reason::Denied;
                return Err(Denial { reason, rule: pointer, message, retry_after: None });
            }
            Decisive::Hidden => {
                let message = match offer.kind {
                    OfferKind::Prompt => format!("The prompt {} is not available.", offer.name),
                    OfferKind::Resource => "The resource is not available.".to_owned(),
                };
                (Reason::Hidden, "(hidden)", message)
            }
            Decisive::InDoubt(why) => {
                let message = format!("The policy cannot decide about {}: its URI {why}.", this());
                (Reason::Undecidable, &*rules.own.pointer, message)
            }
            Decisive::Default(DefaultAction::Deny) => {
                let message = format!("No rule of the policy allows {}.", this());
                (Reason::DefaultDeny, "(default deny)", message)
            }
        };
        Err(Denial { reason, rule, message: message.into(), retry_after: None })
    }

    /// The lists from which something may have to be taken out for a caller.
    pub fn concealed(&self, caller: &Caller) -> Lists {
        let mut lists = Lists::default();
        if self.conceals(caller) {
            lists = lists.with(List::Tools);
        }
        if !self.has_offers {
            return lists;
        }
        let Some(rules) = self.known_rules(caller) else {
            return List::ALL.into_iter().fold(lists, Lists::with);
        };
        if rules.own.mode == Mode::Shadow {
            return lists;
        }
        let callable = self.settings.tools_list == ToolsList::Callable;
        List::ALL.into_iter().fold(lists, |lists, list| {
            let offers = list.kind().and_then(|kind| rules.offers(kind));
            match offers {
                Some(offers) if offers.conceals(callable) => lists.with(list),
                _ => lists,
            }
        })
    }

    /// Whether a list shows an entry to a caller.
    pub fn shows_in(&self, caller: &Caller, list: List, name: &str) -> bool {
        let Some(kind) = list.kind() else { return self.shows(caller, name) };
        let callable = self.settings.tools_list == ToolsList::Callable;
        self.known_rules(caller).is_some_and(|rules| {
            rules.offers(kind).is_none_or(|offers| offers.shows(list, name, callable))
        })
    }
}

impl<'p> OfferRuling<'p> {
    /// The limits to charge, as those of a call.
    pub const fn charged(self) -> Limits<'p> {
        Limits::of_one(self.limits)
    }
}
