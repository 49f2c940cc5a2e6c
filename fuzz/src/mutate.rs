//! Changes to a JSON text as somebody makes them who wants two readers to
//! differ: a member once more with another value, a key in another spelling,
//! another document. libFuzzer's own changes to bytes seldom keep a text JSON,
//! so every second change is one of these.

use crate::lenient::{Node, Value, documents};
use libfuzzer_sys::fuzzer_mutate;

const VALUES: [&str; 20] = [
    r#""danger""#,
    r#""safe""#,
    r#""pay""#,
    r#""wire""#,
    r#""tools/call""#,
    r#""tools/list""#,
    r#""ping""#,
    r#""2.0""#,
    r#""mallory""#,
    r#""..""#,
    "1",
    "500",
    "null",
    "{}",
    "[]",
    r#"{"name":"danger"}"#,
    r#"{"amount":500}"#,
    r#""m4rk3r""#,
    r#""no""#,
    r#"[{"name":"no"},{"name":"safe"}]"#,
];

/// Changes `data`, of which `size` bytes are in use, in place. The first `head`
/// bytes are not text.
pub fn mutate(head: usize, data: &mut [u8], size: usize, most: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed) | 1 << 40);
    if dice.below(2) == 0 || size <= head {
        return fuzzer_mutate(data, size, most);
    }
    match changed(&data[head..size], &mut dice) {
        Some(text) if head + text.len() <= most => {
            data[head..head + text.len()].copy_from_slice(&text);
            head + text.len()
        }
        _ => fuzzer_mutate(data, size, most),
    }
}

fn changed(text: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let documents = documents(text);
    let mut places = Vec::new();
    documents.iter().for_each(|node| find(node, &mut places));
    let &(key, value) = dice.one_of(&places)?;
    let span = |part: &[u8]| {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        start..start + part.len()
    };
    let other = match dice.below(3) {
        0 => dice.one_of(&places)?.1,
        _ => dice.one_of(&VALUES)?.as_bytes(),
    };
    let (key_span, value_span) = (span(key), span(value));
    let (range, with) = match dice.below(8) {
        0 | 1 => (value_span, other.to_vec()),
        2 | 3 => {
            let again = if dice.below(2) == 0 { key.to_vec() } else { respelt(key, dice) };
            match dice.below(2) {
                0 => (value_span.end..value_span.end, [b",", &*again, b":", other].concat()),
                _ => (key_span.start..key_span.start, [&*again, b":", other, b","].concat()),
            }
        }
        4 => (key_span, respelt(key, dice)),
        5 => (value_span, respelt(value, dice)),
        6 => (text.len()..text.len(), [b"\n", text].concat()),
        _ => (0..text.len(), [b"[", text, b",", text, b"]"].concat()),
    };
    Some([&text[..range.start], &with, &text[range.end..]].concat())
}

/// Every member: the bytes of its key and of its value.
fn find<'a>(node: &Node<'a>, places: &mut Vec<(&'a [u8], &'a [u8])>) {
    match &node.value {
        Value::Word | Value::Text(_) => {}
        Value::List(nodes) => nodes.iter().for_each(|node| find(node, places)),
        Value::Map(members) => {
            for member in members {
                places.push((member.raw_key, member.node.raw));
                find(&member.node, places);
            }
        }
    }
}

/// One letter of a text spelt otherwise, or something put before it.
fn respelt(text: &[u8], dice: &mut Dice) -> Vec<u8> {
    let letters: Vec<usize> =
        (0..text.len()).filter(|&at| text[at].is_ascii_alphanumeric()).collect();
    let Some(&at) = dice.one_of(&letters) else { return text.to_vec() };
    let letter = text[at];
    let with = match (dice.below(5), letter) {
        (0, b's' | b'S') => "\u{17f}".to_owned(),
        (0, b'k' | b'K') => "\u{212a}".to_owned(),
        (0, b'i' | b'I') => "\u{131}".to_owned(),
        (0 | 1, letter) => char::from(letter ^ 0x20).to_string(),
        (2, letter) => format!("\\u{:04x}", letter),
        (3, letter) => format!("{}\\u0000", char::from(letter)),
        (_, letter) => format!(" {}", char::from(letter)),
    };
    [&text[..at], with.as_bytes(), &text[at + 1..]].concat()
}

/// Numbers from a seed (SplitMix64), so that a run can be repeated.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() {
            return None;
        }
        all.get(self.below(all.len()))
    }
}
