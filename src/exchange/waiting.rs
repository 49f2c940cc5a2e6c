//! Requests that wait for their bodies or for the answers of services, and their owners.
//!
//! A client can send any number of requests and no body for them. Memory is kept for
//! each, and all of it is bounded. With one bound for all, one client could take all
//! of it, and the requests of all others would be refused. So a caller holds at most
//! a part of the free memory, and that part shrinks faster than the free memory does:
//! a caller that takes all it gets has a fifth, and a hundred of them leave a seventh
//! free, of which the next gets 30 KB. A caller that holds nothing gets one usual
//! request in any case. So the callers that hold much are refused, and no request
//! has to be ended to make room: they end with Envoy's `request_timeout`.
//!
//! The seats of requests that wait for answers are shared out in the same way: a client
//! can make any number of calls while a service is slow.
//!
//! Until an eighth is taken, the owner of a request does not matter: so for nearly
//! every request of a gateway that is not under attack, this is one addition.

use std::collections::HashMap;
use std::hash::BuildHasher;

/// The bounds of what requests hold of one kind.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The amount that all of them may hold. A power of two.
    most: usize,
    /// The amount of a usual request, and a few times that.
    usual: usize,
    /// The amount that a request costs besides its own.
    each: usize,
}

impl Bounds {
    /// Bytes that a worker keeps of requests whose bodies have not come yet: those
    /// of some 100,000 usual ones. A VM that has no memory left is a trap. Each has its
    /// contexts in the SDK, here and in [`Waiting`], and the allocator's part besides.
    const BYTES: Self = Self { most: 64 << 20, usual: 8 << 10, each: 256 };
    /// Seats of requests of a worker that wait for answers. Envoy lets 1,024 go to one
    /// cluster at a time, unless it is told otherwise.
    const SEATS: Self = Self { most: 4096, usual: 1, each: 0 };

    /// The amount that is held by any owner.
    const fn unasked(self) -> usize {
        self.most / 8
    }

    /// The most that one caller may hold while this much is free: after `k` callers that
    /// take all they get, `most / (3 * k).powf(1.33)`. If each could hold the same part
    /// of what is free, twenty callers would leave nothing.
    fn part(self, free: usize) -> usize {
        self.square(self.square(free))
    }

    /// The square of a part of `most`, taken as a fraction of it.
    fn square(self, part: usize) -> usize {
        let squared = (part as u64).saturating_mul(part as u64) >> self.most.trailing_zeros();
        usize::try_from(squared).unwrap_or(self.most)
    }
}

/// The owner of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose<'a> {
    /// A caller's, by its id.
    Caller(&'a str),
    /// A caller that is known by the connection alone: no identity is configured.
    Anonymous,
    /// No caller: the credential is missing or cannot be used. All such requests
    /// share one part. They are refused in any case.
    Nobody,
}

/// A holder of waiting requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Owner {
    Caller(u64),
    Connection(u64),
    Nobody,
}

/// The amount that all requests hold: bytes for those of one configuration in one worker,
/// or seats for all of a worker.
#[derive(Debug)]
pub struct Waiting {
    bounds: Bounds,
    all: usize,
    owned: HashMap<Owner, usize>,
}

/// The amount that is kept for one request. It has to be given back.
#[derive(Debug)]
#[must_use = "what is never given back is missing for ever"]
pub struct Ticket {
    amount: usize,
    owner: Option<Owner>,
}

impl Default for Waiting {
    fn default() -> Self {
        Self { bounds: Bounds::BYTES, all: 0, owned: HashMap::new() }
    }
}

impl Waiting {
    /// The seats of requests that wait for answers, of which each takes one.
    pub fn seats() -> Self {
        Self { bounds: Bounds::SEATS, ..Self::default() }
    }

