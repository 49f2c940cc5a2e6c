//! The order of evaluation, as POLICY.md lists it: `hide`, the deciding entry
//! or `default`, `action`, `args`, `require`, `deny_if`, limits.

use super::{Action, Caller, Conditions, Denial, Limit, Names, Policy, Reason, Rule, Rules};
use crate::policy::condition::{Elements, Facts, Truth};
use crate::policy::document::{Check, DefaultAction};
use crate::wire::json::{Members, Raw, Reader, Text};
use crate::wire::mcp::ToolCall;

/// A call that goes on as soon as its limits have been charged.
#[derive(Debug)]
pub struct Ruling<'p> {
    /// The rule that allowed it.
    pub rule: &'p str,
    /// The limits to charge.
    pub limits: &'p [Limit],
}

impl Policy {
    /// Decides a call by everything except for its limits.
    ///
    /// # Errors
    /// The denial.
    pub fn decide(
        &self,
        caller: &Caller,
        call: &ToolCall<'_>,
        facts: &Facts<'_>,
    ) -> Result<Ruling<'_>, Denial<'_>> {
        let rules = self.rules(caller);
        let tool = &*call.tool;
        if rules.hide.get(tool).is_some() {
            return Err(denial(
                Reason::Hidden,
                "(hidden)",
                format!("The tool {tool} is not available."),
            ));
        }
        let (rule, own) = match (rules.tools.get(tool), rules.default) {
            (Some(rule), _) => (&*rule.pointer, Some(rule.allowed(tool)?)),
            (None, DefaultAction::Allow) => ("(default allow)", None),
            (None, DefaultAction::Deny) => {
                return Err(denial(
                    Reason::DefaultDeny,
                    "(default deny)",
                    format!("No rule of the policy allows the tool {tool}."),
                ));
            }
        };
        rules.check(own, facts)?;
        Ok(Ruling { rule, limits: own.map_or(&rules.limits, |own| &own.limits) })
    }
}

impl Rule {
    fn allowed(&self, tool: &str) -> Result<&Conditions, Denial<'_>> {
        match &self.action {
            Action::Allow(conditions) => Ok(conditions),
            Action::Deny(reason) => {
                let message = match reason {
                    Some(reason) => reason.as_str().into(),
                    None => format!("The policy denies the tool {tool}.").into(),
                };
                let rule = &self.pointer;
                Err(Denial { reason: Reason::Denied, rule, message, retry_after: None })
            }
        }
    }
}

impl Rules {
    /// Asks `args`, then `require`, then `deny_if`; in each, the tool's own
    /// checks first.
    fn check<'p>(
        &'p self,
        own: Option<&'p Conditions>,
        facts: &Facts<'_>,
    ) -> Result<(), Denial<'p>> {
        if let Some(names) = own.and_then(|own| own.args.as_ref()) {
            names.check(facts)?;
        }
        let required = own.map(|own| &*own.require).unwrap_or_default();
        for check in required.iter().chain(&self.require) {
            require(check, facts)?;
        }
        let denying = own.map(|own| &*own.deny_if).unwrap_or_default();
        for check in denying.iter().chain(&self.deny_if) {
            deny_if(check, facts)?;
        }
        Ok(())
    }
}

impl Names {
    fn check(&self, facts: &Facts<'_>) -> Result<(), Denial<'_>> {
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
            let allowed = match &*self.allowed {
                [] => "none".to_owned(),
                names => names.join(", "),
            };
            let message = format!(
                "The call has an argument that the policy does not allow. Allowed: {allowed}."
            );
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

fn require<'p>(check: &'p Check, facts: &Facts<'_>) -> Result<(), Denial<'p>> {
    match check.holds(facts, Elements::All) {
        (Truth::True, _) => Ok(()),
        (Truth::False, _) => Err(failed(
            check,
            Reason::Require,
            "The call does not meet a requirement of the policy.",
        )),
        (Truth::Undecidable(why), path) => Err(undecidable(check, path, &why.to_string())),
    }
}

fn deny_if<'p>(check: &'p Check, facts: &Facts<'_>) -> Result<(), Denial<'p>> {
    match check.holds(facts, Elements::Any) {
        (Truth::False, _) => Ok(()),
        (Truth::True, _) => {
            Err(failed(check, Reason::DenyIf, "The policy denies calls like this one."))
        }
        (Truth::Undecidable(why), path) => Err(undecidable(check, path, &why.to_string())),
    }
}

fn failed<'p>(check: &'p Check, reason: Reason, otherwise: &'static str) -> Denial<'p> {
    let message = check.on_deny.as_deref().unwrap_or(otherwise).into();
    Denial { reason, rule: &check.pointer, message, retry_after: None }
}

fn undecidable<'p>(check: &'p Check, path: Option<&str>, why: &str) -> Denial<'p> {
    let path = path.unwrap_or("a value");
    let message = format!("The policy cannot decide about {path}: {why}.");
    denial(Reason::Undecidable, &check.pointer, message)
}

fn denial(reason: Reason, rule: &str, message: String) -> Denial<'_> {
    Denial { reason, rule, message: message.into(), retry_after: None }
}
