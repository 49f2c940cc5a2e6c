//! The endpoint at which people see requests and decide. Nothing of it goes
//! upstream.
//!
//! A decision has no body: without `hold_request_headers`, the headers of a request
//! with one would go upstream before it is read, with an approver's token. So a head
//! decides all.

mod answer;
mod approver;
mod form;

use super::decision::Attempt;
use super::json::Object;
use super::page;
use crate::approvals::{Decided, DecisionError, Id, Slots, State, Verdict};
use crate::digest::{hex, unhex};
use crate::exchange::Served;
use crate::exchange::head;
use crate::exchange::identity::{Given, NoIdentity, Peer};
use crate::exchange::target::is_below;
use crate::limits::window::Nanos;
use crate::limits::{ChargeError, Store, StoreError, Trial};
use crate::policy::{Approvals, Caller, Holders, Policy};
use answer::{answered, approved_by, error, list, record, summary};
use core::cell::OnceCell;
use form::{Deciding, Form, percent_decode};
use std::borrow::Cow;

/// The most requests of a list.
const LISTED: usize = 100;
/// The most bytes of the reason of a denial.
const LONGEST_REASON: usize = 256;
/// The header that repeats the digest of the call that an approver saw. A form of
/// another site cannot set it.
const DIGEST: &str = "mcp-approval-digest";

/// One request to the endpoint.
pub(in crate::exchange) struct Endpoint<'a, S, H> {
    pub(in crate::exchange) policy: &'a Policy,
    pub(in crate::exchange) approvals: &'a Approvals,
    pub(in crate::exchange) headers: H,
    pub(in crate::exchange) peer: &'a dyn Peer,
    pub(in crate::exchange) store: &'a S,
    pub(in crate::exchange) caller: &'a dyn Fn() -> Result<Caller, NoIdentity>,
    /// Whether the request meets `approver_require`, once it was asked: a list asks
    /// for each of its entries, and each answer may cost a whole budget of work.
    pub(in crate::exchange) admitted: OnceCell<bool>,
}

/// The reasons for which a decision is refused before it reaches its request.
struct Refused {
    status: u16,
    why: &'static str,
    says: Cow<'static, str>,
}

