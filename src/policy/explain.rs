//! One call, taken apart: which rules apply to it, which entry decides and which ones it
//! beats, what each question of the order of evaluation is answered, and what each limit
//! has left.
//!
//! Nothing is decided here. [`Policy::decide`] decides, the questions are its own, each is
//! answered by [`Question::answer`], and the tests compare all of them over the corpus.
//! An explanation holds values of the call, so it is for the one who makes the call to
//! try a policy. It is not in the module.

mod beside;
mod offers;
mod question;
mod rules;

pub use super::denial::Denied;
pub use beside::Shadow;
pub use offers::ExplainedOffer;
pub use question::{About, Answered};
pub use rules::{Applying, Body, Group};

use super::bodies::Applied;
use super::condition::{Facts, JsonTexts, Work};
use super::pattern::Beaten;
use super::{Action, Caller, Deciding, Holders, LimitState, Policy, ResultBounds, Rule};
use crate::limits::window::Nanos;
use crate::limits::{ChargeError, Store, Table, Trial};
use crate::wire::mcp::{OfferKind, ToolCall};

/// A call of a tool, or a request for a prompt or a resource, taken apart.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The kind of what is asked for, unless it is a tool.
    pub kind: Option<OfferKind>,
    /// The rules that apply to its caller.
    pub rules: Applying,
    /// The entries that match its name: first the one that decides, if any does.
    pub entries: Vec<Entry>,
    /// The rule that allows the call, or its denial, without its limits.
    pub decided: Result<String, Denied>,
    /// Every question, in the order of evaluation, whatever those before it said.
    pub questions: Vec<Answered>,
    /// The approval that the call needs.
    pub approval: Option<Approval>,
    /// The limits, in the order of their charges.
    pub limits: Vec<LimitState>,
    /// The error of charging all of them together.
    pub refused: Option<ChargeError>,
    /// The rules in shadow.
    pub shadow: Shadow,
    /// The bounds of the size of the result.
    pub result: ResultBounds,
}

/// An entry that matches a name.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its pattern.
    pub pattern: String,
    /// Its pointer.
    pub pointer: String,
    /// Its action.
    pub action: &'static str,
    /// The reason for which it does not decide.
    pub beaten: Option<Beaten>,
}

/// The approval that a call needs.
#[derive(Clone, Debug)]
pub struct Approval {
    /// All rules that ask for it.
    pub rules: Vec<String>,
    /// The patterns of those who may approve.
    pub approvers: Vec<String>,
    /// The number of different approvers.
    pub need: u8,
    /// The seconds for which a request stays open.
    pub wait: u64,
    /// The seconds for which an approval can be used.
    pub valid: u64,
}

/// The parts of a call that an explanation is made of.
#[derive(Clone, Copy)]
pub struct Explained<'a, 'f, S> {
    /// The caller, whose rules were looked up.
    pub caller: &'a Caller,
    /// The call.
    pub call: &'a ToolCall<'f>,
    /// Its facts.
    pub facts: &'a Facts<'f>,
    /// The SHA-256 of its session, if it has one.
    pub session: Option<&'a [u8; 32]>,
    /// The budget of rules in shadow.
    pub beside: &'f Work,
    /// The counters, which are not changed.
    pub store: &'a S,
    /// The present moment.
    pub now: Nanos,
}

impl Policy {
    /// Takes a call apart.
    pub fn explain(&self, explained: &Explained<'_, '_, impl Store>) -> Explanation {
        let Explained { caller, call, facts, session, beside, store, .. } = *explained;
        let tool = &*call.tool;
        let budget = facts.work.clone();
        let deciding = self.deciding(caller, tool);
        let decided = match &deciding {
            Some(deciding) => self.decide_in(store, caller, deciding, facts),
            None => Err(self.unplaced(caller)),
        };
        let rules = deciding.map(|deciding| deciding.rules);
        let changed = rules.and_then(|rules| self.unchanged(rules, tool, store).err());
        let holders = Holders::new(&self.table, caller, session);
        let limits = |facts: &Facts<'_>| self.limits(explained, deciding, &holders, facts);
        let (limits, refused) = match decided {
            Ok(_) => limits(facts),
            Err(_) => {
                // A denied call is not counted, so showing its weights takes nothing from
                // its budget.
                let (aside, texts) = (facts.work.clone(), JsonTexts::default());
                limits(&Facts { work: &aside, texts: &texts, ..*facts })
            }
        };
        let ruling = decided.as_ref().ok();
        let approval = ruling.and_then(|ruling| ruling.approval.as_ref()).map(|needed| Approval {
            rules: needed.rules.iter().map(|rule| (*rule).to_owned()).collect(),
            approvers: patterns(&needed.terms.approvers),
            need: needed.terms.need,
            wait: needed.terms.wait,
            valid: needed.terms.valid,
        });
        Explanation {
            kind: None,
            rules: self.applying(caller, facts),
            entries: deciding.map(|deciding| deciding.entries(tool)).unwrap_or_default(),
            questions: question::all(self, caller, tool, facts, (&budget, changed.as_ref())),
            approval,
            limits,
            refused,
            result: self.result_bounds(caller, deciding.as_ref()),
            shadow: beside::shadow(self, explained, deciding.as_ref(), beside, &holders),
            decided: decided
                .map(|ruling| ruling.rule.to_owned())
                .map_err(|denial| Denied::from(&denial)),
        }
    }

