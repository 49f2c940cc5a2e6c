//! Bodies that are not as long as they say, or do not end. Envoy answers most
//! of them by itself; what matters is that no call runs that was not judged.

use std::net::SocketAddr;

use mcp_rig::client::{Request, http1, http2};
use mcp_rig::http::Reader;
use mcp_rig::upstream::Upstream;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::seen;
use crate::support::{Holding, body, in_time, manager, only_safe, passed, safe};

/// One request, or what is sent as one.
struct Lie {
    what: &'static str,
    /// The header lines that frame it.
    framing: String,
    body: Vec<u8>,
    /// The status of the answer.
    status: u16,
}

fn lie(what: &'static str, framing: impl Into<String>, body: Vec<u8>, status: u16) -> Lie {
    Lie { what, framing: framing.into(), body, status }
}

/// Under [`only_safe`], none of these lets a call through.
fn lies() -> Vec<Lie> {
    let call = body(&safe());
    let n = call.len();
    let length = |text: String| format!("content-length: {text}\r\n");
    let chunked = "transfer-encoding: chunked\r\n";
    let chunk = |size: &str| [size.as_bytes(), b"\r\n", &call, b"\r\n0\r\n\r\n"].concat();
    let right = chunk(&format!("{n:x}"));
    // The rest is not a request.
    let rest = [&*call, b"\r\n\r\n"].concat();
    vec![
        lie("shorter", length((n - 1).to_string()), rest.clone(), 400),
        lie("none", "", rest, 400),
        lie("negative", length("-1".into()), call.clone(), 400),
        lie("with a sign", length(format!("+{n}")), call.clone(), 400),
        lie("hexadecimal", length(format!("0x{n:x}")), call.clone(), 400),
        lie("a fraction", length(format!("{n}.0")), call.clone(), 400),
        lie("empty", length(String::new()), call.clone(), 400),
        lie("beyond 64 bits", length("18446744073709551616".into()), call.clone(), 400),
        lie("all of 64 bits", length("18446744073709551615".into()), call.clone(), 413),
        lie("in a list", length(format!("{n}, {n}")), call.clone(), 400),
        lie("twice", length(n.to_string()).repeat(2), call.clone(), 400),
        lie("two", length("1".into()) + &length(n.to_string()), call.clone(), 400),
        lie("with chunks", length(n.to_string()) + chunked, right.clone(), 400),
        lie("chunks first", chunked.to_owned() + &length("1".into()), right.clone(), 400),
        lie("chunked twice", "transfer-encoding: chunked, chunked\r\n", right.clone(), 501),
        lie("chunked two lines", chunked.repeat(2), right.clone(), 501),
        lie("compressed", "transfer-encoding: gzip, chunked\r\n", right.clone(), 501),
        lie("identity", "transfer-encoding: identity\r\n", right.clone(), 501),
        lie("unknown coding", "transfer-encoding: xchunked\r\n", right, 501),
        lie("negative chunk", chunked, chunk("-1"), 400),
        lie("chunk size with 0x", chunked, chunk("0x7f"), 400),
        lie("chunk beyond 64 bits", chunked, chunk("10000000000000000"), 400),
        lie("chunk size missing", chunked, chunk(""), 400),
        lie("chunk too short", chunked, chunk(&format!("{:x}", n - 1)), 400),
    ]
}

#[tokio::test]
async fn lengths_that_lie_let_nothing_through() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(only_safe(), upstream.addr()).start().await;
        for lie in lies() {
            let head = format!("POST /mcp HTTP/1.1\r\nhost: x\r\n{}\r\n", lie.framing);
            let mut connection = http1::Connection::open(gateway.addr()).await;
            // Envoy may close before it has read everything.
            let _ = connection.send_raw([head.as_bytes(), &lie.body].concat()).await;
            let response = connection.response().await.expect(lie.what);
            assert_eq!(response.status, lie.status, "{holding:?} {}", lie.what);
        }
        assert_nothing(&upstream, holding).await;
        assert!(passed(&http1::send(gateway.addr(), &safe()).await));
    }
}

