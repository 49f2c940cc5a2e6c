//! Counts by value: each caller has room of his own for them.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

type Make = fn(&str, &str, &str, u64) -> Charge;

fn value(name: &str, caller: &str, value: &str, max: u64) -> Charge {
    let table = table(1, 1);
    let values = Some(Values { caller: table.holder_for_caller(caller), shared: false });
    let holder = table.holder_for_values(Some(caller), &[value]);
    Charge { holder, values, ..charge(name, caller, max) }
}

fn shared(name: &str, caller: &str, value: &str, max: u64) -> Charge {
    let table = table(1, 1);
    let values = Some(Values { caller: table.holder_for_caller(caller), shared: true });
    let holder = table.holder_for_values(None, &[value]);
    Charge { holder, values, ..charge(name, caller, max) }
}

#[test]
fn a_flood_of_values_of_one_caller_fills_nobody_elses_room() {
    let makes: [(Make, u64); 2] = [(value, 300_000), (shared, 3_000)];
    for (make, flood) in makes {
        let (store, table) = (MemoryStore::default(), Table::new("test", 32_768, 262_144));
        let admitted = |caller: &str, number: u64, second| {
            let charge = make("a", caller, &format!("{caller} {number}"), 5);
            table.charge(&store, &[charge], at(second))
        };
        let mut size = 0;
        for (window, flood) in [(0, flood), (60, 3_000)] {
            let admissions = (0..flood).filter(|number| admitted("flood", *number, window).is_ok());
            assert_eq!(admissions.count(), 256);
            // The values that he has are still counted.
            assert!(admitted("flood", 255, window).is_ok());
            for caller in ["1", "2", "3", "4", "5", "6", "7", "8"] {
                let calls = (0..300).filter(|number| admitted(caller, *number, window).is_ok());
                assert_eq!(calls.count(), 256, "{caller}");
            }
            let (keys, bytes) = store.size();
            assert!(size == 0 || bytes < size * 3, "{keys} keys, {bytes} bytes after {size}");
            size = bytes;
        }
    }
}

#[test]
fn a_caller_without_room_leaves_nothing_behind() {
    let (store, table) = (MemoryStore::default(), table(1, 10));
    table.charge(&store, &[value("a", "x", "1", 5)], at(0)).unwrap();
    let before = store.size().1;
    for number in 0..100 {
        assert!(full(&table.charge(&store, &[value("a", &number.to_string(), "1", 5)], at(0))));
    }
    assert_eq!(store.size().1, before);
}

#[test]
fn a_value_that_is_given_back_can_be_another() {
    let (store, table) = (MemoryStore::default(), table(100, 100).with_values(2));
    let all = [value("a", "x", "1", 5), value("b", "x", "1", 5), charge("c", "x", 9)];
    let first = table.charge(&store, &all, at(0)).unwrap();
    let second = table.charge(&store, &all, at(0)).unwrap();
    table.charge(&store, &[value("a", "x", "2", 5)], at(0)).unwrap();
    assert!(full(&table.charge(&store, &[value("a", "x", "3", 5)], at(1))));
    table.charge(&store, &[value("b", "x", "3", 5)], at(1)).unwrap();
    // One charge of two is still there, and so is the value.
    table.refund(&store, first, at(1));
    assert!(full(&table.charge(&store, &[value("a", "x", "3", 5)], at(1))));
    table.refund(&store, second, at(1));
    table.charge(&store, &[value("a", "x", "3", 5)], at(1)).unwrap();
    assert!(full(&table.charge(&store, &[value("a", "x", "1", 5)], at(1))));
    // Another window, another two.
    table.charge(&store, &[value("a", "x", "1", 5)], at(60)).unwrap();
}

#[test]
fn a_value_of_all_has_the_seat_of_the_caller_who_brought_it() {
    let (store, table) = (MemoryStore::default(), table(100, 100).with_values(1));
    let go = |caller, value| table.charge(&store, &[shared("a", caller, value, 2)], at(0));
    let brought = go("x", "1").unwrap();
    let joined = go("y", "1").unwrap();
    assert!(matches!(go("z", "1"), Err(ChargeError::Limit { .. })));
    assert!(full(&go("x", "2")));
    let own = go("y", "2").unwrap();
    assert!(full(&go("y", "3")));
    // Whoever joined gives nothing back that is not his.
    table.refund(&store, brought, at(0));
    table.refund(&store, joined, at(0));
    assert!(full(&go("x", "3")) && full(&go("y", "3")));
    table.refund(&store, own, at(0));
    assert!(go("y", "3").is_ok() && full(&go("x", "2")));
}

#[test]
fn a_batch_takes_one_seat_for_each_value() {
    let (store, table) = (MemoryStore::default(), table(100, 100).with_values(2));
    let all = |values: [&str; 3]| values.map(|each| value("a", "x", each, 9));
    assert!(full(&table.charge(&store, &all(["1", "2", "3"]), at(0))));
    let receipt = table.charge(&store, &all(["1", "2", "1"]), at(0)).unwrap();
    assert!(full(&table.charge(&store, &all(["3", "1", "1"]), at(0))));
    table.refund(&store, receipt, at(0));
    table.charge(&store, &all(["3", "4", "4"]), at(0)).unwrap();
}

#[test]
fn a_sliding_counter_holds_the_values_of_two_windows() {
    let (store, table) = (MemoryStore::default(), table(100, 100).with_values(2));
    let go = |number: u64, second| {
        let sliding = value("a", "x", &number.to_string(), 1);
        let sliding = Charge { algorithm: Algorithm::Sliding, ..sliding };
        table.charge(&store, &[sliding], at(second))
    };
    for (second, first) in [(59, 0), (60, 2)] {
        assert!(go(first, second).is_ok() && go(first + 1, second).is_ok());
        assert!(full(&go(first + 2, second)));
    }
    for number in 0..4 {
        assert!(matches!(go(number, 119), Err(ChargeError::Limit { .. })), "{number}");
    }
    // No more than those of two.
    assert!(go(4, 120).is_ok() && go(0, 120).is_ok() && full(&go(1, 120)));
}
