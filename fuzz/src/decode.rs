//! A message that the decoder lets through is read alike by everybody.
//!
//! The first byte of an input chooses how deep values may be nested, the rest is
//! the body.

use crate::canonical;
use crate::lenient::{Node, Value, documents};
use crate::reading::{self, READINGS};
use mcp_policy_filter::meter;
use mcp_policy_filter::wire::json::{JsonErrorKind, Kind, Raw};
use mcp_policy_filter::wire::jsonrpc::{
    Call, DecodeError, DecodeErrorKind, Id, Message, PARSE_ERROR, decode, decode_batch, outline,
};
use mcp_policy_filter::wire::mcp::Method;
use std::collections::BTreeSet;

/// The bytes before the body.
pub const HEAD: usize = 1;

/// Steps that a byte of a body may take, with some bytes for the rest.
const MAX_STEPS: usize = 24;

const DEPTHS: [usize; 4] = [64, 3, 6, 100];

pub fn check(data: &[u8]) {
    let Some((choice, body)) = data.split_first() else { return };
    let depth = DEPTHS[usize::from(choice % 4)];
    let _ = meter::take();
    let decoded = decode(body, depth);
    let steps = meter::take();
    assert!(steps <= MAX_STEPS * (body.len() + 64), "{steps} steps for {} bytes", body.len());
    let _ = outline(body, depth);
    assert!(meter::take() <= steps.max(1), "an outline costs more than the whole");
    match decoded {
        Ok(message) => {
            agree(body, depth, &[&message]);
            alone(body, depth, &message);
            if let Message::Call(Call { params, .. }) = &message
                && let Some(params) = params.all.filter(|raw| matches!(raw.kind, Kind::Object))
            {
                canonical::check(params, depth);
            }
        }
        Err(malformed) => refused(body, &malformed),
    }
    if body.trim_ascii_start().first() != Some(&b'[') {
        return;
    }
    match decode_batch(body, depth) {
        Ok(messages) => {
            agree(body, depth, &messages.iter().collect::<Vec<_>>());
            assert!((1..=64).contains(&messages.len()));
            ids_differ(&messages);
        }
        Err(malformed) => refused(body, &malformed),
    }
}

/// All readers see these messages and no others.
fn agree(body: &[u8], depth: usize, messages: &[&Message<'_>]) {
    let value = serde_json::from_slice::<serde_json::Value>(body);
    assert!(value.is_ok(), "accepted, but no JSON: {value:?}");
    for text in reading::texts(body) {
        let documents = documents(&text);
        assert!(documents.iter().all(|node| is_clear(node, depth)), "a doubt was let through");
        for reading in READINGS {
            let seen = reading.messages(&documents);
            assert_eq!(seen.len(), messages.len(), "{reading:?} sees {seen:?}");
            for (seen, message) in seen.iter().zip(messages) {
                match message {
                    Message::Call(call) => {
                        assert_eq!(*seen, expected(call), "{reading:?}");
                        let method = Method::parse(call.method);
                        let runs = reading.is_tool_call(&call.method.decode());
                        match method {
                            Ok(Method::ToolsCall) => assert!(runs, "{reading:?}"),
                            Ok(Method::Other(name)) => assert!(!runs, "{reading:?} runs {name:?}"),
                            Err(_) => {}
                        }
                    }
                    Message::Response => {
                        let response = seen.method.is_none() && seen.has_result && !seen.has_others;
                        assert!(response, "{reading:?}: {seen:?}");
                    }
                }
            }
        }
    }
}

/// A call as the filter sees it, in the form in which the readers show it.
fn expected<'a>(call: &Call<'a>) -> reading::Message<'a> {
    let name = match call.params.name {
        Some(Raw { kind: Kind::String(text), .. }) => Some(text.decode().into_owned()),
        _ => None,
    };
    let raw = |raw: Option<Raw<'a>>| raw.map(|raw| raw.text.as_bytes());
    reading::Message {
        method: Some(call.method.decode().into_owned()),
        id: call.id.map(|id| id.as_json().as_bytes()),
        name,
        raw_name: raw(call.params.name),
        raw_arguments: raw(call.params.arguments),
        has_result: false,
        has_others: false,
    }
}

