use super::*;
use crate::wire::jsonrpc::{Message, decode};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The names in the message with these parameters, or the fault.
fn names(method: &str, params: &str) -> Result<Vec<String>, String> {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let Message::Call(call) = decode(body.as_bytes(), 64).unwrap() else { panic!("no call") };
    let offers = Offers::parse(method, &call.params).map_err(|(kind, at)| {
        assert!(at < body.len());
        kind.to_string()
    })?;
    Ok(offers.iter().map(|one| format!("{} {}", one.kind.as_str(), one.name)).collect())
}

#[test]
fn each_method_names_its_own() {
    for (method, params, expected) in [
        ("prompts/get", r#"{"name":"p\u0061","arguments":{}}"#, &["prompt pa"][..]),
        ("resources/read", r#"{"uri":"a:b"}"#, &["resource a:b"]),
        ("resources/subscribe", r#"{"uri":"a:b","x":1}"#, &["resource a:b"]),
        ("resources/unsubscribe", r#"{"uri":"a:b"}"#, &["resource a:b"]),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":""}}"#,
            &["prompt p"],
        ),
        (
            "completion/complete",
            r#"{"ref":{"uri":"a:{b}","type":"ref/resource"}}"#,
            &["resource a:{b}"],
        ),
        ("subscriptions/listen", r#"{}"#, &[]),
        ("subscriptions/listen", r#"{"notifications":null}"#, &[]),
        ("subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#, &[]),
        (
            "subscriptions/listen",
            r#"{"notifications":{"resourceSubscriptions":["a:b","c:d"]}}"#,
            &["resource a:b", "resource c:d"],
        ),
    ] {
        assert_eq!(
            names(method, params).as_deref(),
            Ok(&*expected.iter().map(ToString::to_string).collect::<Vec<_>>()),
            "{params}"
        );
    }
}

#[test]
fn what_readers_may_take_for_another_name_is_refused() {
    let long = format!(r#"{{"uri":"a:{}"}}"#, "b".repeat(MAX_URI));
    let many = format!(
        r#"{{"notifications":{{"resourceSubscriptions":[{}]}}}}"#,
        vec![r#""a:b""#; MAX_URIS + 1].join(",")
    );
    for (method, params, expected) in [
        ("prompts/get", "[]", "`params` must be an object"),
        ("prompts/get", "{}", "`params.name` is missing"),
        ("prompts/get", r#"{"name":1}"#, "`params.name` must be a string"),
        ("prompts/get", r#"{"name":""}"#, "`params.name` is empty"),
        ("prompts/get", r#"{"name":"a\u0000"}"#, "`params.name` holds a control character"),
        ("resources/read", "{}", "`params.uri` is missing"),
        ("resources/read", r#"{"uri":["a:b"]}"#, "a URI must be a string"),
        ("resources/read", &long, "a URI is longer than 2048 bytes"),
        (
            "resources/read",
            r#"{"uri":"a:b","URI":"c:d"}"#,
            "a key differs from `uri` only in its spelling",
        ),
        ("resources/read", r#"{"Uri":"a:b"}"#, "a key differs from `uri` only in its spelling"),
        ("completion/complete", "{}", "`params.ref` is missing"),
        ("completion/complete", r#"{"ref":"p"}"#, "`params.ref` must be an object"),
        (
            "completion/complete",
            r#"{"ref":{"name":"p"}}"#,
            "`params.ref.type` must be `ref/prompt` or `ref/resource`",
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"p","uri":"a:b"}}"#,
            "`params.ref` has both `name` and `uri`",
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/resource","name":"p","uri":"a:b"}}"#,
            "`params.ref` has both `name` and `uri`",
        ),
        ("completion/complete", r#"{"ref":{"type":"ref/prompt"}}"#, "`params.ref.name` is missing"),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","Type":"ref/resource","name":"p"}}"#,
            "a key differs from `type` only in its spelling",
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"p","__proto__":{}}}"#,
            "a key differs from `__proto__` only in its spelling",
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"p"},"Ref":{}}"#,
            "a key differs from `ref` only in its spelling",
        ),
        (
            "subscriptions/listen",
            r#"{"notifications":[]}"#,
            "`params.notifications` must be an object",
        ),
        (
            "subscriptions/listen",
            r#"{"notifications":{"resourceSubscriptions":"a:b"}}"#,
            "`resourceSubscriptions` must be a list",
        ),
        (
            "subscriptions/listen",
            r#"{"notifications":{"resource_subscriptions":["a:b"]}}"#,
            "a key differs from `resourceSubscriptions` only in its spelling",
        ),
        (
            "subscriptions/listen",
            r#"{"notifications":{"resourceSubscriptions":["a:b",1]}}"#,
            "a URI must be a string",
        ),
        ("subscriptions/listen", &many, "`resourceSubscriptions` has more than 64 URIs"),
    ] {
        assert_eq!(names(method, params), Err(expected.to_owned()), "{params}");
    }
}
