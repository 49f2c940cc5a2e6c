//! Answers of 31 MB, of which neither the client nor Envoy's memory gets more than a
//! policy allows.

use mcp_rig::client::mcp::{CallError, McpClient};
use mcp_rig::client::{Request, Response, http1, http2};
use mcp_rig::gateway::Gateway;
use mcp_rig::server::{McpServer, Mode, TOOLS};
use mcp_rig::upstream::http2::Trailing;
use mcp_rig::upstream::{Answer, Gate, Upstream};
use serde_json::{Value, json};

use crate::events::memory_kb;
use crate::listing::{ask, chunk, head, listen, read_until};
use crate::support::{Holding, Wire};

const BOUND: usize = 100_000;
const HUGE: usize = 31 << 20;
/// The most that answers of 31 MB may add to Envoy's memory: less than one of them, and
/// more than the buffers on the way.
const GROWTH_KB: u64 = 16 * 1_024;

fn bounding() -> Value {
    json!({ "version": "1", "default": "allow", "settings": { "max_result_bytes": BOUND } })
}

/// Asserts that an answer is the error with the id of the call, and nothing else.
fn assert_error(response: &Response, what: &str) {
    let text = response.text();
    let json = text.split_once("data: {").map_or(&*text, |_| text.trim_end());
    let json = json.rsplit("data: ").next().unwrap_or_default();
    let json: Value = serde_json::from_str(json).unwrap_or_else(|_| panic!("{what}: {text:.400}"));
    assert_eq!(json["id"], 1, "{what}");
    assert_eq!(json["error"]["data"]["reason"], "result_too_large", "{what}");
    assert!(text.len() < 1_000, "{what}: {} bytes", text.len());
}

async fn assert_counted(gateway: &Gateway, refused: u64) {
    assert_eq!(gateway.count("refused_result_too_large").await, Some(refused));
}

#[tokio::test]
async fn an_official_client_gets_an_error_for_what_an_official_server_says_at_length() {
    for &holding in Holding::each() {
        for mode in [Mode::Sessions, Mode::Stateless, Mode::StatelessEvents] {
            for upstream_http2 in [false, true] {
                let server = McpServer::saying_more(HUGE, TOOLS, "127.0.0.1:0", mode).await;
                let builder = holding.gateway(bounding(), server.addr());
                let builder = if upstream_http2 { builder.upstream_http2() } else { builder };
                let gateway = builder.start().await;
                let client = McpClient::connect(gateway.addr()).await;
                let shown = client.list_tools().await.expect("a list").len();
                let before = memory_kb(gateway.pid(), "VmRSS");
                for times in 1..=3 {
                    let refused = client.call("session_list", json!({})).await;
                    assert!(
                        matches!(refused, Err(CallError::JsonRpc { code: 403, .. })),
                        "{mode:?}: {refused:.400?}"
                    );
                    assert_eq!(server.count("session_list"), times);
                }
                // The session goes on.
                assert_eq!(client.list_tools().await.expect("a list").len(), shown);
                client.close().await;
                assert_counted(&gateway, 3).await;
                let most = memory_kb(gateway.pid(), "VmHWM");
                assert!(most < before + GROWTH_KB, "{mode:?}: {before} KB, then {most} KB");
            }
        }
    }
}

/// Answers of 31 MB in every shape that can be replaced by an error.
fn shapes() -> Vec<(&'static str, Answer)> {
    let body = "x".repeat(HUGE);
    let pieces = |head: String, start: &str| {
        let first = Answer::new().then(head + &chunk(&format!("{start}x")));
        let chunk = chunk(&body[..1 << 20]);
        (0..31).fold(first, |answer, _| answer.then(chunk.clone())).then("0\r\n\r\n")
    };
    let with_length = |more: &str| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {HUGE}\r\n{more}\r\n\r\n");
        Answer::new().then(head + &body)
    };
    vec![
        ("json", with_length("content-type: application/json")),
        ("compressed", with_length("content-type: application/json\r\ncontent-encoding: gzip")),
        ("another type", with_length("content-type: text/html")),
        ("chunked", pieces(head("application/json"), "")),
        ("events", pieces(head("text/event-stream"), "data: ")),
    ]
}