/// Whether a value holds nothing that readers may take differently: at no depth
/// a key twice or one with a NUL.
fn is_clear(node: &Node<'_>, room: usize) -> bool {
    match &node.value {
        Value::Word | Value::Text(_) => true,
        Value::List(nodes) => room > 0 && nodes.iter().all(|node| is_clear(node, room - 1)),
        Value::Map(members) => {
            let keys: BTreeSet<&str> = members.iter().map(|member| &*member.key).collect();
            room > 0
                && keys.len() == members.len()
                && !keys.iter().any(|key| key.contains('\0'))
                && members.iter().all(|member| is_clear(&member.node, room - 1))
        }
    }
}

/// Checks a good message after changes to its text.
fn alone(body: &[u8], depth: usize, message: &Message<'_>) {
    let again = |parts: &[&[u8]], depth| {
        let body = parts.concat();
        decode(&body, depth).map(|message| show(&message)).map_err(|malformed| malformed.problem)
    };
    assert_eq!(again(&[b"\r\n\t ", body, b" \n"], depth), Ok(show(message)));
    assert!(again(&[b"\xef\xbb\xbf", body], depth).is_err());
    assert!(again(&[body, body], depth).is_err());
    assert!(again(&[body, b"\n//"], depth).is_err());
    assert!(again(&[&body.trim_ascii_end()[..body.trim_ascii_end().len() - 1]], depth).is_err());

    let batch = [b"[", body, b"]"].concat();
    let messages = decode_batch(&batch, depth + 1).expect("a batch of one");
    assert_eq!(messages.iter().map(show).collect::<Vec<_>>(), [show(message)]);
    let twice = [b"[", body, b",", body, b"]"].concat();
    let twice = decode_batch(&twice, depth + 1);
    match message {
        Message::Call(Call { id: None, .. }) => assert_eq!(twice.expect("two of them").len(), 2),
        _ => assert_eq!(twice.unwrap_err().problem, DecodeErrorKind::BatchIds),
    }

    // Written by another library it is still the same message, if that library
    // left the id alone.
    let value: serde_json::Value = serde_json::from_slice(body).expect("it was before");
    let Message::Call(call) = message else { return };
    let written = value.to_string();
    let id = value.get("id").map(ToString::to_string);
    let kept = id.as_deref() == call.id.map(Id::as_json) || value["id"].is_string();
    if kept {
        let read = decode(written.as_bytes(), depth).map_err(|malformed| malformed.problem);
        let Ok(Message::Call(other)) = read else { panic!("{read:?}: {written}") };
        assert_eq!(other.method.decode(), call.method.decode());
        assert_eq!(expected(&other).name, expected(call).name);
    }
}

fn show(message: &Message<'_>) -> String {
    match message {
        Message::Call(call) => format!("{:?}", expected(call)),
        Message::Response => "a response".to_owned(),
    }
}

fn ids_differ(messages: &[Message<'_>]) {
    let mut texts = BTreeSet::new();
    let mut numbers = Vec::new();
    for message in messages {
        let Message::Call(Call { id: Some(id), .. }) = message else { continue };
        match serde_json::from_str(id.as_json()).expect("an id is JSON") {
            serde_json::Value::String(text) => assert!(texts.insert(text), "an id twice"),
            number => {
                let number = number.as_f64().expect("an id is a string or a number");
                assert!(!numbers.contains(&number), "an id twice");
                numbers.push(number);
            }
        }
    }
}

/// A refusal says where and why, and an id only if there is no doubt about it.
fn refused(body: &[u8], malformed: &DecodeError<'_>) {
    assert!(malformed.at <= body.len());
    assert!(!malformed.problem.to_string().contains('\n'));
    let value = serde_json::from_slice::<serde_json::Value>(body);
    if malformed.code == PARSE_ERROR {
        assert!(value.is_err() && malformed.id.is_none(), "{malformed:?} of JSON");
    }
    let documents = documents(body);
    if matches!(
        malformed.problem,
        DecodeErrorKind::Json(JsonErrorKind::DuplicateKey | JsonErrorKind::NulInKey)
    ) {
        assert!(!documents.iter().all(|node| is_clear(node, usize::MAX)), "no doubt about it");
    }
    let Some(id) = malformed.id else { return };
    for reading in READINGS.into_iter().filter(|reading| !reading.cuts()) {
        let seen: Vec<_> = reading.messages(&documents).iter().map(|seen| seen.id).collect();
        assert_eq!(seen, [Some(id.as_json().as_bytes())], "{reading:?}");
    }
}
