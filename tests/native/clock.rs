//! Limits by clocks that no test machine has: to the nanosecond at the edges of
//! windows, stepping back, in leap seconds, after the year 2106.
//!
//! The properties are said of a plain list of the admitted calls, so nothing here repeats the
//! arithmetic that it checks.

use crate::random::Random;
use mcp_policy_filter::limits::window::{Algorithm, Nanos, ONE_CALL, Outcome, State, Window};
use mcp_policy_filter::limits::{Charge, MemoryStore, Table, Tag};

const SECOND: u64 = 1_000_000_000;
const BOTH: [Algorithm; 2] = [Algorithm::Fixed, Algorithm::Sliding];

/// Moments around which clocks and their readers go wrong, in seconds.
const TURNS: [u64; 8] = [
    // Shortly after 1970, so that a window's length before it is none.
    3_000_000,
    // The nights after the leap seconds at the ends of 1998 and 2016.
    915_148_800,
    1_483_228_800,
    // 32 bits with a sign, in 2038; without, in 2106; as milliseconds, in 2527.
    1 << 31,
    1 << 32,
    17_592_186_044,
    // 29 February and 1 March 2100, which is not a leap year.
    4_107_456_000,
    4_107_542_400,
];

/// A limit of one algorithm and the calls that it admitted.
struct Limit {
    algorithm: Algorithm,
    window: Window,
    max: u64,
    state: Option<State>,
    admitted: Vec<Admitted>,
}

#[derive(Clone, Copy, Debug)]
struct Admitted {
    weight: u64,
    /// The latest clock that any admitted call was made by, up to this one.
    latest: u64,
}

impl Limit {
    fn new(algorithm: Algorithm, seconds: u32, max: u64) -> Self {
        let window = Window::new(seconds).unwrap();
        Self { algorithm, window, max, state: None, admitted: Vec::new() }
    }

    fn ask(&self, weight: u64, now: u64) -> Outcome {
        let (max, weight) = (self.max * ONE_CALL, weight * ONE_CALL);
        State::charge(self.state, self.algorithm, self.window, max, weight, Nanos(now))
    }

    fn call(&mut self, weight: u64, now: u64) -> Outcome {
        let room = self.ask(weight, now);
        if let Outcome::Admitted { state, .. } = room {
            self.state = Some(state);
            self.note(weight, now);
        }
        room
    }

    fn note(&mut self, weight: u64, now: u64) {
        let latest = self.latest().max(now);
        self.admitted.push(Admitted { weight, latest });
    }

    fn latest(&self) -> u64 {
        self.admitted.last().map_or(0, |admitted| admitted.latest)
    }

    /// A window in nanoseconds.
    fn length(&self) -> u64 {
        u64::from(self.window.seconds()) * SECOND
    }

    /// No window of a clock that never stepped back has more than `max`: each
    /// call counts for the latest moment that any before it had seen.
    fn check(&self, what: &str) {
        let Some(last) = self.admitted.last() else { return };
        let since = match self.algorithm {
            Algorithm::Fixed => last.latest - last.latest % self.length(),
            Algorithm::Sliding => last.latest.saturating_sub(self.length()),
        };
        let together = self.admitted.iter().filter(|admitted| admitted.latest >= since);
        let sum: u64 = together.map(|admitted| admitted.weight).sum();
        let (algorithm, window) = (self.algorithm, self.window);
        assert!(sum <= self.max, "{what}: {sum} > {} in a {algorithm:?} {window}", self.max);
    }
}

fn window(random: &mut Random) -> u32 {
    let odd = 1 + random.below(u64::from(Window::MAX_SECONDS)) as u32;
    random.of([1, 7, 60, 3_600, 86_400, Window::MAX_SECONDS, odd, odd])
}

/// A moment near one of [`TURNS`], often to the nanosecond at an edge of a
/// window of this length.
fn moment(random: &mut Random, seconds: u32) -> u64 {
    let length = u64::from(seconds) * SECOND;
    let near = random.of(TURNS) * SECOND - length + random.below(2 * length);
    let edge = near - near % length;
    let slice = near - near % (length / 16);
    let before = |moment: u64| moment.saturating_sub(1);
    random.of([near, edge, before(edge), edge + 1, edge + length - 1, slice, before(slice)])
}

#[test]
fn windows_begin_at_multiples_of_their_length_to_the_nanosecond() {
    let mut random = Random::new(1);
    for round in 0..20_000 {
        let mut limit = Limit::new(Algorithm::Fixed, window(&mut random), 1);
        let now = moment(&mut random, limit.window.seconds());
        let end = now - now % limit.length() + limit.length();
        assert!(matches!(limit.call(1, now), Outcome::Admitted { .. }), "{round}");
        for inside in [now, end - 1, end - limit.length()] {
            let wait = (end - inside).div_ceil(SECOND);
            assert_eq!(
                limit.ask(1, inside),
                Outcome::Full { retry_after: wait },
                "{round}: {inside}"
            );
        }
        assert!(matches!(limit.ask(1, end), Outcome::Admitted { .. }), "{round}");
    }
}

