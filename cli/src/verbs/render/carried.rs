//! A policy as a configuration carries it: as YAML where every number survives the way
//! through doubles, or as a text.

use crate::document::print::yaml_text;
use crate::document::{Node, Value, survives};

/// The value of `configuration` and `filter_config` in Envoy.
pub(super) fn configuration(policy: &Node, json: &str) -> String {
    let (message, value) = match lost(policy) {
        None => ("Struct", format!("value:\n{}", policy.to_yaml(2))),
        Some(_) => {
            let mut value = "value: ".to_owned();
            yaml_text(&mut value, json);
            ("StringValue", value)
        }
    };
    format!("\"@type\": type.googleapis.com/google.protobuf.{message}\n{value}")
}

/// The first number that is another one as a double, as which Envoy's Struct and the
/// objects of Kubernetes hold it.
pub(super) fn lost(node: &Node) -> Option<&Node> {
    if let Value::Number(number) = &node.value {
        return (!survives(number)).then_some(node);
    }
    let inner = node.elements().iter().chain(node.members().iter().map(|member| &member.value));
    inner.into_iter().find_map(lost)
}

#[cfg(test)]
mod tests {
    use crate::document::survives;

    #[test]
    fn numbers_that_doubles_hold_survive() {
        for number in [
            "0",
            "-0.0e-400",
            "1e-300",
            "-10",
            "100.50",
            "9000000000000",
            "0.000001",
            "999999999999999",
        ] {
            assert!(survives(number), "{number}");
        }
        assert!(!survives("9007199254740993"));
        assert!(!survives("0.1234567890123456"));
        // The first is 0 as a double, the second has fewer digits there, the third is none.
        for number in ["1e-400", "-0.00123456789e-310", "1e400"] {
            assert!(!survives(number), "{number}");
        }
    }
}
