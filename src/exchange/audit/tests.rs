use super::*;
use crate::policy::{Reason, Values};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn policy() -> Policy {
    Policy::parse(br#"{"version": "1", "default": "deny"}"#, "test").unwrap()
}

fn record() -> Record<'static> {
    Record { reason: None, ..Record::denied(Reason::Denied, "(default deny)", None) }
}

fn trace(request_id: &[u8], session: &[u8]) -> Trace {
    Trace::from_headers(
        [(&b"x-request-id"[..], request_id), (b"mcp-session-id", session)].into_iter(),
    )
}

fn json(record: &Record<'_>, trace: &Trace, now: Option<Nanos>) -> String {
    let mut text = String::from("[{},");
    write(&mut text, &policy(), record, trace, now);
    text.strip_prefix("[{},").unwrap().to_owned()
}

fn value(record: &Record<'_>, trace: &Trace) -> serde_json::Value {
    let json = json(record, trace, Some(Nanos(0)));
    assert!(!json.contains(|c: char| c.is_control() || c == '\u{2028}'), "{json:?}");
    serde_json::from_str(&json).unwrap()
}

#[test]
fn what_is_not_there_has_no_field() {
    assert_eq!(
        json(&record(), &Trace::default(), None),
        format!(
            r#"{{"decision":"denied","rule":"(default deny)","policy":"{}"}}"#,
            policy().fingerprint
        )
    );
}

#[test]
fn every_field_is_written_so_that_it_reads_back() {
    let nasty = "a\"b\\c\n\u{1b}[31m\u{9b}\u{7f}é\u{2028}";
    let left =
        |rule, millionths| Left { rule, millionths: Some(millionths), counted: Counted::Process };
    let full = Record {
        reason: Some(Reason::RateLimited),
        message: Some(nasty.into()),
        method: Some("tools/call".into()),
        tool: Some(nasty.into()),
        caller_id: Some(nasty),
        arguments: Some(Names { shown: vec!["a".into(), nasty.into()], more: 3 }),
        arguments_hmac: Some("00ff".into()),
        values: Some(Box::new(Values(vec![
            ("args[\"\\n\"]", Some(nasty.into())),
            ("args.b", None),
        ]))),
        limits: vec![left("/tools/a/rate_limit", 2_000_000), left("/b", 12_500_000), left("/c", 1)],
        ..record()
    };
    let trace = trace(b"5-6", b" secret");
    let value = value(&full, &trace);
    assert_eq!(value["reason"], "rate_limited");
    for field in ["message", "tool", "grant"] {
        assert_eq!(value[field], nasty, "{field}");
    }
    assert_eq!(value["arguments"], serde_json::json!(["a", nasty]));
    assert_eq!(value["more_arguments"], 3);
    assert_eq!(value["values"], serde_json::json!({ "args[\"\\n\"]": nasty, "args.b": null }));
    assert_eq!(value["request_id"], "5-6");
    // The start of `printf secret | sha256sum`.
    assert_eq!(value["session"], "2bb80d537b1d");
    assert_eq!(value["time"], "1970-01-01T00:00:00.000Z");
    assert_eq!(
        value["limits"].to_string(),
        r#"[{"left":2,"rule":"/tools/a/rate_limit"},{"left":12.5,"rule":"/b"},{"left":1e-6,"rule":"/c"}]"#
    );
}

#[test]
fn an_id_that_is_no_text_is_still_there() {
    let trace = trace(&[0xff], &[0xff]);
    let value = value(&record(), &trace);
    assert_eq!(value["request_id"], "\u{fffd}");
    assert_eq!(value["session"].as_str().map(str::len), Some(12));
}

#[test]
fn a_text_is_copied_whole_only_if_each_of_its_bytes_may_be() {
    for length in 0..20 {
        let mut text = vec![b'a'; length];
        assert!(is_plain(&text), "{length}");
        for at in 0..length {
            for byte in 0..=255 {
                text[at] = byte;
                let may = matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
                assert_eq!(is_plain(&text), may, "{length} {at} {byte}");
            }
            text[at] = b' ';
        }
    }
}

#[test]
fn numbers_of_every_length_are_written_as_the_standard_library_writes_them() {
    let powers = (0..20).map(|zeros| 10_u64.pow(zeros));
    for number in powers.flat_map(|power| [power - 1, power, power + 1]).chain([u64::MAX, 0]) {
        for least in [1, 6, 20] {
            let mut text = String::from("x");
            digits(&mut text, number, least);
            assert_eq!(text, format!("x{number:0least$}"));
        }
    }
}
