use super::*;
use crate::limits::MemoryStore;
use crate::policy::document::MAX_LOCKED;
use crate::wire::json::Reader;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const MINUTE: u64 = 60_000_000_000;

/// A definition of the tool, of which there are many.
fn definition(name: &str, version: u8) -> String {
    format!(r#"{{"name":"{name}","version":{version}}}"#)
}

fn seen(lock: &Lock, tools: &[(&str, u8)]) -> Sightings {
    let mut sightings = Sightings::default();
    for (name, version) in tools {
        let text = definition(name, *version);
        let tool = Reader::new(text.as_bytes(), 64).unwrap().value().unwrap();
        lock.see(&mut sightings, 1, tool, [*name].into_iter());
    }
    sightings
}

/// A lock of the first version of these tools.
fn lock_of(names: &[&str], version: u8) -> Lock {
    let digest = |name: &&str| {
        let text = definition(name, version);
        let tool = Reader::new(text.as_bytes(), 64).unwrap().value().unwrap();
        ((*name).to_owned(), digest_of_definition(tool, false).unwrap())
    };
    let tools = names.iter().map(digest).collect();
    let tools = crate::order::sorted(tools, |(a, _): &(String, _), (b, _)| a.cmp(b));
    let lock = document::Lock { enforces: true, tools, ignores_meta: false };
    Lock::new(lock, &Table::new("test", 1, 1))
}

/// Keeps one list; the tools that are shown after it.
fn list(
    lock: &Lock,
    store: &MemoryStore,
    tools: &[(&str, u8)],
    began: Option<u64>,
    now: u64,
) -> Vec<String> {
    let news = lock.keep(store, &seen(lock, tools), began.map(Nanos), Nanos(now)).unwrap();
    let names = lock.tools.iter().map(|tool| tool.name.clone());
    names.filter(|name| lock.shows(&news, name)).collect()
}

fn refused(lock: &Lock, store: &MemoryStore, tool: &str) -> Option<Reason> {
    lock.check(tool).and_then(|()| lock.unchanged(tool, store)).err().map(|denial| denial.reason)
}

#[test]
fn a_slow_list_that_was_asked_for_before_re_opens_nothing() {
    let (lock, store) = (lock_of(&["a", "b"], 1), MemoryStore::default());
    assert_eq!(list(&lock, &store, &[("a", 1)], Some(0), 1), ["a", "b"]);
    assert_eq!(list(&lock, &store, &[("a", 2)], Some(10), 11), ["b"]);
    assert_eq!(refused(&lock, &store, "a"), Some(Reason::ToolChanged));
    assert_eq!(refused(&lock, &store, "b"), None);
    assert_eq!(refused(&lock, &store, "c"), Some(Reason::ToolUnknown));
    // The server took its time for each of these.
    let late = 11 + 10 * MINUTE;
    for began in [None, Some(5), Some(11)] {
        assert_eq!(list(&lock, &store, &[("a", 1), ("b", 1)], began, late), ["b"]);
    }
    assert_eq!(list(&lock, &store, &[("a", 1)], Some(12), 10 + MINUTE), ["b"]);
    assert_eq!(list(&lock, &store, &[("b", 1)], Some(12), late), ["b"]);
    assert_eq!(list(&lock, &store, &[("a", 1)], Some(12), 11 + MINUTE), ["a", "b"]);
    assert_eq!(refused(&lock, &store, "a"), None);
}

#[test]
fn the_state_is_not_written_for_lists_that_are_as_locked() {
    let (lock, store) = (lock_of(&["a"], 1), MemoryStore::default());
    list(&lock, &store, &[("a", 1), ("other", 1)], Some(0), 1);
    store.update(&lock.key, |stored| (None, assert_eq!(stored, None))).unwrap();
    list(&lock, &store, &[("a", 2)], Some(0), 1);
    list(&lock, &store, &[("a", 1)], Some(2), 2 + MINUTE);
    let empty = |stored: Option<&[u8]>| (None, assert_eq!(stored, Some(&[][..])));
    store.update(&lock.key, empty).unwrap();
}

#[test]
fn news_are_told_once() {
    let (lock, store) = (lock_of(&["a", "b"], 1), MemoryStore::default());
    let keep = |tools: &[(&str, u8)], now: u64| {
        lock.keep(&store, &seen(&lock, tools), Some(Nanos(now)), Nanos(now)).unwrap()
    };
    let first = keep(&[("b", 2), ("c", 1)], 1);
    assert_eq!((&*first.blocked, &*first.reopened), (&[1][..], &[][..]));
    assert!(first.shows_changed && first.shows_unknown);
    assert_eq!(lock.tool(1), Some(("b", "/lock/tools/b")));
    let second = keep(&[("b", 2)], 2);
    assert_eq!((&*second.blocked, second.shows_unknown), (&[][..], false));
    let third = keep(&[("a", 1), ("b", 1)], 2 + MINUTE);
    assert_eq!((&*third.reopened, third.shows_changed), (&[1][..], false));
    let mut all = first;
    all.join(second);
    all.join(third);
    assert_eq!((&*all.blocked, &*all.reopened), (&[1][..], &[1][..]));
    assert!(all.shows_changed && lock.shows(&all, "b"));
}

#[test]
fn a_push_re_opens_the_tools_of_which_it_locks_another_definition() {
    let store = MemoryStore::default();
    let (old, new) = (lock_of(&["a", "b"], 1), lock_of(&["a", "b"], 2));
    list(&old, &store, &[("a", 2), ("b", 3)], Some(0), 1);
    assert_eq!(refused(&old, &store, "a"), Some(Reason::ToolChanged));
    assert_eq!(refused(&new, &store, "a"), None);
    // A worker with the new policy keeps what one with the old one still needs, for a while.
    assert_eq!(list(&new, &store, &[("b", 3)], Some(2), 3), ["a"]);
    assert_eq!(refused(&old, &store, "a"), Some(Reason::ToolChanged));
    list(&new, &store, &[("b", 3)], Some(2), 61 * MINUTE);
    assert_eq!(refused(&old, &store, "a"), None);
    assert_eq!(refused(&new, &store, "b"), Some(Reason::ToolChanged));
    // The same policy, pushed again, changes nothing.
    assert_eq!(refused(&lock_of(&["a", "b"], 2), &store, "b"), Some(Reason::ToolChanged));
}

#[test]
fn the_state_is_bounded_however_many_policies_there_are() {
    let store = MemoryStore::default();
    let names: Vec<String> = (0..MAX_LOCKED).map(|n| format!("t{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let changed: Vec<(&str, u8)> = names.iter().map(|name| (*name, 9)).collect();
    let mut lock = lock_of(&names, 1);
    for version in 1..5 {
        lock = lock_of(&names, version);
        assert_eq!(list(&lock, &store, &changed, Some(0), 1), [] as [&str; 0]);
    }
    let length = store.update(&lock.key, |stored| (None, stored.unwrap().len())).unwrap();
    assert!(length <= 2 * MAX_LOCKED * 16, "{length}");
    assert!(names.iter().all(|name| refused(&lock, &store, name) == Some(Reason::ToolChanged)));
}

#[test]
fn what_cannot_be_read_refuses_every_call_and_shows_nothing() {
    let (lock, store) = (lock_of(&["a"], 1), MemoryStore::default());
    for damaged in [vec![1; 15], vec![1; 17], [[2; 16], [1; 16]].concat()] {
        store.update(&lock.key, |_| (Some(damaged.clone()), ())).unwrap();
        let kept = lock.keep(&store, &seen(&lock, &[("a", 1)]), None, Nanos(1));
        assert_eq!(kept, Err(StoreError::Damaged), "{damaged:?}");
        if damaged.len() % 16 != 0 {
            assert_eq!(refused(&lock, &store, "a"), Some(Reason::Internal));
        }
    }
}
