//! The words to people about a request, and to a client whose user has declined.

use super::{ApprovalRecord, Draft, Notice, Required, Stage};
use crate::approvals::{Entry, Slots};
use crate::limits::Store;
use crate::limits::window::Nanos;
use crate::policy::Reason;

impl<'p> Draft<'p> {
    /// The answer to an approved call which its own user does not want to be made.
    pub(super) fn declined(&self, entry: &Entry) -> Required<'p> {
        let message = format!(
            "Request {} is approved, but the client's user has declined. To use the approval, make \
             the same call without an answer.",
            entry.id
        );
        let by = entry.approved_by.clone();
        Required {
            record: Some(ApprovalRecord { id: entry.id, stage: Stage::Pending, by }),
            ..self.denial(Reason::ApprovalRequired, message).into()
        }
    }

    /// The notice about a request that waits, if it is due and this worker's to send.
    pub(super) fn notice(
        &self,
        slots: Slots<'_>,
        store: &impl Store,
        entry: &Entry,
        now: Nanos,
    ) -> Option<Box<Notice>> {
        let notify = self.approvals.notify.as_ref()?;
        // One that cannot be noted is sent by a later poll.
        let sends =
            entry.notice.is_due(now) && slots.send(store, entry.id, now).is_ok_and(|sends| sends);
        sends.then(|| {
            Box::new(Notice::new(self.approvals, notify, (self.rule, self.message), entry, now))
        })
    }
}
