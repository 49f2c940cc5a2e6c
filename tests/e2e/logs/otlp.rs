//! OpenTelemetry's logs as they are on the wire, as far as the tests read them: protobuf's
//! `ExportLogsServiceRequest`.

use std::collections::BTreeMap;

/// A line of a log.
#[derive(Debug)]
pub struct Line {
    pub body: String,
    pub attributes: BTreeMap<String, String>,
    /// The attributes of who sent it.
    pub resource: BTreeMap<String, String>,
}

/// The lines of a message.
pub fn lines(message: &[u8]) -> Vec<Line> {
    let mut found = Vec::new();
    for from in parts(message, 1) {
        let resource: BTreeMap<_, _> = parts(from, 1).flat_map(|one| pairs(one, 1)).collect();
        for record in parts(from, 2).flat_map(|scope| parts(scope, 2)) {
            let body = parts(record, 5).next().map(text).unwrap_or_default();
            let attributes = pairs(record, 6).collect();
            found.push(Line { body, attributes, resource: resource.clone() });
        }
    }
    found
}

/// The members of a list of keys and values, which is a field.
fn pairs(message: &[u8], field: u64) -> impl Iterator<Item = (String, String)> {
    parts(message, field).map(|pair| {
        let key = parts(pair, 1).next().expect("a key");
        let value = parts(pair, 2).next().map(text).unwrap_or_default();
        (String::from_utf8(key.to_vec()).expect("UTF-8"), value)
    })
}

/// The text in an `AnyValue`.
fn text(value: &[u8]) -> String {
    let text = parts(value, 1).next().unwrap_or_default();
    String::from_utf8(text.to_vec()).expect("UTF-8")
}

/// The values of a field whose values have a length.
fn parts(message: &[u8], wanted: u64) -> impl Iterator<Item = &[u8]> {
    let (mut rest, mut found) = (message, Vec::new());
    while !rest.is_empty() {
        let tag = varint(&mut rest);
        let length = match tag & 7 {
            0 => {
                varint(&mut rest);
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut rest)).expect("a length"),
            5 => 4,
            other => panic!("a field of the kind {other}"),
        };
        let (value, behind) = rest.split_at(length);
        rest = behind;
        if tag == wanted << 3 | 2 {
            found.push(value);
        }
    }
    found.into_iter()
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().expect("a number to its end");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a number without an end")
}

#[test]
fn a_message_is_read() {
    // One resource with an attribute, one scope, one record with its time, body and attribute.
    let pair = |key: &str, value: &str| {
        let value = field(2, &field(1, value.as_bytes()));
        [field(1, key.as_bytes()), value].concat()
    };
    let time = [vec![1 << 3 | 1], vec![7; 8]].concat();
    let record = [time, field(5, &field(1, b"a line")), field(6, &pair("k", "v"))].concat();
    let resource = field(1, &field(1, &pair("service.name", "x")));
    let message = field(1, &[resource, field(2, &field(2, &record))].concat());
    let [line] = &*lines(&message) else { panic!("one line") };
    assert_eq!((&*line.body, &*line.attributes["k"]), ("a line", "v"));
    assert_eq!(line.resource["service.name"], "x");
}

/// A field with a value of less than 128 bytes.
#[cfg(test)]
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("a short value");
    assert!(length < 128);
    [&[number << 3 | 2, length], value].concat()
}
