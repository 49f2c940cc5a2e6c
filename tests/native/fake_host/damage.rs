//! Shared data that holds something else than what the filter wrote: another
//! program's bytes, half a value, nothing that can be read.

use super::host::{HOST, forget_counts, metric};
use super::worker::{PLAIN, Worker};
use super::{CLOSED, ONE_A_MINUTE, call};
use crate::corpus::{self, Outcome};
use crate::random::Random;
use serde_json::json;

/// Replaces the values that `which` picks by what `damage` makes of them, and
/// returns all values as they then are.
fn damage(
    which: impl Fn(&str) -> bool,
    mut damage: impl FnMut(&[u8]) -> Vec<u8>,
) -> Vec<(Vec<u8>, u32)> {
    HOST.with_borrow_mut(|host| {
        for (key, (value, _)) in &mut host.shared {
            if which(&String::from_utf8_lossy(key)) {
                *value = damage(value);
            }
        }
    });
    values()
}

fn values() -> Vec<(Vec<u8>, u32)> {
    HOST.with_borrow(|host| host.shared.values().cloned().collect())
}

fn is_salt(key: &str) -> bool {
    key.ends_with("/salt")
}

fn bytes(random: &mut Random, length: u64) -> Vec<u8> {
    (0..length).map(|_| u8::try_from(random.below(256)).unwrap()).collect()
}

/// A full limit, of both algorithms.
fn full(policy: &str) -> Worker {
    forget_counts();
    let worker = Worker::configure(policy, PLAIN).unwrap();
    assert!(matches!(worker.send(&call("a")), Outcome::Forwarded));
    worker
}

#[test]
fn a_count_that_cannot_be_read_denies_with_its_reason_and_is_left_as_it_is() {
    let sliding = json!({"version": "1", "default": "deny", "tools": {"a": {"limits": [
        {"counter": "c", "window": "minute", "max": 1, "algorithm": "sliding"},
    ]}}});
    let mut random = Random::new(6);
    for policy in [ONE_A_MINUTE, &sliding.to_string()] {
        for round in 0..500 {
            let worker = full(policy);
            let kept = values();
            let damaged = damage(
                |key| !is_salt(key),
                |value| match round % 4 {
                    // Short of its end, or longer by less than a record.
                    0 => value[..value.len() - 1 - random.below(20) as usize].to_vec(),
                    1 => {
                        let more = 1 + random.below(20);
                        [value, &bytes(&mut random, more)].concat()
                    }
                    // Another program's.
                    2 => {
                        let length = 1 + random.below(400);
                        [vec![3 + random.below(253) as u8], bytes(&mut random, length)].concat()
                    }
                    // A window that cannot be.
                    _ => [&value[..25], &[0xff; 4], &value[29..]].concat(),
                },
            );
            let refused = metric("mcp_policy_refused_counter_damaged_total");
            let expect = json!({"status": 200, "code": -32603, "reason": "counter_damaged"});
            for _ in 0..2 {
                assert_eq!(corpus::check(&worker.send(&call("a")), &expect), Ok(()), "{round}");
            }
            assert_eq!(metric("mcp_policy_refused_counter_damaged_total"), refused + 2);
            assert_eq!(values(), damaged, "{round}");

            HOST.with_borrow_mut(|host| {
                host.shared = host.shared.keys().cloned().zip(kept).collect();
            });
            let expect = json!({"reason": "rate_limited"});
            assert_eq!(corpus::check(&worker.send(&call("a")), &expect), Ok(()), "{round}");
        }
    }
}

/// Any bytes at all: some of them are a count, but none is a trap or a hang.
#[test]
fn no_value_of_shared_data_ends_the_vm() {
    let mut random = Random::new(7);
    for round in 0..5_000 {
        let worker = full(ONE_A_MINUTE);
        damage(
            |key| !is_salt(key),
            |value| {
                let mut value = value.to_vec();
                for _ in 0..=random.below(4) {
                    let at = random.below(value.len() as u64) as usize;
                    value[at] = random.below(256) as u8;
                }
                value
            },
        );
        assert!(!matches!(worker.send(&call("a")), Outcome::Hung), "{round}");
    }
}

#[test]
fn nothing_passes_with_a_salt_that_is_none_and_it_is_left_as_it_is() {
    for salt in [&b""[..], b"short", &[7; 17]] {
        full(ONE_A_MINUTE);
        let damaged = damage(is_salt, |_| salt.to_vec());
        let log = Worker::configure_closed(ONE_A_MINUTE);
        assert_eq!(log, [format!("{CLOSED}no shared counters: Damaged")]);
        assert_eq!(values(), damaged);
    }
    forget_counts();
    assert!(Worker::configure(ONE_A_MINUTE, PLAIN).is_ok());
}
