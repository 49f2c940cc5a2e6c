//! The counters against a plain model, under random schedules: workers that
//! read and write the same values in every order that compare-and-swap allows.
//!
//! Each worker is a thread, but only one runs at a time: at every access to the
//! store it hands on to one that a seeded generator picks. So a schedule is
//! what a seed says, and a failure names the seed that shows it again.
//! `SCHEDULES` in the environment asks for more of them.

mod approvals;
mod baton;
mod model;

use crate::random::Random;
use baton::{Baton, Contested};
use mcp_policy_filter::limits::window::{Algorithm, Nanos, ONE_CALL, Window};
use mcp_policy_filter::limits::{Charge, Holder, Receipt, Store, Table, Tag, Values};
use model::{Call, History, Plain, Who};
use std::panic::{self, AssertUnwindSafe};
use std::{env, thread};

/// A beginning of a minute.
const NOON: u64 = 1_800_000_000;
/// The second of that minute's end.
const EDGE: u64 = 60;

/// The conditions of all calls of a schedule.
#[derive(Debug)]
struct Setting {
    limits: Vec<Limit>,
    capacity: u64,
    max_entries: u64,
    /// Values that a caller can hold.
    values: u64,
    workers: usize,
    /// The number of times that a worker tries to write.
    tries: usize,
    /// The number of a hundred writes that fail though nobody else has written.
    spurious: u64,
    /// Whether windows turn while workers are at it.
    turns: bool,
}

#[derive(Debug)]
struct Limit {
    max: u64,
    counts: Counts,
    algorithm: Algorithm,
}

/// The calls that a limit counts together: all, those of a caller, those of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    Everyone,
    Callers,
    /// Each value of each caller.
    Values,
    /// Each value of all callers.
    SharedValues,
}

impl Setting {
    fn new(random: &mut Random) -> Self {
        let limit = |random: &mut Random| Limit {
            max: 1 + random.below(5),
            counts: random.of([
                Counts::Everyone,
                Counts::Callers,
                Counts::Values,
                Counts::SharedValues,
            ]),
            algorithm: random.of([Algorithm::Fixed, Algorithm::Sliding]),
        };
        Self {
            limits: (0..=random.below(3)).map(|_| limit(random)).collect(),
            capacity: random.of([1, 2, 1000]),
            max_entries: random.of([1, 3, 1000, 1000]),
            values: random.of([1, 2, 256]),
            workers: 1 + random.below(4) as usize,
            tries: random.of([2, 100, 100, 100]),
            spurious: random.of([0, 0, 20]),
            turns: random.of([true, false, false]),
        }
    }

    fn table(&self) -> Table {
        Table::new("schedules", self.capacity, self.max_entries).with_values(self.values)
    }

    fn charge(&self, index: usize, who: Who, weight: u64) -> Charge {
        let Limit { max, counts, algorithm } = self.limits[index];
        let tag = Tag::new(&[b"limit", &index.to_le_bytes()]);
        let (caller, value) = (format!("caller {}", who.caller), format!("value {}", who.value));
        let table = self.table();
        let own = table.holder_for_caller(&caller);
        let holder = match counts {
            Counts::Everyone => Holder::for_everyone(tag),
            Counts::Callers => own,
            Counts::Values => table.holder_for_values(Some(&caller), &[value]),
            Counts::SharedValues => table.holder_for_values(None, &[value]),
        };
        let shared = counts == Counts::SharedValues;
        let by_value = shared || counts == Counts::Values;
        let values = by_value.then_some(Values { caller: own, shared });
        let per_caller = counts != Counts::Everyone;
        let (max, weight) = (max * ONE_CALL, weight * ONE_CALL);
        let window = Window::new(60).unwrap();
        let apart = false;
        Charge { tag, holder, per_caller, values, apart, window, algorithm, max, weight }
    }

    /// Whether a count can be without weight and still be that of the caller who
    /// brought its value, which a plain model does not know.
    fn shares_values(&self) -> bool {
        self.limits.iter().any(|limit| limit.counts == Counts::SharedValues)
    }

    /// Whether a write that gives something back may have been given up.
    fn gives_up(&self) -> bool {
        self.tries < 100
    }
}

impl Limit {
    /// Whether two calls share its count.
    fn joins(&self, one: Who, other: Who) -> bool {
        match self.counts {
            Counts::Everyone => true,
            Counts::Callers => one.caller == other.caller,
            Counts::Values => one == other,
            Counts::SharedValues => one.value == other.value,
        }
    }

