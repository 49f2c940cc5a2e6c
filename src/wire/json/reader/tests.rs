use super::*;
use std::borrow::Cow;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn read(text: &[u8]) -> Result<Option<JsonErrorKind>, (usize, JsonErrorKind)> {
    let run = || {
        let mut reader = Reader::new(text, 4)?;
        reader.value()?;
        reader.end()?;
        Ok(reader.ambiguity())
    };
    run()
        .map(|doubt| doubt.map(|fault| fault.kind))
        .map_err(|fault: JsonError| (fault.at, fault.kind))
}

#[test]
fn honest_texts_pass() {
    for text in [
        "{}",
        "[]",
        " \t\r\n[ 1 , -0.5e+3 ,\"\" , null,true , false ]\n",
        r#"{"a":{"b":{"c":{}}},"A":1,"":2}"#,
        r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#,
        r#"{"x":"\u0000"}"#,
        "\"\u{7f}\u{feff}é😀\"",
    ] {
        assert_eq!(read(text.as_bytes()), Ok(None), "{text}");
    }
}

#[test]
fn what_is_not_json_is_refused_where_it_stops_being_it() {
    use JsonErrorKind::*;
    let value = Expected("a value");
    for (text, at, kind) in [
        (&b""[..], 0, value),
        (b"  ", 2, value),
        (b"\xef\xbb\xbf{}", 0, ByteOrderMark),
        (b"\xff\xfe{\0}\0", 0, NotUtf8),
        (b"[\"\xc0\xaf\"]", 2, NotUtf8),
        (b"[\"\xed\xa0\x80\"]", 2, NotUtf8),
        (b"{}{}", 2, TrailingText),
        (b"{} x", 3, TrailingText),
        (b"{}\0", 2, TrailingText),
        (b"[1,]", 3, value),
        (b"{\"a\":1,}", 7, Expected("a key in double quotes")),
        (b"{a:1}", 1, Expected("a key in double quotes")),
        (b"{'a':1}", 1, Expected("a key in double quotes")),
        (b"{\"a\" 1}", 5, Expected("`:`")),
        (b"{\"a\":1 \"b\":2}", 7, Expected("`,` or `}`")),
        (b"[1 2]", 3, Expected("`,` or `]`")),
        (b"[1", 2, Expected("`,` or `]`")),
        (b"// x\n{}", 0, value),
        (b"{}/**/", 2, TrailingText),
        (b"NaN", 0, value),
        (b"nul", 0, value),
        (b"nullx", 4, TrailingText),
        (b"-Infinity", 1, Expected("a digit")),
        (b"+1", 0, value),
        (b".5", 0, value),
        (b"1.", 2, Expected("a digit")),
        (b"1e", 2, Expected("a digit")),
        (b"-", 1, Expected("a digit")),
        (b"01", 1, TrailingText),
        (b"0x10", 1, TrailingText),
        (b"\"a", 2, Expected("the end of a string")),
        (b"\"a\nb\"", 2, ControlCharacter),
        (b"\"\0\"", 1, ControlCharacter),
        (b"\"\\x41\"", 1, Escape),
        (b"\"\\u00g0\"", 1, Escape),
        (b"\"\\u+041\"", 1, Escape),
        (b"\"\\u12", 1, Escape),
        (b"\"\\", 1, Escape),
        (b"\"\\ud800\"", 1, LoneSurrogate),
        (b"\"\\ud800\\u0041\"", 1, LoneSurrogate),
        (b"\"\\udc00\\ud800\"", 1, LoneSurrogate),
    ] {
        assert_eq!(read(text), Err((at, kind)), "{}", String::from_utf8_lossy(text));
    }
    assert_eq!(read(b"[[[[]]]]"), Ok(None));
    assert_eq!(read(b"[[[[[]]]]]"), Err((5, Depth)));
}

#[test]
fn what_two_readers_may_read_differently_is_doubted() {
    use JsonErrorKind::*;
    for (text, kind) in [
        (r#"{"a":1,"a":1}"#, DuplicateKey),
        (r#"{"name":1,"n\u0061me":2}"#, DuplicateKey),
        (r#"{"\ud83d\ude00":1,"😀":2}"#, DuplicateKey),
        (r#"[{"x":{"a":1,"b":2,"a":3}}]"#, DuplicateKey),
        (r#"{"a\u0000":1}"#, NulInKey),
        ("1e999", NumberExponent),
        ("[1.9e308]", NumberRange),
    ] {
        assert_eq!(read(text.as_bytes()), Ok(Some(kind)), "{text}");
    }
}

#[test]
fn many_keys_are_compared_by_value() {
    let object = |keys: &[String]| {
        let members: Vec<_> = keys.iter().map(|key| format!("\"{key}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    let mut keys: Vec<String> = (0..500).map(|n| format!("k{n}")).collect();
    assert_eq!(read(object(&keys).as_bytes()), Ok(None));
    keys.push(r"\u006b77".to_owned());
    assert_eq!(read(object(&keys).as_bytes()), Ok(Some(JsonErrorKind::DuplicateKey)));
}

#[test]
fn text_after_an_ambiguity_is_still_read() {
    assert_eq!(read(br#"{"a":1,"a":2} x"#), Err((14, JsonErrorKind::TrailingText)));
}

#[test]
fn strings_decode_to_their_value() {
    for (text, value) in [
        (r#""plain""#, "plain"),
        (r#""\u0074ools\/call""#, "tools/call"),
        (r#""\ud83d\ude00\\n\n\u0000""#, "😀\\n\n\0"),
    ] {
        let mut reader = Reader::new(text.as_bytes(), 1).unwrap();
        let Kind::String(string) = reader.value().unwrap().kind else { panic!("no string") };
        assert_eq!(string.decode(), value);
        assert!(string.is(value));
        assert_eq!(matches!(string.decode(), Cow::Borrowed(_)), !text.contains('\\'));
    }
}

#[test]
fn a_string_ends_at_its_quote_wherever_it_stands() {
    for length in 0..40 {
        for filler in ['a', 'é', '~', '\u{7f}', ' ', '!', '#', '['] {
            let inner = filler.to_string().repeat(length);
            assert_eq!(read(format!("\"{inner}\"").as_bytes()), Ok(None), "{length} {filler:?}");
            let at = inner.len() + 1;
            for (stop, kind) in
                [("\n", JsonErrorKind::ControlCharacter), ("\\x", JsonErrorKind::Escape)]
            {
                let text = format!("\"{inner}{stop}aaaaaaaaaaaaaaaa\"");
                assert_eq!(read(text.as_bytes()), Err((at, kind)), "{length} {filler:?}");
            }
        }
    }
}

#[test]
fn bytes_that_are_not_utf8_are_found_where_they_are_at_any_length() {
    // Cut short, too long, a surrogate, beyond Unicode, a byte of no character.
    let faults: [&[u8]; 8] = [
        b"\xc3",
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\x80",
        b"\xff",
    ];
    for before in (0..80).chain(470..600) {
        let text = format!("\"{}", ["a", "é", "日", "😀"][before % 4].repeat(before / 2));
        for fault in faults {
            for after in ["", "x", "\"", &"y".repeat(before)] {
                let body = [text.as_bytes(), fault, after.as_bytes()].concat();
                let expected = core::str::from_utf8(&body).unwrap_err().valid_up_to();
                assert_eq!(read(&body), Err((expected, JsonErrorKind::NotUtf8)), "{body:?}");
            }
        }
        assert_eq!(read(format!("{text}\"").as_bytes()), Ok(None));
    }
}
