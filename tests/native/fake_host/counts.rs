//! Counts in the host's shared data: what keeps them, what gives them back.

use super::host::{HOST, forget_counts};
use super::worker::{PLAIN, Worker};
use super::{ONE_A_MINUTE, call};
use crate::corpus::{Outcome, Request};
use std::collections::BTreeSet;

#[test]
fn counts_survive_a_push_and_a_changed_max() {
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
    assert!(matches!(worker.send(&call("a")), Outcome::Replied { .. }));
    let pushed = ONE_A_MINUTE.replace("1/minute", "2/minute");
    let worker = Worker::configure(&pushed, PLAIN).unwrap();
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
    assert!(matches!(worker.send(&call("a")), Outcome::Replied { .. }));
}

#[test]
fn a_charge_is_given_back_only_where_nothing_was_sent() {
    // No healthy host, no connection, too many requests, no route, no cluster.
    let unsent = [0x2, 0x20, 0x80, 0x100, 0x100_0000, 0x22];
    // None; a client's reset; an upstream's; a timeout; one of ours with more.
    let sent = [0, 0x4000, 0x10, 0x40, 0x4, 0x4020, 0x8020];
    let mut cases: Vec<(Vec<u8>, bool)> = Vec::new();
    cases.extend(unsent.map(|flags: u64| (flags.to_le_bytes().to_vec(), true)));
    cases.extend(sent.map(|flags: u64| (flags.to_le_bytes().to_vec(), false)));
    cases.extend([(vec![], false), (vec![2], false), (b"UF".to_vec(), false)]);
    for (flags, given_back) in cases {
        HOST.with_borrow_mut(|host| {
            host.shared.clear();
            host.flags = flags.clone();
        });
        let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
        assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
        let again = matches!(worker.send(&call("a")), Outcome::Forwarded);
        assert_eq!(again, given_back, "{flags:?}");
    }
}

#[test]
fn keys_in_shared_data_are_few_and_carry_product_and_format() {
    forget_counts();
    let worker = Worker::configure(ONE_A_MINUTE, PLAIN).unwrap();
    for at in 0..10 {
        worker.send(&Request { at: at * 60, ..call("a") });
    }
    let keys: BTreeSet<String> = HOST.with_borrow(|host| {
        host.shared.keys().map(|key| String::from_utf8_lossy(key).into_owned()).collect()
    });
    assert!(keys.iter().all(|key| key.starts_with("mcp-policy-filter/1/3:mcp:root/")), "{keys:?}");
    // The salt, the total, the caller's bucket and that of the callers' count.
    assert_eq!(keys.len(), 4, "{keys:?}");
}
