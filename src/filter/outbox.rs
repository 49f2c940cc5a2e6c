//! Notices in line and on the way.
//!
//! A call outlives its stream, since Envoy makes all calls for the root context. But the SDK
//! hands an answer to the context that made the call, or to nobody once that is gone, and a
//! stream that leads to a notice is answered at once. So notices are sent by the root
//! context, from a tick of its timer. They are sent by the SDK's function, since it hands on
//! the answers to its own calls alone, and panics at any other. It also panics at statuses
//! that Envoy does not have for a call: neither a missing cluster nor one without a host, an
//! overflow or a withheld capability has one of these.

use super::host;
use crate::approvals::Id;
use crate::exchange::approvals::Notice;
use crate::policy::document::Notify;
use core::time::Duration;
use proxy_wasm::hostcalls::dispatch_http_call;

/// The notices of one configuration in one worker.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    line: Vec<Notice>,
    /// The calls on the way, by the host's numbers.
    calls: Vec<(u32, Id)>,
}

impl Outbox {
    /// Puts a notice in line, unless there are too many; whether it did.
    pub(super) fn add(&mut self, notice: Notice) -> bool {
        let has_room = self.line.len().saturating_add(self.calls.len()) < Notice::MOST;
        let is_awaited = has_room && (!self.line.is_empty() || host::set_tick_period(1).is_ok());
        if is_awaited {
            self.line.push(notice);
        }
        is_awaited
    }

    /// Sends all that are in line; those that cannot be sent.
    pub(super) fn send(&mut self, to: &Notify) -> Vec<Id> {
        let mut failed = Vec::new();
        for notice in self.line.drain(..) {
            let body = Some(notice.body.as_bytes());
            let timeout = Duration::from_millis(Notice::TIMEOUT.into());
            // No trailers, and no `cancel` of a call: the SDK would keep its number.
            match dispatch_http_call(
                &to.cluster,
                notice.headers(to).into(),
                body,
                Vec::new(),
                timeout,
            ) {
                Ok(token) => self.calls.push((token, notice.id)),
                Err(_) => failed.push(notice.id),
            }
        }
        failed
    }

    /// Takes a call that is over; the request that it was about.
    pub(super) fn end(&mut self, token: u32) -> Option<Id> {
        let at = self.calls.iter().position(|(other, _)| *other == token)?;
        Some(self.calls.swap_remove(at).1)
    }
}
