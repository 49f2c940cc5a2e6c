//! The order of evaluation, as `docs/policy/order.md` lists it: `hide`, the lock, the
//! deciding entry or `default`, the time of the entry, `action`, `args`, `schema`, `require`,
//! `deny_if`, limits.

use super::bodies::Limits;
use super::{
    Action, Caller, Conditions, Dated, Deciding, Denial, Lock, Names, Needed, Policy, Reason, Rule,
};
use crate::limits::Store;
use crate::limits::window::Nanos;
use crate::policy::condition::{Condition, Elements, Facts, Misfit, Schema, Truth, Why};
use crate::policy::document::{Check, DefaultAction, Validity};
use crate::policy::pattern::PatternMap;
use crate::wire::json::{Members, Raw, Reader, Text};
use crate::wire::mcp::ToolCall;
use core::cmp::Ordering;
use core::convert::Infallible;

/// A call that goes on as soon as its limits have been charged.
#[derive(Debug)]
pub struct Ruling<'p> {
    /// The rule that allowed it.
    pub rule: &'p str,
    /// The limits to charge.
    pub limits: Limits<'p>,
    /// The approval that the call needs before.
    pub approval: Option<Needed<'p>>,
}

/// One question of the order of evaluation, which a call passes or fails.
#[derive(Clone, Copy, Debug)]
pub struct Question<'p>(pub(super) Asked<'p>);

