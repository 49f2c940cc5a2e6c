//! The order of evaluation, as POLICY.md lists it: `hide`, the deciding entry
//! or `default`, `action`, limits.

use super::{Denial, Limit, Policy, Reason, Rule};
use crate::config::Default;
use crate::mcp::ToolCall;

/// A call that goes on as soon as its limits have been charged.
#[derive(Debug)]
pub struct Ruling<'p> {
    /// The rule that allowed it.
    pub rule: &'p str,
    /// What has to have room.
    pub limits: &'p [Limit],
}

impl Policy {
    /// Decides a call by everything but its limits.
    ///
    /// # Errors
    /// The denial.
    pub fn decide(&self, call: &ToolCall<'_>) -> Result<Ruling<'_>, Denial<'_>> {
        let tool = &*call.tool;
        if self.body.hide.get(tool).is_some() {
            return Err(denial(
                Reason::Hidden,
                "(hidden)",
                format!("The tool {tool} is not available."),
            ));
        }
        match (self.body.tools.get(tool), self.body.default) {
            (Some(rule), _) => rule.decide(tool),
            (None, Default::Allow) => {
                Ok(Ruling { rule: "(default allow)", limits: &self.body.all_tools })
            }
            (None, Default::Deny) => Err(denial(
                Reason::DefaultDeny,
                "(default deny)",
                format!("No rule of the policy allows the tool {tool}."),
            )),
        }
    }
}

impl Rule {
    fn decide(&self, tool: &str) -> Result<Ruling<'_>, Denial<'_>> {
        match &self.denied {
            None => Ok(Ruling { rule: &self.pointer, limits: &self.limits }),
            Some(Some(reason)) => Err(Denial {
                reason: Reason::Denied,
                rule: &self.pointer,
                message: reason.as_str().into(),
                retry_after: None,
            }),
            Some(None) => Err(denial(
                Reason::Denied,
                &self.pointer,
                format!("The policy denies the tool {tool}."),
            )),
        }
    }
}

fn denial(reason: Reason, rule: &str, message: String) -> Denial<'_> {
    Denial { reason, rule, message: message.into(), retry_after: None }
}
