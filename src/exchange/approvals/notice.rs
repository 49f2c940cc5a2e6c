//! Notices, by which people learn that a request waits.
//!
//! A receiver shows them to people as they are. So nothing in a notice is of the agent's
//! making: no argument, no name of a tool that it called, no host or path. All of its
//! words are the policy's.

use super::json::Object;
use super::way::ASKS;
use crate::approvals::{Entry, Id, Slots};
use crate::limits::window::Nanos;
use crate::limits::{Store, Trial};
use crate::policy::document::Notify;
use crate::policy::{Approvals, Policy};

/// A notice about one request, for its host to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The request.
    pub id: Id,
    /// The seconds since 1970 at which it was signed.
    timestamp: String,
    signature: String,
    /// The body of the HTTP request, which is JSON.
    pub body: String,
}

impl Notice {
    /// The most milliseconds for which its receiver may take to answer.
    pub const TIMEOUT: u32 = 5_000;
    /// The most notices that one worker has on the way or in line.
    pub const MOST: usize = 16;
    /// The fault of one that is beyond these.
    pub const TOO_MANY: &'static str = "too many are on the way";
    /// The fault of one that Envoy does not send.
    pub const UNSENT: &'static str = "it cannot be sent to the cluster";
    /// The fault of one to which there was no answer.
    pub const UNANSWERED: &'static str = "no answer";

    pub(super) fn new(
        approvals: &Approvals,
        notify: &Notify,
        (rule, asks): (&str, Option<&str>),
        entry: &Entry,
        now: Nanos,
    ) -> Self {
        let mut body = Object::default();
        body.text("event", "approval_requested");
        body.text("id", &entry.id.to_string());
        if let Some(url) = approvals.url_of(entry.id) {
            body.text("url", &url);
        }
        body.text("rule", rule);
        body.text("message", asks.unwrap_or(ASKS));
        body.number("expires", entry.expires.seconds());
        let body = body.end();
        let timestamp = now.seconds().to_string();
        // In one text, so that neither can be taken from another notice.
        let signature = notify.key.hex(&[&*timestamp, ".", &body].concat());
        Self { id: entry.id, timestamp, signature: ["v1=", &signature].concat(), body }
    }

    /// All headers of the HTTP request to a service.
    pub fn headers<'n>(&'n self, to: &'n Notify) -> [(&'static str, &'n str); 6] {
        [
            (":method", "POST"),
            (":authority", &to.authority),
            (":path", &to.path),
            ("content-type", "application/json"),
            ("mcp-approval-timestamp", &self.timestamp),
            ("mcp-approval-signature", &self.signature),
        ]
    }
}

/// Notes the end of a notice's way: the status with which its receiver answered, or the
/// fault for which there is none. Whether it came; if not, a later poll of the agent
/// sends it again.
pub fn arrived(
    policy: &Policy,
    store: &impl Store,
    id: Id,
    answer: Result<&[u8], &'static str>,
    now: Option<Nanos>,
) -> bool {
    let came = matches!(answer, Ok([b'2', _, _]));
    if came {
        if let Some(now) = now {
            // Where this cannot be noted, people are told twice.
            let _ = Slots::new(&policy.table).came(&Trial::through(store), id, now);
        }
    } else {
        let why = answer.map(|status| core::str::from_utf8(status).unwrap_or("?"));
        let why = why.unwrap_or_else(|fault| fault);
        log::warn!("mcp-policy-filter: the notice about {id} did not come: {why}");
    }
    came
}
