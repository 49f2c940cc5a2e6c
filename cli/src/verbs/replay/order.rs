//! Lines in the order of their time. Workers write their lines as exchanges end, so a log
//! is sorted nearly. As many calls as fit are kept back, and the earliest goes on.

use super::call::Call;
use mcp_policy_filter::limits::window::Nanos;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The most calls that are kept back.
pub(super) const MOST: usize = 4_096;
/// The most bytes of them.
const MOST_BYTES: usize = 64 << 20;

/// Calls on their way.
#[derive(Debug, Default)]
pub(super) struct Order {
    heap: BinaryHeap<Reverse<Waiting>>,
    bytes: usize,
    number: u64,
    /// The moment of the last call that went on.
    last: Option<Nanos>,
    /// Calls that came too late for their place.
    pub(super) late: u64,
    /// Calls that another came before in the log.
    pub(super) moved: u64,
    latest: Option<Nanos>,
}

#[derive(Debug)]
struct Waiting {
    time: Nanos,
    number: u64,
    call: Box<Call>,
}

impl Order {
    /// Adds a call of the log, and takes the one that is its turn, if the place is full.
    pub(super) fn push(&mut self, call: Call) -> Option<Call> {
        if self.latest.is_some_and(|latest| call.time < latest) {
            self.moved = self.moved.saturating_add(1);
        }
        self.latest = self.latest.max(Some(call.time));
        self.bytes = self.bytes.saturating_add(call.size());
        self.number = self.number.saturating_add(1);
        let (time, number, call) = (call.time, self.number, Box::new(call));
        self.heap.push(Reverse(Waiting { time, number, call }));
        if self.heap.len() > MOST || self.bytes > MOST_BYTES { self.pop() } else { None }
    }

    /// Takes the earliest call. Time never goes back: one that is too late is judged at
    /// the moment of the one before.
    pub(super) fn pop(&mut self) -> Option<Call> {
        let Reverse(Waiting { mut call, .. }) = self.heap.pop()?;
        self.bytes = self.bytes.saturating_sub(call.size());
        if let Some(last) = self.last
            && call.time < last
        {
            call.time = last;
            call.is_timed = false;
            self.late = self.late.saturating_add(1);
        }
        self.last = Some(call.time);
        Some(*call)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        (self.time, self.number) == (other.time, other.number)
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time, self.number).cmp(&(other.time, other.number))
    }
}
