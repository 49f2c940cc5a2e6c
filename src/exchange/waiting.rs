//! Requests that wait for their bodies, and their owners.
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
//! Until an eighth is taken, the owner of a request does not matter: so for nearly
//! every request of a gateway that is not under attack, this is one addition.

use std::collections::HashMap;
use std::hash::BuildHasher;

/// Bytes that a worker keeps of requests whose bodies have not come yet: those
/// of some 100,000 usual ones. A VM that has no memory left is a trap. A power of
/// two.
const MOST: usize = 64 << 20;
/// Bytes that are kept for any owner.
const UNASKED: usize = MOST / 8;
/// Bytes of a usual request, and a few times that.
const USUAL: usize = 8 << 10;
/// Bytes that a request costs besides its own: its contexts in the SDK, here and in
/// [`Waiting`], and the allocator's.
const EACH: usize = 256;

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

/// The bytes that are kept for all requests of one configuration in one worker.
#[derive(Debug, Default)]
pub struct Waiting {
    all: usize,
    owned: HashMap<Owner, usize>,
}

/// The bytes that are kept for one request. They have to be given back.
#[derive(Debug)]
#[must_use = "what is never given back is missing for ever"]
pub struct Ticket {
    bytes: usize,
    owner: Option<Owner>,
}

impl Waiting {
    /// Counts the bytes of a request; `None` if its owner holds too much.
    /// `connection` returns a number of the connection that no client can choose;
    /// connections without one share a part.
    pub fn enter(
        &mut self,
        bytes: usize,
        whose: Whose<'_>,
        connection: impl FnOnce() -> Option<u64>,
    ) -> Option<Ticket> {
        let bytes = bytes.saturating_add(EACH);
        let all = self.all.saturating_add(bytes);
        if all <= UNASKED {
            self.all = all;
            return Some(Ticket { bytes, owner: None });
        }
        let owner = match whose {
            // No client can choose ids that meet in one number: it is salted.
            Whose::Caller(id) => Owner::Caller(self.owned.hasher().hash_one(id)),
            Whose::Anonymous => Owner::Connection(connection().unwrap_or_default()),
            Whose::Nobody => Owner::Nobody,
        };
        let before = self.owned.get(&owner).copied().unwrap_or_default();
        let held = before.saturating_add(bytes);
        let free = MOST.saturating_sub(self.all);
        let first = before == 0 && held <= USUAL && held <= free;
        if !first && held > part(free) {
            return None;
        }
        self.owned.insert(owner, held);
        self.all = all;
        Some(Ticket { bytes, owner: Some(owner) })
    }

    /// Gives back the bytes of a request that waits no longer.
    pub fn leave(&mut self, ticket: Ticket) {
        let Ticket { bytes, owner } = ticket;
        self.all = self.all.saturating_sub(bytes);
        let Some(owner) = owner else { return };
        if let Some(held) = self.owned.get_mut(&owner) {
            *held = held.saturating_sub(bytes);
            if *held == 0 {
                self.owned.remove(&owner);
            }
        }
    }
}

/// The most that one caller may hold while this much is free: after `k` callers that
/// take all they get, `MOST / (3 * k).powf(1.33)`. If each could hold the same part
/// of the free memory, twenty callers would leave nothing.
fn part(free: usize) -> usize {
    square(square(free))
}

/// The square of a part of [`MOST`], taken as a fraction of it.
fn square(bytes: usize) -> usize {
    let squared = (bytes as u64).saturating_mul(bytes as u64) >> MOST.trailing_zeros();
    usize::try_from(squared).unwrap_or(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Whose::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Lets one on this connection take what it gets, in requests of `bytes`.
    fn fill(waiting: &mut Waiting, bytes: usize, whose: Whose<'_>, connection: u64) -> Vec<Ticket> {
        core::iter::from_fn(|| waiting.enter(bytes, whose, || Some(connection))).collect()
    }

    fn sum(tickets: &[Ticket]) -> usize {
        tickets.iter().map(|ticket| ticket.bytes).sum()
    }

    #[test]
    fn whoever_takes_all_that_he_gets_leaves_most_for_others() {
        for greedy in [Nobody, Caller("greedy"), Anonymous] {
            let mut waiting = Waiting::default();
            let taken = fill(&mut waiting, 400, greedy, 1);
            assert!((MOST / 4..MOST / 3).contains(&sum(&taken)), "{greedy:?}");
            assert!(waiting.enter(0, greedy, || Some(1)).is_none());
            for honest in [Caller("honest"), Anonymous] {
                let tickets: Vec<_> =
                    (0..10_000).map_while(|_| waiting.enter(400, honest, || Some(2))).collect();
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
            assert!(waiting.enter(4_000, Anonymous, || Some(greedy)).is_none(), "{greedy}");
        }
        for honest in 1_000..1_100 {
            let ticket = waiting.enter(4_000, Anonymous, || Some(honest));
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
        assert_eq!(part(MOST), MOST);
        assert_eq!(part(0), 0);
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
        while waiting.all + 1_000 + EACH <= UNASKED {
            let ticket = waiting.enter(1_000, Anonymous, || panic!("asked"));
            tickets.extend(ticket);
        }
        let mut asked = false;
        tickets.extend(waiting.enter(1_000, Anonymous, || {
            asked = true;
            None
        }));
        assert!(asked);
        // A request that is larger than all there is.
        assert!(waiting.enter(usize::MAX, Nobody, || None).is_none());
    }
}
