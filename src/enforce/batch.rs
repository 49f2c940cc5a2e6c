//! Several messages in one body.

use super::{Decision, Judged, Passed, Record, Refusal, Situation, refusal};
use crate::counters::Store;
use crate::jsonrpc::Message;
use crate::policy::Reason;

impl<S: Store> Situation<'_, S> {
    /// Judges every message of a batch. All go on, or none does and none is
    /// charged.
    pub(super) fn batch(&self, messages: Vec<Message<'_>>) -> Judged {
        let mut passed = Passed::default();
        passed.asked.batch = true;
        let mut answers = Vec::new();
        for message in messages {
            let id = match &message {
                Message::Call(call) => call.id,
                Message::Response => None,
            };
            let refusal = match self.message(message) {
                Ok(Passed { receipt, records, asked }) => {
                    passed.receipt.extend(receipt);
                    passed.records.extend(records);
                    passed.asked.ids.extend(asked.ids);
                    None
                }
                Err(refusal) => Some(refusal),
            };
            answers.push((id, refusal));
        }
        if answers.iter().all(|(_, refusal)| refusal.is_none()) {
            return Ok(passed);
        }
        self.policy.table.refund(self.store, passed.receipt, self.now);
        let mut refusal = Refusal::batch(self.policy, answers);
        refusal.others.extend(passed.records.into_iter().map(|record| Record {
            decision: Decision::Denied,
            reason: Some(Reason::BatchRefused),
            message: Some(refusal::BATCH.into()),
            limits: Vec::new(),
            ..record
        }));
        for record in &mut refusal.others {
            record.grant = self.grant();
        }
        Err(refusal)
    }
}
