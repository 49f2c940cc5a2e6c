//! Numbers on their way to the filter: of its own YAML Envoy makes texts of some, a control
//! plane hands over doubles, and a text is read as it is.

use super::{found, place, places, root, scratch};
use serde::Deserialize as _;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A shipped configuration whose policy compares with a number.
fn with(file: &str, number: &str) -> String {
    let shipped = fs::read_to_string(root().join(file)).unwrap();
    let check =
        format!("require: [{{ conditions: [{{ path: args.message, op: eq, value: {number} }}] }}]");
    let at = shipped.find("session_send:\n").unwrap();
    let indent = shipped[..at].rsplit('\n').next().unwrap();
    shipped.replacen("session_send:\n", &format!("session_send:\n{indent}  {check}\n"), 1)
}

fn write(folder: &Path, name: &str, text: &str) -> Value {
    fs::write(folder.join(name), text).unwrap();
    found(folder, &[name])
}

#[test]
fn a_number_of_which_envoy_makes_a_text_is_an_error_at_its_place() {
    let folder = scratch("numbers-yaml");
    for file in ["envoy/envoy.yaml", "envoy/native/envoy.yaml"] {
        for number in ["1000.50", "1.5e+3", "2147483648", "-2147483649", "9007199254740993"] {
            let text = with(file, number);
            let found = write(&folder, "x.yaml", &text);
            let at = format!("{} ambiguous-yaml", place(&text, number));
            assert_eq!(places(&found), [at], "{file} {number}");
            let message = found["findings"][0]["message"].as_str().unwrap();
            assert!(message.contains("StringValue"), "{message}");
        }
        for number in ["2147483647", "-2147483648"] {
            assert_eq!(places(&write(&folder, "x.yaml", &with(file, number))), [""; 0], "{file}");
        }
    }
}

#[test]
fn other_ways_to_the_filter_keep_a_number_of_few_digits() {
    let folder = scratch("numbers-kept");
    for number in ["1000.50", "5000000000"] {
        let text = with("envoy/envoy.yaml", number);
        let read = Value::deserialize(yaml_serde::Deserializer::from_str(&text)).unwrap();
        assert_eq!(places(&write(&folder, "x.json", &read.to_string())), [""; 0]);
        let manifest = with("envoy/istio/envoy-filter.yaml", number);
        assert_eq!(places(&write(&folder, "x.yaml", &manifest)), [""; 0]);
    }
    let found =
        write(&folder, "x.yaml", &with("envoy/istio/envoy-filter.yaml", "9007199254740993"));
    let message = found["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains("google.protobuf.Struct"), "{found}");
}

#[test]
fn no_call_is_explained_by_a_policy_that_envoy_reads_otherwise() {
    let folder = scratch("numbers-explained");
    fs::write(folder.join("x.yaml"), with("envoy/envoy.yaml", "5000000000")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-policy"));
    let output = command.args(["explain", "x.yaml", "session_list"]).current_dir(&folder).output();
    let output = output.unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains(": `5000000000`: in a Struct, Envoy makes a text"), "{told}");
}
