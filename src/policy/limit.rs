//! A limit as compiled, and its denial when it is full.

use super::{Caller, Denial, Reason};
use crate::limits::window::{Algorithm, ONE_CALL, Scope, Window};
use crate::limits::{Charge, Holder, Table, Tag};
use crate::policy::condition::{self, Facts, Path};
use crate::policy::document;
use std::sync::Arc;

/// A limit, ready to be charged. Each tool has a copy of the limits of all
/// tools, so the long parts are shared.
#[derive(Clone, Debug)]
pub struct Limit {
    /// The rule's pointer.
    pub pointer: Arc<str>,
    /// The counter.
    pub(super) tag: Tag,
    /// The callers that share a count.
    scope: Scope,
    window: Window,
    algorithm: Algorithm,
    /// The amount that a window admits, in millionths.
    pub(super) max: u64,
    /// The argument that gives a call's weight; `None` where a call counts as
    /// one.
    increment_from: Option<Arc<Path>>,
    on_deny: Option<Arc<str>>,
    /// The subject of the limit: a tool, a pattern or "all tools".
    subject: Arc<str>,
    /// The one holder of a `global` counter.
    everyone: Holder,
}

/// The holders of the counts that a call is charged to.
#[derive(Debug)]
pub struct Holders<'a> {
    table: &'a Table,
    caller: Holder,
    session: &'a [u8],
}

impl<'a> Holders<'a> {
    /// The holders of a caller, and of its session by the SHA-256 of the
    /// `Mcp-Session-Id` header; calls without one share a session.
    pub fn new(table: &'a Table, caller: &Caller, session: Option<&'a [u8; 32]>) -> Self {
        let session = session.map(<[u8; 32]>::as_slice).unwrap_or_default();
        Self { table, caller: table.holder_for_caller(&caller.id), session }
    }
}

impl Limit {
    /// Compiles a limit on `subject`, of the rules with this name.
    pub(super) fn new(rules: &str, subject: &str, limit: document::Limit) -> Self {
        let document::Limit {
            pointer,
            path: _,
            counter,
            window,
            max,
            scope,
            algorithm,
            increment_from,
            on_deny,
        } = limit;
        // One `global` counter across all sets of rules.
        let rules = if scope == Scope::Global { "" } else { rules };
        let tag = Tag::new(&[
            rules.as_bytes(),
            counter.as_bytes(),
            &window.seconds().to_le_bytes(),
            algorithm.as_str().as_bytes(),
            scope.as_str().as_bytes(),
        ]);
        Self {
            pointer: pointer.into(),
            tag,
            scope,
            window,
            algorithm,
            max,
            increment_from: increment_from.map(Arc::new),
            on_deny: on_deny.map(Into::into),
            subject: subject.into(),
            everyone: Holder::for_everyone(tag),
        }
    }

    /// The charge for a call.
    ///
    /// # Errors
    /// The call's weight cannot be read, or is more than a window admits.
    pub fn charge(&self, holders: &Holders<'_>, facts: &Facts<'_>) -> Result<Charge, Denial<'_>> {
        Ok(Charge {
            tag: self.tag,
            holder: match self.scope {
                Scope::Grant => holders.caller,
                Scope::Session => {
                    holders.table.holder_for_session(facts.caller_id, holders.session)
                }
                Scope::Global => self.everyone,
            },
            per_caller: self.scope != Scope::Global,
            window: self.window,
            algorithm: self.algorithm,
            max: self.max,
            weight: self.weight(facts)?,
        })
    }

    fn weight(&self, facts: &Facts<'_>) -> Result<u64, Denial<'_>> {
        let Some(path) = &self.increment_from else { return Ok(ONE_CALL) };
        let deny = |reason, message: String| Denial {
            reason,
            rule: &self.pointer,
            message: message.into(),
            retry_after: None,
        };
        let weight = condition::weight(path, facts).map_err(|why| {
            let path = path.as_str();
            deny(
                Reason::Undecidable,
                format!("The policy counts {path} and cannot read it: {why}."),
            )
        })?;
        if weight > self.max {
            let (path, limit) = (path.as_str(), self.describe());
            let message = format!("The call's {path} alone is more than the {limit}.");
            return Err(deny(Reason::Denied, message));
        }
        Ok(weight)
    }

    /// The denial of a call that finds the limit full; there is room again
    /// after this many seconds.
    pub fn full(&self, retry_after: u64) -> Denial<'_> {
        let plural = if retry_after == 1 { "" } else { "s" };
        let again = format!("Try again in {retry_after} second{plural}.");
        let message = match &self.on_deny {
            Some(text) => format!("{text} {again}"),
            None => {
                let mut limit = self.describe();
                // The first letter is ASCII: `describe` begins with a word of
                // this file.
                if let Some(first) = limit.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                format!("{limit} reached for {}. {again}", self.subject)
            }
        };
        Denial {
            reason: Reason::RateLimited,
            rule: &self.pointer,
            message: message.into(),
            retry_after: Some(retry_after),
        }
    }

    /// "rate limit of 10 per minute", "budget of 12.5 per day".
    fn describe(&self) -> String {
        let kind = if self.increment_from.is_some() { "budget" } else { "rate limit" };
        format!("{kind} of {} per {}", decimal(self.max), self.window)
    }
}

/// Millionths as a decimal without needless zeros.
fn decimal(millionths: u64) -> String {
    let (whole, part) = (millionths / ONE_CALL, millionths % ONE_CALL);
    if part == 0 {
        return whole.to_string();
    }
    let text = format!("{whole}.{part:06}");
    text.trim_end_matches('0').to_owned()
}
