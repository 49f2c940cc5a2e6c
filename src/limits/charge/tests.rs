mod values;

use super::*;
use crate::limits::MemoryStore;
use crate::limits::window::ONE_CALL;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const NOON: u64 = 1_800_000_000;

fn at(seconds: u64) -> Nanos {
    Nanos((NOON + seconds) * 1_000_000_000)
}

fn tag(name: &str) -> Tag {
    Tag::new(&[name.as_bytes()])
}

fn charge(name: &str, caller: &str, max: u64) -> Charge {
    Charge {
        tag: tag(name),
        holder: table(1, 1).holder_for_caller(caller),
        per_caller: true,
        values: None,
        apart: false,
        window: Window::new(60).unwrap(),
        algorithm: Algorithm::Fixed,
        max: max * ONE_CALL,
        weight: ONE_CALL,
    }
}

fn global(name: &str, max: u64) -> Charge {
    Charge { holder: Holder::for_everyone(tag(name)), per_caller: false, ..charge(name, "", max) }
}

fn table(capacity: u64, max_entries: u64) -> Table {
    Table::new("test", capacity, max_entries)
}

fn full(result: &Result<Receipt, ChargeError>) -> bool {
    matches!(result, Err(ChargeError::Counter { error: StoreError::Full, .. }))
}

#[test]
fn exactly_max_are_admitted_in_each_window() {
    let (store, table) = (MemoryStore::default(), table(8, 8));
    for window in 0..3 {
        for _ in 0..10 {
            table.charge(&store, &[charge("a", "x", 10)], at(window * 60 + 5)).unwrap();
        }
        assert_eq!(
            table.charge(&store, &[charge("a", "x", 10)], at(window * 60 + 23)).unwrap_err(),
            ChargeError::Limit { index: 0, retry_after: 37 }
        );
    }
}

#[test]
fn callers_and_counters_do_not_share_but_everyone_does() {
    let (store, table) = (MemoryStore::default(), table(8, 8));
    for charge in [charge("a", "x", 1), charge("a", "y", 1), charge("b", "x", 1), global("a", 1)] {
        assert!(table.charge(&store, &[charge], at(0)).is_ok());
        assert!(table.charge(&store, &[charge], at(0)).is_err());
    }
}

#[test]
fn a_refused_call_costs_nothing_in_any_counter() {
    let (store, table) = (MemoryStore::default(), table(8, 8));
    let charges = [charge("a", "x", 5), global("g", 3), charge("b", "x", 2)];
    table.charge(&store, &charges, at(0)).unwrap();
    table.charge(&store, &charges, at(0)).unwrap();
    for _ in 0..20 {
        let refused = table.charge(&store, &charges, at(0)).unwrap_err();
        assert_eq!(refused, ChargeError::Limit { index: 2, retry_after: 60 });
    }
    for _ in 0..3 {
        table.charge(&store, &[charge("a", "x", 5)], at(0)).unwrap();
    }
    assert!(table.charge(&store, &[charge("a", "x", 5)], at(0)).is_err());
    assert!(table.charge(&store, &[global("g", 3)], at(0)).is_ok());
    assert!(table.charge(&store, &[global("g", 3)], at(0)).is_err());
}

#[test]
fn the_limit_that_frees_last_is_named() {
    let (store, table) = (MemoryStore::default(), table(8, 8));
    let hour = Charge { window: Window::new(3600).unwrap(), ..charge("h", "x", 1) };
    let charges = [charge("a", "x", 1), hour, global("g", 1)];
    table.charge(&store, &charges, at(0)).unwrap();
    let refused = table.charge(&store, &charges, at(0)).unwrap_err();
    assert!(matches!(refused, ChargeError::Limit { index: 1, retry_after } if retry_after > 60));
}