#[tokio::test]
async fn an_answer_of_any_shape_is_refused_in_both_versions_of_http() {
    for (what, answer) in shapes() {
        let upstream = Upstream::start_answering(answer).await;
        for &holding in Holding::each() {
            let gateway = holding.gateway(bounding(), upstream.addr()).start().await;
            let call = Request::tool_call(1, "x", "{}");
            assert_error(&http1::send(gateway.addr(), &call).await, what);
            let before = memory_kb(gateway.pid(), "VmRSS");
            for wire in Wire::BOTH {
                let response = wire.send(gateway.addr(), &call).await;
                assert_error(&response, &format!("{what} {wire:?} {holding:?}"));
            }
            let most = memory_kb(gateway.pid(), "VmHWM");
            assert!(most < before + GROWTH_KB, "{what}: {before} KB, then {most} KB");
            assert_counted(&gateway, 3).await;
        }
    }
}

#[tokio::test]
async fn an_answer_over_http2_that_ends_with_trailers_is_refused() {
    for (content_type, start) in [("application/json", ""), ("text/event-stream", "data: ")] {
        let mut pieces = vec![start.to_owned() + "x"];
        pieces.resize(32, "x".repeat(1 << 20));
        let upstream = Trailing::start(content_type, pieces).await;
        for &holding in Holding::each() {
            let gateway = holding.gateway(bounding(), upstream.addr()).upstream_http2();
            let gateway = gateway.start().await;
            for wire in Wire::BOTH {
                let response = wire.send(gateway.addr(), &Request::tool_call(1, "x", "{}")).await;
                assert_error(&response, &format!("{content_type} {wire:?} {holding:?}"));
            }
        }
    }
}

/// A compressed response can be followed by no error: it breaks off.
#[tokio::test]
async fn a_compressed_answer_without_a_length_breaks_off_if_its_head_is_gone() {
    let body = chunk(&"x".repeat(1 << 20)).repeat(31) + "0\r\n\r\n";
    for content_type in ["application/json", "text/event-stream"] {
        let head = head(&format!("{content_type}\r\ncontent-encoding: gzip"));
        let upstream = Upstream::start_answering(Answer::new().then(head).then(&*body)).await;
        for &holding in Holding::each() {
            let gateway = holding.gateway(bounding(), upstream.addr()).start().await;
            let call = Request::tool_call(1, "x", "{}");
            if holding == Holding::Everything && content_type == "application/json" {
                assert_error(&http1::send(gateway.addr(), &call).await, content_type);
                continue;
            }
            let mut connection = ask(gateway.addr(), &call).await;
            assert_eq!(connection.head().await.expect("a head").status().expect("200"), 200);
            let mut got = 0;
            while let Ok(Some(chunk)) = connection.chunk().await {
                got += chunk.len();
            }
            assert!(got <= BOUND, "{got}");
            let mut connection = http2::Connection::open(gateway.addr()).await;
            assert!(connection.send(&call).await.is_err());
            assert_counted(&gateway, 2).await;
        }
    }
}

