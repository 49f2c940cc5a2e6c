//! Workers: threads that share a configuration and its counts. Under Miri this also
//! shows that they do so without a data race.

use crate::call;
use crate::corpus::Outcome;
use crate::exchange::{Envoy, PLAIN};
use std::thread;

fn counted(max: usize) -> String {
    format!(r#"{{"version":"1","default":"deny","tools":{{"a":{{"rate_limit":"{max}/day"}}}}}}"#)
}

/// Calls of some threads, of which this many were let through.
fn admitted(envoy: &Envoy, threads: usize, calls: usize) -> usize {
    let worker = || {
        let outcomes = (0..calls).map(|_| envoy.send(&call("a")));
        outcomes.filter(|outcome| matches!(outcome, Outcome::Forwarded)).count()
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().expect("no panic")).sum()
    })
}

#[test]
fn workers_admit_exactly_what_the_limit_allows() {
    let (threads, calls, max) = if cfg!(miri) { (3, 3, 5) } else { (8, 500, 2_500) };
    let envoy = Envoy::configure("workers", &counted(max), PLAIN).unwrap();
    assert_eq!(admitted(&envoy, threads, calls), max);
}

/// A push: the new configuration is made before the old one is destroyed, while
/// workers judge by either.
#[test]
fn counts_go_on_through_pushes_while_workers_judge() {
    let (threads, calls, max) = if cfg!(miri) { (2, 2, 4) } else { (4, 200, 800) };
    let name = "pushes";
    let first = Envoy::configure(name, &counted(max), PLAIN).unwrap();
    let second = Envoy::configure(name, &counted(max + 1), PLAIN).unwrap();
    let both: usize = thread::scope(|scope| {
        let one = scope.spawn(|| admitted(&first, threads, calls));
        let other = scope.spawn(|| admitted(&second, threads, calls));
        let made = scope.spawn(|| {
            for push in 0..threads {
                drop(Envoy::configure(name, &counted(max + push), PLAIN).unwrap());
            }
        });
        made.join().expect("no panic");
        [one, other].map(|workers| workers.join().expect("no panic")).into_iter().sum()
    });
    drop(first);
    // As many calls as one of the two admits by itself, and one more by the other.
    assert!((max..=max + 1).contains(&both), "{both}");
    let rest = admitted(&second, 1, 2);
    assert_eq!(both + rest, max + 1);
}
