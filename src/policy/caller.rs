//! The caller of a request, and the rules that apply to it.
//!
//! The rules are looked up once for each request, when its head is there, since they
//! also say what a caller is shown in lists. Where a policy has times, they are looked
//! up again when the call is judged: its body may have come much later.

use super::bodies::Applied;
use super::{Denial, Policy, Reason, Rules};
use crate::limits::window::Nanos;
use crate::policy::document::Mode;

/// The caller of a tool, at a moment.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The caller's id.
    pub id: String,
    /// The rules that apply to it.
    body: Body,
    /// The moment, if anybody asked for it.
    now: Option<Nanos>,
}

/// The rules that apply to a caller.
#[derive(Clone, Copy, Debug)]
enum Body {
    /// They were not looked up, so nothing is allowed.
    Unknown,
    /// Those of the top level.
    Top,
    /// Those of the grant with this number.
    Grant(usize),
}

impl Caller {
    /// The caller with this id, to whom nothing is allowed before its rules are
    /// looked up.
    pub const fn new(id: String) -> Self {
        Self { id, body: Body::Unknown, now: None }
    }

    /// The one caller where no identity is configured. Nothing that a client
    /// can vary makes a second one.
    pub fn anonymous() -> Self {
        Self::new("anonymous".into())
    }
}

impl Policy {
    /// The caller with this id at a moment, of whom nothing else is known.
    pub fn caller(&self, id: &str, now: Nanos) -> Caller {
        let mut caller = Caller::new(id.to_owned());
        self.place(&mut caller, || Some(now));
        caller
    }

    /// Looks up the rules that apply to a caller. The clock is asked only if the
    /// policy has times; without one, nothing is allowed then.
    pub fn place(&self, caller: &mut Caller, now: impl FnOnce() -> Option<Nanos>) {
        caller.now = if self.is_dated { now() } else { None };
        caller.body = match (self.is_dated, caller.now) {
            (true, None) => Body::Unknown,
            (_, now) => self.body(&caller.id, now),
        };
    }

    /// Whether any part of the policy applies for a time only.
    pub const fn is_dated(&self) -> bool {
        self.is_dated
    }

    fn body(&self, id: &str, now: Option<Nanos>) -> Body {
        let grant = match now {
            Some(now) => self.grants.find_where(id, &|rules| applies(rules, now)),
            None => self.grants.find(id),
        };
        grant.map_or(Body::Top, Body::Grant)
    }

    /// The rules that apply to a caller.
    ///
    /// # Errors
    /// There are none.
    pub(super) fn rules(&self, caller: &Caller) -> Result<Applied<'_>, Denial<'_>> {
        let rules = match caller.body {
            Body::Unknown => None,
            Body::Top => Some(&self.top),
            Body::Grant(number) => self.grants.values().get(number),
        };
        rules.map(|rules| self.applied(rules)).ok_or_else(|| Denial {
            reason: Reason::Internal,
            rule: "(internal)",
            message: "The gateway cannot tell which rules apply.".into(),
            retry_after: None,
        })
    }

    fn applied<'p>(&'p self, own: &'p Rules) -> Applied<'p> {
        Applied { own, base: own.extends.then_some(&self.top) }
    }

    /// All rules that can apply to a caller of whom the id alone is known. Those who
    /// decide about a request for approval find its rule among them: the call itself
    /// is judged again by the rules of its own moment.
    pub(super) fn candidates(&self, id: &str) -> Vec<Applied<'_>> {
        let grants = self.grants.values();
        if let Some(grant) = self.grants.find(id).and_then(|number| grants.get(number))
            && !grant.validity.is_bounded()
        {
            return vec![self.applied(grant)];
        }
        let mut candidates = self.grants.all(id);
        candidates.push(&self.top);
        candidates.into_iter().map(|rules| self.applied(rules)).collect()
    }

    /// Whether a denial of this caller's call is only recorded.
    pub fn is_shadow(&self, caller: &Caller) -> bool {
        self.rules(caller).is_ok_and(|rules| rules.own.mode == Mode::Shadow)
    }
}

impl Caller {
    /// The moment, where the policy has times.
    pub(super) const fn now(&self) -> Option<Nanos> {
        self.now
    }
}

/// Whether rules apply to anybody at a moment.
fn applies(rules: &Rules, now: Nanos) -> bool {
    rules.validity.holds(now)
}
