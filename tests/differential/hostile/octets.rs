//! Changes to the message's bytes: around the document, and in how its characters are
//! written, with and without a header that says so.

use crate::case::Draft;
use crate::compressed;
use crate::dice::Dice;
use crate::json::call;

pub type Disguise = fn(&mut Draft, &mut Dice);

pub const DISGUISES: &[(&str, Disguise)] = &[
    ("two documents", |draft, dice| {
        let safe = call("safe", "decoy").compact().into_bytes();
        let gap = dice.pick(&["", "\n", "\r\n", " ", "\0", ",", "\u{1e}", "\n\n", ";", "\n---\n"]);
        let danger = std::mem::take(&mut draft.body);
        draft.body = match dice.one_in(2) {
            true => [&safe, gap.as_bytes(), &danger].concat(),
            false => [&danger, gap.as_bytes(), &safe].concat(),
        };
        if dice.one_in(4) {
            draft.set("content-type", "application/x-ndjson");
        }
    }),
    ("something before", |draft, dice| {
        let before = [
            "\u{feff}",
            "\u{a0}",
            "\u{b}",
            "\u{c}",
            "\u{85}",
            "\u{2028}",
            "/* safe */",
            "// safe\n",
            "# safe\n",
            ")]}',\n",
            "\u{1e}",
            "\0",
            "data: ",
            "null",
            "{}",
            "\n",
            " \t",
            "\"\"",
            "--x\r\n",
            "<!--",
            "body=",
            "1",
            "\u{feff}\u{feff}",
        ];
        draft.body.splice(..0, dice.pick(&before).bytes());
    }),
    ("something after", |draft, dice| {
        let after = [
            "\0",
            "garbage",
            "}",
            "]",
            ",",
            "//",
            "/* safe */",
            "\u{1a}",
            ";",
            "\u{feff}",
            "null",
            "\n",
            "\u{a0}",
            " {}",
            "\r\n\r\n",
            "\\",
            "\u{0}\u{0}\u{0}",
            "\n\n[",
            "\u{b}",
        ];
        draft.body.extend(dice.pick(&after).bytes());
    }),
    ("a comment within", |draft, dice| {
        let comment = dice.pick(&["/* x */", "// x\n", "# x\n", "<!-- -->"]);
        around_a_sign(draft, dice, comment);
    }),
    ("an odd space within", |draft, dice| {
        let space = dice.pick(&["\u{a0}", "\u{b}", "\u{c}", "\0", "\u{2003}", "\u{feff}", "\r"]);
        around_a_sign(draft, dice, space);
    }),
    ("a comma too many", |draft, dice| {
        let end = draft.body.iter().rposition(|byte| *byte == b'}').unwrap_or(0);
        let start = usize::from(!draft.body.is_empty());
        draft.body.insert(if dice.one_in(2) { end } else { start }, b',');
    }),
    ("a bare or single-quoted key", |draft, dice| {
        let key = dice.pick(&["\"name\"", "\"method\"", "\"params\"", "\"danger\""]);
        let bare = key.replace('"', dice.pick(&["'", "", "`"]));
        replace(draft, key.as_bytes(), bare.as_bytes());
    }),
    ("cut short", |draft, dice| {
        let length = draft.body.len().saturating_sub(1 + dice.below(2));
        draft.body.truncate(length);
    }),
    ("utf-16", |draft, dice| {
        let wide = utf16(&draft.body, *dice.pick(&[&true, &false]));
        draft.body = wide;
        if dice.one_in(2) {
            charset(draft, dice, &["utf-16", "utf-16le", "utf-16be", "ucs-2", "utf-8"]);
        }
    }),
    ("utf-16 with a mark", |draft, dice| {
        let big = dice.one_in(2);
        let mark: &[u8] = if big { &[0xfe, 0xff] } else { &[0xff, 0xfe] };
        draft.body = [mark, &utf16(&draft.body, big)].concat();
        if dice.one_in(2) {
            charset(draft, dice, &["utf-16", "UTF-16", "utf-16le", "utf-16be", "utf-8"]);
        }
    }),
    ("utf-32", |draft, dice| {
        let big = dice.one_in(2);
        let mark = dice.one_in(2).then_some('\u{feff}');
        let text = String::from_utf8_lossy(&draft.body).into_owned();
        let units = mark.into_iter().chain(text.chars());
        draft.body = units
            .flat_map(|c| if big { (c as u32).to_be_bytes() } else { (c as u32).to_le_bytes() })
            .collect();
        if dice.one_in(2) {
            charset(draft, dice, &["utf-32", "utf-32le", "utf-32be", "utf-8"]);
        }
    }),
    ("utf-7", |draft, dice| {
        let (plain, coded) = dice.pick(&[
            &("danger", "+AGQ-anger"),
            &("danger", "+AGQAYQBuAGcAZQBy-"),
            &("\"name\"", "+ACI-name+ACI-"),
            &("tools/call", "tools+AC8-call"),
        ]);
        replace(draft, plain.as_bytes(), coded.as_bytes());
        charset(draft, dice, &["utf-7", "UTF-7", "unicode-1-1-utf-7", "utf-7-imap", "csutf7"]);
    }),
    ("a decoy in utf-7", |draft, dice| {
        // To a reader of UTF-8, the call's name is what the decoy says.
        let decoy = b"\"name\":\"safe\",\"+AG4-ame\":\"danger\"";
        replace(draft, b"\"name\":\"danger\"", decoy);
        charset(draft, dice, &["utf-7", "UTF-7"]);
    }),
    ("ebcdic", |draft, dice| {
        draft.body = draft.body.iter().map(|byte| ebcdic(*byte)).collect();
        charset(draft, dice, &["cp037", "ibm037", "utf-ebcdic", "cp500"]);
    }),
    ("an overlong character", |draft, dice| {
        let (plain, long): (&str, &[u8]) = *dice.pick(&[
            &("danger", b"\xc1\xa4anger" as &[u8]),
            &("danger", b"\xe0\x81\xa4anger"),
            &("\"name\"", b"\"\xc1\xaeame\""),
            &("tools/call", b"tools\xc0\xafcall"),
            &("danger", b"dange\xf0\x80\x81\xb2"),
        ]);
        replace(draft, plain.as_bytes(), long);
    }),
    ("bytes that are no character", |draft, dice| {
        let junk = dice.pick(&[
            b"\xff" as &[u8],
            b"\xed\xa0\x80",
            b"\xc3",
            b"\xf5\x80\x80\x80",
            b"\x80",
            b"\xfe",
        ]);
        let key = dice.pick(&["danger", "name\"", "tools/call", "run\""]);
        let found = find(&draft.body, key.as_bytes()).unwrap_or(0);
        draft.body.splice(found..found, junk.iter().copied());
    }),
    ("a decoy behind bytes that are no character", |draft, dice| {
        let key = dice.pick(&[b"\"name\xff\"" as &[u8], b"\"\xffname\"", b"\"n\x80ame\""]);
        let decoy = [b"\"name\":\"safe\"," as &[u8], key, b":\"danger\""].concat();
        replace(draft, b"\"name\":\"danger\"", &decoy);
    }),
    ("gzip", |draft, dice| {
        draft.body = compressed::gzip(&draft.body);
        coding(draft, dice, &["gzip", "x-gzip", "GZIP", "gzip, identity", "gzip;q=1", " gzip "]);
    }),
    ("deflate", |draft, dice| {
        draft.body = match dice.one_in(2) {
            true => compressed::zlib(&draft.body),
            false => compressed::stored(&draft.body),
        };
        coding(draft, dice, &["deflate", "Deflate", "identity, deflate"]);
    }),
    ("brotli", |draft, dice| {
        draft.body = compressed::brotli(&draft.body);
        coding(draft, dice, &["br", "BR", "br "]);
    }),
    ("gzip twice", |draft, dice| {
        draft.body = compressed::gzip(&compressed::gzip(&draft.body));
        coding(draft, dice, &["gzip, gzip", "gzip"]);
    }),
    ("a coding that it is not in", |draft, dice| {
        coding(draft, dice, &["gzip", "br", "deflate", "identity", "zstd", "x", "", "identity, x"]);
    }),
    ("a form", |draft, dice| {
        let json = String::from_utf8_lossy(&draft.body).into_owned();
        let encoded: String = json.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let body = match dice.below(3) {
            0 => format!("body={encoded}"),
            1 => "jsonrpc=2.0&id=1&method=tools/call&params[name]=danger".to_owned(),
            _ => encoded,
        };
        draft.body = body.into();
        draft.set("content-type", "application/x-www-form-urlencoded");
    }),
    ("in several parts", |draft, _| {
        let head = b"--x\r\ncontent-disposition: form-data; name=\"body\"\r\n\
                     content-type: application/json\r\n\r\n";
        draft.body = [&head[..], &draft.body, b"\r\n--x--\r\n"].concat();
        draft.set("content-type", "multipart/form-data; boundary=x");
    }),
    ("much white space", |draft, dice| {
        let many = [1_000, 60_000, 200_000][dice.below(3)];
        let space = [b' ', b'\n'][dice.below(2)];
        let at = if dice.one_in(2) { 0 } else { draft.body.len() };
        draft.body.splice(at..at, std::iter::repeat_n(space, many));
    }),
];

