//! Readers in Node.js and Python: the programs `read` beside the servers that
//! `scripts/sdk-servers` installs.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Read;
use crate::server;

/// The readings of each text by the readers beside both servers.
pub fn read<T: DeserializeOwned>(kind: &str, texts: &[String]) -> Vec<Read<T>> {
    let questions: Vec<Value> = texts.iter().map(|text| json!([kind, text])).collect();
    let mut all: Vec<Read<T>> = server::read("filesystem", &questions);
    let others: Vec<Read<T>> = server::read("fetch", &questions);
    for (read, more) in all.iter_mut().zip(others) {
        read.extend(more);
    }
    all
}
