//! Approvals under random schedules: requests, decisions, uses and expiry race.
//!
//! The plain model is a history of what succeeded: each approval is used at most
//! once, never before its approvers were enough, and never after a denial; an entry
//! that lives is never lost, and one worker tells people of it.

use super::baton::{Baton, Contested};
use crate::random::Random;
use mcp_policy_filter::approvals::{
    Decided, Entry, Id, Put, Requested, Sent, Slots, Standing, State, Taken, Verdict,
};
use mcp_policy_filter::limits::window::Nanos;
use mcp_policy_filter::limits::{Store, Table};
use std::sync::Mutex;
use std::thread;

const NOON: u64 = 1_800_000_000;
/// The seconds for which a request waits, and for which an approval is valid.
const WAIT: u64 = 20;
const VALID: u64 = 10;

#[derive(Clone, Debug, PartialEq)]
enum Event {
    Made(Id, [u8; 32], u64),
    /// By whom, and whether it was the last that was needed.
    Approved(Id, usize, bool, u64),
    DenialBegins(usize),
    /// Of all entries of this call that were there when it began.
    DenialEnds(usize, [u8; 32]),
    Used(Id, u64),
    /// A worker is to send the notice.
    Told(Id),
}

#[derive(Default)]
struct History(Mutex<Vec<Event>>);

