//! Calls of tools: decided by everything but limits.

use super::charging::{Allowed, Called, Charged};
use super::{Decided, Judge, Judged, Passed};
use crate::exchange::approvals::{Asking, Way};
use crate::exchange::awaited::Owed;
use crate::exchange::record::{Decision, Names, Record};
use crate::exchange::refusal::Refusal;
use crate::limits::Store;
use crate::policy::condition::{Facts, JsonTexts};
use crate::policy::{Deciding, Denial, Ruling, Values};
use crate::wire::jsonrpc::{self, Call, DecodeError, Id, Params};
use crate::wire::mcp::{TOOLS_CALL, ToolCall};

impl<'a, S: Store> Judge<'a, S> {
    /// Decides a call of a tool by everything but limits.
    pub(super) fn tool_call(
        &self,
        id: Id<'a>,
        call: &Call<'a>,
        stateless: bool,
    ) -> Result<Decided<'a>, Box<Refusal<'a>>> {
        let params = &call.params;
        let call = ToolCall::parse(params).map_err(|(problem, at)| {
            let code = jsonrpc::INVALID_PARAMS;
            self.malformed(DecodeError { code, id: Some(id), problem, at })
        })?;
        let caller = self
            .caller
            .map_err(|why| self.refuse_unidentified(id, Some(call.tool.clone()), why, stateless))?;
        let deciding = self.policy.deciding(caller, &call.tool);
        self.awaits(&Owed {
            id: Some(id),
            method: Some(TOOLS_CALL),
            tool: Some(&call.tool),
            deciding: deciding.as_ref(),
            stateless,
        });
        let facts = Facts {
            arguments: call.arguments,
            members: Some(&params.members),
            headers: &self.head.named,
            claims: self.peer,
            caller_id: &caller.id,
            tool: &call.tool,
            moment: self.policy.moment(self.now),
            work: &self.work,
            texts: &JsonTexts::default(),
        };
        let decided = match &deciding {
            Some(deciding) => self.policy.decide_in(self.store, caller, deciding, &facts),
            None => Err(self.policy.unplaced(caller)),
        };
        let decided = decided.and_then(|ruling| {
            let charges = self.charges(ruling.limits, caller, &facts)?;
            Ok((ruling, charges))
        });
        let (shadow, beside) = self.shadowed(caller, deciding.as_ref(), &facts);
        let called = |rule| Called {
            id,
            stateless,
            record: Record {
                shadow,
                ..self.record(rule, &call, params, self.values(deciding.as_ref(), &facts))
            },
        };
        match decided {
            Ok((Ruling { rule, limits, approval }, charges)) => {
                let limits = Charged::One(limits);
                let allowed = Allowed { called: called(rule), limits, charges, beside };
                let Some(needed) = approval else { return Ok(Decided::Allowed(allowed)) };
                // If the head went ahead, Envoy may have chosen another route meanwhile.
                let target = self.head.target.as_deref();
                let target = target.and_then(|target| target.by(&self.peer.route()?));
                let target = target.as_ref();
                let way = Way::new(self.policy, self.head, stateless, params);
                let asking = Asking { caller, tool: &call.tool, params, target, way };
                self.asks(allowed, needed, &asking)
            }
            Err(denial) => self.deny(called(denial.rule), denial).map(Decided::Passes),
        }
    }

    /// The outcome of a call that the policy denies.
    #[cold]
    pub(super) fn deny(&self, called: Called<'a>, denial: Denial<'a>) -> Judged<'a> {
        let Called { id, stateless, record } = called;
        let (rule, reason) = (denial.rule, Some(denial.reason));
        if denial.reason.is_by_rule() && self.is_shadow() {
            let decision = Decision::Shadow;
            let record = Record { decision, reason, rule, message: Some(denial.message), ..record };
            return Ok(Passed { records: vec![record], ..Passed::default() });
        }
        Err(Called { id, stateless, record }.denied(self.policy, self.head.accepts_mcp, denial))
    }

    /// The values of arguments that the record of a call is to hold.
    fn values<'f>(
        &'f self,
        deciding: Option<&Deciding<'a>>,
        facts: &Facts<'f>,
    ) -> Option<Box<Values<'a>>> {
        self.policy.values(deciding, &Facts { work: &self.recording, ..*facts })
    }

    /// The record of a call that goes on.
    fn record(
        &self,
        rule: &'a str,
        call: &ToolCall<'a>,
        params: &Params<'a>,
        values: Option<Box<Values<'a>>>,
    ) -> Record<'a> {
        let hmac = self.policy.settings.audit_key.as_ref();
        Record {
            method: Some(TOOLS_CALL.into()),
            tool: Some(call.tool.clone()),
            caller_id: self.caller_id(),
            arguments: call.arguments.map(|_| Names::new(&params.members)),
            arguments_hmac: hmac
                .zip(call.arguments)
                .map(|(hmac, arguments)| hmac.hex(arguments.text)),
            values,
            ..Record::of(Decision::Allowed, rule)
        }
    }
}
