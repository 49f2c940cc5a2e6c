//! The calls and their fates, and so the calls that must have arrived.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::metered::TOOLS;

/// The fate of a call, as far as its client knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has the result.
    Ran,
    /// It has a refusal, or never sent the call whole.
    Refused,
    /// It went away, or was cut off.
    Unknown,
}

/// A metered call that was admitted.
#[derive(Clone, Copy, Debug)]
pub struct Admitted {
    /// The tool.
    pub tool: &'static str,
    /// The caller.
    pub caller: &'static str,
    /// Before it was sent.
    pub sent: SystemTime,
    /// After it was answered.
    pub answered: SystemTime,
}

/// The record of all clients.
#[derive(Debug, Default)]
pub struct Ledger {
    last: AtomicU64,
    fates: Mutex<HashMap<u64, Fate>>,
    tally: Mutex<BTreeMap<&'static str, Tally>>,
    wrong: Mutex<(u64, Vec<String>)>,
    judged: Mutex<BTreeSet<(String, Option<bool>)>>,
    admitted: Mutex<Vec<Admitted>>,
    cut_off: AtomicU64,
}

/// The outcomes of one kind of exchange.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// As it has to be.
    pub right: u64,
    /// Broken off by Envoy, as connections under an older policy are.
    pub broken_off: u64,
}

impl Ledger {
    /// A number that no call had.
    pub fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Notes the fate of the call with this number.
    pub fn fate(&self, number: u64, fate: Fate) {
        self.fates.lock().expect("no panic").insert(number, fate);
    }

    /// An exchange ended as it has to.
    pub fn right(&self, kind: &'static str) {
        self.tally.lock().expect("no panic").entry(kind).or_default().right += 1;
    }

    /// An exchange was broken off.
    pub fn broken_off(&self, kind: &'static str) {
        self.tally.lock().expect("no panic").entry(kind).or_default().broken_off += 1;
    }

    /// Something that must not be.
    pub fn wrong(&self, what: String) {
        let (count, shown) = &mut *self.wrong.lock().expect("no panic");
        *count += 1;
        if shown.len() < 10 {
            shown.push(what);
        }
    }

    /// A refusal named this policy; on the same connection, the tool that
    /// every other policy allows was allowed or not.
    pub fn judged(&self, policy: &str, turn: Option<bool>) {
        self.judged.lock().expect("no panic").insert((policy.to_owned(), turn));
    }

    /// A metered call was admitted.
    pub fn admitted(&self, admitted: Admitted) {
        self.admitted.lock().expect("no panic").push(admitted);
    }

    /// A metered call may have been charged that has no answer.
    pub fn metered_cut_off(&self) {
        self.cut_off.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of metered calls of the tool with a limit in all that have a result.
    pub fn metered_results(&self) -> u64 {
        let admitted = self.admitted.lock().expect("no panic");
        admitted.iter().filter(|call| call.tool == TOOLS[0]).count() as u64
    }

    /// The number of metered calls that were cut off.
    pub fn metered_unknown(&self) -> u64 {
        self.cut_off.load(Ordering::Relaxed)
    }

    /// All metered calls that were admitted.
    pub fn all_admitted(&self) -> Vec<Admitted> {
        self.admitted.lock().expect("no panic").clone()
    }

    /// Every policy that was named, with what it said of the tool.
    pub fn policies(&self) -> BTreeSet<(String, Option<bool>)> {
        self.judged.lock().expect("no panic").clone()
    }

    /// The fate of every call.
    pub fn fates(&self) -> HashMap<u64, Fate> {
        self.fates.lock().expect("no panic").clone()
    }

    /// The tally of every kind.
    pub fn tally(&self) -> BTreeMap<&'static str, Tally> {
        self.tally.lock().expect("no panic").clone()
    }

    /// The number of things that were wrong, and the first of them.
    pub fn all_wrong(&self) -> (u64, Vec<String>) {
        self.wrong.lock().expect("no panic").clone()
    }

    /// One line about the present state.
    pub fn summary(&self) -> String {
        let tally = self.tally();
        let sum = |part: fn(&Tally) -> u64| tally.values().map(part).sum::<u64>();
        let (right, broken_off) = (sum(|tally| tally.right), sum(|tally| tally.broken_off));
        format!("{right} exchanges, {broken_off} broken off, {} wrong", self.all_wrong().0)
    }
}
