//! Values as `google.protobuf.Struct`, for which the core has a reader of its own.

use super::{Member, Node, Value};
use std::borrow::Cow;

const TEXT_IN_ENVOY: &str = "in a Struct, Envoy makes a text of a number with a fraction or an \
                             exponent, or beyond 2147483647; write the policy as JSON in a \
                             google.protobuf.StringValue";

/// Keywords of a schema whose values nobody reads: a text does as well as a number.
const ANNOTATIONS: [&str; 2] = ["default", "examples"];

impl Node {
    /// The value as Envoy has it of its own file in YAML, from which it makes a Struct: a
    /// number that it takes for a text is in doubt.
    pub(crate) fn as_envoy_reads(&self) -> Self {
        let value = match &self.value {
            Value::Number(number) if !is_number_in_envoy(number) => {
                Value::Doubtful(number.clone(), Cow::Borrowed(TEXT_IN_ENVOY))
            }
            Value::List(elements) => {
                Value::List(elements.iter().map(Self::as_envoy_reads).collect())
            }
            Value::Object(members) => {
                let read = |member: &Member| match ANNOTATIONS.contains(&&*member.key) {
                    true => member.clone(),
                    false => Member { value: member.value.as_envoy_reads(), ..member.clone() },
                };
                Value::Object(members.iter().map(read).collect())
            }
            other => other.clone(),
        };
        Self { span: self.span.clone(), value }
    }
}

/// Whether Envoy's reader of YAML takes a number for one: it knows whole ones of 32 bits,
/// and every other is a text to it.
pub(crate) fn is_number_in_envoy(number: &str) -> bool {
    number.parse::<i32>().is_ok()
}

/// The fields of an object.
pub(super) fn object(node: &Node) -> Vec<u8> {
    let mut bytes = Vec::new();
    for member in node.members() {
        let mut entry = field(1, member.key.as_bytes());
        entry.extend(field(2, &value(&member.value)));
        bytes.extend(field(1, &entry));
    }
    bytes
}

fn value(node: &Node) -> Vec<u8> {
    match &node.value {
        Value::Null => vec![1 << 3, 0],
        Value::Number(number) => {
            let double: f64 = number.parse().unwrap_or(f64::NAN);
            let mut bytes = vec![2 << 3 | 1];
            bytes.extend(double.to_le_bytes());
            bytes
        }
        Value::Text(text) | Value::Doubtful(text, _) => field(3, text.as_bytes()),
        Value::Bool(value) => vec![4 << 3, u8::from(*value)],
        Value::Object(_) => field(5, &object(node)),
        Value::List(elements) => {
            field(6, &elements.iter().flat_map(|one| field(1, &value(one))).collect::<Vec<u8>>())
        }
    }
}

/// A field of the wire type for bytes.
fn field(number: u8, inner: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = inner.len();
    while length > 0x7f {
        bytes.push(u8::try_from(length & 0x7f).unwrap_or_default() | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).unwrap_or_default());
    bytes.extend(inner);
    bytes
}