impl<'a, 'h, S, H> Endpoint<'a, S, H>
where
    S: Store,
    H: Iterator<Item = (&'h [u8], &'h [u8])> + Clone,
{
    /// The answer to a request; `end` if it ends with its headers. `None` if it is not
    /// one to the endpoint.
    pub(in crate::exchange) fn answer(
        &self,
        end: bool,
        now: impl FnOnce() -> Option<Nanos>,
    ) -> Option<Served> {
        let one = |name| match head::given(self.headers.clone(), name) {
            Given::Once(value) => Some(value),
            Given::Never | Given::Twice => None,
        };
        let path = self.approvals.path.as_ref()?;
        let rest = is_below(path, one(":path")?)?;
        let form = core::str::from_utf8(rest).ok().and_then(Form::parse);
        let queried =
            rest.contains(&b'?') && !matches!(form, Some(Form::Decide(_, Deciding::Deny(_))));
        Some(self.respond(one(":method").unwrap_or_default(), form, queried, end, now))
    }

    fn respond(
        &self,
        method: &[u8],
        form: Option<Form<'_>>,
        queried: bool,
        end: bool,
        now: impl FnOnce() -> Option<Nanos>,
    ) -> Served {
        let is_read = matches!(method, b"GET" | b"HEAD");
        let is_place = matches!(form, Some(Form::List | Form::One(_)));
        let bare = self.is_bare(end);
        if is_read && is_place && bare && page::is_asked(self.headers.clone()) {
            return page::served();
        }
        let caller = match (self.caller)() {
            Ok(caller) => caller,
            Err(why) => return self.nobody(why, form.as_ref()),
        };
        let caller = &caller;
        let Some(form) = form else { return self.not_found(caller) };
        let allowed = match form {
            Form::List | Form::One(_) if !is_read => Some("GET, HEAD"),
            Form::Decide(..) if method != b"POST" => Some("POST"),
            _ => None,
        };
        if let Some(allowed) = allowed {
            let mut answered = error(405, "another HTTP method is needed here", caller);
            answered.reply.headers.push(("allow", allowed.into()));
            return answered;
        }
        if !bare {
            return error(400, "a request here must have no body", caller);
        }
        if queried {
            // A token in it would be in logs, and in the history of a browser.
            return error(400, "a request here must have no query", caller);
        }
        let Some(now) = now() else { return error(500, "the gateway has no clock", caller) };
        match form {
            Form::List => self.list(caller, now),
            Form::One(id) => self.show(caller, id, now),
            Form::Decide(id, deciding) => self.decide(caller, id, &deciding, now),
        }
    }

    /// Whether a request has no body.
    fn is_bare(&self, end: bool) -> bool {
        end || head::given(self.headers.clone(), "content-length") == Given::Once(b"0")
    }

    fn nobody(&self, why: NoIdentity, form: Option<&Form<'_>>) -> Served {
        let mut object = Object::default();
        object.text("error", &why.to_string());
        let mut answered = answered(401, object);
        if self.policy.challenges() {
            let invalid = matches!(why, NoIdentity::InvalidToken(_));
            let challenge = self.policy.challenge(invalid);
            answered.reply.headers.push(("www-authenticate", challenge.into()));
        }
        match form {
            Some(Form::Decide(id, _)) => {
                let nobody = Caller::new(String::new());
                answered.refused("no_identity", &nobody, Some(*id), None)
            }
            _ => answered,
        }
    }

    fn not_found(&self, caller: &Caller) -> Served {
        error(404, "there is no such request, or it is over", caller)
    }

    fn list(&self, caller: &Caller, now: Nanos) -> Served {
        if !self.policy.may_approve_something(&caller.id) {
            return list("", false);
        }
        let charge = self.approvals.lists.plain(&Holders::new(&self.policy.table, caller, None));
        let store = Trial::through(self.store);
        match self.policy.table.charge(&store, &[charge], now) {
            Ok(_) => {}
            Err(ChargeError::Limit { retry_after, .. }) => {
                let mut answered = error(429, "too many lists in a minute", caller);
                answered.reply.retry_after = Some(retry_after);
                return answered;
            }
            Err(ChargeError::Counter { .. }) => {
                return error(503, "the gateway cannot count this request", caller);
            }
        }
        let (mut items, mut count, mut more) = (String::new(), 0_usize, false);
        let visited = self.slots().each(self.store, now, |entry| {
            let open = matches!(entry.state, State::Pending | State::Approved);
            if open && self.may_decide(caller, &entry).is_ok() {
                more = count == LISTED;
                if !more {
                    count = count.saturating_add(1);
                    items.push_str(if items.is_empty() { "" } else { "," });
                    items.push_str(&summary(&entry, now).end());
                }
            }
            !more
        });
        match visited {
            Ok(()) => list(&items, more),
            Err(_) => error(503, "the gateway cannot read the requests", caller),
        }
    }

    fn show(&self, caller: &Caller, id: Id, now: Nanos) -> Served {
        let entry = match self.slots().by_id(self.store, id, now) {
            Ok(entry) => entry,
            Err(why) => return self.unknown(why, id, caller),
        };
        if entry.caller == caller.id {
            let mut object = Object::default();
            object.text("id", &id.to_string());
            object.text("state", entry.state.as_str());
            object.number("expires_in", entry.expires_in(now));
            return answered(200, object);
        }
        match self.may_decide(caller, &entry) {
            Ok(()) => {}
            Err(Refused { status: 409, says, .. }) => return error(409, &says, caller),
            Err(_) => return self.not_found(caller),
        }
        let mut object = summary(&entry, now);
        object.text("digest", &hex(&entry.digest));
        object.text("route", &entry.route);
        object.text("authority", &entry.authority);
        object.text("path", &entry.path);
        object.texts("rules", &entry.rules);
        // With these two, whoever is shown the rest can compute the digest of it.
        object.text("rule_hash", &hex(&entry.rule_hash));
        object.text("namespace", &String::from_utf8_lossy(self.slots().namespace()));
        object.text("policy", &entry.policy);
        object.text("params", &entry.params);
        if entry.state == State::Denied {
            object.text("reason", &entry.reason);
        }
        answered(200, object)
    }

    fn decide(&self, caller: &Caller, id: Id, deciding: &Deciding<'_>, now: Nanos) -> Served {
        let entry = match self.slots().by_id(self.store, id, now) {
            Ok(entry) => entry,
            Err(why) => {
                let answered = self.unknown(why, id, caller);
                return answered.refused("unknown", caller, Some(id), None);
            }
        };
        let decided = self.may_decide(caller, &entry).and_then(|()| {
            self.is_of_this_site()?;
            let digest = self.digest()?;
            let reason = reason(deciding)?;
            let verdict = match deciding {
                Deciding::Approve => Verdict::Approve,
                Deciding::Deny(_) => Verdict::Deny(&reason),
            };
            let decided = self.slots().decide(self.store, id, &digest, &caller.id, verdict, now);
            decided.map_err(Refused::from)
        });
        match decided {
            Ok(Decided(entry)) => {
                let mut object = Object::default();
                object.text("id", &id.to_string());
                object.text("state", entry.state.as_str());
                object.texts("approved_by", approved_by(&entry));
                let attempt = match deciding {
                    Deciding::Approve => Attempt::Approved,
                    Deciding::Deny(_) => Attempt::Denied,
                };
                let mut answered = answered(200, object);
                answered.decision = Some(record(attempt, caller, Some(id), Some(&entry)));
                answered
            }
            Err(Refused { status, why, says }) => {
                error(status, &says, caller).refused(why, caller, Some(id), Some(&entry))
            }
        }
    }

    fn slots(&self) -> Slots<'a> {
        Slots::new(&self.policy.table)
    }

    fn unknown(&self, why: DecisionError, id: Id, caller: &Caller) -> Served {
        match why {
            DecisionError::Store(_) => error(503, "the gateway cannot read the requests", caller),
            _ if !id.is_of(self.slots().salt()) => {
                error(404, "the request was made at another gateway, or before a restart", caller)
            }
            _ => self.not_found(caller),
        }
    }

    fn digest(&self) -> Result<[u8; 32], Refused> {
        let given = head::given(self.headers.clone(), DIGEST);
        let digest = match given {
            Given::Once(line) => unhex(line),
            Given::Never | Given::Twice => None,
        };
        digest.ok_or_else(|| Refused {
            status: 400,
            why: "no_digest",
            says: format!("the header {DIGEST} must repeat the digest of the request, once").into(),
        })
    }
}