    /// The limits of a call, and the error of charging all of them together.
    fn limits(
        &self,
        explained: &Explained<'_, '_, impl Store>,
        deciding: Option<Deciding<'_>>,
        holders: &Holders<'_>,
        facts: &Facts<'_>,
    ) -> (Vec<LimitState>, Option<ChargeError>) {
        let Explained { store, now, .. } = *explained;
        let (mut limits, mut charges) = (Vec::new(), Vec::new());
        for limit in deciding.into_iter().flat_map(|deciding| deciding.limits.iter()) {
            let (state, charge) = limit.state(holders, facts, store, now);
            limits.push(state);
            charges.extend(charge);
        }
        let refused = self.table.charge(&Trial::new(store), &charges, now).err();
        let refused = refused.filter(|_| charges.len() == limits.len());
        (limits, refused)
    }
}

impl Explanation {
    /// The word for what is asked for.
    pub fn subject(&self) -> &'static str {
        self.kind.map_or("tool", OfferKind::as_str)
    }

    /// Charges the call, if it would go on by itself, and reads the counts again.
    pub(crate) fn charge(&mut self, table: &Table, store: &impl Store, now: Nanos) {
        let charges: Option<Vec<_>> = self.limits.iter().map(LimitState::charge).collect();
        let goes_on = self.decided.is_ok() && self.approval.is_none();
        let charges = charges.filter(|_| goes_on);
        if charges.is_some_and(|charges| table.charge(store, &charges, now).is_ok()) {
            for charge in self.shadow.limits.iter().filter_map(LimitState::charge) {
                // A limit in shadow that has no room lets the call pass.
                let _ = table.charge(store, &[charge], now);
            }
        }
        self.read_after(table, store, now);
    }

    /// The same without a charge, as of a call that goes on by itself and whose batch does
    /// not.
    pub(crate) fn take_back(&mut self) {
        self.limits.iter_mut().chain(&mut self.shadow.limits).for_each(LimitState::take_back);
    }

    /// Reads the counts again, once the call was judged.
    pub(crate) fn read_after(&mut self, table: &Table, store: &impl Store, now: Nanos) {
        for limit in self.limits.iter_mut().chain(&mut self.shadow.limits) {
            limit.read_after(table, store, now);
        }
    }
}

impl Rule {
    /// The pointer of the entry itself.
    fn entry(&self) -> &str {
        match self.action {
            Action::Deny(_) => self.pointer.strip_suffix("/action").unwrap_or(&self.pointer),
            Action::Allow(_) => &self.pointer,
        }
    }

    fn word(&self) -> &'static str {
        match &self.action {
            Action::Deny(_) => "deny",
            Action::Allow(conditions) if conditions.always_asks() => "require_approval",
            Action::Allow(_) => "allow",
        }
    }
}

impl Deciding<'_> {
    /// The entries that match a tool, first the one that decides.
    fn entries(self, tool: &str) -> Vec<Entry> {
        let Applied { own, base } = self.rules;
        let base = base.map(|base| &base.tools);
        let all = own.tools.contest(base, tool, self.rule, Rule::rank, |_| true);
        let entry = |one: super::pattern::Match<'_, Rule>| Entry {
            pattern: one.pattern.as_str().to_owned(),
            pointer: one.value.entry().to_owned(),
            action: one.value.word(),
            beaten: one.beaten,
        };
        all.into_iter().map(entry).collect()
    }
}

fn patterns(patterns: &[super::pattern::Pattern]) -> Vec<String> {
    patterns.iter().map(|pattern| pattern.as_str().to_owned()).collect()
}
