//! The answers of the endpoint, and the records that go with them.

use super::super::decision::{Attempt, DecisionRecord};
use super::super::json::Object;
use crate::approvals::{Entry, Id, State};
use crate::exchange::Served;
use crate::exchange::reply::Reply;
use crate::limits::window::Nanos;
use crate::policy::Caller;
use std::borrow::Cow;

impl Served {
    pub(super) fn refused(
        mut self,
        why: &'static str,
        caller: &Caller,
        id: Option<Id>,
        entry: Option<&Entry>,
    ) -> Self {
        self.decision = Some(record(Attempt::Refused(why), caller, id, entry));
        self
    }
}

/// The parts of a request that a list has, too.
pub(super) fn summary(entry: &Entry, now: Nanos) -> Object {
    let mut object = Object::default();
    object.text("id", &entry.id.to_string());
    object.text("state", entry.state.as_str());
    object.text("caller", &entry.caller);
    object.text("tool", &entry.tool);
    object.text("rule", entry.rules.first().map(String::as_str).unwrap_or_default());
    object.number("need", u64::from(entry.need));
    object.texts("approved_by", approved_by(entry));
    object.number("expires_in", entry.expires_in(now));
    object
}

/// Those who approved; in a denied entry the one name is that of the one who denied.
pub(super) fn approved_by(entry: &Entry) -> &[String] {
    if entry.state == State::Denied { &[] } else { &entry.approved_by }
}

pub(super) fn list(items: &str, more: bool) -> Served {
    let mut object = Object::default();
    object.raw("approvals", &format!("[{items}]"));
    object.raw("more", if more { "true" } else { "false" });
    answered(200, object)
}

pub(super) fn error(status: u16, says: &str, caller: &Caller) -> Served {
    let mut object = Object::default();
    object.text("error", says);
    object.text("you", &caller.id);
    answered(status, object)
}

pub(super) fn answered(status: u16, object: Object) -> Served {
    let headers: Vec<(&'static str, Cow<'static, str>)> =
        vec![("cache-control", "no-store".into()), ("x-content-type-options", "nosniff".into())];
    let body = object.end().into_bytes();
    let reply = Reply { headers, body, ..Reply::bare(status) };
    Served::new(reply, "approvals")
}

pub(super) fn record(
    attempt: Attempt,
    caller: &Caller,
    id: Option<Id>,
    entry: Option<&Entry>,
) -> DecisionRecord {
    let text = |of: fn(&Entry) -> &String| entry.map(|entry| of(entry).clone());
    DecisionRecord {
        attempt,
        id,
        digest: entry.map(|entry| entry.digest),
        by: caller.id.clone(),
        tool: text(|entry| &entry.tool),
        caller_id: text(|entry| &entry.caller),
        rule: entry.and_then(|entry| entry.rules.first().cloned()),
        reason: text(|entry| &entry.reason).filter(|reason| !reason.is_empty()),
    }
}
