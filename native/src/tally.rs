//! Calls that a worker has counted and Envoy has not been told of yet.
//!
//! Envoy finds a counter by the texts of its labels, which takes it twice as long as a
//! small policy takes to decide. So a worker tells it of calls with the same labels
//! together: when the last call that was counted has its answer or is over, and after
//! [`MOST`] calls at the latest. A call that is alone is told of by itself, before its
//! client has the answer.

use crate::metrics::Calls;
use std::rc::Rc;

/// Calls that are told of together at most.
const MOST: u64 = 64;
/// Labels of the calls that are told of together.
const MOST_LABELS: usize = 16;
/// Configurations of which a worker keeps calls.
const MOST_CONFIGS: usize = 8;

/// The calls of one worker.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    tallies: Vec<Tally>,
    /// The number of calls that were counted, which numbers them.
    counted: u64,
}

/// The calls under one configuration, whose counters are its own.
#[derive(Debug, Default)]
struct Tally {
    config: u64,
    calls: Vec<(Rc<Calls>, u64)>,
    /// The sum.
    count: u64,
    /// The number of the last of them.
    last: u64,
}

/// The number of a call: whoever has that of the last one has all of them told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

impl Tallies {
    /// Counts a call under a configuration. `tell` is given those that are due: labels and
    /// how many calls have them.
    pub(crate) fn count(
        &mut self,
        config: u64,
        calls: &Rc<Calls>,
        mut tell: impl FnMut(&Calls, u64),
    ) -> Ticket {
        self.counted = self.counted.wrapping_add(1);
        let ticket = Ticket(self.counted);
        let Some(tally) = self.of(config) else {
            tell(calls, 1);
            return ticket;
        };
        tally.last = ticket.0;
        match tally.calls.iter_mut().find(|(known, _)| Rc::ptr_eq(known, calls)) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => tally.calls.push((calls.clone(), 1)),
        }
        tally.count = tally.count.saturating_add(1);
        if tally.count >= MOST || tally.calls.len() >= MOST_LABELS {
            tally.tell(tell);
        }
        ticket
    }

    /// Tells of all calls under a configuration if this was the last of them.
    pub(crate) fn settle(&mut self, config: u64, ticket: Ticket, tell: impl FnMut(&Calls, u64)) {
        let mut tallies = self.tallies.iter_mut();
        if let Some(tally) = tallies.find(|tally| tally.config == config && tally.last == ticket.0)
        {
            tally.tell(tell);
        }
    }

    /// The calls under a configuration, which may take the place of one that has none.
    fn of(&mut self, config: u64) -> Option<&mut Tally> {
        let known = self.tallies.iter().position(|tally| tally.config == config);
        let place = known.or_else(|| self.tallies.iter().position(|tally| tally.count == 0));
        let place = match place {
            Some(place) => place,
            None if self.tallies.len() < MOST_CONFIGS => {
                self.tallies.push(Tally::default());
                self.tallies.len().saturating_sub(1)
            }
            None => return None,
        };
        let tally = self.tallies.get_mut(place)?;
        tally.config = config;
        Some(tally)
    }
}

impl Tally {
    fn tell(&mut self, mut tell: impl FnMut(&Calls, u64)) {
        self.calls.drain(..).for_each(|(calls, count)| tell(&calls, count));
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The labels of calls of a tool.
    fn calls(tool: usize) -> Rc<Calls> {
        let rule = format!("/tools/{tool}");
        Rc::new(Calls { decision: "allowed", reason: "none", rule, tool: Some(tool.to_string()) })
    }

    /// Tallies, and all that Envoy was told.
    #[derive(Default)]
    struct Worker {
        tallies: Tallies,
        told: Vec<(u64, String, u64)>,
    }

    impl Worker {
        fn count(&mut self, config: u64, calls: &Rc<Calls>) -> Ticket {
            let told = &mut self.told;
            self.tallies.count(config, calls, |calls, count| {
                told.push((config, calls.rule.clone(), count));
            })
        }

        fn settle(&mut self, config: u64, ticket: Ticket) {
            let told = &mut self.told;
            self.tallies.settle(config, ticket, |calls, count| {
                told.push((config, calls.rule.clone(), count));
            });
        }

        fn told(&mut self) -> Vec<(u64, String, u64)> {
            std::mem::take(&mut self.told)
        }

        fn sum(&self) -> u64 {
            self.told.iter().map(|(_, _, count)| count).sum()
        }
    }

    #[test]
    fn the_last_call_tells_of_all_and_no_other_does() {
        let (mut worker, a, b) = (Worker::default(), calls(1), calls(2));
        let first = worker.count(1, &a);
        let second = worker.count(1, &a);
        let third = worker.count(1, &b);
        worker.settle(1, second);
        worker.settle(1, first);
        assert_eq!(worker.told(), []);
        worker.settle(1, third);
        let (one, other) = ("/tools/1".to_owned(), "/tools/2".to_owned());
        assert_eq!(worker.told(), [(1, one, 2), (1, other, 1)]);
        worker.settle(1, third);
        assert_eq!(worker.told(), []);
    }

    #[test]
    fn calls_that_never_end_are_told_of_too() {
        let (mut worker, a) = (Worker::default(), calls(1));
        for _ in 0..MOST * 3 + 1 {
            worker.count(1, &a);
        }
        assert_eq!(worker.sum(), MOST * 3);
        // And with labels of their own each.
        let mut worker = Worker::default();
        for tool in 0..=MOST_LABELS {
            worker.count(1, &calls(tool));
        }
        assert_eq!(worker.sum(), MOST_LABELS as u64);
    }

    #[test]
    fn each_configuration_is_told_of_its_own() {
        let (mut worker, a) = (Worker::default(), calls(1));
        let (first, second) = (worker.count(1, &a), worker.count(2, &a));
        worker.settle(1, second);
        worker.settle(2, first);
        assert_eq!(worker.told(), []);
        worker.settle(1, first);
        assert_eq!(worker.told(), [(1, "/tools/1".into(), 1)]);
        worker.settle(2, second);
        assert_eq!(worker.told(), [(2, "/tools/1".into(), 1)]);
    }

    /// Those of a configuration that went with calls under it keep their place, so that
    /// there may be none for a new one.
    #[test]
    fn a_configuration_without_a_place_is_told_at_once() {
        let (mut worker, a) = (Worker::default(), calls(1));
        let most = MOST_CONFIGS as u64;
        let tickets: Vec<_> = (0..most).map(|config| worker.count(config, &a)).collect();
        let late = worker.count(most, &a);
        assert_eq!(worker.told(), [(most, "/tools/1".into(), 1)]);
        worker.settle(most, late);
        assert_eq!(worker.told(), []);
        worker.settle(0, *tickets.first().unwrap());
        assert_eq!(worker.told(), [(0, "/tools/1".into(), 1)]);
        worker.count(most, &a);
        assert_eq!(worker.told(), []);
    }
}
