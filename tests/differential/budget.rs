//! The number of cases to try, and the seed of the dice.

use std::env;
use std::str::FromStr;

pub struct Budget {
    pub seed: u64,
    /// Hostile requests for each server and policy.
    pub hostile: usize,
    /// Honest requests for each server and policy.
    pub honest: usize,
}

impl Budget {
    /// `DIFFERENTIAL_SEED` and `DIFFERENTIAL_CASES`, the number of hostile
    /// requests; there is an honest one for each five.
    pub fn from_env() -> Self {
        let hostile = variable("DIFFERENTIAL_CASES").unwrap_or(1_500);
        Self { seed: variable("DIFFERENTIAL_SEED").unwrap_or(1), hostile, honest: hostile / 5 }
    }
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}