    /// The weight of those calls that this limit counts with one of `who`.
    fn sum<'a>(&self, who: Who, calls: impl IntoIterator<Item = &'a Call>) -> u64 {
        let calls = calls.into_iter().filter(|call| self.joins(who, call.who));
        calls.map(|call| call.weight).sum()
    }
}

/// All that a call of a schedule can be.
fn everyone() -> impl Iterator<Item = Who> {
    (0..2).flat_map(|caller| (0..2).map(move |value| Who { caller, value }))
}

/// One worker: makes calls, and gives some of them back.
fn work(setting: &Setting, store: &impl Store, history: &History, mut random: Random) {
    let table = setting.table();
    let mut receipts: Vec<(usize, Receipt)> = Vec::new();
    for _ in 0..2 + random.below(6) {
        let second = if setting.turns { EDGE - 2 + random.below(4) } else { random.below(3) };
        let now = at(second);
        if random.below(3) == 0 && !receipts.is_empty() {
            let index = random.below(receipts.len() as u64) as usize;
            let (call, receipt) = receipts.swap_remove(index);
            history.gives_back(call);
            table.refund(store, receipt, now);
            continue;
        }
        let who = Who { caller: random.below(2), value: random.below(2) };
        let weight = 1 + random.below(2);
        // One call, or a batch of two with the same weight.
        let calls = if weight == 2 { random.of([1, 2]) } else { 1 };
        let charge = |index| setting.charge(index, who, weight / calls);
        let charges: Vec<Charge> =
            (0..calls).flat_map(|_| (0..setting.limits.len()).map(charge)).collect();
        let call = history.begins(Call::new(who, weight, now));
        let charged = table.charge(store, &charges, now);
        history.ends(call, charged.is_ok());
        receipts.extend(charged.ok().map(|receipt| (call, receipt)));
    }
}

fn at(second: u64) -> Nanos {
    Nanos((NOON + second) * 1_000_000_000)
}

/// A schedule and what came of it.
struct Outcome {
    setting: Setting,
    store: Contested,
    calls: Vec<Call>,
}

fn run(seed: u64) -> Outcome {
    let mut random = Random::new(seed);
    let setting = Setting::new(&mut random);
    let baton = Baton::new(setting.workers, Random::new(seed ^ 0xfeed));
    let store = Contested::new(setting.tries, setting.spurious, Random::new(seed ^ 0xf00d));
    let history = History::default();
    thread::scope(|scope| {
        for worker in 0..setting.workers {
            let (setting, store, history, baton) = (&setting, &store, &history, &baton);
            let random = Random::new(seed * 10 + worker as u64);
            scope.spawn(move || {
                let turn = baton.take(worker);
                work(setting, &store.of(&turn), history, random);
            });
        }
    });
    let calls = history.calls();
    Outcome { setting, store, calls }
}

impl Outcome {
    /// The use that a count shows: the least `max` under which a call without weight still
    /// fits.
    fn used(&self, index: usize, who: Who, now: Nanos) -> u64 {
        let charge = Charge { per_caller: false, ..self.setting.charge(index, who, 0) };
        let fits = |max: &u64| {
            let probe = Charge { max: max * ONE_CALL, ..charge };
            self.setting.table().charge(&self.store.afterwards(), &[probe], now).is_ok()
        };
        (0..1000).find(fits).expect("a small count")
    }

    /// Never more than `max`, at any moment.
    fn check_bounds(&self) {
        for limit in &self.setting.limits {
            for last in self.calls.iter().filter(|call| call.admitted) {
                let fixed = limit.algorithm == Algorithm::Fixed;
                // A worker that is late at the edge of a fixed window may be
                // charged to the next one.
                if fixed && self.setting.turns && minute(last) == 0 {
                    continue;
                }
                let together = |call: &&Call| {
                    call.counted_at(last.ended) && (!fixed || minute(call) == minute(last))
                };
                let sum = limit.sum(last.who, self.calls.iter().filter(together));
                assert!(sum <= limit.max, "{sum} of {limit:?} by {last:?}");
            }
        }
    }