    /// Counts the amount of a request; `None` if its owner holds too much.
    /// `connection` returns a number of the connection that no client can choose;
    /// connections without one share a part.
    pub fn enter(
        &mut self,
        amount: usize,
        whose: Whose<'_>,
        connection: &dyn Fn() -> Option<u64>,
    ) -> Option<Ticket> {
        let Bounds { most, usual, each } = self.bounds;
        let amount = amount.saturating_add(each);
        let all = self.all.saturating_add(amount);
        if all <= self.bounds.unasked() {
            self.all = all;
            return Some(Ticket { amount, owner: None });
        }
        let owner = match whose {
            // No client can choose ids that meet in one number: it is salted.
            Whose::Caller(id) => Owner::Caller(self.owned.hasher().hash_one(id)),
            Whose::Anonymous => Owner::Connection(connection().unwrap_or_default()),
            Whose::Nobody => Owner::Nobody,
        };
        let before = self.owned.get(&owner).copied().unwrap_or_default();
        let held = before.saturating_add(amount);
        let free = most.saturating_sub(self.all);
        let first = before == 0 && held <= usual && held <= free;
        if !first && held > self.bounds.part(free) {
            return None;
        }
        self.owned.insert(owner, held);
        self.all = all;
        Some(Ticket { amount, owner: Some(owner) })
    }

