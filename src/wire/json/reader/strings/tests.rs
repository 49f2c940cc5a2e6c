use super::*;
use crate::wire::json::error::JsonError;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A string's length with its quotes, and whether it has escapes.
type Read = Result<(usize, bool), JsonError>;

fn read(text: &str) -> Read {
    let mut reader = Reader::new(text.as_bytes(), 1)?;
    let string = reader.string()?;
    assert_eq!(text.get(1..).and_then(|rest| rest.get(..string.raw().len())), Some(string.raw()));
    Ok((reader.at(), string.is_escaped()))
}

/// Reads as [`Reader::string`], by one byte after the other.
fn by_bytes(text: &str) -> Read {
    let mut reader = Reader::new(text.as_bytes(), 1)?;
    reader.skip(1);
    let mut escaped = false;
    loop {
        match reader.rest {
            [b'"', ..] => return Ok((reader.at() + 1, escaped)),
            [b'\\', ..] => {
                escaped = true;
                reader.escape()?;
            }
            [] => return reader.fault(JsonErrorKind::Expected("the end of a string")),
            [0..=0x1f, ..] => return reader.fault(JsonErrorKind::ControlCharacter),
            _ => reader.skip(1),
        }
    }
}

/// A small generator of numbers that look random, the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

/// Pieces of strings, the common ones first.
const PIECES: [&str; 40] = [
    "a",
    "plain text",
    " ",
    "\u{7f}",
    "é",
    "日",
    "😀",
    "[",
    "]",
    "^",
    "#",
    "!",
    "0",
    "u00e9", // whole
    r"\n",
    r#"\""#,
    r"\\",
    r"\t",
    r"\/",
    r"\b",
    r"\f",
    r"\r", // escapes
    r"\u00e9",
    r"\u00E9",
    r"\ud7ff",
    r"\uE000",
    r"\ud83d\ude00",
    r"\uD834\uDD1E", // units
    "\"",
    "\\",
    "\\\\\\",
    r"\x",
    r"\u12",
    r"\ud800",
    r"\udc00",
    r"\u00g0",
    "\n",
    "\0",
    "\u{1f}",
    "\r",
];
/// The pieces that belong to no fault and to no end.
const SOUND: usize = 28;

#[test]
fn strings_are_read_as_by_single_bytes() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut outcomes = [0; 4];
    for _ in 0..300_000 {
        // A few kinds of pieces make rows of them likely.
        let kinds: Vec<&str> = (0..1 + random.below(3)).map(|_| random.of(&PIECES)).collect();
        let sound = random.below(20);
        let wanted = random.below(200);
        let mut text = String::from("\"");
        while text.len() < wanted {
            text.push_str(match random.below(10) {
                0..3 => random.of(&kinds),
                3 if random.below(sound + 1) == 0 => random.of(&PIECES),
                _ => random.of(&PIECES[..SOUND]),
            });
        }
        if random.below(8) > 0 {
            text.push('"');
        }
        // The string's end in a body is not that of the body.
        (0..random.below(4)).for_each(|_| text.push_str("the rest of some body \\\"\\u\n"));
        let expected = by_bytes(&text);
        assert_eq!(read(&text), expected, "{text}");
        outcomes[match expected.map_err(|error| error.kind) {
            Ok((length, escaped)) => usize::from(escaped && length > 64),
            Err(JsonErrorKind::Escape | JsonErrorKind::LoneSurrogate) => 2,
            Err(_) => 3,
        }] += 1;
    }
    assert!(outcomes.iter().all(|&count| count > 20_000), "{outcomes:?}");
}

#[test]
fn every_byte_is_read_alike_at_every_place() {
    for length in 0..150 {
        for before in ["", "\\", "\\\\", "\\u", "\\u12", "\\ud83d"] {
            for byte in 0..=0x7f_u8 {
                let filler = "x".repeat(length);
                let text = format!("\"{filler}{before}{}{filler}\"{filler}", char::from(byte));
                assert_eq!(read(&text), by_bytes(&text), "{text}");
            }
        }
    }
}

#[test]
#[cfg(target_family = "wasm")]
fn webassembly_reads_by_blocks() {
    const { assert!(cfg!(target_feature = "simd128"), "see .cargo/config.toml") };
}
