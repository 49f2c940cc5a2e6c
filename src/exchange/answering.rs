//! The answers that a judged request waits for.

use super::inquiry::{Consulted, Counted, Next};
use super::judge::{Answered, Verdict};
use super::question::Answer;
use super::{Exchange, Lent, State, Step, out_of_order};
use crate::limits::window::Nanos;
use crate::limits::{Store, Trial};

impl Exchange {
    /// Whether it waits for an answer.
    pub const fn asks(&self) -> bool {
        matches!(self.state, State::Asking(..))
    }

    /// Takes the answer to the last question, which [`Step::Ask`] asked. One that nobody
    /// waits for changes nothing.
    pub fn answered(&mut self, lent: Lent<'_, impl Store>, answer: Answer, now: Nanos) -> Step {
        let Lent { policy, store, records, .. } = lent;
        let State::Asking(pending, trace, deadline) = &mut self.state else { return Step::Wait };
        let answer = answer.in_time(now >= *deadline);
        let answered = match pending.next(answer, now, &mut |event| records.consulted(event)) {
            Next::Ask(question) => {
                records.consulted(Consulted::asking(&question));
                *deadline = question.deadline(now);
                return Step::Ask(question);
            }
            Next::Pass(counted, approval) => {
                pending.count(&counted);
                if let Counted::Nowhere { tags, .. } = counted {
                    // Otherwise the count of the process would decide later.
                    let uncounted = self.receipt.take(&tags);
                    policy.table.refund(&Trial::through(store), uncounted, now);
                }
                Answered::Goes(approval)
            }
            Next::Deny(denied) => Answered::Denied(denied),
            Next::Unapproved(told) => Answered::Unapproved(told),
            #[cfg(any(test, not(target_os = "wasi")))]
            Next::Here => Answered::Here,
        };
        let receipt = core::mem::take(&mut self.receipt);
        match pending.verdict(&answered, receipt, policy, store, now) {
            Verdict::Go { permit, receipt, records: made, asked } => {
                made.into_iter().for_each(|record| records.record(&record, trace));
                let trace = core::mem::take(trace);
                self.gone(permit, receipt, asked, (trace, now))
            }
            Verdict::Refuse(refusal) => {
                let refused = refusal.write(trace, records);
                self.replied(refused)
            }
            Verdict::Ask { receipt, .. } => {
                self.receipt = receipt;
                self.refuse_late(out_of_order(policy), records)
            }
        }
    }
}

#[cfg(test)]
mod tests;
