//! Questions to other services, and the answers.
//!
//! A request that asks is held whole. It goes on by an answer, which comes by a door of
//! its own ([`Course::answered`]), and by a permit as any other. The number of those that
//! wait is bounded, and so is the memory that they take: a service that does not answer
//! stops none but those that ask it. One caller gets a part of either, so that whoever
//! makes many calls while a service is slow locks nobody else out.

use super::records::recording;
use super::{Course, Flow, Host};
use crate::exchange::question::{Answer, Failure, Question};
use crate::exchange::{Exchange, Lent, Ticket, Waiting};
use crate::policy::Policy;
use core::cell::RefCell;

thread_local! {
    /// The seats of this worker.
    static ASKING: RefCell<Waiting> = RefCell::new(Waiting::seats());
}

/// The seat of one request among those that wait for answers.
#[derive(Debug)]
pub(super) struct Seat(Option<Ticket>);

impl Seat {
    /// A seat, if one is free and the caller does not have too many.
    fn take(
        exchange: &Exchange,
        policy: &Policy,
        connection: &dyn Fn() -> Option<u64>,
    ) -> Option<Box<Self>> {
        let (_, whose) = exchange.waiting(policy)?;
        ASKING.with(|asking| {
            let ticket = asking.try_borrow_mut().ok()?.enter(1, whose, connection)?;
            Some(Box::new(Self(Some(ticket))))
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let give_back = |asking: &RefCell<Waiting>| {
            if let (Some(ticket), Ok(mut asking)) = (self.0.take(), asking.try_borrow_mut()) {
                asking.leave(ticket);
            }
        };
        // Where the thread has ended, so have its seats.
        ASKING.try_with(give_back).ok();
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
        self.seat = Seat::take(&self.exchange, policy, &|| host.connection());
        if self.seat.is_none() || !host.keep(&self.exchange, policy) {
            return self.answered(host, policy, Answer::Failed(Failure::Crowded));
        }
        match host.ask(question) {
            Ok(()) => Flow::Asking,
            Err(_) => self.answered(host, policy, Answer::Failed(Failure::Dispatch)),
        }
    }
}