#[tokio::test]
async fn a_stream_for_all_ends_behind_the_error_and_its_client_opens_another() {
    for &holding in Holding::each() {
        let gate = Gate::new();
        let long = format!("data: {}\n\n", "x".repeat(BOUND));
        let answer = Answer::new()
            .then(head("text/event-stream") + &chunk("data: 1\n\n"))
            .then(chunk(&long))
            .when(&gate, chunk("data: 2\n\n"))
            .when(&gate, "0\r\n\r\n");
        let upstream = Upstream::start_answering(answer).await;
        let gateway = holding.gateway(bounding(), upstream.addr()).start().await;
        let mut connection = ask(gateway.addr(), &listen()).await;
        assert_eq!(connection.head().await.expect("a head").status().expect("200"), 200);
        let got = read_until(&mut connection, "}}}\n\n").await;
        assert!(got.starts_with("data: 1\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":null,"), "{got}");
        assert!(got.contains("/settings/max_result_bytes"), "{got}");
        gate.open();
        assert!(!matches!(connection.chunk().await, Ok(Some(_))), "something came behind it");
        let mut another = ask(gateway.addr(), &listen()).await;
        assert_eq!(another.head().await.expect("a head").status().expect("200"), 200);
        read_until(&mut another, "\n\n").await;
        gateway.access_log_of(1).await;
    }
}

/// The filter state of an answer, beside that of its call.
#[tokio::test]
async fn access_logs_have_the_record_of_the_answer() {
    let upstream = Upstream::start_answering(Answer::json(&"x".repeat(BOUND + 1))).await;
    for &holding in Holding::each() {
        let format = "%RESPONSE_CODE_DETAILS% %FILTER_STATE(wasm.mcp_audit:PLAIN)% and \
                      %FILTER_STATE(wasm.mcp_result:PLAIN)%\n";
        let gateway = holding.gateway(bounding(), upstream.addr()).access_log_format(format);
        let gateway = gateway.start().await;
        http1::send(gateway.addr(), &Request::tool_call(1, "x", "{}")).await;
        let line = gateway.access_log_of(1).await.remove(0);
        let (call, answer) = line.split_once(" and ").expect("two records");
        let start = r#"mcp_policy_filter:result_too_large {"decision":"allowed","rule":"#;
        assert!(call.starts_with(start), "{call}");
        let start = r#"{"decision":"denied","reason":"result_too_large","rule":"/settings/max"#;
        assert!(answer.starts_with(start), "{answer}");
    }
}

/// The head of a call goes ahead of its body where Envoy does not hold it. A server that
/// answers it at once can ask for a token, and say nothing for a result.
#[tokio::test]
async fn an_answer_to_the_head_alone_is_short_and_no_result() {
    let answer = |head: &str, body: &str| {
        let length = body.len();
        let head = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n");
        Answer::new().then(head + body).to_the_head()
    };
    let chunked = |status: &str, bytes: usize| {
        let head = format!("HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\n\r\n");
        let start = Answer::new().then(head);
        let chunks = (0..bytes >> 10).fold(start, |all, _| all.then(chunk(&"x".repeat(1 << 10))));
        chunks.then("0\r\n\r\n").to_the_head()
    };
    let hiding = json!({ "version": "1", "default": "allow", "hide": ["x"] });
    for policy in [bounding(), hiding] {
        for (what, answer, status) in [
            ("json", answer("200 OK\r\ncontent-type: application/json", "{}"), Some(500)),
            ("events", answer("200 OK\r\ncontent-type: text/event-stream", ":\n\n"), Some(500)),
            ("nothing", answer("202 Accepted", ""), Some(500)),
            ("elsewhere", answer("302 Found\r\nlocation: /x", ""), Some(302)),
            ("chunks", chunked("200 OK", 1 << 20), Some(500)),
            ("401", answer("401 No\r\nwww-authenticate: Bearer", "who?"), Some(401)),
            ("long", answer("401 No", &"x".repeat(70_000)), Some(500)),
            ("short chunks", chunked("403 No", 60 << 10), Some(403)),
            ("long chunks", chunked("403 No", 1 << 20), None),
        ] {
            let upstream = Upstream::start_answering(answer).await;
            for &holding in Holding::each().iter().filter(|&&holding| holding == Holding::Body) {
                let gateway = holding.gateway(policy.clone(), upstream.addr()).start().await;
                let mut connection = http1::Connection::open(gateway.addr()).await;
                connection.send_raw(begun("")).await.expect("sent");
                match (connection.response().await, status) {
                    (Ok(got), Some(status)) => {
                        assert_eq!(got.status, status, "{what}");
                        let shown = got.header("www-authenticate").is_some();
                        assert_eq!(shown, what == "401", "{what}");
                        let ours = got.text().contains(r#""reason":"internal""#);
                        assert_eq!(ours, status == 500, "{what}: {}", got.text());
                    }
                    (Err(_), None) => {}
                    (got, _) => panic!("{what}: {got:?}"),
                }
            }
        }
    }
}

/// Nobody knows yet from whom something is hidden.
#[tokio::test]
async fn an_answer_to_the_head_of_nobodys_call_is_none_either() {
    let list = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"x"},{"name":"y"}]}}"#;
    let length = list.len();
    let with = |status: &str| {
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n");
        let head = format!("{head}content-length: {length}\r\n\r\n");
        Answer::new().then(head + list).to_the_head()
    };
    let policy = json!({ "version": "1", "default": "allow", "hide": ["x"],
        "identity": [{ "header": "x-caller" }] });
    for &holding in Holding::each().iter().filter(|&&holding| holding == Holding::Body) {
        for (status, caller, expected) in [
            ("200 OK", "", None),
            ("200 OK", "x-caller: a\r\n", None),
            ("401 No", "", Some(list)),
            (
                "401 No",
                "x-caller: a\r\n",
                Some(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"y"}]}}"#),
            ),
        ] {
            let upstream = Upstream::start_answering(with(status)).await;
            let gateway = holding.gateway(policy.clone(), upstream.addr()).start().await;
            let mut connection = http1::Connection::open(gateway.addr()).await;
            connection.send_raw(begun(caller)).await.expect("sent");
            let got = connection.response().await.expect("an answer");
            assert_eq!(got.status, if expected.is_some() { 401 } else { 500 }, "{status} {caller}");
            if let Some(expected) = expected {
                assert_eq!(got.text(), expected, "{status} {caller}");
            }
        }
    }
}

/// A call without most of its body.
fn begun(header: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\n{header}content-length: 100\r\n\r\n{{"
    )
}
