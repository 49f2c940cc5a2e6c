//! Messages of other methods than `tools/call`: those that the policy passes.

use super::{Decided, Judge, Passed};
use crate::exchange::awaited::Owed;
use crate::exchange::record;
use crate::exchange::refusal::{Refusal, To};
use crate::limits::Store;
use crate::policy::{Denial, Reason};
use crate::wire::jsonrpc::{Call, Id};
use crate::wire::mcp::{List, is_governed};
use std::borrow::Cow;

/// A message of another method than `tools/call`, with its name decoded.
pub(super) struct Other<'c, 'a> {
    pub(super) method: Cow<'a, str>,
    pub(super) call: &'c Call<'a>,
    pub(super) stateless: bool,
}

impl<'a, S: Store> Judge<'a, S> {
    /// Decides a message by its method, and by what it names.
    pub(super) fn other_method(
        &self,
        message: Other<'_, 'a>,
    ) -> Result<Decided<'a>, Box<Refusal<'a>>> {
        let (id, stateless) = (message.call.id, message.stateless);
        let caller = self.caller.map_err(|why| match id {
            Some(id) => self.refuse_unidentified(id, None, why, false),
            None => Refusal::unidentified(self.policy, why, To::default()),
        })?;
        let passes = self.policy.settings.passes(&message.method);
        if passes {
            let method = Some(&*message.method);
            self.awaits(&Owed { id, method, stateless, ..Owed::default() });
        }
        if passes && is_governed(&message.method) {
            if let Some(denial) = self.policy.misplaced(caller) {
                return Err(self.misplace(message.method, id, stateless, denial));
            }
            if let Some(decided) = self.offers(&message, caller)? {
                return Ok(decided);
            }
        }
        let method = message.method;
        if passes {
            let mut passed = Passed::default();
            let list = List::of_method(&method);
            let is_read = |list| list == List::Tools || self.policy.concealed(caller).has(list);
            if list.is_some_and(is_read) {
                // One without an id expects no answer; should it get one, that
                // is a list too.
                passed.asked.ids.push(id.map_or("null", Id::as_json).to_owned());
            }
            return Ok(Decided::Passes(passed));
        }
        let mut refusal = match id {
            Some(id) => Refusal::unknown_method(self.policy, id, stateless),
            None => Refusal::silent(Reason::Method),
        };
        refusal.record.method = Some(record::short(method));
        Err(refusal)
    }

    /// The refusal of a method that reads what rules decide about, where it is not
    /// known which apply.
    fn misplace(
        &self,
        method: Cow<'a, str>,
        id: Option<Id<'a>>,
        stateless: bool,
        denial: Denial<'a>,
    ) -> Box<Refusal<'a>> {
        let rule = denial.rule;
        let mut refusal = match id {
            Some(_) => {
                let client = self.client(stateless);
                Refusal::denied(self.policy, To { id, ..To::default() }, client, denial)
            }
            None => Refusal::silent(denial.reason),
        };
        refusal.record.rule = rule;
        refusal.record.method = Some(record::short(method));
        refusal
    }
}