    /// When all is over, a count holds what was admitted and not given back.
    fn check_counts(&self) {
        let now = at(if self.setting.turns { EDGE + 1 } else { 2 });
        let staying = || self.calls.iter().filter(|call| call.stays());
        for (index, limit) in self.setting.limits.iter().enumerate() {
            let fixed = limit.algorithm == Algorithm::Fixed;
            for who in everyone() {
                let used = self.used(index, who, now);
                let all = limit.sum(who, staying());
                let surely = match fixed && self.setting.turns {
                    true => limit.sum(who, staying().filter(|call| minute(call) == 1)),
                    false => all,
                };
                // What cannot be given back stays charged.
                let most = if self.setting.gives_up() { limit.max } else { all };
                assert!((surely..=most).contains(&used), "{used}, {surely}..={most}: {limit:?}");
            }
        }
    }

    /// Never more values of a caller than he can hold. A value that is shared may be
    /// one of either.
    fn check_values(&self) {
        let Setting { limits, values, turns, .. } = &self.setting;
        for limit in limits.iter().filter(|_| !turns) {
            let (groups, most) = match limit.counts {
                Counts::Values => (vec![vec![0], vec![1]], *values),
                Counts::SharedValues => (vec![vec![0, 1]], 2 * values),
                Counts::Everyone | Counts::Callers => continue,
            };
            for (callers, moment) in groups
                .iter()
                .flat_map(|callers| self.calls.iter().map(move |call| (callers, call.ended)))
            {
                let held = |value: &u64| {
                    self.calls.iter().any(|call| {
                        call.counted_at(moment)
                            && call.who.value == *value
                            && callers.contains(&call.who.caller)
                    })
                };
                let held = (0..2).filter(held).count() as u64;
                assert!(held <= most, "{held} values of {limit:?} at {moment}");
            }
        }
    }

    /// When all is over, a caller without a count holds no place.
    fn check_places(&self) {
        let limits = &self.setting.limits;
        let takes = |limit: &Limit| limit.counts != Counts::Everyone;
        let Some(index) = limits.iter().position(takes) else { return };
        if self.setting.gives_up() || self.setting.turns || self.setting.shares_values() {
            return;
        }
        let staying: Vec<Call> = self.calls.iter().filter(|call| call.stays()).cloned().collect();
        let plain = Plain::after(&self.setting, &staying);
        let free = plain.places(index);
        let fits = |stranger: &u64| {
            let charge = self.setting.charge(
                index,
                Who { caller: 1000 + stranger, value: 1000 + stranger },
                1,
            );
            self.setting.table().charge(&self.store.afterwards(), &[charge], at(2)).is_ok()
        };
        // Beyond a few they are all alike.
        let found = (0..5).take_while(fits).count() as u64;
        assert_eq!(found, free.min(5), "{index}");
    }

    /// Checks that every decision is the plain model's where nobody else was at it.
    fn check_decisions(&self) {
        let apart = self.setting.workers == 1 && !self.setting.turns;
        if !apart || self.setting.gives_up() || self.setting.shares_values() {
            return;
        }
        for (number, call) in self.calls.iter().enumerate() {
            let before = self.calls[..number].iter();
            let before: Vec<Call> =
                before.filter(|other| other.counted_at(call.ended - 1)).cloned().collect();
            let plain = Plain::after(&self.setting, &before);
            assert_eq!(call.admitted, plain.admits(call), "{call:?} after {before:?}");
        }
    }
}

fn minute(call: &Call) -> u64 {
    (call.now.seconds() - NOON) / EDGE
}

#[test]
fn no_schedule_admits_more_than_max_or_loses_a_count() {
    let schedules = env::var("SCHEDULES").map_or(4_000, |number| number.parse().unwrap());
    let [mut admitted, mut refused, mut given_back] = [0; 3];
    for seed in 0..schedules {
        let outcome = run(seed);
        let checks = panic::catch_unwind(AssertUnwindSafe(|| {
            outcome.check_bounds();
            outcome.check_counts();
            outcome.check_values();
            outcome.check_places();
            outcome.check_decisions();
        }));
        let Outcome { setting, calls, .. } = outcome;
        assert!(checks.is_ok(), "seed {seed}: {setting:#?} {calls:#?}");
        admitted += calls.iter().filter(|call| call.admitted).count();
        refused += calls.iter().filter(|call| !call.admitted).count();
        given_back += calls.iter().filter(|call| call.given_back.is_some()).count();
    }
    // All three happen, and often.
    let schedules = schedules as usize;
    assert!(admitted > schedules && refused > schedules && given_back * 2 > schedules);
}
