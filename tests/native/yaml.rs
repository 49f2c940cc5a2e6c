//! YAML as Kubernetes' tools read it: several documents in a file, and a key
//! that is given twice is an error.

use crate::config::root;
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use yaml_serde::{Deserializer, Value as Yaml};

/// The documents of a file of the repository.
pub fn documents(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let documents = Deserializer::from_str(&text).map(|document| {
        let document = Yaml::deserialize(document).unwrap_or_else(|e| panic!("{file}: {e}"));
        serde_json::to_value(document).unwrap_or_else(|e| panic!("{file}: {e}"))
    });
    documents.collect()
}

/// The one document of a file, as JSON with its keys in the order of the file.
pub fn as_json(file: &str) -> String {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
    let yaml: Yaml = yaml_serde::from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
    serde_json::to_string_pretty(&yaml).unwrap() + "\n"
}
