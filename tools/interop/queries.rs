//! The queries for Loki on `docs/operate/logs.md`, read by the grammar that Grafana's
//! editor has.

use std::fs;

use serde_json::Value;
use tokio::process::Command;

use crate::client::output;
use crate::packages::Packages;

const PAGE: &str = "docs/operate/logs.md";

/// Whether the grammar takes each query, and refuses one that is broken off.
pub async fn run(packages: &Packages) -> bool {
    let page = fs::read_to_string(PAGE).expect(PAGE);
    let queries: Vec<&str> = page
        .split("\n```logql ")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('\n')?.1.split_once("\n```")?.0))
        .collect();
    assert!(!queries.is_empty(), "{PAGE} has no query");
    let mut asked: Vec<String> = queries.iter().map(|query| (*query).to_owned()).collect();
    asked.extend(queries.iter().map(|query| query.replacen("| json", "| |", 1)));
    let mut command = Command::new(&packages.node);
    command.arg(packages.javascript().join("logql.mjs"));
    command.arg(Value::from(asked.clone()).to_string());
    let (out, err) = output(&mut command).await;
    let faults: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}\n{out}\n{err}"));
    let faults = faults.as_array().expect("a number for each query");
    assert_eq!(faults.len(), asked.len());
    let mut sound = true;
    for (number, (query, faults)) in asked.iter().zip(faults).enumerate() {
        let is_broken = number >= queries.len();
        if (faults.as_u64() > Some(0)) != is_broken {
            println!("{faults} faults in the query {query}");
            sound = false;
        }
    }
    println!("{} queries of {PAGE}: {}", queries.len(), if sound { "taken" } else { "not taken" });
    sound
}
