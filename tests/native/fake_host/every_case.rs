//! The corpus through the module's exports.

use super::host::forget_counts;
use super::worker::{Manner, PLAIN, Worker, holding};
use crate::corpus::{self, Case};

fn run(case: &Case, policy: &str, manner: Manner) -> Vec<(usize, Result<(), String>)> {
    forget_counts();
    let worker = Worker::configure(policy, manner)
        .unwrap_or_else(|log| panic!("{}: {}", case.name, log.join("\n")));
    let mut results = Vec::new();
    for (index, request) in case.requests.iter().enumerate() {
        for _ in 0..request.times {
            let outcome = worker.send(request);
            results.push((index, corpus::check(&outcome, &request.expect)));
        }
    }
    results
}

#[test]
fn the_corpus_passes_the_module_in_one_piece() {
    corpus::run(corpus::cases(), |case| run(case, &case.policy, PLAIN));
}

#[test]
fn the_corpus_passes_the_module_in_single_bytes() {
    let manner = Manner { holds: false, piece: 1 };
    let small = corpus::cases()
        .into_iter()
        .filter(|case| case.requests.iter().all(|request| request.body.len() < 10_000));
    corpus::run(small, |case| run(case, &case.policy, manner));
}

#[test]
fn the_corpus_passes_the_module_while_headers_are_held() {
    let manner = Manner { holds: true, piece: 7 };
    corpus::run(corpus::cases(), |case| run(case, &holding(&case.policy), manner));
}
