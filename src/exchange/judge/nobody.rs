//! Messages of nobody: the caller is not known.

use super::Judge;
use crate::exchange::identity::NoIdentity;
use crate::exchange::refusal::{Refusal, To};
use crate::limits::Store;
use crate::policy::{Denial, Reason};
use crate::wire::jsonrpc::Id;
use crate::wire::mcp::TOOLS_CALL;
use std::borrow::Cow;

impl<'a, S: Store> Judge<'a, S> {
    #[cold]
    pub(super) fn refuse_unidentified(
        &self,
        id: Id<'a>,
        tool: Option<Cow<'a, str>>,
        why: NoIdentity,
        stateless: bool,
    ) -> Box<Refusal<'a>> {
        let to = To { id: Some(id), tool: tool.as_deref(), offer: None };
        let mut refusal = if self.policy.challenges() {
            Refusal::unidentified(self.policy, why, to)
        } else {
            self.deny_nobody(to, why, stateless)
        };
        refusal.record.method = tool.as_ref().map(|_| TOOLS_CALL.into());
        refusal.record.tool = tool;
        refusal
    }

    /// The answer to nobody where no client can sign in.
    fn deny_nobody(&self, to: To<'_>, why: NoIdentity, stateless: bool) -> Box<Refusal<'a>> {
        let denial = Denial {
            reason: Reason::NoIdentity,
            rule: "(no identity)",
            message: why.to_string().into(),
            retry_after: None,
        };
        Refusal::denied(self.policy, to, self.client(stateless), denial)
    }

    /// The reason for which nothing of the body is judged: nobody calls, who is told
    /// to sign in, whatever the body is.
    pub(super) fn challenged(&self) -> Option<NoIdentity> {
        self.caller.err().filter(|_| self.policy.challenges())
    }
}
