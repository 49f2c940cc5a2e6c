use super::*;
use crate::lenient::documents;

/// Every way of hiding a call of `danger` is seen by one of the readings, or
/// the comparison with the filter would prove nothing.
#[test]
fn some_reading_sees_every_hidden_call() {
    let bodies: [&[u8]; 16] = [
        br#"{"method":"tools/call","params":{"name":"danger"}}"#,
        br#"{"method":"tools/call","params":{"name":"safe","name":"danger"}}"#,
        br#"{"method":"tools/call","params":{"name":"danger","name":"safe"}}"#,
        br#"{"method":"ping","method":"tools/call","params":{"name":"danger"}}"#,
        br#"{"Method":"tools/call","PARAMS":{"Name":"danger"}}"#,
        "{\"method\":\"tools/call\",\"param\u{17f}\":{\"name\":\"danger\"}}".as_bytes(),
        br#"{"method\u0000x":"tools/call","params":{"name":"danger\u0000"}}"#,
        br#"{"\u006dethod":"\u0074ools\/call","params":{"n\u0061me":"d\u0061nger"}}"#,
        br#"[{"method":"ping"},[{"method":"tools/call","params":{"name":"danger"}}]]"#,
        br#"{"method":"ping"} {"method":"tools/call","params":{"name":"danger"}}"#,
        b"\xef\xbb\xbf{'method':'tools/call',params:{name:'danger',},}",
        br#"{"method":"ping",/*"*/"method":"tools/call","params":{"name":"danger"}/*"*/}"#,
        br#"{"method":" Tools/Call\n","params":{"name":"danger"}}"#,
        br#"{"a":"\q\ud800","method":"tools/call","params":{"name":"danger"}"#,
        b"{\"a\":\"\xff\xc0\",\"method\":\"tools/call\",\"params\":{\"name\":\"danger\"}}",
        b"{\"a\":01,\"b\":+.5,\"c\":0x1f,\"method\":\"tools/call\",\"params\":{\"name\":\"danger\"}}",
    ];
    for body in bodies {
        assert!(sees_danger(body), "{}", String::from_utf8_lossy(body));
    }
    let text = r#"{"method":"tools/call","params":{"name":"danger"}}"#;
    for mark in ["", "\u{feff}"] {
        let units = [mark, text].concat().encode_utf16().collect::<Vec<_>>();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        assert!(sees_danger(&little) && sees_danger(&big));
    }
}

#[test]
fn what_is_only_mentioned_is_no_call() {
    for body in [
        &br#"{"method":"tools/call","params":{"name":"safe","arguments":{"name":"danger"}}}"#[..],
        br#"{"method":"ping","params":{"method":"tools/call","name":"danger"}}"#,
        br#"{"method":"tools/call","params":{"name":"safe","x":"\"name\":\"danger\""}}"#,
    ] {
        assert!(!sees_danger(body), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn honest_texts_are_read_as_they_stand() {
    let body =
        br#" {"id":-7 ,"method":"x\n\ud83d\ude00","params":{"name":"a/*b","arguments":{"a":[1]}}}"#;
    for reading in READINGS {
        let seen = reading.messages(&documents(body));
        let expected = Message {
            method: Some("x\n\u{1f600}".to_owned()),
            id: Some(b"-7"),
            name: Some("a/*b".to_owned()),
            raw_name: Some(br#""a/*b""#),
            raw_arguments: Some(br#"{"a":[1]}"#),
            has_result: false,
            has_others: false,
        };
        assert_eq!(seen, [expected], "{reading:?}");
    }
}

fn sees_danger(body: &[u8]) -> bool {
    texts(body).iter().any(|text| {
        let documents = documents(text);
        let sees = |reading: Reading| {
            reading.tool_calls(&documents).iter().any(|call| call.tool == "danger")
        };
        READINGS.into_iter().any(sees)
    })
}
