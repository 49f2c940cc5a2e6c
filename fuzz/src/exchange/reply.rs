//! The answer that a client gets in the server's place: JSON with the id of its request, byte
//! for byte, or nothing where it expects nothing.

use super::{Fields, Refused, Request, Subject};
use crate::lenient::documents;
use crate::reading::READINGS;
use mcp_policy_filter::exchange::record::Decision;
use mcp_policy_filter::policy::Reason;
use mcp_policy_filter::policy::document::Batches;
use mcp_policy_filter::wire::jsonrpc::{self, Id, Message};

pub(super) fn check(
    request: &Request<'_>,
    subject: &Subject,
    refused: &Refused,
    records: &[Fields],
) {
    let (body, posted) = (request.body, request.header(":method") == "POST");
    let Refused { reason, status, retry_after, reply } = refused;
    assert!(matches!(records, [(Decision::Denied, Some(recorded), ..)] if recorded == reason));
    assert!(!matches!(reason, Reason::Internal | Reason::CounterDamaged | Reason::CounterClock));
    assert!([200, 202, 400, 401, 403, 404, 405, 413, 429, 503].contains(status), "{status}");
    assert!(retry_after.is_none() || *reason == Reason::RateLimited);
    assert!(*status != 202 || reply.is_empty());

    let batch = subject.policy.settings.batches == Batches::Judge
        && body.trim_ascii_start().first() == Some(&b'[');
    let depth = subject.policy.settings.max_depth;
    let asked: Option<Vec<&str>> = if batch {
        let messages = jsonrpc::decode_batch(body, depth).ok();
        messages.map(|messages| messages.iter().filter_map(id).collect())
    } else {
        jsonrpc::decode(body, depth).ok().map(|message| id(&message).into_iter().collect())
    };
    if reply.is_empty() {
        return assert!(asked.is_none_or(|ids| ids.is_empty()), "a request without an answer");
    }
    let value: serde_json::Value = serde_json::from_slice(reply).expect("a reply is JSON");
    let replies = documents(reply);
    let answers = READINGS[0].messages(&replies);
    assert!(answers.iter().all(|answer| answer.has_result && answer.method.is_none()));
    assert_eq!(value.is_array(), answers.len() > 1 || reply.starts_with(b"["));
    let answered: Vec<&str> = answers
        .iter()
        .map(|answer| core::str::from_utf8(answer.id.expect("an id")).expect("UTF-8"))
        .collect();
    match asked {
        // Refused before the id was read.
        Some(_)
            if answered == ["null"]
                && (!posted || matches!(reason, Reason::TooLarge | Reason::Path)) => {}
        Some(ids) => {
            // A message without an id that was refused within a batch, or alone
            // by an HTTP error, is answered with null.
            let nulls = answered.iter().filter(|id| **id == "null").count();
            assert!(nulls == 0 || batch || ids.is_empty());
            let answered: Vec<&str> = answered.into_iter().filter(|id| *id != "null").collect();
            assert_eq!(answered, ids);
        }
        None if answered == ["null"] => {}
        None => {
            let documents = documents(body);
            for reading in READINGS.iter().filter(|reading| !reading.cuts()) {
                // Nobody's batch is answered though readers disagree on it, and a
                // message of it without an id with null; so is an answer in it, whose
                // id is that of somebody else's request.
                let messages = reading.messages(&documents);
                let asking = messages
                    .iter()
                    .filter(|seen| !batch || seen.method.is_some() || !seen.has_result);
                let ids = asking.filter_map(|seen| seen.id).filter(|id| id != b"null");
                let ids: Vec<_> = ids.map(String::from_utf8_lossy).collect();
                let answered: Vec<&str> =
                    answered.iter().copied().filter(|id| *id != "null").collect();
                assert_eq!(ids, answered, "{reading:?}");
            }
        }
    }
}

fn id<'a>(message: &Message<'a>) -> Option<&'a str> {
    match message {
        Message::Call(call) => call.id.map(Id::as_json),
        Message::Response => None,
    }
}
