//! Threads of which one runs at a time, and a store at whose every access the
//! next one is picked.

use crate::random::Random;
use mcp_policy_filter::limits::{Store, StoreError};
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex};

/// The state that the running worker holds and hands on.
#[derive(Debug)]
pub struct Baton {
    race: Mutex<Race>,
    handed_on: Condvar,
}

#[derive(Debug)]
struct Race {
    running: usize,
    /// Who is not done yet.
    working: Vec<usize>,
    random: Random,
}

impl Baton {
    /// For that many workers; number 0 begins.
    pub fn new(workers: usize, random: Random) -> Self {
        let race = Race { running: 0, working: (0..workers).collect(), random };
        Self { race: Mutex::new(race), handed_on: Condvar::new() }
    }

    /// Waits for its turn.
    pub fn take(&self, worker: usize) -> Turn<'_> {
        self.wait_for(worker);
        Turn { baton: self, worker }
    }

    fn wait_for(&self, worker: usize) {
        let race = self.race.lock().unwrap();
        drop(self.handed_on.wait_while(race, |race| race.running != worker).unwrap());
    }

    /// Lets one of those go on that are not done.
    fn hand_on(&self, done: Option<usize>) {
        let mut race = self.race.lock().unwrap();
        race.working.retain(|worker| Some(*worker) != done);
        let workers = race.working.len() as u64;
        if workers > 0 {
            let next = race.random.below(workers) as usize;
            race.running = race.working[next];
        }
        self.handed_on.notify_all();
    }
}

/// A worker's being in the race; it leaves when dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    baton: &'a Baton,
    worker: usize,
}

impl Turn<'_> {
    fn pass(&self) {
        self.baton.hand_on(None);
        self.baton.wait_for(self.worker);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.baton.hand_on(Some(self.worker));
    }
}

type Values = BTreeMap<Vec<u8>, (Vec<u8>, u32)>;

/// Shared data as the host has it: values with versions, compare-and-swap.
#[derive(Debug)]
pub struct Contested {
    values: Mutex<Values>,
    tries: usize,
    spurious: u64,
    random: Mutex<Random>,
}

impl Contested {
    /// With that many tries for a write, of which that many in a hundred fail
    /// without a reason.
    pub fn new(tries: usize, spurious: u64, random: Random) -> Self {
        Self { values: Mutex::default(), tries, spurious, random: Mutex::new(random) }
    }

    /// The store as a worker in the race sees it.
    pub fn of<'a>(&'a self, turn: &'a Turn<'a>) -> impl Store + 'a {
        View { store: self, turn: Some(turn) }
    }

    /// The store when the race is over: every write succeeds.
    pub fn afterwards(&self) -> impl Store {
        View { store: self, turn: None }
    }
}

struct View<'a> {
    store: &'a Contested,
    turn: Option<&'a Turn<'a>>,
}

impl View<'_> {
    fn pass(&self) {
        if let Some(turn) = self.turn {
            turn.pass();
        }
    }
}

impl Store for View<'_> {
    fn update<T>(
        &self,
        key: &[u8],
        mut step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        let Contested { values, tries, spurious, random } = self.store;
        for _ in 0..*tries {
            self.pass();
            let stored = values.lock().unwrap().get(key).cloned();
            let (value, version) = stored.unzip();
            let (new, result) = step(value.as_deref());
            let Some(new) = new else { return Ok(result) };
            self.pass();
            let fails = self.turn.is_some() && random.lock().unwrap().below(100) < *spurious;
            let mut values = values.lock().unwrap();
            if values.get(key).map(|(_, version)| *version) == version && !fails {
                values.insert(key.to_vec(), (new, version.unwrap_or(0) + 1));
                return Ok(result);
            }
        }
        Err(StoreError::Contended)
    }
}
