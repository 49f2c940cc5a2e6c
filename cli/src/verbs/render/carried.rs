//! A policy as a configuration carries it: as an object where every number survives the way
//! to the filter, or as a text.

use super::options::Place;
use crate::document::print::yaml_text;
use crate::document::{Node, Value, is_number_in_envoy, survives};

/// Whether a number stays the number that it is.
type Keeps = fn(&str) -> bool;

/// The value of `configuration` and `filter_config` in Envoy.
pub(super) fn configuration(place: Place, policy: &Node, json: &str) -> String {
    let keeps = if place.is_own() { is_number_in_envoy } else { survives };
    let (message, value) = match first(policy, keeps) {
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
    first(node, survives)
}

/// The first number that does not stay what it is.
fn first(node: &Node, keeps: Keeps) -> Option<&Node> {
    if let Value::Number(number) = &node.value {
        return (!keeps(number)).then_some(node);
    }
    let inner = node.elements().iter().chain(node.members().iter().map(|member| &member.value));
    inner.into_iter().find_map(|node| first(node, keeps))
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