    /// Gives back the amount of a request that waits no longer.
    pub fn leave(&mut self, ticket: Ticket) {
        let Ticket { amount, owner } = ticket;
        self.all = self.all.saturating_sub(amount);
        let Some(owner) = owner else { return };
        if let Some(held) = self.owned.get_mut(&owner) {
            *held = held.saturating_sub(amount);
            if *held == 0 {
                self.owned.remove(&owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Whose::*;

    const MOST: usize = Bounds::BYTES.most;
    const SEATS: usize = Bounds::SEATS.most;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Lets one on this connection take what it gets, in requests of `bytes`.
    fn fill(waiting: &mut Waiting, bytes: usize, whose: Whose<'_>, connection: u64) -> Vec<Ticket> {
        core::iter::from_fn(|| waiting.enter(bytes, whose, &|| Some(connection))).collect()
    }

    fn sum(tickets: &[Ticket]) -> usize {
        tickets.iter().map(|ticket| ticket.amount).sum()
    }

    #[test]
    fn whoever_takes_all_that_he_gets_leaves_most_for_others() {
        for greedy in [Nobody, Caller("greedy"), Anonymous] {
            let mut waiting = Waiting::default();
            let taken = fill(&mut waiting, 400, greedy, 1);
            assert!((MOST / 4..MOST / 3).contains(&sum(&taken)), "{greedy:?}");
            assert!(waiting.enter(0, greedy, &|| Some(1)).is_none());
            for honest in [Caller("honest"), Anonymous] {
                let tickets: Vec<_> =
                    (0..10_000).map_while(|_| waiting.enter(400, honest, &|| Some(2))).collect();
                assert_eq!(tickets.len(), 10_000, "{greedy:?} {honest:?}");
                tickets.into_iter().for_each(|ticket| waiting.leave(ticket));
            }
        }
    }

    #[test]
    fn a_thousand_who_take_all_that_they_get_leave_room_for_one_more() {
        let mut waiting = Waiting::default();
        let mut tickets = Vec::new();
        // In turns, until no caller gets more.
        let mut before = usize::MAX;
        while tickets.len() != before {
            before = tickets.len();
            for connection in 0..1_000 {
                tickets.extend(fill(&mut waiting, 4_000, Anonymous, connection));
            }
        }
        assert!((MOST / 2..MOST).contains(&sum(&tickets)), "{}", sum(&tickets));
        for greedy in 0..1_000 {
            assert!(waiting.enter(4_000, Anonymous, &|| Some(greedy)).is_none(), "{greedy}");
        }
        for honest in 1_000..1_100 {
            let ticket = waiting.enter(4_000, Anonymous, &|| Some(honest));
            waiting.leave(ticket.unwrap());
        }
    }

    #[test]
    fn no_number_of_callers_takes_more_than_there_is() {
        let mut waiting = Waiting::default();
        let mut tickets = Vec::new();
        for connection in 0..20_000 {
            tickets.extend(fill(&mut waiting, 4_000, Anonymous, connection));
        }
        assert!((MOST - 4_256..=MOST).contains(&sum(&tickets)), "{}", sum(&tickets));
        for bounds in [Bounds::BYTES, Bounds::SEATS] {
            assert!(bounds.most.is_power_of_two());
            assert_eq!((bounds.part(bounds.most), bounds.part(0)), (bounds.most, 0));
        }
    }

    #[test]
    fn whoever_takes_all_seats_that_he_gets_leaves_most_for_others() {
        for greedy in [Caller("greedy"), Anonymous] {
            let mut waiting = Waiting::seats();
            let taken = fill(&mut waiting, 1, greedy, 1);
            assert!((SEATS / 4..SEATS * 2 / 5).contains(&taken.len()), "{}", taken.len());
            assert!(waiting.enter(1, greedy, &|| Some(1)).is_none());
            for honest in [Caller("honest"), Anonymous] {
                let tickets: Vec<_> =
                    (0..300).map_while(|_| waiting.enter(1, honest, &|| Some(2))).collect();
                assert_eq!(tickets.len(), 300, "{greedy:?} {honest:?}");
                tickets.into_iter().for_each(|ticket| waiting.leave(ticket));
            }
            taken.into_iter().for_each(|ticket| waiting.leave(ticket));
            assert_eq!((waiting.all, waiting.owned.len()), (0, 0));
        }
    }

    #[test]
    fn a_hundred_who_take_all_seats_that_they_get_leave_room_and_no_seat_is_taken_twice() {
        let mut waiting = Waiting::seats();
        let mut tickets = Vec::new();
        for connection in 0..100 {
            tickets.extend(fill(&mut waiting, 1, Anonymous, connection));
        }
        assert!(waiting.enter(1, Caller("honest"), &|| None).is_some());
        // A seat each for any others, until there is none.
        for connection in 100..10_000 {
            tickets.extend(waiting.enter(1, Anonymous, &|| Some(connection)));
        }
        assert_eq!(tickets.len() + 1, SEATS);
        assert!(waiting.enter(1, Caller("late"), &|| None).is_none());
    }

    #[test]
    fn what_leaves_makes_room_for_all_of_it() {
        let mut waiting = Waiting::default();
        for _ in 0..3 {
            let mut tickets = fill(&mut waiting, 100_000, Caller("a"), 0);
            tickets.extend(fill(&mut waiting, 100_000, Nobody, 0));
            tickets.extend(fill(&mut waiting, 100_000, Anonymous, 7));
            assert!((MOST / 4..MOST).contains(&sum(&tickets)));
            assert_eq!((waiting.all, waiting.owned.len()), (sum(&tickets), 3));
            tickets.into_iter().for_each(|ticket| waiting.leave(ticket));
            assert_eq!((waiting.all, waiting.owned.len()), (0, 0));
        }
    }

    #[test]
    fn nobody_is_asked_for_a_connection_while_little_is_kept() {
        let mut waiting = Waiting::default();
        let mut tickets = Vec::new();
        while waiting.all + 1_000 + Bounds::BYTES.each <= Bounds::BYTES.unasked() {
            let ticket = waiting.enter(1_000, Anonymous, &|| panic!("asked"));
            tickets.extend(ticket);
        }
        let asked = core::cell::Cell::new(false);
        tickets.extend(waiting.enter(1_000, Anonymous, &|| {
            asked.set(true);
            None
        }));
        assert!(asked.get());
        // A request that is larger than all there is.
        assert!(waiting.enter(usize::MAX, Nobody, &|| None).is_none());
    }
}
