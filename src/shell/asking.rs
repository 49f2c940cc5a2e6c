//! Questions to other services, and the answers.
//!
//! A request that asks is held whole. It goes on by an answer, which comes by a door of
//! its own ([`Course::answered`]), and by a permit as any other. The number of those that
//! wait is bounded, and so is the memory that they take: a service that does not answer
//! stops none but those that ask it.

use super::records::recording;
use super::{Course, Flow, Host};
use crate::exchange::Lent;
use crate::exchange::question::{Answer, Failure, Question};
use crate::policy::Policy;
use core::cell::Cell;

/// The most requests of a worker that wait for answers at a time. Envoy lets 1,024 go to
/// one cluster at a time, unless it is told otherwise.
const MOST_ASKING: usize = 4096;

thread_local! {
    static ASKING: Cell<usize> = const { Cell::new(0) };
}

/// The seat of one request among those that wait for answers.
#[derive(Debug)]
pub(super) struct Seat(());

impl Seat {
    /// A seat, if one is free.
    fn take() -> Option<Self> {
        let asking = ASKING.get();
        (asking < MOST_ASKING).then(|| {
            ASKING.set(asking.saturating_add(1));
            Self(())
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        ASKING.set(ASKING.get().saturating_sub(1));
    }
}

impl Course {
    /// Takes the answer to the question that was asked last. One that nobody waits for
    /// changes nothing.
    pub fn answered<H: Host>(&mut self, host: &mut H, policy: &Policy, answer: Answer) -> Flow {
        if !self.exchange.asks() {
            return Flow::Wait;
        }
        self.seat = None;
        host.release();
        let step = recording(host, policy, |host, records| {
            let Some(now) = host.now() else {
                return self.exchange.fail(policy, "the gateway has no clock", records);
            };
            records.now = Some(now);
            let lent = Lent { policy, peer: &host.peer(policy), store: host.store(), records };
            self.exchange.answered(lent, answer, now)
        });
        self.carry_out(host, policy, step)
    }

    /// Refuses a request that the host did not let go on after an answer.
    pub fn stuck<H: Host>(&mut self, host: &mut H, policy: &Policy) -> Flow {
        if let Some(now) = host.now() {
            self.exchange.take_back(policy, host.store(), now);
        }
        let step = recording(host, policy, |_, records| {
            self.exchange.fail(policy, "the request cannot be continued", records)
        });
        self.carry_out(host, policy, step)
    }

    /// Sends a question, or has the exchange answer for one that cannot be sent.
    pub(super) fn put<H: Host>(
        &mut self,
        host: &mut H,
        policy: &Policy,
        question: Question,
    ) -> Flow {
        self.seat = Seat::take();
        if self.seat.is_none() || !host.keep(&self.exchange, policy) {
            return self.answered(host, policy, Answer::Failed(Failure::Crowded));
        }
        match host.ask(question) {
            Ok(()) => Flow::Asking,
            Err(_) => self.answered(host, policy, Answer::Failed(Failure::Dispatch)),
        }
    }
}
