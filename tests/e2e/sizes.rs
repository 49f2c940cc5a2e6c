//! Bodies that are too large, by our limit and by Envoy's.

use std::net::SocketAddr;

use mcp_rig::client::{Request, http1, http2};
use mcp_rig::gateway::Gateway;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};

use crate::seen;
use crate::support::{Holding, Wire, body, in_time, manager, passed, reason};

#[tokio::test]
async fn a_length_beyond_the_limit_is_refused_before_the_body() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(allow_up_to(1_000), upstream.addr()).start().await;
        for wire in Wire::BOTH {
            assert_eq!(without_end(wire, gateway.addr(), Some(1_001), "").await, 413);
        }
        assert_logged(&gateway, "mcp_policy_filter:too_large").await;
        assert!(upstream.connections().is_empty(), "{holding:?}");
    }
}

#[tokio::test]
async fn a_body_that_grows_beyond_the_limit_is_refused_before_its_end() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(allow_up_to(1_000), upstream.addr()).start().await;
        for wire in Wire::BOTH {
            let status = without_end(wire, gateway.addr(), None, &"x".repeat(1_001)).await;
            assert_eq!(status, 413, "{wire:?}");
        }
        assert_logged(&gateway, "mcp_policy_filter:too_large").await;
        assert_lengths(&upstream, &[], holding).await;
    }
}

#[tokio::test]
async fn a_body_may_grow_up_to_the_limit() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(allow_up_to(1_000), upstream.addr()).start().await;
        for wire in Wire::BOTH {
            for length in [100, 2_000] {
                let refused = wire.send(gateway.addr(), &call_of(1_001).cut(length)).await;
                assert_eq!((refused.status, reason(&refused)), (413, "too_large".into()));
                let allowed = wire.send(gateway.addr(), &call_of(1_000).cut(length)).await;
                assert!(passed(&allowed), "{allowed:?}");
            }
        }
        assert_lengths(&upstream, &[1_000; 4], holding).await;
    }
}

#[tokio::test]
async fn a_body_beyond_envoys_own_limit_gets_envoys_answer_and_goes_nowhere() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let builder = holding.gateway(allow_up_to(1_000_000), upstream.addr());
        let gateway = builder.buffer_limit(4_096).edit_listener(small_windows).start().await;
        for wire in Wire::BOTH {
            // What Envoy reads in one go, end and all, it need not buffer.
            let status = without_end(wire, gateway.addr(), None, &"x".repeat(100_000)).await;
            assert_eq!(status, 413, "{wire:?}");
        }
        assert_logged(&gateway, "request_payload_too_large").await;
        assert_lengths(&upstream, &[], holding).await;
    }
}

/// In HTTP/2, Envoy buffers as much as a stream's window, whatever the
/// listener's limit.
fn small_windows(listener: &mut Value) {
    manager(listener)["http2_protocol_options"] = json!({ "initial_stream_window_size": 65_535 });
}

fn allow_up_to(max_body_bytes: u32) -> Value {
    let settings = json!({ "max_body_bytes": max_body_bytes });
    json!({ "version": "1", "default": "allow", "settings": settings })
}

/// A call whose body has exactly this many bytes.
fn call_of(bytes: usize) -> Request {
    let call = |text: &str| Request::tool_call(1, "x", &format!(r#"{{"a":"{text}"}}"#));
    let rest = bytes - body(&call("")).len();
    call(&"x".repeat(rest))
}

/// Sends a request that announces this length, or none, and of whose body no
/// more comes than `part`; returns the status of the answer.
async fn without_end(wire: Wire, addr: SocketAddr, length: Option<usize>, part: &str) -> u16 {
    match wire {
        Wire::Http1 => {
            let mut connection = http1::Connection::open(addr).await;
            let (framing, part) = match length {
                Some(length) => (format!("content-length: {length}"), part.to_owned()),
                None => {
                    let chunk = format!("{:x}\r\n{part}\r\n", part.len());
                    ("transfer-encoding: chunked".to_owned(), chunk)
                }
            };
            let head = format!("POST /mcp HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n");
            // Envoy may answer, and close, before it has read everything.
            let _ = connection.send_raw(head + &part).await;
            connection.response().await.expect("a response").status
        }
        Wire::Http2 => {
            let mut connection = http2::Connection::open(addr).await;
            let head = length.into_iter().fold(Request::mcp("").cut(1), |head, length| {
                head.header("content-length", &length.to_string())
            });
            let (response, mut stream) = connection.begin(&head).await.expect("begun");
            stream.send_data(part.to_owned().into(), false).expect("sent");
            in_time(response).await.expect("a response").status().as_u16()
        }
    }
}

/// Asserts that the requests so far, one over each version of HTTP, were
/// answered with 413 for this reason.
async fn assert_logged(gateway: &Gateway, details: &str) {
    let lines = gateway.access_log_of(2).await;
    let expected = format!(" 413 {details} ");
    assert!(lines.iter().all(|line| line.contains(&expected)), "{lines:?}");
}

/// Asserts that bodies of these lengths arrived, and not a byte of another.
async fn assert_lengths(upstream: &Upstream, lengths: &[usize], holding: Holding) {
    let arrived = seen::requests(upstream).await;
    let (whole, parts): (Vec<_>, Vec<_>) = arrived.iter().partition(|seen| seen.whole);
    assert_eq!(whole.iter().map(|seen| seen.body.len()).collect::<Vec<_>>(), lengths);
    assert!(parts.iter().all(|seen| seen.body.is_empty()), "{holding:?} {parts:?}");
    assert!(parts.is_empty() || holding == Holding::Body, "{parts:?}");
}
