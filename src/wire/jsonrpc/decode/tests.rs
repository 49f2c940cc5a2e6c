use super::*;
use crate::wire::json::JsonErrorKind;
use crate::wire::jsonrpc::PARSE_ERROR;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn refused(body: &str) -> (i32, Option<&str>, DecodeErrorKind) {
    let malformed = decode(body.as_bytes(), 64).unwrap_err();
    (malformed.code, malformed.id.map(Id::as_json), malformed.problem)
}

#[test]
fn a_request_keeps_the_bytes_of_its_id() {
    for id in ["7", "-1", "12345678901234567890123", r#""""#, r#""\u0061\"""#] {
        let body = format!(r#"{{"method":"ping","jsonrpc":"2.0","id":{id}}}"#);
        let Message::Call(call) = decode(body.as_bytes(), 64).unwrap() else { panic!("no call") };
        assert_eq!(call.id.map(Id::as_json), Some(id));
        assert!(call.method.is("ping"));
    }
}

#[test]
fn params_are_found_before_or_after_the_method() {
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":{"a":1}}}"#,
        r#"{"params":{"arguments":{"a":1},"name":"x","other":0},"method":"\u0074ools\/call","id":1,"jsonrpc":"2.0"}"#,
    ] {
        let Message::Call(call) = decode(body.as_bytes(), 64).unwrap() else { panic!("no call") };
        assert!(call.method.is("tools/call"));
        assert_eq!(call.params.name.unwrap().text, r#""x""#);
        assert_eq!(call.params.arguments.unwrap().text, r#"{"a":1}"#);
    }
}

#[test]
fn notifications_and_responses_are_messages() {
    for (body, response) in [
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, false),
        (r#"{"jsonrpc":"2.0","id":"a","result":{}}"#, true),
        (r#"{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":"x"}}"#, true),
    ] {
        let message = decode(body.as_bytes(), 64).unwrap();
        assert_eq!(matches!(message, Message::Response), response, "{body}");
    }
}

#[test]
fn forms_that_are_no_message_are_refused_with_their_id() {
    use DecodeErrorKind::*;
    for (body, id, problem) in [
        ("[]", None, Batch),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, None, Batch),
        ("7", None, NotAnObject),
        ("{}", None, Version),
        (r#"{"jsonrpc":"2.0"}"#, None, Shape),
        (r#"{"jsonrpc":"2.0","id":1}"#, Some("1"), Shape),
        (r#"{"jsonrpc":"2.0","result":{}}"#, None, Shape),
        (r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{}}"#, Some("1"), Shape),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":1}"#, Some("1"), Shape),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","error":1}"#, Some("1"), Shape),
        (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, Some("1"), Version),
        (r#"{"jsonrpc":"2.00","id":1,"method":"ping"}"#, Some("1"), Version),
        (r#"{"id":1,"method":"ping"}"#, Some("1"), Version),
        (r#"{"jsonrpc":"2.0","id":1,"method":["ping"]}"#, Some("1"), Method),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, None, Id),
        (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, None, Id),
        (r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, None, Id),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, None, Id),
        (r#"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#, None, Id),
        (r#"{"jsonrpc":"2.0","id":1e2,"method":"ping"}"#, None, Id),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"x"}"#,
            Some("1"),
            LookAlikeKey("method"),
        ),
        (r#"{"jsonrpc":"2.0","id":1,"ID":2,"method":"ping"}"#, None, LookAlikeKey("id")),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","paramſ":{}}"#,
            Some("1"),
            LookAlikeKey("params"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","ta\u017f\u212A":{}}"#,
            Some("1"),
            LookAlikeKey("task"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
            Some("1"),
            LookAlikeKey("name"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"NAME":"b"}}"#,
            Some("1"),
            LookAlikeKey("name"),
        ),
    ] {
        assert_eq!(refused(body), (INVALID_REQUEST, id, problem), "{body}");
    }
}

#[test]
fn ambiguous_json_is_refused_with_its_id_and_no_json_without() {
    for (body, code, id, kind) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"x"}"#,
            INVALID_REQUEST,
            Some("1"),
            JsonErrorKind::DuplicateKey,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","id":1}"#,
            INVALID_REQUEST,
            None,
            JsonErrorKind::DuplicateKey,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":{"b":1,"b":1}}}"#,
            INVALID_REQUEST,
            Some("1"),
            JsonErrorKind::DuplicateKey,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping","method\u0000":"x"}"#,
            INVALID_REQUEST,
            Some("1"),
            JsonErrorKind::NulInKey,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping"}{}"#,
            PARSE_ERROR,
            None,
            JsonErrorKind::TrailingText,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ping",}"#,
            PARSE_ERROR,
            None,
            JsonErrorKind::Expected("a key in double quotes"),
        ),
    ] {
        assert_eq!(refused(body), (code, id, DecodeErrorKind::Json(kind)), "{body}");
    }
}

#[test]
fn a_message_has_no_members_besides_those_of_json_rpc() {
    for (body, at) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","a":41}"#, 40),
        (r#"{"a":{"jsonrpc":"2.0"},"jsonrpc":"2.0","id":1,"method":"ping"}"#, 1),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x"},"_meta":{}}"#, 68),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","name":"x","arguments":{}}"#, 46),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"task":1}"#, 36),
        (r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"},"":0}"#, 57),
    ] {
        let malformed = decode(body.as_bytes(), 64).unwrap_err();
        assert_eq!(malformed.problem, DecodeErrorKind::Member, "{body}");
        assert_eq!((malformed.code, malformed.at), (INVALID_REQUEST, at), "{body}");
        assert_eq!(malformed.id.map(Id::as_json), Some("1"), "{body}");
        let batch = format!("[{body}]");
        let malformed = decode_batch(batch.as_bytes(), 64).unwrap_err();
        assert_eq!(malformed.problem, DecodeErrorKind::Member, "{batch}");
        assert_eq!((malformed.code, malformed.at), (INVALID_REQUEST, at + 1), "{batch}");
    }
}

#[test]
fn unknown_keys_within_params_are_fine() {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"argument":1,"meta":2,"x":{"Name":1}}}"#;
    assert!(decode(body.as_bytes(), 64).is_ok());
}
