//! The start of most tests: both HTTP versions, both ways of holding a request, and one small
//! policy.

use std::net::SocketAddr;

use mcp_rig::client::{Body, PATIENCE, Request, Response, http1, http2};
use mcp_rig::gateway::{Builder, Gateway, Shell};
use mcp_rig::upstream::RESULT;
use serde_json::{Value, json};

/// The HTTP version between client and Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    Http1,
    Http2,
}

impl Wire {
    pub const BOTH: [Self; 2] = [Self::Http1, Self::Http2];

    /// Sends `request` on a connection of its own.
    pub async fn send(self, addr: SocketAddr, request: &Request) -> Response {
        match self {
            Self::Http1 => http1::send(addr, request).await,
            Self::Http2 => http2::send(addr, request).await,
        }
    }
}

/// The part of a request that stays in Envoy until it is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// All of it: the policy's `hold_request_headers` with Envoy's flag.
    Everything,
    /// The body; the headers go ahead.
    Body,
}

impl Holding {
    /// The ways of the filter under test: a native module holds everything.
    pub fn each() -> &'static [Self] {
        match Shell::under_test() {
            Shell::Wasm => &[Self::Everything, Self::Body],
            Shell::Native => &[Self::Everything],
        }
    }

    /// Envoy set up so, before `upstream`. Trailers pass in both versions of
    /// HTTP.
    pub fn gateway(self, mut policy: Value, upstream: SocketAddr) -> Builder {
        if self == Self::Everything {
            policy["settings"]["hold_request_headers"] = true.into();
        }
        Gateway::builder()
            .policy(policy.to_string())
            .upstream(upstream)
            .hold_request_headers(self == Self::Everything)
            .http1_trailers()
    }
}

/// `safe` is allowed, and nothing else.
pub fn only_safe() -> Value {
    json!({ "version": "1", "default": "deny", "tools": { "safe": {} } })
}

/// At most `max` calls of `a` in a day, whoever calls.
pub fn a_day(max: u64) -> Value {
    json!({ "version": "1", "default": "deny", "tools": { "a": {
        "limits": [{ "counter": "calls", "window": "day", "max": max }],
    } } })
}

/// An allowed call under [`only_safe`].
pub fn safe() -> Request {
    Request::tool_call(1, "safe", r#"{"text":"for the server"}"#)
}

/// A denied call under [`only_safe`].
pub fn danger() -> Request {
    Request::tool_call(1, "danger", r#"{"text":"for nobody"}"#)
}

/// A call of `a`, as [`a_day`] counts it.
pub fn counted() -> Request {
    Request::tool_call(1, "a", "{}")
}

/// The body that `request` has in whatever pieces.
pub fn body(request: &Request) -> Vec<u8> {
    match &request.body {
        Body::None => Vec::new(),
        Body::Whole(body) => body.clone(),
        Body::Pieces(pieces, _) => pieces.concat(),
    }
}

/// The code of a refusal; null in any other answer.
pub fn code(response: &Response) -> Value {
    response.json()["error"]["code"].clone()
}

/// The word for why a request was refused; null in any other answer.
pub fn reason(response: &Response) -> Value {
    response.json()["error"]["data"]["reason"].clone()
}

/// Whether this is the recording upstream's answer.
pub fn passed(response: &Response) -> bool {
    response.status == 200 && response.body == RESULT.as_bytes()
}

/// Asserts that this is what a call gets for which the policy has no entry.
#[track_caller]
pub fn assert_denied(response: &Response) {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(code(response), 403, "{response:?}");
    assert_eq!(reason(response), "default_deny", "{response:?}");
}

/// The access log's format under which a line is a request's audit record.
pub const RECORDS: &str = "%FILTER_STATE(wasm.mcp_audit:PLAIN)%";

/// The records of the requests under [`RECORDS`], in the order in which they
/// ended, once there are that many; without what is the same in all of them, or
/// never the same.
pub async fn records(gateway: &Gateway, count: usize) -> Vec<Value> {
    let lines = gateway.access_log_of(count).await;
    let record = |line: &String| {
        let mut record: Value = serde_json::from_str(line).expect("a record");
        let fields = record.as_object_mut().expect("an object");
        for differs in ["policy", "time", "request_id"] {
            let value = fields.remove(differs);
            assert!(value.is_some_and(|value| value.is_string()), "{line}");
        }
        record
    };
    lines.iter().map(record).collect()
}

/// Awaits what the rig does not bound by itself.
pub async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

/// The Envoy configuration that every listener of the rig's has: its HTTP
/// connection manager.
pub fn manager(listener: &mut Value) -> &mut Value {
    &mut listener["filter_chains"][0]["filters"][0]["typed_config"]
}

/// Spreads connections over all workers, however few there are.
pub fn spread(listener: &mut Value) {
    listener["connection_balance_config"] = json!({ "exact_balance": {} });
}

/// Has Envoy answer what passes the filter by itself, as the recording
/// upstream would, and write no access log.
pub fn answer_alone(listener: &mut Value) {
    let manager = manager(listener);
    manager["access_log"] = json!([]);
    manager["route_config"]["virtual_hosts"][0]["routes"] = json!([{
        "match": { "prefix": "/" },
        "direct_response": { "status": 200, "body": { "inline_string": RESULT } },
    }]);
}

/// A file of the repository.
pub fn file(path: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
