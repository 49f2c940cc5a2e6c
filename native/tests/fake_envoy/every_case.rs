//! The corpus through the module, in bodies of several shapes.

use crate::corpus::{self, Case};
use crate::exchange::{Envoy, Manner, PLAIN};

fn run(case: &Case, manner: Manner) -> Vec<(usize, Result<(), String>)> {
    // Counts are the process's: a name of its own gives each run its own.
    let name = format!("{} {manner:?}", case.name);
    // Without any white space it could be a Struct that Envoy has printed.
    let policy = format!("{}\n", case.policy);
    let envoy = Envoy::configure(&name, &policy, manner)
        .unwrap_or_else(|log| panic!("{}: {}", case.name, log.join("\n")));
    let mut results = Vec::new();
    for (index, request) in case.requests.iter().enumerate() {
        for _ in 0..request.times {
            let outcome = envoy.send(request);
            results.push((index, corpus::check(&outcome, &request.expect)));
        }
    }
    results
}

/// The cases that need no clock of their own. In Miri, which takes a thousand times as
/// long, every one in `MIRI_CASES`, and none of a lock: what a list has changed is forgotten
/// after a minute, in which Miri makes no two requests.
fn cases() -> impl Iterator<Item = Case> {
    let step = match std::env::var("MIRI_CASES") {
        Ok(step) => step.parse().expect("MIRI_CASES is a number"),
        Err(_) => 1,
    };
    let cases = corpus::some_cases(step).into_iter().filter(|case| !case.sets_clock);
    cases.filter(|case| !cfg!(miri) || (is_small(case) && !case.name.starts_with("lock/")))
}

fn is_small(case: &Case) -> bool {
    let small = |body: &[u8]| body.len() < 5_000;
    case.requests.iter().all(|request| {
        let response = request.response.as_ref().is_none_or(|response| small(&response.body));
        small(&request.body) && response && request.times < 50
    })
}

#[test]
fn the_corpus_passes_in_one_piece() {
    corpus::run(cases(), |case| run(case, PLAIN));
}

#[test]
fn the_corpus_passes_in_pieces_that_end_with_an_empty_one() {
    let manner = Manner { piece: 50, slice: 7, ends_empty: true, ..PLAIN };
    corpus::run(cases(), |case| run(case, manner));
}

#[test]
fn the_corpus_passes_in_single_bytes() {
    let manner = Manner { piece: 1, slice: 1, ..PLAIN };
    corpus::run(cases().filter(is_small), |case| run(case, manner));
}

#[test]
fn the_corpus_passes_behind_a_filter_that_has_held_the_body() {
    let manner = Manner { slice: 20, held_before: true, ..PLAIN };
    corpus::run(cases(), |case| run(case, manner));
}
