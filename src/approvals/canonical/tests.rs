use super::*;
use crate::wire::jsonrpc::{Message, decode};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn call(params: &str, max: usize) -> Result<Call, TooLarge> {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
    let Ok(Message::Call(call)) = decode(body.as_bytes(), 64) else { panic!("{body}") };
    Call::new(call.params.all, max)
}

fn text(params: &str) -> String {
    call(params, 4096).unwrap().text().to_owned()
}

#[test]
fn one_call_has_one_text() {
    let all = r#"{"arguments":{"a":1,"b":"x\"\\\u0001é"}}"#;
    for params in [
        r#"{"name":"t","arguments":{"a":1,"b":"x\"\\\u0001é"}}"#,
        r#"{ "arguments" : { "b" : "\u0078\"\\\u0001\u00e9" , "\u0061" : 1 } , "name" : "t" }"#,
        r#"{"name":"t","arguments":{"a":1,"b":"x\"\\\u0001é"},"_meta":{"progressToken":7},"task":{}}"#,
        r#"{"name":"t","arguments":{"a":1,"b":"x\"\\\u0001é"},"inputResponses":{"mcp-policy-filter.approval":{"action":"accept"}}}"#,
    ] {
        assert_eq!(text(params), all, "{params}");
    }
    assert_eq!(text(r#"{"name":"t"}"#), "{}");
    assert_eq!(text(r#"{"name":"t","arguments":null}"#), "{}");
    assert_eq!(text(r#"{"name":"t","arguments":{}}"#), r#"{"arguments":{}}"#);
}

#[test]
fn what_some_server_tells_apart_differs() {
    let texts = [
        r#"{"a":1}"#,
        r#"{"a":1.0}"#,
        r#"{"a":1e0}"#,
        r#"{"a":"1"}"#,
        r#"{"a":{"x":1,"y":2}}"#,
        r#"{"a":{"y":2,"x":1}}"#,
        r#"{"a":[1,2]}"#,
        r#"{"a":[2,1]}"#,
        r#"{"a":"é"}"#,
        "{\"a\":\"e\u{301}\"}",
        r#"{"a":null}"#,
        r#"{"a":true}"#,
        r#"{"a":[]}"#,
        r#"{"a":{}}"#,
        r#"{"A":1}"#,
    ];
    let mut found: Vec<String> = texts
        .iter()
        .map(|arguments| text(&format!(r#"{{"name":"t","arguments":{arguments}}}"#)))
        .collect();
    found.push(text(r#"{"name":"t","arguments":{"a":1},"requestState":"x"}"#));
    found.push(text(
        r#"{"name":"t","arguments":{"a":1},"inputResponses":{"k":{"action":"accept"}}}"#,
    ));
    for answer in [
        r#"{"action":"accept","content":{}}"#,
        r#"{"action":"Accept"}"#,
        r#"{"action":["accept"]}"#,
        r#"{"run":"rm"}"#,
        "{}",
        "[]",
        "null",
        "1",
        r#""accept""#,
    ] {
        found.push(text(&format!(
            r#"{{"name":"t","arguments":{{"a":1}},"inputResponses":{{"{OWN_RESPONSE}":{answer}}}}}"#
        )));
    }
    found.sort();
    let all = found.len();
    found.dedup();
    assert_eq!(found.len(), all);
}

#[test]
fn members_are_sorted_by_bytes_and_deeper_ones_are_not() {
    assert_eq!(
        text(
            r#"{"requestState":"s","name":"t","arguments":{"é":1,"b":{"z":1,"a":[{"y":1,"x":2}]},"B":0},
               "inputResponses":{"z":{"b":1,"a":2},"mcp-policy-filter.approval":{"action":"cancel"},"a":0}}"#
        ),
        r#"{"arguments":{"B":0,"b":{"z":1,"a":[{"y":1,"x":2}]},"é":1},"inputResponses":{"z":{"b":1,"a":2},"a":0},"requestState":"s"}"#
    );
}

#[test]
fn arguments_are_found_within() {
    let arguments = |params: &str| call(params, 4096).unwrap().arguments().map(str::to_owned);
    assert_eq!(arguments(r#"{"name":"t"}"#), None);
    assert_eq!(
        arguments(r#"{"name":"t","arguments":{"b":1,"a":2},"zeta":3,"alpha":4}"#).as_deref(),
        Some(r#"{"a":2,"b":1}"#)
    );
    assert_eq!(arguments(r#"{"name":"t","arguments":{}}"#).as_deref(), Some("{}"));
}

#[test]
fn the_last_byte_that_fits_fits() {
    // {"arguments":{"a":"…"}}
    let around = r#"{"arguments":{"a":""}}"#.len();
    let of_length = |length: usize| {
        let value = "x".repeat(length - around);
        call(&format!(r#"{{"name":"t","arguments":{{"a":"{value}"}}}}"#), 4096)
    };
    assert_eq!(of_length(4096).unwrap().text().len(), 4096);
    assert_eq!(of_length(4097), Err(TooLarge));
    assert_eq!(of_length(100_000), Err(TooLarge));
    // Nor does what is left out take any room.
    let full = "x".repeat(4096 - around);
    let params = format!(
        r#"{{"name":"t","arguments":{{"a":"{full}"}},"inputResponses":{{}},"requestState":1}}"#
    );
    assert_eq!(call(&params, 4096), Err(TooLarge));
    let params = format!(r#"{{"name":"t","arguments":{{"a":"{full}"}},"inputResponses":{{}}}}"#);
    assert_eq!(call(&params, 4096).unwrap().text().len(), 4096);
    let many = (0..1025).map(|n| format!("\"{n}\":0")).collect::<Vec<_>>().join(",");
    assert_eq!(call(&format!(r#"{{"name":"t","arguments":{{{many}}}}}"#), 4096), Err(TooLarge));
}

#[test]
fn the_text_of_a_text_is_itself() {
    for params in [
        r#"{"name":"t","arguments":{"b":[1,{"q":"\n\u2028"}],"a":"\u007f"},"x":1e5}"#,
        r#"{"name":"t","arguments":{"":"", "😀":"\ud83d\ude00"}}"#,
    ] {
        let once = text(params);
        assert_eq!(text(&once), once);
    }
}
