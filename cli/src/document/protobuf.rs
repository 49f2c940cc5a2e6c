//! Values as `google.protobuf.Struct`, for which the core has a reader of its own.

use super::{Node, Value};

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