impl From<DecisionError> for Refused {
    fn from(error: DecisionError) -> Self {
        let (status, why, says) = match error {
            DecisionError::Unknown => (404, "unknown", "there is no such request, or it is over"),
            DecisionError::OtherCall => {
                (409, "digest", "the request is for another call than the one you saw")
            }
            DecisionError::Denied => (409, "denied", "the request was denied before"),
            DecisionError::Approved => (409, "approved", "the request was approved before"),
            DecisionError::Twice => (409, "twice", "you have approved the request before"),
            DecisionError::Store(StoreError::Contended) => {
                (503, "store", "the gateway is too busy to store the decision; try again")
            }
            DecisionError::Store(_) => (503, "store", "the gateway cannot store the decision"),
        };
        Self { status, why, says: says.into() }
    }
}

/// The reason in the query of a denial.
fn reason(deciding: &Deciding<'_>) -> Result<String, Refused> {
    let Deciding::Deny(Some(query)) = deciding else { return Ok(String::new()) };
    let decoded = query.strip_prefix("reason=").and_then(percent_decode);
    decoded
        .filter(|reason| reason.len() <= LONGEST_REASON && !reason.chars().any(char::is_control))
        .ok_or_else(|| Refused {
            status: 400,
            why: "reason",
            says: format!(
                "the query of a denial is `reason=`, percent-encoded, with at most {LONGEST_REASON} \
                 bytes and no control characters"
            )
            .into(),
        })
}
