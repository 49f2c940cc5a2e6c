//! Policies that come as a `google.protobuf.Struct`, as Envoy hands YAML over:
//! the same policies as their texts. `core.rs` sends the corpus through both.

mod encode;

pub use encode::encode;

use crate::config::files;
use mcp_policy_filter::policy::Policy;
use serde_json::Value;
use std::fs;

/// The policy of a text, from a Struct; `None` where a Struct cannot say it.
pub fn policy(name: &str, text: &[u8]) -> Option<Policy> {
    let json: Value = serde_json::from_slice(text).unwrap();
    match Policy::parse(&encode(&json), "core") {
        Ok(policy) => Some(policy),
        Err(errors) => {
            let lines: Vec<_> = errors.lines().collect();
            let rounded = "before a google.protobuf.Struct rounded it";
            assert!(lines.iter().all(|line| line.contains(rounded)), "{name}: {lines:?}");
            None
        }
    }
}

#[test]
fn a_policy_as_a_struct_has_the_fingerprint_of_its_text() {
    let mut seen = 0;
    let valid = files("tests/data/policies/valid", "json").into_iter();
    for file in valid.chain(files("envoy/policies/minimal", "json")) {
        let (name, text) = (file.display().to_string(), fs::read(&file).unwrap());
        let Some(found) = policy(&name, &text) else { continue };
        let expected = Policy::parse(&text, "core").unwrap();
        assert_eq!(found.fingerprint, expected.fingerprint, "{name}");
        // In the order of their keys, and of two patterns the first has the line.
        let count = |policy: &Policy| policy.warnings.lines().count();
        assert_eq!(count(&found), count(&expected), "{name}");
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

#[test]
fn duplicate_keys_of_a_struct_have_their_path() {
    let encoded = |text: &str| encode(&serde_json::from_str(text).unwrap());
    let twice = [encoded(r#"{"version":"1","default":"deny"}"#), encoded(r#"{"default":"allow"}"#)];
    let errors = Policy::parse(&twice.concat(), "").unwrap_err();
    assert_eq!(
        errors.lines().collect::<Vec<_>>(),
        ["(top level): the key `default` is given twice"]
    );
}