#[test]
fn a_refund_gives_back_what_was_charged_and_no_more() {
    let (store, table) = (MemoryStore::default(), table(2, 2));
    let charges = [charge("a", "x", 2), global("g", 2)];
    let receipt = table.charge(&store, &charges, at(0)).unwrap();
    table.refund(&store, receipt, at(1));
    // The seat of the entry came back too: two others fit.
    for caller in ["y", "z"] {
        table.charge(&store, &[charge("a", caller, 2)], at(1)).unwrap();
    }
    assert!(full(&table.charge(&store, &[charge("a", "x", 2)], at(1))));
    let late = table.charge(&store, &[charge("a", "y", 2)], at(1)).unwrap();
    table.charge(&store, &[charge("a", "y", 2)], at(60)).unwrap();
    table.refund(&store, late, at(60));
    table.charge(&store, &[charge("a", "y", 2)], at(60)).unwrap();
    assert!(table.charge(&store, &[charge("a", "y", 2)], at(60)).is_err());
}

#[test]
fn capacity_holds_that_many_callers_and_frees_them_with_the_window() {
    let (store, table) = (MemoryStore::default(), table(100, 1000));
    for window in 0..3 {
        for caller in 0..100 {
            let charge = charge("a", &format!("{window}-{caller}"), 5);
            assert!(table.charge(&store, &[charge], at(window * 60)).is_ok(), "{caller}");
        }
        for caller in 0..1000 {
            let charge = charge("a", &format!("late-{caller}"), 5);
            assert!(full(&table.charge(&store, &[charge], at(window * 60 + 59))));
        }
        // Those who are in are not disturbed, and another counter has room.
        table.charge(&store, &[charge("a", &format!("{window}-7"), 5)], at(window * 60)).unwrap();
        table.charge(&store, &[charge("b", "late-1", 5)], at(window * 60)).unwrap();
    }
}

#[test]
fn all_counters_together_hold_max_entries() {
    let (store, table) = (MemoryStore::default(), table(100, 150));
    let day = Window::new(86_400).unwrap();
    for caller in 0..100 {
        let charge = Charge { window: day, ..charge("day", &caller.to_string(), 5) };
        table.charge(&store, &[charge], at(0)).unwrap();
    }
    for window in 0..3 {
        for caller in 0..50 {
            let charge = charge("minute", &caller.to_string(), 5);
            assert!(table.charge(&store, &[charge], at(window * 60)).is_ok(), "{caller}");
        }
        assert!(full(&table.charge(&store, &[charge("minute", "new", 5)], at(window * 60))));
    }
}

#[test]
fn entries_in_shadow_take_no_room_of_limits_that_decide() {
    let table = table(10_000, 1 << 20);
    let one = |kind: &str, number: u64| charge(&format!("{kind} {number}"), "x", 5);
    let apart = |kind: &str, number: u64| Charge { apart: true, ..one(kind, number) };
    // The counters of one caller are in one bucket, and so are the numbers of his values.
    let by_value = |number: u64| Charge {
        holder: table.holder_for_values(Some("x"), &[number.to_string()]),
        values: Some(Values { caller: table.holder_for_caller("x"), shared: false }),
        ..apart("value", number)
    };
    let plain = MemoryStore::default();
    let decide = |store: &MemoryStore| {
        let all =
            (0..3_000).filter(|number| table.charge(store, &[one("a", *number)], at(0)).is_ok());
        all.count()
    };
    let alone = decide(&plain);
    assert!(full(&table.charge(&plain, &[apart("s", 0)], at(0))));
    let store = MemoryStore::default();
    let shadowed = (0..2_000).filter(|number| {
        let kinds = [apart("s", *number), by_value(*number)];
        let counted = kinds.map(|charge| table.charge(&store, &[charge], at(0)).is_ok());
        counted.contains(&true)
    });
    let shadowed = shadowed.count();
    assert!((256..=512).contains(&shadowed), "{shadowed}");
    let beside = decide(&store);
    assert!(alone >= 1_024 && beside >= 1_024, "{alone} {beside}");
    // A count that is there goes on, whatever its bucket has.
    for charge in [one("a", 0), apart("s", 0), by_value(0)] {
        for _ in 0..4 {
            table.charge(&store, &[charge], at(1)).unwrap();
        }
        let refused = table.charge(&store, &[charge], at(1)).unwrap_err();
        assert!(matches!(refused, ChargeError::Limit { .. }), "{refused:?}");
    }
}

