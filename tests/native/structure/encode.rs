//! A JSON object as a `google.protobuf.Struct` in its wire format.

use serde_json::Value;

/// The object's Struct. Its members come in the reverse order of their keys, as
/// protobuf's maps may.
pub fn encode(object: &Value) -> Vec<u8> {
    let members = object.as_object().into_iter().flatten().rev();
    let entry = |(key, inner): (&String, _)| {
        field(1, &[field(1, key.as_bytes()), field(2, &value(inner))].concat())
    };
    members.flat_map(entry).collect()
}

fn value(json: &Value) -> Vec<u8> {
    match json {
        Value::Null => vec![1 << 3, 0],
        Value::Bool(value) => vec![4 << 3, u8::from(*value)],
        Value::Number(number) => {
            let double = number.as_f64().unwrap_or(f64::NAN);
            [&[2 << 3 | 1][..], &double.to_le_bytes()].concat()
        }
        Value::String(text) => field(3, text.as_bytes()),
        Value::Object(_) => field(5, &encode(json)),
        Value::Array(elements) => {
            let elements = elements.iter().flat_map(|element| field(1, &value(element)));
            field(6, &elements.collect::<Vec<u8>>())
        }
    }
}

/// A field of the wire type for bytes.
fn field(number: u8, inner: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = inner.len();
    while length > 0x7f {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(inner);
    bytes
}