impl History {
    fn add(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

struct Setting {
    workers: usize,
    need: u8,
    calls: u64,
    spurious: u64,
    turns: bool,
}

fn draft(call: u64, need: u8) -> Entry {
    Entry {
        state: State::Pending,
        need,
        made: Nanos(0),
        expires: Nanos(0),
        wait: WAIT,
        valid: VALID,
        notice: Sent::Never,
        digest: digest(call),
        rule_hash: [1; 32],
        id: Id::none(),
        policy: "0123456789ab".into(),
        caller: "agent".into(),
        route: String::new(),
        authority: "mcp".into(),
        path: "/mcp".into(),
        tool: "refund".into(),
        rules: vec!["/tools/refund/action".into()],
        params: "{}".into(),
        approved_by: Vec::new(),
        reason: String::new(),
        edge: None,
        used_by: [0; 16],
        used_at: 0,
    }
}

fn digest(call: u64) -> [u8; 32] {
    [u8::try_from(call).unwrap(); 32]
}

fn table() -> Table {
    Table::new("schedules", 1, 1)
}

fn work(
    worker: usize,
    setting: &Setting,
    store: &impl Store,
    history: &History,
    mut random: Random,
) {
    let table = table();
    let slots = Slots::new(&table);
    let mut second = 0;
    for round in 0..3 + random.below(6) {
        second += if setting.turns { random.below(12) } else { 0 };
        let now = Nanos((NOON + second) * 1_000_000_000 + round * 16 + worker as u64);
        let digest = digest(random.below(setting.calls));
        let Ok(standing) = slots.find(store, &digest, now) else { continue };
        match standing {
            Standing::Unknown(free) => {
                let draft = draft(u64::from(digest[0]), setting.need);
                if let Ok(Requested::Made(entry)) = slots.request(store, &free, &draft, now) {
                    history.add(Event::Made(entry.id, digest, now.0));
                    tell(slots, store, entry.id, now, history);
                }
            }
            Standing::Approved(slot, _) if random.below(4) > 0 => {
                let used = |entry: Option<Entry>| {
                    history.add(Event::Used(entry.as_ref()?.id, now.0));
                    entry
                };
                if random.below(2) == 0 {
                    used(slots.use_up(store, slot, &digest, now).ok().flatten());
                } else {
                    // By a question of another gateway, which comes twice.
                    let mut nonce = [1; 16];
                    nonce[0] = u8::try_from(worker).unwrap();
                    nonce[1..9].copy_from_slice(&round.to_le_bytes());
                    let put = Put { nonce, seconds: now.seconds() };
                    let take = || match slots.take(store, slot, &digest, put, now) {
                        Ok(Taken::Now(entry)) => Some(entry),
                        _ => None,
                    };
                    match used(take()) {
                        Some(first) => {
                            let again = take().is_none_or(|again| again.id == first.id);
                            assert!(again, "one question took two approvals");
                        }
                        None => drop(used(take())),
                    }
                }
            }
            Standing::Pending(entry) | Standing::Approved(_, entry) => {
                tell(slots, store, entry.id, now, history);
                if random.below(5) == 0 {
                    let denial = round as usize * 16 + worker;
                    history.add(Event::DenialBegins(denial));
                    let denied =
                        slots.decide(store, entry.id, &digest, "eve", Verdict::Deny(""), now);
                    if denied.is_ok() {
                        history.add(Event::DenialEnds(denial, digest));
                    }
                } else {
                    let by = worker.to_string();
                    let approved =
                        slots.decide(store, entry.id, &digest, &by, Verdict::Approve, now);
                    if let Ok(Decided(after)) = approved {
                        let last = after.state == State::Approved;
                        history.add(Event::Approved(entry.id, worker, last, now.0));
                    }
                }
            }
            Standing::Denied(_) => {}
        }
    }
}

/// Tells people of a request, if this worker is to.
fn tell(slots: Slots<'_>, store: &impl Store, id: Id, now: Nanos, history: &History) {
    if let Ok(true) = slots.send(store, id, now) {
        history.add(Event::Told(id));
        // A store that fails leaves it unknown whether it came.
        let _ = slots.came(store, id, now);
    }
}

fn run(seed: u64) -> (Setting, Contested, Vec<Event>) {
    let mut random = Random::new(seed);
    let setting = Setting {
        workers: 1 + random.below(4) as usize,
        need: random.of([1, 1, 2]),
        calls: 1 + random.below(2),
        spurious: random.of([0, 0, 20]),
        turns: random.of([true, false, false]),
    };
    let baton = Baton::new(setting.workers, Random::new(seed ^ 0xfeed));
    let store = Contested::new(100, setting.spurious, Random::new(seed ^ 0xf00d));
    let history = History::default();
    thread::scope(|scope| {
        for worker in 0..setting.workers {
            let (setting, store, history, baton) = (&setting, &store, &history, &baton);
            let random = Random::new(seed * 10 + worker as u64);
            scope.spawn(move || {
                let turn = baton.take(worker);
                work(worker, setting, &store.of(&turn), history, random);
            });
        }
    });
    (setting, store, history.0.into_inner().unwrap())
}

fn check(setting: &Setting, store: &Contested, events: &[Event]) {
    // A request is over before its notice would be due again.
    for (at, event) in events.iter().enumerate() {
        let twice = matches!(event, Event::Told(_)) && events.iter().take(at).any(|e| e == event);
        assert!(!twice, "{event:?}");
    }
    for (at, event) in events.iter().enumerate() {
        let Event::Used(id, used) = event else { continue };
        let same = |other: &&Event| matches!(other, Event::Used(other, _) if other == id);
        assert_eq!(events.iter().filter(same).count(), 1, "{id} was used twice");
        // Workers hand on only within the store, so events are in the order of deeds.
        let mut approvers: Vec<usize> = Vec::new();
        for other in events.iter().take(at) {
            if let Event::Approved(other, by, ..) = other
                && other == id
            {
                assert!(!approvers.contains(by), "{by} approved twice");
                approvers.push(*by);
            }
        }
        assert_eq!(approvers.len(), usize::from(setting.need), "{id}");
        let Some(Event::Made(_, digest, made)) =
            events.iter().find(|other| matches!(other, Event::Made(other, ..) if other == id))
        else {
            panic!("{id} was not made")
        };
        assert!(used / 1_000_000_000 < made / 1_000_000_000 + 2 * WAIT + VALID, "{id} was over");
        // No use begins after a denial of it has ended.
        for (ended, other) in events.iter().enumerate() {
            let Event::DenialEnds(denial, denied) = other else { continue };
            if denied != digest || ended > at {
                continue;
            }
            let began = events.iter().position(|other| *other == Event::DenialBegins(*denial));
            let was_there = events
                .iter()
                .take(began.unwrap())
                .any(|other| matches!(other, Event::Made(other, ..) if other == id));
            assert!(!was_there, "{id} was used after its denial");
        }
    }
    if setting.turns {
        return;
    }
    // At the end, a request is there unless it was used.
    let table = table();
    let slots = Slots::new(&table);
    let store = store.afterwards();
    for event in events {
        let Event::Made(id, ..) = event else { continue };
        let used = events.iter().any(|other| matches!(other, Event::Used(other, _) if other == id));
        let found = slots.by_id(&store, *id, Nanos(NOON * 1_000_000_000 + 999)).is_ok();
        assert_eq!(found, !used, "{id}");
    }
}

#[test]
fn no_schedule_uses_an_approval_twice_or_loses_a_request() {
    let [mut used, mut denied, mut approved, mut told] = [0; 4];
    for seed in 0..3_000 {
        let (setting, store, events) = run(seed);
        let checks = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            check(&setting, &store, &events);
        }));
        assert!(checks.is_ok(), "seed {seed}: {events:#?}");
        for event in events {
            match event {
                Event::Used(..) => used += 1,
                Event::DenialEnds(..) => denied += 1,
                Event::Approved(.., true, _) => approved += 1,
                Event::Told(_) => told += 1,
                _ => {}
            }
        }
    }
    assert!(used > 300 && denied > 300 && approved > used, "{used} {denied} {approved}");
    assert!(told > 3_000, "{told}");
}