#[test]
fn three_quarters_of_the_default_capacity_are_admitted_for_several_counters() {
    let (store, table) = (MemoryStore::default(), table(32_768, 262_144));
    let names = ["a", "b", "c", "d"];
    for caller in 0..24_576 {
        let charges = names.map(|name| charge(name, &format!("caller-{caller}"), 5));
        assert!(table.charge(&store, &charges, at(0)).is_ok(), "{caller}");
    }
}

#[test]
fn memory_stays_bounded_over_many_windows_of_ever_new_callers() {
    let (store, table) = (MemoryStore::default(), table(2_000, 2_000));
    let mut largest = 0;
    for window in 0..20 {
        for caller in 0..3_000 {
            let charge = charge("a", &format!("{window}/{caller}"), 5);
            let _ = table.charge(&store, &[charge], at(window * 60));
        }
        let (keys, bytes) = store.size();
        assert!(keys <= 4097);
        largest = largest.max(bytes);
    }
    // An entry whose window is over stays until its bucket is written again, so that
    // a bucket keeps the size of its fullest window.
    assert!(largest < 4 * 2_000 * 45, "{largest} bytes");
}

#[test]
fn capacity_can_change_without_losing_a_count() {
    let store = MemoryStore::default();
    table(10, 10).charge(&store, &[charge("a", "x", 1)], at(0)).unwrap();
    assert!(table(20_000, 30_000).charge(&store, &[charge("a", "x", 1)], at(1)).is_err());
}

#[test]
fn namespaces_do_not_share() {
    let store = MemoryStore::default();
    for namespace in ["a", "b"] {
        let table = Table::new(namespace, 10, 10);
        table.charge(&store, &[charge("a", "x", 1)], at(0)).unwrap();
        assert!(table.charge(&store, &[charge("a", "x", 1)], at(0)).is_err());
    }
}

#[test]
fn a_damaged_value_denies_and_is_left_as_it_is() {
    let (store, table) = (MemoryStore::default(), table(10, 10));
    table.charge(&store, &[charge("a", "x", 5)], at(0)).unwrap();
    for value in [&b"x"[..], &[0; 45], &[1; 45], &[2; 45]] {
        store.damage(value);
        let refused = table.charge(&store, &[charge("a", "x", 5)], at(0)).unwrap_err();
        assert_eq!(refused, ChargeError::Counter { index: 0, error: StoreError::Damaged });
    }
}

#[test]
fn a_late_worker_does_not_find_a_full_window_empty() {
    let (store, table) = (MemoryStore::default(), table(10, 10));
    table.charge(&store, &[charge("a", "x", 1)], at(59)).unwrap();
    // A call of another counter turns the bucket's page first.
    table.charge(&store, &[charge("b", "x", 1)], at(60)).unwrap();
    assert!(table.charge(&store, &[charge("a", "x", 1)], at(59)).is_err());
}

#[test]
fn a_clock_that_steps_back_resets_nothing_though_others_were_served_between() {
    let (store, table) = (MemoryStore::default(), table(10, 10));
    table.charge(&store, &[charge("a", "x", 1)], at(58)).unwrap();
    table.charge(&store, &[charge("b", "x", 1)], at(118)).unwrap();
    assert!(table.charge(&store, &[charge("a", "x", 1)], at(59)).is_err());
}

