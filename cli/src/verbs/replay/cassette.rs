//! Cassettes that are one document: of mcp-recorder, and of the Python package
//! mcp-cassette. Only requests of clients are taken of them.

use crate::log::moment;
use crate::log::record::Text;
use mcp_policy_filter::limits::window::Nanos;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A request of a cassette.
#[derive(Debug)]
pub(super) struct Timed {
    /// The message.
    pub(super) body: String,
    /// The moment at which it was sent, if that is known.
    pub(super) time: Option<Nanos>,
    /// Whether it is not what was sent.
    pub(super) is_redacted: bool,
}

/// The requests of a cassette of mcp-recorder: `interactions`, each with its `request`
/// and how long the answer took. When each was sent is not in it, so they follow each
/// other.
pub(super) fn recorder(document: &str, interactions: &RawValue) -> Option<Vec<Timed>> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow, default)]
        metadata: Option<Metadata<'a>>,
    }
    #[derive(Deserialize)]
    struct Metadata<'a> {
        #[serde(borrow, default)]
        recorded_at: Option<Text<'a>>,
    }
    #[derive(Deserialize)]
    struct Interaction<'a> {
        #[serde(borrow, default)]
        request: Option<&'a RawValue>,
        #[serde(default)]
        latency_ms: f64,
    }
    let document: Document<'_> = serde_json::from_str(document).ok()?;
    let recorded_at = document.metadata.and_then(|metadata| metadata.recorded_at);
    let mut time = recorded_at.as_deref().and_then(moment::parse);
    let interactions: Vec<Interaction<'_>> = serde_json::from_str(interactions.get()).ok()?;
    let mut calls = Vec::new();
    for Interaction { request, latency_ms } in interactions {
        // Of a lifecycle, `request` is null.
        if let Some(request) = request.filter(|request| request.get().starts_with('{')) {
            calls.push(Timed { body: request.get().to_owned(), time, is_redacted: false });
        }
        time = time.and_then(|time| after(time, latency_ms));
    }
    Some(calls)
}

/// The requests of a cassette of the Python package mcp-cassette: `messages`, those of
/// the client by their `payload`, each some milliseconds after `recorded_at`.
pub(super) fn messages(document: &str, messages: &RawValue) -> Option<Vec<Timed>> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow, default)]
        recorded_at: Option<Text<'a>>,
    }
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        sender: Text<'a>,
        #[serde(borrow)]
        kind: Text<'a>,
        #[serde(borrow)]
        payload: &'a RawValue,
        #[serde(default)]
        t_offset_ms: f64,
        #[serde(default)]
        redacted: bool,
    }
    let document: Document<'_> = serde_json::from_str(document).ok()?;
    let start = document.recorded_at.as_deref().and_then(moment::parse);
    let messages: Vec<Message<'_>> = serde_json::from_str(messages.get()).ok()?;
    let of_client = messages.into_iter().filter(|message| {
        &*message.sender == "client" && matches!(&*message.kind, "request" | "notification")
    });
    let timed = |message: Message<'_>| Timed {
        body: message.payload.get().to_owned(),
        time: start.and_then(|start| after(start, message.t_offset_ms)),
        is_redacted: message.redacted,
    };
    Some(of_client.map(timed).collect())
}

/// The moment this many milliseconds later.
pub(super) fn after(start: Nanos, milliseconds: f64) -> Option<Nanos> {
    let micros = (milliseconds * 1_000.0).round();
    if !(0.0..1e18).contains(&micros) {
        return None;
    }
    let seconds = std::time::Duration::try_from_secs_f64(milliseconds / 1_000.0).ok()?;
    start.0.checked_add(u64::try_from(seconds.as_nanos()).ok()?).map(Nanos)
}
