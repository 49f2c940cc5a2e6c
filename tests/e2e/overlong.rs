//! Responses beyond the limits of the filter and of Envoy, for a caller from
//! whom a tool is hidden. What a client gets of it holds no hidden tool.

use mcp_rig::client::{Request, Response, http1, http2};
use mcp_rig::http::Reader;
use mcp_rig::upstream::{Answer, Upstream};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Holding, Wire, body, code, in_time, manager, reason};

const HIDDEN: &str = "secret";

#[tokio::test]
async fn a_list_beyond_the_limit_is_replaced_and_any_other_answer_passes() {
    let list = list(20_000);
    for &holding in Holding::each() {
        let upstream = Upstream::start_answering(Answer::json(&list)).await;
        let gateway = holding.gateway(hiding(10_000), upstream.addr()).start().await;
        for wire in Wire::BOTH {
            let replaced = wire.send(gateway.addr(), &Request::tools_list(7)).await;
            assert_eq!(replaced.status, 200, "{holding:?} {wire:?} {replaced:?}");
            assert_eq!((code(&replaced), reason(&replaced)), ((-32603).into(), "internal".into()));
            assert_eq!(replaced.json()["id"], 7);
            let result = wire.send(gateway.addr(), &Request::tool_call(8, "a", "{}")).await;
            assert!(result.body == list.as_bytes(), "{holding:?} {wire:?}");
        }
    }
}

#[tokio::test]
async fn an_event_beyond_the_limit_passes_unless_it_may_be_a_list() {
    let result = json!({ "jsonrpc": "2.0", "id": 8, "result": { "text": "x".repeat(20_000) } });
    let events = [event(&list(20_000)), event(&result.to_string()), event(&list(2_000))];
    for &holding in Holding::each() {
        let upstream = Upstream::start_answering(Answer::events(events.iter().map(|x| &**x))).await;
        let gateway = holding.gateway(hiding(10_000), upstream.addr()).start().await;
        for wire in Wire::BOTH {
            for request in [Request::tools_list(7), Request::new("GET", "/mcp")] {
                let response = wire.send(gateway.addr(), &request).await;
                let data = data(&response);
                let [long, result_after, short] = &*data else { panic!("{response:?}") };
                assert_eq!(long["error"]["code"], -32603, "{holding:?} {wire:?} {long}");
                assert_eq!(result_after, &result, "{holding:?} {wire:?}");
                assert_eq!(short["result"]["tools"].as_array().map(Vec::len), Some(1), "{short}");
                assert!(!response.text().contains(HIDDEN));
            }
        }
    }
}

#[tokio::test]
async fn a_list_beyond_envoys_own_limit_is_an_error_or_breaks_off() {
    for &holding in Holding::each() {
        let upstream = Upstream::start_answering(Answer::json(&list(2_000_000))).await;
        let gateway = holding.gateway(hiding(10_000_000), upstream.addr());
        let gateway = gateway.buffer_limit(16_384).edit_listener(small_windows).start().await;

        let stream = TcpStream::connect(gateway.addr()).await.expect("a connection");
        let (incoming, mut outgoing) = stream.into_split();
        outgoing.write_all(&written(&Request::tools_list(7))).await.expect("sent");
        let mut reader = Reader::new(incoming);
        let head = in_time(reader.head()).await.expect("a head").expect("a head");
        // The bytes as they are: of a broken body there are no whole chunks.
        let rest = in_time(reader.rest()).await.unwrap_or_default();
        assert!(!String::from_utf8_lossy(&rest).contains(HIDDEN), "{holding:?}");
        assert!(!rest.ends_with(b"0\r\n\r\n"), "{holding:?}");

        let mut connection = http2::Connection::open(gateway.addr()).await;
        let over_http2 = connection.send(&Request::tools_list(7)).await;
        match holding {
            Holding::Everything => {
                assert_eq!(head.status().expect("a status"), 500);
                assert_eq!(over_http2.expect("an answer").status, 500);
            }
            Holding::Body => {
                assert_eq!(head.status().expect("a status"), 200);
                assert!(rest.is_empty(), "{}", rest.len());
                assert!(over_http2.is_err(), "{over_http2:?}");
            }
        }
    }
}

#[tokio::test]
async fn events_are_not_kept_in_envoys_buffer() {
    let upstream = Upstream::start_answering(Answer::events([&*event(&list(500_000))])).await;
    for &holding in Holding::each() {
        let gateway = holding.gateway(hiding(1_000_000), upstream.addr());
        let gateway = gateway.buffer_limit(16_384).start().await;
        for wire in Wire::BOTH {
            let response = wire.send(gateway.addr(), &Request::tools_list(7)).await;
            let data = data(&response);
            assert_eq!(data.len(), 1, "{holding:?} {wire:?}");
            assert_eq!(data[0]["result"]["tools"].as_array().map(Vec::len), Some(1));
            assert!(!response.text().contains(HIDDEN));
        }
    }
}

#[tokio::test]
async fn what_hides_nothing_limits_no_response() {
    let list = list(3_000_000);
    let policy = json!({
        "version": "1", "default": "allow", "settings": { "max_body_bytes": 10_000 },
    });
    let upstream = Upstream::start_answering(Answer::json(&list)).await;
    let gateway = Holding::Everything.gateway(policy, upstream.addr());
    let gateway = gateway.buffer_limit(16_384).start().await;
    for request in [Request::tools_list(7), Request::new("GET", "/mcp")] {
        assert!(http1::send(gateway.addr(), &request).await.body == list.as_bytes());
    }
}

/// In HTTP/2, Envoy buffers as much as a stream's window, whatever the
/// listener's limit.
fn small_windows(listener: &mut Value) {
    manager(listener)["http2_protocol_options"] = json!({ "initial_stream_window_size": 65_535 });
}

fn hiding(max_body_bytes: u32) -> Value {
    let settings = json!({ "max_body_bytes": max_body_bytes });
    json!({ "version": "1", "default": "allow", "hide": [HIDDEN], "settings": settings })
}

/// A list of two tools, of which one is hidden, with that many bytes of text.
fn list(bytes: usize) -> String {
    let described = |name: &str| json!({ "name": name, "description": "x".repeat(bytes / 2) });
    let tools = [described("open"), described(HIDDEN)];
    json!({ "jsonrpc": "2.0", "id": 7, "result": { "tools": tools } }).to_string()
}

fn event(data: &str) -> String {
    format!("event: message\ndata: {data}\n\n")
}

/// The data of every event.
fn data(response: &Response) -> Vec<Value> {
    let text = response.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|data| serde_json::from_str(data).expect("JSON")).collect()
}

fn written(request: &Request) -> Vec<u8> {
    let body = body(request);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len(),
    );
    [head.into_bytes(), body].concat()
}