fn charset(draft: &mut Draft, dice: &mut Dice, names: &[&str]) {
    let name = dice.pick(names);
    let value = match dice.below(5) {
        0 => format!("application/json; charset=\"{name}\""),
        1 => format!("application/json; charset=utf-8; charset={name}"),
        2 => format!("application/json;CHARSET={name}"),
        _ => format!("application/json; charset={name}"),
    };
    draft.set("content-type", &value);
}

fn coding(draft: &mut Draft, dice: &mut Dice, names: &[&str]) {
    if dice.one_in(5) {
        draft.headers.push(("content-encoding".into(), "identity".into()));
    }
    draft.headers.push(("content-encoding".into(), dice.pick(names).into()));
}

/// Puts `what` before or after one of the signs of JSON.
fn around_a_sign(draft: &mut Draft, dice: &mut Dice, what: &str) {
    let sign = |byte: &u8| b"{}:,".contains(byte);
    let signs: Vec<_> = (0..draft.body.len()).filter(|at| sign(&draft.body[*at])).collect();
    if signs.is_empty() {
        return;
    }
    let at = signs[dice.below(signs.len())] + dice.below(2);
    draft.body.splice(at..at, what.bytes());
}

fn replace(draft: &mut Draft, old: &[u8], new: &[u8]) {
    if let Some(at) = find(&draft.body, old) {
        draft.body.splice(at..at + old.len(), new.iter().copied());
    }
}

fn find(body: &[u8], what: &[u8]) -> Option<usize> {
    body.windows(what.len()).position(|window| window == what)
}

fn utf16(body: &[u8], big: bool) -> Vec<u8> {
    let text = String::from_utf8_lossy(body).into_owned();
    text.encode_utf16().flat_map(|c| if big { c.to_be_bytes() } else { c.to_le_bytes() }).collect()
}

/// Code page 037, as far as a message needs it.
fn ebcdic(byte: u8) -> u8 {
    match byte {
        b'a'..=b'i' => byte - b'a' + 0x81,
        b'j'..=b'r' => byte - b'j' + 0x91,
        b's'..=b'z' => byte - b's' + 0xa2,
        b'A'..=b'I' => byte - b'A' + 0xc1,
        b'0'..=b'9' => byte - b'0' + 0xf0,
        b'{' => 0xc0,
        b'}' => 0xd0,
        b'[' => 0xba,
        b']' => 0xbb,
        b'"' => 0x7f,
        b':' => 0x7a,
        b',' => 0x6b,
        b'.' => 0x4b,
        b'/' => 0x61,
        _ => 0x40,
    }
}
