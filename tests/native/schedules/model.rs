//! The calls in the order in which they were made, and a plain count of them.

use super::{Counts, Setting, everyone};
use mcp_policy_filter::limits::window::Nanos;
use std::sync::Mutex;

/// A caller and a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    pub caller: u64,
    pub value: u64,
}

/// One call, with its moments: numbers that grow with every event.
#[derive(Clone, Debug)]
pub struct Call {
    pub who: Who,
    pub weight: u64,
    pub now: Nanos,
    pub admitted: bool,
    pub ended: usize,
    /// When it began to be given back.
    pub given_back: Option<usize>,
}

impl Call {
    pub fn new(who: Who, weight: u64, now: Nanos) -> Self {
        Self { who, weight, now, admitted: false, ended: 0, given_back: None }
    }

    /// Whether it counts when all is over.
    pub fn stays(&self) -> bool {
        self.admitted && self.given_back.is_none()
    }

    /// Whether it counted for sure at a moment.
    pub fn counted_at(&self, moment: usize) -> bool {
        self.admitted
            && self.ended <= moment
            && self.given_back.is_none_or(|given_back| given_back > moment)
    }
}

/// All calls of a schedule, by their numbers.
#[derive(Debug, Default)]
pub struct History(Mutex<(usize, Vec<Call>)>);

impl History {
    /// The number of a call that begins.
    pub fn begins(&self, call: Call) -> usize {
        self.event(|_, calls| {
            calls.push(call);
            calls.len() - 1
        })
    }

    pub fn ends(&self, call: usize, admitted: bool) {
        self.event(|moment, calls| {
            calls[call].admitted = admitted;
            calls[call].ended = moment;
        });
    }

    pub fn gives_back(&self, call: usize) {
        self.event(|moment, calls| calls[call].given_back = Some(moment));
    }

    pub fn calls(self) -> Vec<Call> {
        self.0.into_inner().unwrap().1
    }

    fn event<T>(&self, note: impl FnOnce(usize, &mut Vec<Call>) -> T) -> T {
        let mut history = self.0.lock().unwrap();
        history.0 += 1;
        let moment = history.0;
        note(moment, &mut history.1)
    }
}

/// The weights that are charged, by limit and caller, counted as a child would.
pub struct Plain<'a> {
    setting: &'a Setting,
    calls: Vec<&'a Call>,
}

impl<'a> Plain<'a> {
    /// After those of `calls` that were admitted and not given back.
    pub fn after(setting: &'a Setting, calls: &'a [Call]) -> Self {
        Self { setting, calls: calls.iter().filter(|call| call.admitted).collect() }
    }

    /// Whether every limit has room for a call, and a place for its caller.
    pub fn admits(&self, call: &Call) -> bool {
        let limits = || self.setting.limits.iter().enumerate();
        let room =
            limits().all(|(index, limit)| self.used(index, call.who) + call.weight <= limit.max);
        let new = || {
            limits().filter(|(index, limit)| {
                limit.counts != Counts::Everyone && self.used(*index, call.who) == 0
            })
        };
        let places = new().all(|(index, _)| self.holders(index) < self.setting.capacity);
        let values = new().all(|(index, limit)| {
            limit.counts != Counts::Values || self.values(index, call.who) < self.setting.values
        });
        room && places
            && values
            && self.entries() + new().count() as u64 <= self.setting.max_entries
    }

    /// The number of further callers that a limit has a place for.
    pub fn places(&self, index: usize) -> u64 {
        let of_counter = self.setting.capacity - self.holders(index);
        of_counter.min(self.setting.max_entries - self.entries())
    }

    fn used(&self, index: usize, who: Who) -> u64 {
        self.setting.limits[index].sum(who, self.calls.iter().copied())
    }

    /// The number of counts of a limit.
    fn holders(&self, index: usize) -> u64 {
        let limit = &self.setting.limits[index];
        let mut holders: Vec<Who> = Vec::new();
        for who in everyone().filter(|who| self.used(index, *who) > 0) {
            if !holders.iter().any(|other| limit.joins(who, *other)) {
                holders.push(who);
            }
        }
        holders.len() as u64
    }

    /// The number of values of a caller that a limit has counts of.
    fn values(&self, index: usize, who: Who) -> u64 {
        let own = everyone().filter(|other| other.caller == who.caller);
        own.filter(|other| self.used(index, *other) > 0).count() as u64
    }

    fn entries(&self) -> u64 {
        let limits = self.setting.limits.iter().enumerate();
        limits
            .filter(|(_, limit)| limit.counts != Counts::Everyone)
            .map(|(index, _)| self.holders(index))
            .sum()
    }
}