#[tokio::test]
async fn lengths_that_lie_over_http2_let_nothing_through() {
    let call = body(&safe());
    let n = call.len();
    let one = |length: String| vec![length];
    let lengths = [
        one((n + 1).to_string()),
        one((n - 1).to_string()),
        one("0".to_owned()),
        one("-1".to_owned()),
        one(format!("+{n}")),
        one(String::new()),
        one(format!("{n}, {n}")),
        vec![n.to_string(), n.to_string()],
        vec!["1".to_owned(), n.to_string()],
    ];
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(only_safe(), upstream.addr()).start().await;
        // Envoy takes a second to close a connection after a bad header.
        let mut resets = JoinSet::new();
        for lengths in &lengths {
            for piece in [n, 1] {
                let request = Request::mcp("").pieces(call.chunks(piece));
                let request = lengths
                    .iter()
                    .fold(request, |request, length| request.header("content-length", length));
                let addr = gateway.addr();
                resets.spawn(async move {
                    let response = http2::Connection::open(addr).await.send(&request).await;
                    assert!(response.is_err(), "{holding:?} {request:?} {response:?}");
                });
            }
        }
        resets.join_all().await;
        assert_nothing(&upstream, holding).await;
        let mut connection = http2::Connection::open(gateway.addr()).await;
        assert!(passed(&connection.send(&safe()).await.expect("an answer")));
    }
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_when_the_time_for_requests_is_over() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(only_safe(), upstream.addr());
        let gateway = gateway.edit_listener(a_second).start().await;
        let longer = format!("content-length: {}", body(&safe()).len() + 1);
        let (longer, chunked) = tokio::join!(
            unfinished(gateway.addr(), &longer, body(&safe())),
            unfinished(gateway.addr(), "transfer-encoding: chunked", b"5\r\n{\"a\":\r\n".to_vec()),
        );
        assert_eq!((longer, chunked), (408, 408), "{holding:?}");

        let mut connection = http2::Connection::open(gateway.addr()).await;
        let (response, mut stream) =
            connection.begin(&Request::mcp("").cut(1)).await.expect("begun");
        stream.send_data(body(&safe()).into(), false).expect("sent");
        let response = in_time(response).await.expect("a response");
        assert_eq!(response.status().as_u16(), 408, "{holding:?}");
        assert_nothing(&upstream, holding).await;
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_off_when_it_is_too_large() {
    for &holding in Holding::each() {
        let upstream = Upstream::start().await;
        let gateway = holding.gateway(only_safe(), upstream.addr()).start().await;
        for chunk in [1, 100_000] {
            let stream = TcpStream::connect(gateway.addr()).await.expect("a connection");
            let (incoming, mut outgoing) = stream.into_split();
            let head = "POST /mcp HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
            outgoing.write_all(head.as_bytes()).await.expect("sent");
            let piece = format!("{chunk:x}\r\n{}\r\n", " ".repeat(chunk)).repeat(100_000 / chunk);
            // Whoever never stops sending is stopped by the connection's end.
            let sending = async { while outgoing.write_all(piece.as_bytes()).await.is_ok() {} };
            let mut reader = Reader::new(incoming);
            let (head, ()) = in_time(async { tokio::join!(reader.head(), sending) }).await;
            let head = head.expect("a response").expect("a response");
            assert_eq!(head.status().expect("a status"), 413, "{holding:?} {chunk}");
        }
        assert_nothing(&upstream, holding).await;
    }
}

/// Sends a request with this much of its body, and nothing more; the status
/// of its answer.
async fn unfinished(addr: SocketAddr, framing: &str, part: Vec<u8>) -> u16 {
    let mut connection = http1::Connection::open(addr).await;
    let head = format!("POST /mcp HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n");
    connection.send_raw([head.into_bytes(), part].concat()).await.expect("sent");
    connection.response().await.expect("a response").status
}

/// Envoy's bound on the time that a request takes to come.
fn a_second(listener: &mut Value) {
    manager(listener)["request_timeout"] = json!("1s");
}

/// Asserts that nothing arrived; where only bodies are held, no byte of one.
async fn assert_nothing(upstream: &Upstream, holding: Holding) {
    let arrived = seen::requests(upstream).await;
    assert!(arrived.iter().all(|seen| seen.body.is_empty()), "{arrived:?}");
    assert!(arrived.is_empty() || holding == Holding::Body, "{arrived:?}");
}