#[derive(Clone, Copy, Debug)]
pub(super) enum Asked<'p> {
    /// Whether `hide` names the tool.
    Hidden(&'p PatternMap<()>),
    /// Whether the lock names the tool. Whether lists had another definition of it is not
    /// known without a store.
    Locked(&'p Lock),
    /// Whether an entry or the default allows the tool.
    Entry(Option<&'p Rule>, DefaultAction),
    /// Whether the present moment is in the time of an entry.
    Validity(&'p Dated, Nanos),
    Action(&'p Rule),
    Args(&'p Names),
    Schema(&'p Schema),
    Require(&'p Check),
    DenyIf(&'p Check),
    ApproveIf(&'p Check),
    /// Charged later, by the exchange.
    Limits,
}

impl Policy {
    /// Decides a call by everything except for its limits, and by what all workers know of
    /// its tool. The first question that it fails is the denial.
    ///
    /// # Errors
    /// The denial.
    pub fn decide_in<'p>(
        &'p self,
        store: &impl Store,
        caller: &Caller,
        deciding: &Deciding<'p>,
        facts: &Facts<'_>,
    ) -> Result<Ruling<'p>, Denial<'p>> {
        self.unchanged(deciding.rules, facts.tool, store)?;
        self.ruling(caller, deciding, facts)
    }

    /// Decides a call as if no definition of a tool had changed.
    ///
    /// # Errors
    /// The denial.
    pub fn decide(
        &self,
        caller: &Caller,
        call: &ToolCall<'_>,
        facts: &Facts<'_>,
    ) -> Result<Ruling<'_>, Denial<'_>> {
        self.ruling(caller, &self.rules(caller)?.decide(&call.tool), facts)
    }

    fn ruling<'p>(
        &'p self,
        caller: &Caller,
        deciding: &Deciding<'p>,
        facts: &Facts<'_>,
    ) -> Result<Ruling<'p>, Denial<'p>> {
        let mut holding = Vec::new();
        deciding.ask(self.enforced(), caller.now(), |question| match question.0 {
            Asked::ApproveIf(check) => {
                holding.extend(approve_if(check, facts)?.then_some(check));
                Ok(())
            }
            _ => question.answer(facts.tool, facts),
        })?;
        Ok(deciding.allowed(&holding))
    }

    /// The questions about a caller's call of a tool, in the order of
    /// evaluation.
    pub fn questions(&self, caller: &Caller, tool: &str) -> Vec<Question<'_>> {
        let mut questions = Vec::new();
        let Some(deciding) = self.deciding(caller, tool) else { return questions };
        let _all: Result<(), Infallible> =
            deciding.ask(self.enforced(), caller.now(), |question| {
                questions.push(question);
                Ok(())
            });
        questions
    }
}

impl<'p> Deciding<'p> {
    /// The ruling on a call that fails no question, and of which these checks of
    /// `approve_if` hold.
    pub(super) fn allowed(&self, holding: &[&'p Check]) -> Ruling<'p> {
        let approving = self.rules.approving(self.rule);
        Ruling {
            approval: approving.and_then(|approving| approving.needed(holding)),
            rule: match (self.rule, self.beside_none()) {
                (Some(rule), _) => &rule.pointer,
                (None, Some(beside)) => &beside.pointer,
                (None, None) => "(default allow)",
            },
            limits: self.limits,
        }
    }

    /// Asks one question after the other until one fails. In `args`, `require`
    /// and `deny_if`, the tool's own checks come first, and those of a body before
    /// those of the top level that it extends. Where an entry in shadow is beside
    /// none that decides, `default` is not asked.
    ///
    /// A function and not an iterator, whose links would each be a branch for
    /// every question of every call.
    pub(super) fn ask<E>(
        &self,
        lock: Option<&'p Lock>,
        now: Nanos,
        mut answer: impl FnMut(Question<'p>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut ask = |asked| answer(Question(asked));
        let (rules, entry) = (self.rules, self.rule);
        let own_rules = rules.own;
        ask(Asked::Hidden(&own_rules.hide))?;
        if let Some(base) = rules.base {
            ask(Asked::Hidden(&base.hide))?;
        }
        if let Some(lock) = lock {
            ask(Asked::Locked(lock))?;
        }
        if self.beside_none().is_none() {
            ask(Asked::Entry(entry, own_rules.default))?;
        }
        let own = entry.and_then(Rule::conditions);
        if let Some(dated) = own.and_then(|own| own.validity.as_deref()) {
            ask(Asked::Validity(dated, now))?;
        }
        if let Some(rule) = entry {
            ask(Asked::Action(rule))?;
        }
        if let Some(names) = own.and_then(|own| own.args.as_ref()) {
            ask(Asked::Args(names))?;
        }
        if let Some(schema) = own.and_then(|own| own.schema.as_deref()) {
            ask(Asked::Schema(schema))?;
        }
        let required = own.map(|own| &*own.require).unwrap_or_default();
        for check in required.iter().chain(&own_rules.require) {
            ask(Asked::Require(check))?;
        }
        for check in rules.inherited(|base| &base.require) {
            ask(Asked::Require(check))?;
        }
        let denying = own.map(|own| &*own.deny_if).unwrap_or_default();
        for check in denying.iter().chain(&own_rules.deny_if) {
            ask(Asked::DenyIf(check))?;
        }
        for check in rules.inherited(|base| &base.deny_if) {
            ask(Asked::DenyIf(check))?;
        }
        if let Some(approving) = rules.approving(entry) {
            for check in approving.checks.iter().chain(&own_rules.approve_if) {
                ask(Asked::ApproveIf(check))?;
            }
            for check in rules.inherited(|base| &base.approve_if) {
                ask(Asked::ApproveIf(check))?;
            }
        }
        ask(Asked::Limits)
    }
}

impl<'p> Question<'p> {
    /// The word for it.
    pub const fn as_str(&self) -> &'static str {
        match self.0 {
            Asked::Hidden(_) => "hidden",
            Asked::Locked(_) => "lock",
            Asked::Entry(..) => "entry",
            Asked::Validity(..) => "validity",
            Asked::Action(_) => "action",
            Asked::Args(_) => "args",
            Asked::Schema(_) => "schema",
            Asked::Require(_) => "require",
            Asked::DenyIf(_) => "deny_if",
            Asked::ApproveIf(_) => "approve_if",
            Asked::Limits => "limits",
        }
    }

    /// The answer about a call of `tool`.
    ///
    /// # Errors
    /// The call fails it.
    pub fn answer(&self, tool: &str, facts: &Facts<'_>) -> Result<(), Denial<'p>> {
        match self.0 {
            Asked::Hidden(hide) if hide.get(tool).is_some() => Err(denial(
                Reason::Hidden,
                "(hidden)",
                format!("The tool {tool} is not available."),
            )),
            Asked::Locked(lock) => lock.check(tool),
            Asked::Entry(None, DefaultAction::Deny) => Err(denial(
                Reason::DefaultDeny,
                "(default deny)",
                format!("No rule of the policy allows the tool {tool}."),
            )),
            Asked::Action(Rule { pointer, action: Action::Deny(reason), .. }) => {
                let message = match reason {
                    Some(reason) => reason.as_str().into(),
                    None => format!("The policy denies the tool {tool}.").into(),
                };
                Err(Denial { reason: Reason::Denied, rule: pointer, message, retry_after: None })
            }
            Asked::Validity(dated, now) => dated.check(tool, now),
            Asked::Args(names) => names.check(facts),
            Asked::Schema(schema) => fits(schema, facts),
            Asked::Require(check) => require(check, facts),
            Asked::DenyIf(check) => deny_if(check, facts),
            Asked::ApproveIf(check) => approve_if(check, facts).map(drop),
            Asked::Hidden(_) | Asked::Entry(..) | Asked::Action(_) | Asked::Limits => Ok(()),
        }
    }
}

impl Rule {
    pub(super) const fn conditions(&self) -> Option<&Conditions> {
        match &self.action {
            Action::Allow(conditions) => Some(conditions),
            Action::Deny(_) => None,
        }
    }
}

impl Dated {
    /// The time of the entry with this pointer, if it is bounded.
    pub(super) fn new(entry: &str, validity: Validity) -> Option<Box<Self>> {
        let pointers = || Validity::KEYS.map(|key| format!("{entry}/{key}"));
        validity.is_bounded().then(|| Box::new(Self { pointers: pointers(), validity }))
    }

    pub(super) fn check(&self, tool: &str, now: Nanos) -> Result<(), Denial<'_>> {
        let [from, until] = &self.pointers;
        let (rule, message) = match self.validity.of(now) {
            Ordering::Equal => return Ok(()),
            Ordering::Less => (from, format!("The policy does not allow the tool {tool} yet.")),
            Ordering::Greater => (until, format!("The policy allows the tool {tool} no longer.")),
        };
        Err(denial(Reason::Denied, rule, message))
    }
}

impl Names {
    pub(super) fn check<'p>(&'p self, facts: &Facts<'_>) -> Result<(), Denial<'p>> {
        let Some(arguments) = facts.arguments else { return Ok(()) };
        let allowed = |key: Text<'_>| self.allowed.iter().any(|name| key.is(name));
        // No argument is given twice, so of more arguments than names, one has
        // another name.
        let too_many = facts.members.is_some_and(|all| all.count() > self.allowed.len());
        let all_allowed = !too_many
            && match facts.members.and_then(Members::all) {
                Some(members) => members.iter().all(|(key, _)| allowed(*key)),
                None => every_key(arguments, allowed),
            };
        if !all_allowed {
            // The name is the client's text, and is not repeated.
            let mut message = "The call has an argument that the policy does not allow.".to_owned();
            if self.explains {
                let allowed = match &*self.allowed {
                    [] => "none".to_owned(),
                    names => names.join(", "),
                };
                message.extend([" Allowed: ", &allowed, "."]);
            }
            return Err(denial(Reason::Require, &self.pointer, message));
        }
        Ok(())
    }
}

/// Whether all keys of an object pass. Reads the object again.
fn every_key<'a>(object: Raw<'a>, passes: impl Fn(Text<'a>) -> bool) -> bool {
    let mut all = true;
    let read = Reader::again(object).object(|reader, key, _| {
        all = all && passes(key);
        reader.value().map(drop)
    });
    all && read.is_ok()
}

/// Whether the arguments fit a schema.
pub(super) fn fits<'p>(schema: &'p Schema, facts: &Facts<'_>) -> Result<(), Denial<'p>> {
    let (reason, message) = match schema.check(facts) {
        Ok(()) => return Ok(()),
        Err(Misfit::Unmet(message)) => (Reason::Require, message),
        Err(Misfit::Unclear(message)) => (Reason::Undecidable, message),
    };
    Err(denial(reason, &schema.pointer, message))
}

/// The message where a requirement is not met.
const UNMET: &str = "The call does not meet a requirement of the policy.";
/// The beginning of the message that names the requirement.
const UNMET_THIS: &str = "The call does not meet a requirement of the policy: ";

pub(super) fn require<'p>(check: &'p Check, facts: &Facts<'_>) -> Result<(), Denial<'p>> {
    match check.holds(facts, Elements::All) {
        (Truth::True, _) => Ok(()),
        (Truth::False, condition) => {
            let mut denial = failed(check, Reason::Require, UNMET);
            if check.explains
                && check.on_deny.is_none()
                && let Some(asks) = condition.and_then(Condition::asks)
            {
                denial.message = format!("{UNMET_THIS}{asks}.").into();
            }
            Err(denial)
        }
        (Truth::Undecidable(why), by) => Err(undecidable(check, by, why)),
    }
}

pub(super) fn deny_if<'p>(check: &'p Check, facts: &Facts<'_>) -> Result<(), Denial<'p>> {
    match check.holds(facts, Elements::Any) {
        (Truth::False, _) => Ok(()),
        (Truth::True, _) => {
            Err(failed(check, Reason::DenyIf, "The policy denies calls like this one."))
        }
        (Truth::Undecidable(why), by) => Err(undecidable(check, by, why)),
    }
}

/// Whether a call needs approval by a check.
pub(super) fn approve_if<'p>(check: &'p Check, facts: &Facts<'_>) -> Result<bool, Denial<'p>> {
    match check.holds(facts, Elements::Any) {
        (Truth::False, _) => Ok(false),
        (Truth::True, _) => Ok(true),
        (Truth::Undecidable(why), by) => Err(undecidable(check, by, why)),
    }
}

fn failed<'p>(check: &'p Check, reason: Reason, otherwise: &'static str) -> Denial<'p> {
    let message = check.on_deny.as_deref().unwrap_or(otherwise).into();
    Denial { reason, rule: &check.pointer, message, retry_after: None }
}

fn undecidable<'p>(check: &'p Check, by: Option<&Condition>, why: Why) -> Denial<'p> {
    let path = by.map_or("a value", |condition| condition.path.as_str());
    let message = format!("The policy cannot decide about {path}: {why}.");
    denial(Reason::Undecidable, &check.pointer, message)
}

fn denial(reason: Reason, rule: &str, message: String) -> Denial<'_> {
    Denial { reason, rule, message: message.into(), retry_after: None }
}

#[cfg(test)]
mod tests;
