//! From a body to a verdict: decode, decide, charge.
//!
//! Nothing here knows of proxy-wasm. A request goes on only by a [`Permit`],
//! which only this module and [`crate::exchange`] can make; whatever goes wrong
//! on the way is a [`Refusal`] with its reason.

mod refusal;

pub use refusal::{Refusal, Reply};

use crate::counters::{Charge, Receipt, Refused, Store, Trouble};
use crate::jsonrpc::{self, Id, Malformed, Message, Problem};
use crate::mcp::{Method, ToolCall};
use crate::policy::{Caller, Denial, Limit, Policy, Reason};
use crate::quota::{Nanos, ONE_CALL, Scope};
use crate::request::Head;

/// The right of one request to go on.
#[derive(Debug)]
#[must_use = "a request goes on by its permit alone"]
pub struct Permit(());

impl Permit {
    /// For a request that carries no message or is exempt from judgement.
    pub(crate) const fn unjudged() -> Self {
        Self(())
    }
}

/// What becomes of a judged request.
#[derive(Debug)]
pub enum Verdict {
    /// It goes on.
    Go {
        /// By this right.
        permit: Permit,
        /// What it was charged.
        receipt: Receipt,
    },
    /// It is answered in the server's place.
    Refuse(Box<Refusal>),
}

/// Judges the body of one POST.
pub fn judge(
    policy: &Policy,
    caller: &Caller,
    head: &Head,
    body: &[u8],
    store: &impl Store,
    now: Nanos,
) -> Verdict {
    let judged = Judge { policy, caller, head, store, now }.message(body);
    match judged {
        Ok(receipt) => Verdict::Go { permit: Permit(()), receipt },
        Err(refusal) => Verdict::Refuse(refusal),
    }
}

struct Judge<'a, S> {
    policy: &'a Policy,
    caller: &'a Caller,
    head: &'a Head,
    store: &'a S,
    now: Nanos,
}

type Judged = Result<Receipt, Box<Refusal>>;

impl<S: Store> Judge<'_, S> {
    fn message(&self, body: &[u8]) -> Judged {
        let message = jsonrpc::decode(body, self.policy.settings.max_depth)
            .map_err(|malformed| self.malformed(malformed))?;
        let Message::Call(call) = message else { return Ok(Receipt::default()) };
        let method = Method::parse(call.method).map_err(|problem| {
            self.malformed(Malformed {
                code: jsonrpc::INVALID_REQUEST,
                id: call.id,
                problem,
                at: 0,
            })
        })?;
        let name = match &method {
            Method::ToolsCall => crate::mcp::TOOLS_CALL,
            Method::Other(name) => name,
        };
        if let (Method::ToolsCall, None) = (&method, call.id) {
            // No official server executes one, and whoever sent it expects no
            // answer.
            return Err(Refusal::silent(self.policy, Reason::Undecodable));
        }
        let stateless = self.head.revision.compare(&call, name).map_err(|mismatch| {
            Refusal::header_mismatch(self.policy, call.id, &mismatch.to_string())
        })?;
        match (&method, call.id) {
            (Method::ToolsCall, Some(id)) => {
                let tool_call = ToolCall::parse(&call.params).map_err(|(problem, at)| {
                    let code = jsonrpc::INVALID_PARAMS;
                    self.malformed(Malformed { code, id: Some(id), problem, at })
                })?;
                self.tool_call(id, &tool_call)
            }
            _ if self.policy.settings.passes(name) => Ok(Receipt::default()),
            (_, Some(id)) => Err(Refusal::unknown_method(self.policy, id, stateless)),
            (_, None) => Err(Refusal::silent(self.policy, Reason::Method)),
        }
    }

    fn tool_call(&self, id: Id<'_>, call: &ToolCall<'_>) -> Judged {
        let deny = |denial: Denial<'_>| {
            Refusal::denied(self.policy, id, &call.tool, &denial, self.head.accepts_mcp)
        };
        let ruling = self.policy.decide(call).map_err(deny)?;
        self.charge(ruling.limits).map_err(deny)
    }

    fn charge<'p>(&self, limits: &'p [Limit]) -> Result<Receipt, Denial<'p>> {
        if limits.is_empty() {
            return Ok(Receipt::default());
        }
        let charges: Vec<Charge> = limits.iter().map(|limit| self.charge_of(limit)).collect();
        self.policy.table.charge(self.store, &charges, self.now).map_err(|refused| match refused {
            Refused::Limit { index, retry_after } => full(limits, index, retry_after),
            Refused::Counter { index, trouble } => troubled(limits, index, trouble),
        })
    }

    fn charge_of(&self, limit: &Limit) -> Charge {
        Charge {
            tag: limit.tag,
            holder: limit.holder(self.caller),
            per_caller: limit.scope == Scope::Grant,
            window: limit.window,
            max: limit.max.saturating_mul(ONE_CALL),
            weight: ONE_CALL,
        }
    }

    fn malformed(&self, malformed: Malformed<'_>) -> Box<Refusal> {
        let reason = match malformed.problem {
            Problem::Batch => Reason::BatchRefused,
            _ => Reason::Undecodable,
        };
        Refusal::malformed(self.policy, reason, &malformed)
    }
}

fn rule_of(limits: &[Limit], index: usize) -> &str {
    limits.get(index).map_or("(internal)", |limit| &limit.pointer)
}

fn full(limits: &[Limit], index: usize, retry_after: u64) -> Denial<'_> {
    let message = limits.get(index).map_or_else(String::new, |limit| {
        let Limit { max, window, subject, .. } = limit;
        let plural = if retry_after == 1 { "" } else { "s" };
        format!(
            "Rate limit of {max} per {window} reached for {subject}. Try again in {retry_after} \
             second{plural}."
        )
    });
    Denial {
        reason: Reason::RateLimited,
        rule: rule_of(limits, index),
        message: message.into(),
        retry_after: Some(retry_after),
    }
}

fn troubled(limits: &[Limit], index: usize, trouble: Trouble) -> Denial<'_> {
    let (reason, message) = match trouble {
        Trouble::Full => {
            (Reason::CounterFull, "The gateway cannot count another caller at the moment.")
        }
        Trouble::Contended => {
            (Reason::CounterContended, "The gateway is too busy to count this call. Try again.")
        }
        Trouble::Damaged => {
            (Reason::CounterDamaged, "The gateway cannot read the count of this call's limit.")
        }
        Trouble::Clock => {
            (Reason::CounterClock, "The gateway's clock is behind the count of this call's limit.")
        }
        Trouble::Host => (Reason::Internal, "The gateway cannot count this call."),
    };
    Denial { reason, rule: rule_of(limits, index), message: message.into(), retry_after: None }
}

#[cfg(test)]
mod tests;
