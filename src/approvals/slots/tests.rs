use super::*;
use crate::approvals::{Decided, DecisionError, Edge, Put, Sent, Taken, Verdict};
use crate::limits::MemoryStore;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOW: Nanos = Nanos(1_800_000_000_000_000_000);

fn draft(digest: [u8; 32], need: u8) -> Entry {
    Entry {
        state: State::Pending,
        need,
        made: Nanos(0),
        expires: Nanos(0),
        wait: 600,
        valid: 60,
        notice: Sent::Never,
        digest,
        rule_hash: [9; 32],
        id: Id::none(),
        policy: "0123456789ab".into(),
        caller: "agent".into(),
        route: String::new(),
        authority: "mcp.example.com".into(),
        path: "/mcp".into(),
        tool: "refund".into(),
        rules: vec!["/tools/refund/action".into()],
        params: r#"{"arguments":{"amount":500}}"#.into(),
        approved_by: Vec::new(),
        reason: String::new(),
        edge: None,
        used_by: [0; 16],
        used_at: 0,
    }
}

fn table() -> Table {
    Table::new("test", 1, 1)
}

/// A request for `digest`, made now.
fn ask(slots: Slots<'_>, store: &MemoryStore, digest: [u8; 32], need: u8, now: Nanos) -> Entry {
    let Standing::Unknown(free) = slots.find(store, &digest, now).unwrap() else {
        panic!("it is known")
    };
    match slots.request(store, &free, &draft(digest, need), now).unwrap() {
        Requested::Made(entry) => entry,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    let mut entry = draft([1; 32], 3);
    entry.approved_by = vec!["ann".into(), "bo\u{301}b".into()];
    entry.rules.push("/all_tools/approve_if/0".into());
    for notice in [Sent::Came, Sent::Tried(NOW), Sent::Never] {
        entry.notice = notice;
        assert_eq!(Entry::read(&entry.write()).unwrap().notice, notice);
    }
    assert_eq!(Entry::read(&entry.write()), Ok(entry.clone()));
    entry.edge = Some(Edge { identity: [3; 32], approvers: vec!["pay-*".into(), "c".into()] });
    (entry.used_by, entry.used_at) = ([4; 16], 1_800_000_000);
    let bytes = entry.write();
    assert_eq!(Entry::read(&bytes), Ok(entry));
    for cut in 0..bytes.len() {
        assert_eq!(Entry::read(&bytes[..cut]), Err(StoreError::Damaged));
    }
    assert_eq!(Entry::read(&[&*bytes, b"x"].concat()), Err(StoreError::Damaged));
    let mut wrong = bytes;
    wrong[0] = 0;
    assert_eq!(Entry::read(&wrong), Err(StoreError::Damaged));
}

#[test]
fn an_approval_is_used_once() {
    let (table, store) = (table(), MemoryStore::default());
    let slots = Slots::new(&table);
    let digest = [1; 32];
    let entry = ask(slots, &store, digest, 1, NOW);
    assert_eq!(entry.expires_in(NOW), 600);
    assert!(
        matches!(slots.find(&store, &digest, NOW), Ok(Standing::Pending(found)) if found == entry)
    );
    assert_eq!(slots.use_up(&store, entry.id.slot(), &digest, NOW), Ok(None));
    let Decided(approved) =
        slots.decide(&store, entry.id, &digest, "ann", Verdict::Approve, NOW).unwrap();
    assert_eq!((approved.state, approved.expires_in(NOW)), (State::Approved, 60));
    let Ok(Standing::Approved(slot, _)) = slots.find(&store, &digest, NOW) else { panic!() };
    assert_eq!(slots.use_up(&store, slot, &[2; 32], NOW), Ok(None));
    let used = slots.use_up(&store, slot, &digest, NOW).unwrap().unwrap();
    assert_eq!(
        (used.state, &*used.params, &*used.approved_by),
        (State::Used, "", &["ann".to_owned()][..])
    );
    assert_eq!(slots.use_up(&store, slot, &digest, NOW), Ok(None));
    // Another request comes in the same slot, under another id.
    let Ok(Standing::Unknown(free)) = slots.find(&store, &digest, NOW) else { panic!() };
    assert_eq!(free[0], slot);
    let again = ask(slots, &store, digest, 1, Nanos(NOW.0 + 1));
    assert_eq!(again.id.slot(), slot);
    assert_ne!(again.id, entry.id);
    let late = slots.decide(&store, entry.id, &digest, "ann", Verdict::Approve, NOW);
    assert_eq!(late, Err(DecisionError::Unknown));
}

#[test]
fn two_different_approvers_make_two() {
    let (table, store) = (table(), MemoryStore::default());
    let slots = Slots::new(&table);
    let entry = ask(slots, &store, [1; 32], 2, NOW);
    let decide = |by, verdict| slots.decide(&store, entry.id, &[1; 32], by, verdict, NOW);
    assert_eq!(decide("ann", Verdict::Approve).unwrap().0.state, State::Pending);
    assert_eq!(decide("ann", Verdict::Approve), Err(DecisionError::Twice));
    assert_eq!(decide("bob", Verdict::Approve).unwrap().0.state, State::Approved);
    assert_eq!(decide("eve", Verdict::Approve), Err(DecisionError::Approved));
    // A denial takes the approval back.
    let Decided(denied) = decide("eve", Verdict::Deny("too much")).unwrap();
    assert_eq!((denied.state, denied.expires_in(NOW)), (State::Denied, 3600));
    assert_eq!((&*denied.params, &*denied.reason), ("", "too much"));
    assert_eq!(decide("ann", Verdict::Approve), Err(DecisionError::Denied));
    assert_eq!(slots.use_up(&store, entry.id.slot(), &[1; 32], NOW), Ok(None));
    assert!(matches!(slots.find(&store, &[1; 32], NOW), Ok(Standing::Denied(_))));
}

#[test]
fn a_decision_is_about_the_call_that_was_seen() {
    let (table, store) = (table(), MemoryStore::default());
    let slots = Slots::new(&table);
    let entry = ask(slots, &store, [1; 32], 1, NOW);
    let other = slots.decide(&store, entry.id, &[2; 32], "ann", Verdict::Approve, NOW);
    assert_eq!(other, Err(DecisionError::OtherCall));
    let over = NOW.later(600);
    let late = slots.decide(&store, entry.id, &[1; 32], "ann", Verdict::Approve, over);
    assert_eq!(late, Err(DecisionError::Unknown));
    assert!(
        matches!(slots.find(&store, &[1; 32], over), Ok(Standing::Unknown(free)) if !free.is_empty())
    );
}

/// A new request in this very slot.
fn made_in(slots: Slots<'_>, store: &MemoryStore, slot: Slot, digest: [u8; 32]) -> Entry {
    match slots.request(store, &[slot], &draft(digest, 1), NOW).unwrap() {
        Requested::Made(entry) => entry,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_denial_holds_in_every_slot_of_the_call() {
    let (table, store) = (table(), MemoryStore::default());
    let slots = Slots::new(&table);
    let digest = [1; 32];
    let free = slots.choices(&digest);
    let make = |slot| made_in(slots, &store, slot, digest);
    let (first, second) = (make(free[0]), make(free[1]));
    slots.decide(&store, first.id, &digest, "ann", Verdict::Approve, NOW).unwrap();
    slots.decide(&store, second.id, &digest, "bob", Verdict::Deny(""), NOW).unwrap();
    assert_eq!(slots.use_up(&store, free[0], &digest, NOW), Ok(None));
    assert!(matches!(slots.find(&store, &digest, NOW), Ok(Standing::Denied(_))));
}

#[test]
fn a_denial_that_failed_half_way_is_completed_by_the_next() {
    let (table, store) = (table(), MemoryStore::default());
    let slots = Slots::new(&table);
    let digest = [1; 32];
    let free = slots.choices(&digest);
    let make = |slot| made_in(slots, &store, slot, digest);
    let deny = |id| slots.decide(&store, id, &digest, "bob", Verdict::Deny("no"), NOW);
    let first = make(free[0]);
    deny(first.id).unwrap();
    let second = make(free[1]);
    assert_eq!(slots.by_id(&store, second.id, NOW).unwrap().state, State::Pending);
    assert_eq!(deny(first.id), Err(DecisionError::Denied));
    assert_eq!(slots.by_id(&store, second.id, NOW).unwrap().state, State::Denied);
}

#[test]
fn living_entries_keep_their_slots() {
    let (table, store) = (table(), MemoryStore::default());
    let slots = Slots::new(&table);
    let mut made = Vec::new();
    let mut full = None;
    for n in 0_u16..4096 {
        let mut digest = [0; 32];
        digest[..2].copy_from_slice(&n.to_be_bytes());
        let Ok(Standing::Unknown(free)) = slots.find(&store, &digest, NOW) else { panic!() };
        match slots.request(&store, &free, &draft(digest, 1), NOW).unwrap() {
            Requested::Made(entry) => made.push(entry),
            Requested::Full => full = Some(digest),
            Requested::Found(entry) => panic!("{entry:?}"),
        }
    }
    assert!((1000..=1024).contains(&made.len()), "{}", made.len());
    for entry in &made {
        assert_eq!(slots.by_id(&store, entry.id, NOW).as_ref(), Ok(entry));
    }
    let mut seen = 0;
    slots
        .each(&store, NOW, |_| {
            seen += 1;
            true
        })
        .unwrap();
    assert_eq!(seen, made.len());
    assert_eq!(store.size().0, made.len());
    // After they are over there is room, in the same keys.
    let over = NOW.later(600);
    let digest = full.expect("all had room");
    ask(slots, &store, digest, 1, over);
    assert_eq!(store.size().0, made.len());
}

#[test]
fn what_cannot_be_read_is_taken() {
    let (table, store) = (table(), MemoryStore::default());
    let slots = Slots::new(&table);
    let entry = ask(slots, &store, [1; 32], 1, NOW);
    store.damage(b"odd");
    // The other slots are free.
    let Ok(Standing::Unknown(free)) = slots.find(&store, &[1; 32], NOW) else { panic!() };
    assert!(!free.contains(&entry.id.slot()) && !free.is_empty());
    let decided = slots.decide(&store, entry.id, &[1; 32], "ann", Verdict::Approve, NOW);
    assert_eq!(decided, Err(DecisionError::Unknown));
    for slot in slots.choices(&[1; 32]) {
        store.update(&slots.key(slot), |_| (Some(b"odd".to_vec()), ())).unwrap();
    }
    assert_eq!(slots.find(&store, &[1; 32], NOW).err(), Some(StoreError::Damaged));
    // Made by a clock that was ahead.
    let store = MemoryStore::default();
    ask(slots, &store, [1; 32], 1, NOW.later(61));
    assert_eq!(slots.find(&store, &[1; 32], NOW).err(), Some(StoreError::Clock));
    assert!(slots.find(&store, &[1; 32], NOW.later(1)).is_ok());
}

#[test]
fn one_worker_sends_a_notice_and_again_a_minute_later() {
    let (table, store) = (table(), MemoryStore::default());
    let slots = Slots::new(&table);
    let digest = [1; 32];
    let entry = ask(slots, &store, digest, 2, NOW);
    let send = |seconds: u64| slots.send(&store, entry.id, NOW.later(seconds));
    assert_eq!([0, 0, 59, 60, 119, 120].map(send), [true, false, false, true, false, true].map(Ok));
    // A decision keeps what is known of it.
    slots.decide(&store, entry.id, &digest, "ann", Verdict::Approve, NOW).unwrap();
    assert_eq!([150, 180].map(send), [Ok(false), Ok(true)]);
    slots.came(&store, entry.id, NOW.later(181)).unwrap();
    assert_eq!(send(590), Ok(false));
    // What is decided or over is not told.
    slots.decide(&store, entry.id, &digest, "bob", Verdict::Approve, NOW).unwrap();
    assert_eq!([0, 300, 9_000].map(send), [Ok(false); 3]);
    assert_eq!(slots.send(&store, Id::none(), NOW), Ok(false));
}

#[test]
fn a_question_takes_an_approval_once_and_hears_so_again() {
    let (table, store) = (table(), MemoryStore::default());
    let slots = Slots::new(&table);
    let digest = [1; 32];
    let entry = ask(slots, &store, digest, 1, NOW);
    let slot = entry.id.slot();
    let put = |nonce, seconds| Put { nonce: [nonce; 16], seconds };
    let take = |put, now| slots.take(&store, slot, &digest, put, now).unwrap();
    let second = NOW.seconds();
    assert_eq!(take(put(1, second), NOW), Taken::Not);
    let approved = NOW.later(5);
    slots.decide(&store, entry.id, &digest, "ann", Verdict::Approve, approved).unwrap();
    // The question of before the approval, again: it was answered that the call waits.
    assert!(matches!(take(put(1, second + 4), approved), Taken::Before(_)));
    assert_eq!(slots.taken(&store, &digest, put(1, second + 4), approved), Ok(Taken::Not));
    let Taken::Now(used) = take(put(2, second + 5), NOW.later(6)) else { panic!() };
    assert_eq!((used.state, used.used_by, &*used.params), (State::Used, [2; 16], ""));
    assert_eq!(used.approved_by, ["ann"]);
    // The same again, and another question.
    assert_eq!(take(put(2, second + 5), NOW.later(7)), Taken::Now(used.clone()));
    assert_eq!(
        slots.taken(&store, &digest, put(2, second + 5), NOW.later(7)),
        Ok(Taken::Now(used.clone()))
    );
    assert_eq!(take(put(3, second + 7), NOW.later(7)), Taken::Not);
    let taken = |put, now| slots.taken(&store, &digest, put, now).unwrap();
    assert_eq!(taken(put(3, second + 7), NOW.later(7)), Taken::Not);
    // One of before the use, as long as it could come; the use was at six.
    assert_eq!(used.used_at, second + 6);
    for seconds in [0, second, second + 6] {
        assert_eq!(taken(put(3, seconds), NOW.later(66)), Taken::Before(used.clone()));
    }
    assert_eq!(taken(put(3, second + 6), NOW.later(4_000)), Taken::Not);
    // A use without a question has no number, and no question has that of none.
    let again = ask(slots, &store, [2; 32], 1, NOW);
    slots.decide(&store, again.id, &[2; 32], "ann", Verdict::Approve, NOW).unwrap();
    slots.use_up(&store, again.id.slot(), &[2; 32], NOW).unwrap().unwrap();
    assert_eq!(slots.taken(&store, &[2; 32], put(0, second), NOW), Ok(Taken::Not));
    let nobody = slots.take(&store, again.id.slot(), &[2; 32], put(0, second), NOW);
    assert_eq!(nobody, Ok(Taken::Not));
}

#[test]
fn a_decision_by_a_clock_that_was_ahead_is_none_for_one_that_is_right() {
    let (table, store) = (table(), MemoryStore::default());
    let slots = Slots::new(&table);
    for (digest, verdict, holds) in
        [([1; 32], Verdict::Approve, 60), ([2; 32], Verdict::Deny("no"), 3_600)]
    {
        let entry = ask(slots, &store, digest, 1, NOW);
        let ahead = NOW.later(300);
        slots.decide(&store, entry.id, &digest, "ann", verdict, ahead).unwrap();
        assert!(slots.find(&store, &digest, ahead).is_ok());
        // More than its own time and a minute cannot be left.
        assert!(slots.find(&store, &digest, NOW.later(240)).is_ok(), "{holds}");
        assert_eq!(slots.find(&store, &digest, NOW.later(239)).err(), Some(StoreError::Clock));
        let used = slots.use_up(&store, entry.id.slot(), &digest, NOW);
        assert_eq!(used, Err(StoreError::Clock), "{holds}");
    }
}