#[test]
fn a_sliding_window_ends_one_window_and_at_most_a_slice_after_a_call() {
    let mut random = Random::new(2);
    for round in 0..20_000 {
        let mut limit = Limit::new(Algorithm::Sliding, window(&mut random), 1);
        let now = moment(&mut random, limit.window.seconds());
        assert!(matches!(limit.call(1, now), Outcome::Admitted { .. }), "{round}");
        assert!(matches!(limit.ask(1, now + limit.length()), Outcome::Full { .. }), "{round}");
        let over = now + limit.length() + limit.length() / 16;
        assert!(matches!(limit.ask(1, over), Outcome::Admitted { .. }), "{round}");
        let Outcome::Full { retry_after: wait } = limit.ask(1, now) else {
            panic!("{round}: room")
        };
        assert!(
            matches!(limit.ask(1, now + wait * SECOND), Outcome::Admitted { .. }),
            "{round}: {wait}"
        );
        assert!(wait * SECOND < limit.length() + limit.length() / 16 + SECOND, "{round}: {wait}");
    }
}

#[test]
fn a_clock_that_steps_anywhere_admits_no_call_too_many() {
    let mut random = Random::new(3);
    let [mut admitted, mut full, mut ahead] = [0; 3];
    for round in 0..2_000 {
        let max = 1 + random.below(8);
        let mut limit = Limit::new(random.of(BOTH), window(&mut random), max);
        let length = limit.length();
        let mut now = moment(&mut random, limit.window.seconds());
        for _ in 0..60 {
            let step = random.of([0, 1, length / 16, length / 4, length, 3 * length]);
            let step = step + random.below(length / 8);
            now = if random.below(3) == 0 { now.saturating_sub(step) } else { now + step };
            let weight = 1 + random.below(max);
            match limit.call(weight, now) {
                Outcome::Admitted { .. } => admitted += 1,
                Outcome::Full { retry_after: wait } => {
                    full += 1;
                    let later = now + wait * SECOND;
                    assert!(
                        matches!(limit.ask(weight, later), Outcome::Admitted { .. }),
                        "{round}: {wait}"
                    );
                }
                Outcome::ClockAhead => {
                    ahead += 1;
                    assert!(limit.latest() > now + length, "{round}: trusted no clock");
                }
            }
            limit.check(&format!("round {round}"));
        }
    }
    assert!(
        [admitted, full, ahead].iter().all(|count| *count > 2_000),
        "{admitted} {full} {ahead}"
    );
}

/// A leap second as clocks have it: the last second of the day comes twice, the
/// day's end is passed and taken back, or the seconds around it are stretched.
#[test]
fn a_leap_second_gives_no_second_day() {
    for midnight in [915_148_800, 1_483_228_800].map(|seconds| seconds * SECOND) {
        let millis = |range: std::ops::Range<u64>| range.map(|milli| milli * 1_000_000);
        let before = millis(0..1_000).map(|part| midnight - SECOND + part);
        let after = millis(0..1_000).map(|part| midnight + part);
        let stretched = millis(0..4_000).map(|part| midnight - 2 * SECOND + part * 999 / 1_000);
        let clocks: [Vec<u64>; 3] = [
            before.clone().chain(before.clone()).chain(after.clone()).collect(),
            before
                .clone()
                .chain(after.clone().take(500))
                .chain(before.skip(500))
                .chain(after)
                .collect(),
            stretched.collect(),
        ];
        for (clock, seconds) in
            clocks.iter().flat_map(|clock| [1, 60, 3_600, 86_400].map(|s| (clock, s)))
        {
            for algorithm in BOTH {
                let mut limit = Limit::new(algorithm, seconds, 10);
                for now in clock {
                    assert_ne!(limit.call(1, *now), Outcome::ClockAhead);
                    limit.check("leap second");
                }
                // A day's limit admits a day's calls before and after, or with
                // a moving window a day's alone.
                let days = if algorithm == Algorithm::Fixed { 2 } else { 1 };
                let sum: u64 = limit.admitted.iter().map(|admitted| admitted.weight).sum();
                assert!(seconds == 1 || sum == 10 * days, "{sum} {algorithm:?} {seconds}");
            }
        }
    }
}

/// The counters of one caller are kept in one value, out of which they fall some
/// time after their windows: not so soon that a clock which steps back, or a
/// worker that is late, would find one empty.
#[test]
fn a_clock_that_steps_back_finds_every_count_that_others_may_have_cleared_away() {
    let table = Table::new("clock", 1_000, 1_000);
    let mut random = Random::new(4);
    for round in 0..300 {
        let store = MemoryStore::default();
        let mut limits: Vec<Limit> = (0..3)
            .map(|_| {
                Limit::new(random.of(BOTH), random.of([1, 7, 60, 90, 3_600]), 1 + random.below(4))
            })
            .collect();
        // By how much a clock may be wrong without the shortest of the windows
        // losing its count: its own length, but between 2 and 60 seconds.
        let shortest = limits.iter().map(|limit| limit.window.seconds()).min().unwrap();
        let wrong = u64::from(shortest.clamp(2, 60)) * SECOND;
        let mut true_time = moment(&mut random, 3_600);
        for _ in 0..80 {
            true_time += random.of([0, SECOND / 3, SECOND, wrong, 5 * wrong]);
            let anything = random.below(wrong);
            let now = true_time - random.of([0, 1, anything, wrong]);
            let index = random.below(3) as usize;
            let limit = &limits[index];
            let charge = Charge {
                tag: Tag::new(&[&index.to_le_bytes()]),
                holder: table.holder_for_caller("alice"),
                per_caller: true,
                values: None,
                apart: false,
                window: limit.window,
                algorithm: limit.algorithm,
                max: limit.max * ONE_CALL,
                weight: ONE_CALL,
            };
            if table.charge(&store, &[charge], Nanos(now)).is_ok() {
                limits[index].note(1, now);
                limits[index].check(&format!("round {round}"));
            }
        }
    }
}