#[test]
fn the_salt_is_shared_by_all_workers_and_kept_over_pushes() {
    let store = MemoryStore::default();
    let mut tables = [table(10, 10), table(20, 20), table(10, 10)];
    for (worker, table) in tables.iter_mut().enumerate() {
        table.share_salt(&store, [u8::try_from(worker).unwrap() + 1; 16]).unwrap();
    }
    let [first, second, third] = &tables;
    assert_eq!(first.holder_for_caller("x"), second.holder_for_caller("x"));
    assert_eq!(first.holder_for_session("x", b"s"), third.holder_for_session("x", b"s"));
    assert_ne!(first.holder_for_caller("x"), table(10, 10).holder_for_caller("x"));
    store.damage(b"short");
    assert_eq!(table(10, 10).share_salt(&store, [9; 16]), Err(StoreError::Damaged));
}

#[test]
fn a_clock_far_behind_the_stored_windows_is_an_error() {
    let (store, table) = (MemoryStore::default(), table(10, 10));
    table.charge(&store, &[charge("a", "x", 5)], at(600)).unwrap();
    let refused = table.charge(&store, &[charge("a", "x", 5)], at(0)).unwrap_err();
    assert_eq!(refused, ChargeError::Counter { index: 0, error: StoreError::Clock });
}

/// A store in which another worker writes before each of our writes.
struct Racing<F>(MemoryStore, F);

impl<F: Fn(&MemoryStore)> Store for Racing<F> {
    fn update<T>(
        &self,
        key: &[u8],
        mut step: impl FnMut(Option<&[u8]>) -> (Option<Vec<u8>>, T),
    ) -> Result<T, StoreError> {
        let wants_to_write = self.0.update(key, |bytes| (None, step(bytes).0.is_some()))?;
        if wants_to_write {
            self.1(&self.0);
        }
        self.0.update(key, step)
    }
}

#[test]
fn what_is_lost_to_a_race_is_given_back() {
    let other = table(10, 10);
    // Between the look and the write of the global limit, somebody else takes
    // its last seat.
    let racing = Racing(MemoryStore::default(), |store: &MemoryStore| {
        let _ = other.charge(store, &[global("g", 1)], at(0));
    });
    let refused = other.charge(&racing, &[charge("a", "x", 1), global("g", 1)], at(0)).unwrap_err();
    assert!(matches!(refused, ChargeError::Limit { index: 1, .. }));
    assert!(other.charge(&racing.0, &[charge("a", "x", 1)], at(0)).is_ok());
}

#[test]
fn a_caller_is_found_again_whoever_came_between() {
    let mut busy = table(1, 1);
    let ids: Vec<String> = (0..1_000).map(|number| format!("caller {number}")).collect();
    for _ in 0..2 {
        for id in &ids {
            assert_eq!(busy.holder_for_caller(id), busy.hash_caller(id), "{id}");
        }
    }
    busy.share_salt(&MemoryStore::default(), [1; 16]).unwrap();
    // Two tables of one worker, under different salts.
    for id in &ids {
        let other = table(1, 1);
        assert_ne!(busy.holder_for_caller(id), other.holder_for_caller(id), "{id}");
        assert_eq!(busy.holder_for_caller(id), busy.hash_caller(id), "{id}");
        assert_eq!(other.holder_for_caller(id), other.hash_caller(id), "{id}");
    }
}

#[test]
fn a_late_refund_frees_no_place_of_another_window_and_its_own_frees_one() {
    let weightless = |caller| Charge { weight: 0, ..charge("a", caller, 9) };
    let (store, table) = (MemoryStore::default(), table(2, 99));
    let old = table.charge(&store, &[charge("a", "x", 9)], at(0)).unwrap();
    table.charge(&store, &[weightless("x")], at(60)).unwrap();
    // The entry is of the present window, though nothing is used of it.
    table.refund(&store, old, at(61));
    table.charge(&store, &[weightless("x")], at(62)).unwrap();
    let receipt = table.charge(&store, &[weightless("y")], at(62)).unwrap();
    assert!(full(&table.charge(&store, &[weightless("z")], at(62))));
    table.refund(&store, receipt, at(63));
    table.charge(&store, &[weightless("z")], at(63)).unwrap();
}
